"""Reading the letters of a choice question, from the most explicit form to the least."""

import re
from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench import letters as lettering
from lmms_eval_drbench.options import Options
from lmms_eval_drbench.phrases import NEGATIONS
from lmms_eval_drbench.rejection import rejects
from lmms_eval_drbench.statements import (
    declarations,
    first_sentence,
    is_conclusion,
    is_refusal,
    paragraphs,
    sentences,
)

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
    by_text = None if options.is_restated(body) else options.by_text(body)
    if by_text is not None and not options.are_letters_themselves(by_text):
        return by_text
    return lettering.bare(body, options.letters) or by_text


def _last_declaration(body: str, options: Options) -> Letters | None:
    """The last readable "the answer is ..." or "B is correct"; without one, the last readable "it is ..."."""
    declared = lettering.declared_as_subject(body, options.letters)[-1:]
    weak = None
    for declaration in declarations(body):
        if not declaration.strong and weak is not None:
            continue
        found = _stated(declaration.lines, options)
        if found is not None and declaration.strong:
            declared.append((declaration.position, found))
            break
        weak = found if weak is None else weak
    return max(declared, key=lambda item: item[0])[1] if declared else weak


def _last_lines(body: str, options: Options) -> Letters | None:
    """A text that ends with the answer on a line of its own, or on several where several may be chosen."""
    *above, last = [line for group in paragraphs(body[-2000:])[-1:] for line in group]
    if not above and len(paragraphs(body)) < 2:
        return None
    items = [last]
    while not options.single and above and _kind(above[-1], options) == _kind(last, options) is not None:
        items.insert(0, above.pop())
    found = _item_letters(items, options)
    is_within_prose = not options.single and above and _kind(above[-1], options) is None
    return None if found is None or (is_within_prose and options.names_more(above[-1], found)) else found


def _first_lines(body: str, options: Options) -> Letters | None:
    """`B`, `B. a red mug`, `B because ...`, `Red, because ...`; not where several letters start (a restated list)."""
    lines = paragraphs(body)[0]
    heads = [head for head in map(lettering.led, lines[:20]) if head and head[0] in options.letters]
    if options.single and (len(heads) > 1 or (heads and lettering.led(heads[0][1]))):
        return None
    is_statement = lettering.led(lines[0]) or lettering.is_reasoned(lines[0]) or _kind(lines[0], options)
    return _stated(lines, options) if is_statement else _leading_text(lines[0], options)


def _stated(lines: list[str], options: Options) -> Letters | None:
    """What the first of these lines states, and, where several may be chosen, the items on the lines below it."""
    found = _line(lines[0], options)
    if options.single or not found:
        return found
    items = []
    for line in lines[1:]:
        if _kind(line, options) is None or (items and _kind(line, options) != _kind(items[0], options)):
            break
        items.append(line)
    more = _item_letters(items, options) if items else frozenset()
    return None if more is None or options.is_restated("\n".join(lines)) else found | more


def _line(line: str, options: Options) -> Letters | None:
    """`(C)`, `B. a red mug`, `A and C, because ...`, `a red mug. It ...`."""
    if not options.single and (listed := options.by_text(line)) is not None:
        return listed
    if options.contradicts(line):
        return _CONTRADICTION
    found = lettering.leading(line, options.letters)
    if found is None:
        return _leading_text(line, options)
    return None if not options.single and options.lists_more(first_sentence(line), found) else found


def _kind(line: str, options: Options) -> str | None:
    """Whether a line is an item of an answer, and of which kind."""
    if lettering.bare(line, options.letters):
        return "letters"
    return "text" if options.by_text(line) or options.by_line(line) else None


def _item_letters(lines: list[str], options: Options) -> Letters | None:
    found = [lettering.bare(line, options.letters) or options.by_text(line) for line in lines]
    return None if None in found or options.is_restated("\n".join(lines)) else frozenset().union(*found)


def _leading_text(line: str, options: Options) -> Letters | None:
    """The option text that a line starts with, up to the end of the line, its sentence or its clause.

    Where several may be chosen, None when the rest of the sentence names others too: a part of a set is no answer.
    """
    line = re.sub(r"^(?:that|option|choice)\s+", "", line, flags=re.IGNORECASE)
    clause_end = r";|\s[-–—(]|\bbecause\b|\bsince\b|\bas\b" + ("|," if options.single else "")  # a comma may list
    for end in ("$", r"[.!?](?:\s|$)", clause_end):
        found = options.by_text(re.split(end, line, maxsplit=1)[0])
        if found is not None:
            named = options.mentions(first_sentence(line))[0]
            return None if not options.single and named - found else found
    return None


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
    unsure = (
        options.is_restated(body)
        or options.hints_at_another(found, left)
        or (len(found) > 1 and (options.single or "or" in left))
    )
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
    "last line": _last_lines,
    "first line": _first_lines,
    "option named alone": _mentioned,
    "rejection in words": _rejecting_option,
}
