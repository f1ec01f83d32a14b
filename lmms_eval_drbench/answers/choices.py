"""Reading the letters of a choice question, from the most explicit form to the least.

First the commitments (`_STRONG`), in what follows the last correction and then in the whole text: nothing but the
answer; a last sentence that concludes (`conclusions`); the last declaration ("the answer is ..."); an answer on the
last line; "all but B"; a tick or a cross for every option. Then the statements (`_WEAK`), in what follows the last
correction only: the first line; lists and counts (`listings`); a rejection of the premise (`denials`); an order told as
a sentence (`orders`); prose, weighed clause by clause (`claims`); and at last the words that tell the options apart
(`gist`). The first reader that reads something decides; one that knows why nothing can be read ends the search.
"""

import re
from collections.abc import Mapping
from typing import Any

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers import polarity
from lmms_eval_drbench.answers.claims import ALTERNATIVE, claimed
from lmms_eval_drbench.answers.conclusions import concluded
from lmms_eval_drbench.answers.denials import closing_rejection, none_fits, rejecting_option, unseen_option
from lmms_eval_drbench.answers.gist import gist
from lmms_eval_drbench.answers.listings import balanced, bracketed, counted, itemised
from lmms_eval_drbench.answers.naming import Found, Letters, Unreadable
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.orders import ordered
from lmms_eval_drbench.answers.phrases import tokens
from lmms_eval_drbench.answers.ranks import lettered
from lmms_eval_drbench.answers.statements import (
    CONTRAST,
    LIKEWISE,
    NOT_THE_OTHER,
    corrections,
    declarations,
    first_sentence,
    is_cut_off,
    is_denial,
    is_refusal,
    paragraphs,
    sentences,
    without_connective,
    without_first_sight,
    without_loop,
)
from lmms_eval_drbench.answers.sweeps import swept
from lmms_eval_drbench.answers.verdicts import verdicts

_LETTER_ASIDE = re.compile(r"(?<=\b[A-H])\s\((?!and\b|or\b|also\b)[^()\n]{3,100}\)")
_ASIDE = re.compile(r"\s\((?!\s?(?:and|also|or|maybe|possibly|perhaps|plus)\b)[^()]{0,200}\)\W*$", re.IGNORECASE)
_ORDINARY = re.compile(
    r"\b(?:is|are|looks?|seems?)\s(?:all\s|perfectly\s|quite\s)?(?:normal|usual|common|ordinary|expected|fine)\b",
    re.IGNORECASE,
)
_REJECTED = re.compile(
    r"\s*(?:,|n't|(?:is|are|was|were|can|could|does|do|would|may|might)?\s*(?:not|n't)\b|[^.,;]{0,60}\b(?:too|"
    r"out|wrong|incorrect|false|"
    r"excluded|eliminated|ruled out|impossible|unlikely|farther|irrelevant)\b)",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"\W{0,4}(?:options?\s)?[A-H]\b[^.,;a-z]{0,20}(?:and\s[A-H]\W{1,3})?(?:is|are|was|were|can|could|does|do|"
    r"would)(?P<verdict>(?:n't|\s).*)"
)
"""`C is out`: the letter and what is said of it."""
_EXCEPT_THAT = re.compile(r",?\sexcept (?:that|for the fact that)\s", re.IGNORECASE)
_NOT_BELONGING = re.compile(
    r"\b(?:does|do|did)(?:n't|\snot)\s(?:really\s|quite\s|usually\s)?belong\b|"
    r"\bwould(?:n't|\snot)\s(?:\w+ly\s)?be\s(?:found|seen|expected)\b|"
    r"\b(?:is|are)(?:n't|\s(?:\w+\s)?not)\s(?:something|what|things)\s(?:you|one|we|i)(?:'d|\swould)?\s(?:\w+ly\s)?expect\b",
    re.IGNORECASE,
)
_STEPS = re.compile(r"(?:^|\n)\W{0,4}1[.)]\s[^\n]+\n(?:[^\n]*\n){0,40}?\W{0,4}2[.)]\s")
"""`1. Identify the desk`, `2. Count ...`: no answers."""
_INTRODUCED = re.compile(r"[^.:\n]{3,80}:\s[^:\n]+$")
"""`Two hazards are visible: ...`"""
_INLINE_OPTION = re.compile(r"(?:^|(?<=[\s,;(]))[A-H][.):]\s")
_REMOVED = re.compile(
    r"\W*(?:(?:i(?:'d| would| should)? )?(?:remove|drop|exclude|discard|leave out|take out|scratch)|not|without|except|"
    r"minus)\s"
    r"(?P<what>[^.;!?\n]{1,80}?)(?:\s(?:from (?:the|my) (?:list|set|answer)|again|too))?\W*$",
    re.IGNORECASE,
)
"""What takes options out of a set that was given: `remove D`."""


_CONTRADICTION = Unreadable("letter and option text disagree")
_AMBIGUOUS = Unreadable("the marks single out no option")
_WITHDRAWN = Unreadable("the answer was taken back")


def read(body: str, record: Mapping[str, Any]) -> tuple[Letters | None, str]:
    """(letters, how they were read), or (None, why not).

    Several letters for a single-choice question are what the model answered; scoring counts them as wrong. What
    follows a correction ("no wait, ...") is read first, and the whole text's first statements only without one.
    """
    options = Options(record)
    body = lettered(lettering.tighten(without_first_sight(without_loop(body))), options)
    body = _EXCEPT_THAT.sub("; ", body)
    if options.asks_for_oddity and not options.asks_what_is_not:
        body = _NOT_BELONGING.sub("is out of place", body)
    *before, last = corrections(body)
    if before and not options.single and (taken_back := _REMOVED.match(last.strip())):
        removed = lettering.bare(taken_back.group("what"), options.letters) or options.by_text(taken_back.group("what"))
        letters, how = _read("".join(before), options)
        if removed and letters and removed < letters:
            return letters - removed, how
    return _read(body, options)


def _read(body: str, options: Options) -> tuple[Letters | None, str]:
    if (ticked := _ticked(body, options)) and not verdicts(body, options)[1] and not concluded(body, options):
        return (None, str(ticked)) if isinstance(ticked, Unreadable) else (ticked, _NAMES[_ticked])
    last = corrections(body)[-1].strip()
    parts = [body] if last == body else [last, body]
    attempts = [(reader, part) for part in parts for reader in _STRONG] + [(reader, last) for reader in _WEAK]
    for reader, part in attempts:
        if not part.strip():  # a loop of commas leaves nothing
            continue
        found = reader(part, options)
        if isinstance(found, Unreadable):
            return None, str(found)
        if found:
            return found, _NAMES[reader]
    return None, "refusal" if is_refusal(body) else "no answer found"


def _whole(body: str, options: Options) -> Found:
    """A text that is nothing but the answer: letters, option texts, or option lines."""
    if "\n" not in body and options.contradicts(body):
        return _CONTRADICTION
    by_text = None if options.is_restated(body) else options.by_text(body)
    if by_text is not None and not options.are_letters_themselves(by_text):
        return by_text
    return lettering.bare(body, options.letters) or by_text


def _last_declaration(body: str, options: Options) -> Found:
    """The last readable "the answer is ..." or "B is correct"; without one, the last readable "it is ..."."""
    is_inverted = options.asks_what_is_false and (options.asks_for_statements or not options.asks_what_is_wrong)
    declared = lettering.declared_as_subject(_LETTER_ASIDE.sub("", body), options.letters, is_inverted)
    if not options.single and len(declared) > 1:  # "A is correct. C is correct."
        declared = [(declared[-1][0], frozenset().union(*(found for _, found in declared)))]
    declared = declared[-1:]
    weak, denied = None, frozenset()
    for declaration in declarations(body):
        if not declaration.strong and weak is not None:
            continue
        found = _declared(declaration.lines, options, declaration.strong)
        if isinstance(found, Unreadable):
            return found
        if declaration.strong and found is None:
            denied |= lettering.denied(declaration.lines[0], options.letters)
        if found is not None and declaration.strong:
            declared.append((declaration.position, found))
            break
        is_overtaken = not options.single and "\n" in body[declaration.position :].strip()
        weak = found if weak is None and not is_overtaken else weak
    position, found = max(declared, key=lambda item: item[0]) if declared else (0, weak)
    if declared and not options.asks_for_denial:
        denied |= lettering.rejected_after(body, position, options.letters)
    return _WITHDRAWN if found and found & denied else found


def _declared(lines: list[str], options: Options, strong: bool) -> Found:
    """What a declaration's lines state: letters or texts at their start, or a sentence that names an answer."""
    first, *rest = re.split(r";\s", lines[0], maxsplit=1)
    lines = [
        lettering.without_denial(
            first if rest and is_denial(rest[0]) and options.names_more(rest[0], frozenset()) else lines[0]
        ),
        *lines[1:],
    ]
    if options.single and options.is_restated("\n".join(lines)):
        return None
    if all_but := swept(first_sentence(lines[0]), options):
        return all_but
    stated = _stated(lines, options)
    if stated is not None or options.is_restated("\n".join(lines)):
        return stated
    sentence = first_sentence(lines[0])
    if strong and not options.single and (claims := claimed(sentence, options)):
        return claims
    return lettering.predicate(sentence, options.letters) if not is_denial(sentence) else None


def _ticked(body: str, options: Options) -> Found:
    """What is ticked, where every option has its line with a tick or a cross: `A: yes`, `✅ A`, `| A | ✔ |`."""
    said, _ = verdicts(body, options)
    ticked = frozenset(key for key, value in said.items() if value)
    is_whole = len(said) == len(options.letters)
    if is_whole and (None in said.values() or (options.asks_what_is_false and options.single and len(ticked) != 1)):
        return _AMBIGUOUS
    return ticked if is_whole and (len(ticked) == 1 or not options.single) else None


def _swept(body: str, options: Options) -> Found:
    """`All except B.`, `All options are correct.` at the start or the end of a text."""
    found = sentences(body) or [""]
    if {("yes",), ("no",)} <= set(options.texts.values()):
        return None  # "all labels are correct"
    return swept(without_connective(found[-1]), options) or swept(found[0], options)


def _last_lines(body: str, options: Options) -> Found:
    """A text that ends with the answer on a line of its own, or on several where several may be chosen."""
    *above, last = [line for group in paragraphs(body[-2000:])[-1:] for line in group]
    if (not above and len(paragraphs(body)) < 2) or is_cut_off(last):
        return None
    if above and (head := lettering.led(above[-1])) and head[0] in options.letters and options.single:
        return None  # the last of several options, each on its line
    if options.single and options.by_line(last) is None and _is_discussed(last, body, options):
        return None
    items = [last]
    while not options.single and above and _kind(above[-1], options) == _kind(last, options) is not None:
        items.insert(0, above.pop())
    found = _item_letters(items, options)
    is_within_prose = not options.single and above and _kind(above[-1], options) is None
    return None if found is None or (is_within_prose and options.names_more(above[-1], found)) else found


def _is_discussed(last: str, body: str, options: Options) -> bool:
    """Whether a line is the last of several that discuss an option each: `C. green umbrella: it is ...`."""
    heads = [head[0] for head in map(lettering.led, body.splitlines()) if head and head[0] in options.letters]
    return bool(lettering.led(last)) and len(set(heads)) > 1


def _first_lines(body: str, options: Options) -> Found:
    """`B`, `B. a red mug`, `B because ...`, `Red, because ...`; not where several letters start (a restated list)."""
    if options.single and _STEPS.search(body):
        return None
    first, *others = paragraphs(body)[0]
    lines = [lettering.without_denial(first), *others]
    heads = [head for head in map(lettering.led, lines[:20]) if head and head[0] in options.letters]
    if options.single and (
        len(heads) > 1 or (heads and (lettering.led(heads[0][1]) or lettering.bare(heads[0][1], options.letters)))
    ):
        return None
    if not options.single and is_cut_off(first_sentence(lines[0])):
        return None
    if len(_INLINE_OPTION.findall(lines[0])) > 1 and options.by_text(lines[0]) is None:
        return None  # the options, listed on one line
    claim = NOT_THE_OTHER.split(_ASIDE.sub("", first_sentence(lines[0])), maxsplit=1)[0]
    is_statement = lettering.led(lines[0]) or lettering.is_reasoned(lines[0]) or _kind(claim, options)
    rest = body[len(claim) :]
    if not options.single and (
        (LIKEWISE.search(rest) and options.mentions(rest)[0]) or any(map(options.by_text, sentences(rest)))
    ):
        return None  # "Scissors. A knife would also work."
    return _stated(lines, options) if is_statement else _leading_text(lines[0], options)


def _stated(lines: list[str], options: Options) -> Found:
    """What the first of these lines states, and, where several may be chosen, the items on the lines below it."""
    found = _line(lines[0], options)
    if options.single or not found or isinstance(found, Unreadable):
        return found
    items = []
    for line in lines[1:]:
        if _kind(line, options) is None or (items and _kind(line, options) != _kind(items[0], options)):
            break
        items.append(line)
    more = _item_letters(items, options) if items else frozenset()
    return None if more is None or options.is_restated("\n".join(lines)) else found | more


def _line(line: str, options: Options) -> Found:
    """`(C)`, `B. a red mug`, `A and C, because ...`, `AC. The ...`, `a red mug. It ...`."""
    if not options.single and (listed := options.by_text(line)) is not None:
        return listed
    if options.contradicts(line):
        return _CONTRADICTION
    if (verdict := _VERDICT.match(line)) and _REJECTED.match(verdict.group("verdict")):
        return None
    found = lettering.leading(line, options.letters)
    if found is None:
        alone = lettering.bare(re.split(r"[.,;:!]", line, maxsplit=1)[0], options.letters)
        return alone if alone and len(alone) > 1 else _leading_text(line, options)
    claim = _ASIDE.sub("", CONTRAST.split(first_sentence(line), maxsplit=1)[0])
    return None if not options.single and options.lists_more(claim, found) else found


def _kind(line: str, options: Options) -> str | None:
    """Whether a line is an item of an answer, and of which kind."""
    if lettering.bare(line, options.letters):
        return "letters"
    if options.by_text(line) or options.by_line(line):
        return "text"
    return "explained" if options.by_item(line) else None


def _judged(body: str, options: Options) -> Letters | None:
    """Yes or no by what the first sentence calls right or wrong, whatever its prefix affirms."""
    said = polarity.judged(first_sentence(body.splitlines()[0]), options.record["question"]) if options.single else None
    return frozenset(letter for letter, text in options.texts.items() if text == (said,)) or None


def _last_clause(body: str, options: Options) -> Letters | None:
    """`It is open already; it can be used as it is.`: the last clause is an option's text."""
    *before, last = re.split(r"[;:.,]\s|\n|\bso\s", body.strip(" .!\n"))
    letter = options.exact(last) if before and len(tokens(last)) > 2 else None
    return frozenset(letter) if letter and options.single and not is_cut_off(body) else None


def _prose(body: str, options: Options) -> Letters | None:
    """What prose claims, clause by clause; or what it words, where that holds all of a set's claims and more."""
    found = claimed(body, options)
    worded = None if options.single and found else gist(body, options)
    is_list = options.asks_for_oddity or _INTRODUCED.match(body)
    return worded if worded and (not found or (is_list and found < worded)) else found


def _item_letters(lines: list[str], options: Options) -> Letters | None:
    found = []
    for line in lines:
        item = options.by_item(line)
        letters = lettering.bare(line, options.letters) or options.by_text(line)
        found.append(letters or (frozenset(item) if item else None))
    return None if None in found or options.is_restated("\n".join(lines)) else frozenset().union(*found)


def _leading_text(line: str, options: Options) -> Letters | None:
    """The option text that a line starts with, up to the end of the line, its sentence or its clause.

    Where several may be chosen, None when the rest of the sentence names others too: a part of a set is no answer.
    """
    line = re.sub(r"^(?:that|option|choice)\s+", "", line, flags=re.IGNORECASE)
    clause_end = r";|\s[-–—(]|\bbecause\b|\bsince\b|\bas\b" + ("|," if options.single else "")  # a comma may list
    if (whole := options.by_text(line)) is not None:
        return whole
    if _ORDINARY.search(first_sentence(line)):  # "The trees are green, which is normal."
        return None
    if options.single and options.is_list(line):
        return None
    for end in ("$", r"[.!?](?:\s|$)", clause_end):
        found = options.by_text(re.split(end, line, maxsplit=1)[0])
        if found is not None:
            named = options.mentions(first_sentence(line))[0]
            if options.single and options.mentions(line)[0] - found and ALTERNATIVE.search(line):
                return None  # "a rolling pin, but it could also be a spoon"
            is_partial = options.lists_more(line, found) if options.single else bool(named - found)
            return None if is_partial else found
    return None


_NAMES = {
    _whole: "bare answer",
    concluded: "concluded",
    _last_declaration: "declared",
    _last_lines: "last line",
    _ticked: "ticked",
    _swept: "all, or all but some",
    _judged: "called right or wrong",
    _first_lines: "first line",
    none_fits: "none fits",
    rejecting_option: "rejection in words",
    unseen_option: "not to be seen",
    itemised: "listed",
    bracketed: "letters in brackets",
    closing_rejection: "rejection at the end",
    balanced: "as many of both",
    counted: "counted",
    _last_clause: "last clause",
    ordered: "told in order",
    _prose: "claimed in prose",
}
_STRONG = (_judged, _whole, concluded, _last_declaration, _last_lines, _swept, _ticked)
"""Readers of a commitment, wherever it stands."""
_WEAK = (
    _first_lines,
    none_fits,
    itemised,
    bracketed,
    closing_rejection,
    rejecting_option,
    unseen_option,
    balanced,
    counted,
    _last_clause,
    ordered,
    _prose,
)
"""Readers of a statement that may be one; what was corrected is kept from them."""
