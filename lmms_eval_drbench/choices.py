"""Reading the letters of a choice question, from the most explicit form to the least."""

import re
from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench import letters as lettering
from lmms_eval_drbench.options import Options
from lmms_eval_drbench.phrases import NEGATIONS
from lmms_eval_drbench.rejection import rejects
from lmms_eval_drbench.statements import declarations, is_conclusion, is_refusal, sentences

_SHORT = 300
"""Up to this length a text is one statement; in a longer one only its concluding sentence can name the answer."""
_CONTRAST = re.compile(r",\s+(?:and |but )?not\b|\brather than\b|\binstead of\b", re.IGNORECASE)
_CONTRADICTION: frozenset[str] = frozenset()
"""What a reader returns for `A. a blue bowl` when the blue bowl is option B."""

Letters = frozenset[str]


def read(body: str, record: Mapping[str, Any]) -> tuple[Letters | None, str]:
    """(letters, how they were read), or (None, why not)."""
    options = Options(record)
    body = lettering.tighten(body)
    for how, reader in _READERS.items():
        found = reader(body, options)
        if found is None:
            continue
        if found == _CONTRADICTION:
            return None, "letter and option text disagree"
        if options.single and len(found) > 1:
            return None, f"several letters ({', '.join(sorted(found))}) for a single-choice question"
        return found, how
    return None, "refusal" if is_refusal(body) else "no answer found"


def _whole(body: str, options: Options) -> Letters | None:
    """A text that is nothing but the answer: letters, option texts, or option lines."""
    if "\n" not in body and options.contradicts(body):
        return _CONTRADICTION
    by_text = options.by_text(body)
    if by_text is not None and not options.are_letters_themselves(by_text):
        return by_text
    bare = lettering.bare(body, options.letters)
    if bare is not None or by_text is not None:
        return bare or by_text
    lines = [line for line in body.splitlines() if line.strip()]
    listed = {options.by_line(line) for line in lines[: len(options.letters) + 1]}
    return frozenset(listed) if 0 < len(lines) <= len(options.letters) and None not in listed else None


def _last_declaration(body: str, options: Options) -> Letters | None:
    """The last readable "the answer is ..." or "B is correct"; without one, the last readable "it is ..."."""
    declared = lettering.declared_as_subject(body, options.letters)[-1:]
    weak = None
    for declaration in declarations(body):
        if not declaration.strong and weak is not None:
            continue
        found = _declared(declaration.payload, options)
        if found is not None and declaration.strong:
            declared.append((declaration.position, found))
            break
        weak = found if weak is None else weak
    return max(declared, key=lambda item: item[0])[1] if declared else weak


def _declared(payload: str, options: Options) -> Letters | None:
    if not options.single and (listed := options.by_text(payload)) is not None:
        return listed
    if options.contradicts(payload):
        return _CONTRADICTION
    found = lettering.leading(payload, options.letters)
    if found is None:
        return _leading_text(payload, options)
    return None if not options.single and options.lists_more(payload, found) else found


def _leading_text(payload: str, options: Options) -> Letters | None:
    """The option text that a payload starts with, up to the end of its line, sentence or clause."""
    payload = re.sub(r"^(?:that|option|choice)\s+", "", payload, flags=re.IGNORECASE)
    clause_end = r";|\s[-–—(]|\bbecause\b|\bsince\b|\bas\b" + ("|," if options.single else "")  # a comma may list
    for end in (r"\n", r"[.!?](?:\s|$)", clause_end):
        found = options.by_text(re.split(end, payload, maxsplit=1)[0])
        if found is not None:
            return found
    return None


def _last_line(body: str, options: Options) -> Letters | None:
    lines = [line for line in body[-2000:].splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    return lettering.bare(lines[-1], options.letters) or options.by_text(lines[-1])


def _first_line(body: str, options: Options) -> Letters | None:
    """`B`, `B. a red mug`, `B because ...`, `Red, because ...`; not where several letters start (a restated list)."""
    lines = [line for line in body.splitlines() if line.strip()]
    heads = [head for head in map(lettering.led, lines[:20]) if head and head[0] in options.letters]
    if len(heads) > 1 or (heads and lettering.led(heads[0][1])):
        return None
    first = lines[0]
    if options.contradicts(first):
        return _CONTRADICTION
    found = lettering.bare(first, options.letters) or options.by_text(first)
    if found is None and (lettering.led(first) or lettering.is_reasoned(first)):
        found = lettering.leading(first, options.letters)
        if found is not None and not options.single and options.lists_more(first, found):
            return None
    return found or _leading_text(first, options)


def _mentioned(body: str, options: Options) -> Letters | None:
    """Option texts that a short statement (or the concluding sentence of a long one) names without denying any."""
    if len(body) > _SHORT:
        body = (sentences(body) or [""])[-1]
        if not is_conclusion(body):
            return None
    body = lettering.strip_markup(body)
    claim = _CONTRAST.split(body, maxsplit=1)
    if len(claim) == 2 and options.mentions(claim[1])[0]:  # "a spoon, not a fork"
        body = claim[0]
    found, left = options.mentions(body)
    denied = any(word in NEGATIONS or word.endswith("n't") for word in left)
    unsure = options.hints_at_another(found, left) or (len(found) > 1 and (options.single or "or" in left))
    return None if not found or denied or unsure else found


def _rejecting_option(body: str, options: Options) -> Letters | None:
    """The one option that rejects the premise, when the text rejects it in words of its own."""
    rejecting = options.record["reject_answers"]
    if len(rejecting) != 1 or not options.single:
        return None
    text = options.record["options"][options.letters.index(rejecting[0])]
    return frozenset(rejecting) if rejects(body, options.record["question"], [text]) else None


_READERS = {
    "bare answer": _whole,
    "declared": _last_declaration,
    "last line": _last_line,
    "first line": _first_line,
    "option named alone": _mentioned,
    "rejection in words": _rejecting_option,
}
