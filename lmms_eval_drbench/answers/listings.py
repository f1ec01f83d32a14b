"""Answers that are listed or counted: items below a line that announces them, letters in brackets, numbers."""

import re
from itertools import takewhile

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers.asked import asked_thing
from lmms_eval_drbench.answers.clauses import MISSING
from lmms_eval_drbench.answers.counts import is_number
from lmms_eval_drbench.answers.naming import Found, Letters, Unreadable, asked_roots
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import expanded, holds, negates, root, tokens
from lmms_eval_drbench.answers.statements import (
    CONTRAST,
    is_conclusion,
    is_cut_off,
    is_denial,
    is_preamble,
    last_sentence,
    sentences,
)

_BRACKETED = re.compile(r"\w\s\((?:option\s)?([A-H])\)")
_MORE = re.compile(r"(?<!\bno )\bmore\s(?P<what>[^.,;:\n]{1,60})", re.IGNORECASE)
_UNSURE = re.compile(
    r"\?|\b(?:unclear|whether|doubt|unsure|not sure|"
    r"(?:more|fewer|less) than \w+ \w+(?=\W*$)|at least|at most|might|maybe|perhaps)\b",
    re.IGNORECASE,
)
"""Where a number or a comparison is no answer."""
_TELLING = frozenset(map(root, ("show", "some")))
_NO_OPTION = Unreadable("a number that is none of the options")


def bracketed(body: str, options: Options) -> Letters | None:
    """`The worker without a helmet (A) and the cable in the puddle (C) are.`: a set, each with its letter."""
    last = last_sentence(body)
    found = frozenset(_BRACKETED.findall(last)) & frozenset(options.letters)
    own = {word for letter in found for word in options.texts[letter]}
    is_plain = (
        not MISSING.search(last)
        and not any(negates(word) and word not in own for word in options.normal(last))
        and not CONTRAST.search(last)
    )
    is_offered = len(found) > 1 and re.search(r"\b(?:can|could|may|might)\b", last)
    is_sure = is_plain and "?" not in last and (is_offered or not re.search(r"\bor\b", last))
    is_set = not options.single and found and is_sure and not is_cut_off(body)
    return None if not is_set or options.names_more(body, found) and not is_conclusion(last) else found


def itemised(body: str, options: Options) -> Letters | None:
    """The items of the only list below a line that announces the answer: `The things for tying up a ship are:`."""
    found: list[Letters] = []
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    if options.single or (is_cut_off(body) and not options.by_item(lines[-1])):
        return None
    for index, header in enumerate(lines):
        asked = {root(word) for word in tokens(header)} & asked_roots(options)
        if (
            not header.endswith(":")
            or is_preamble(header)
            or (is_denial(header) and not options.asks_what_is_not)
            or not asked
        ):
            continue
        items = list(takewhile(bool, (options.by_item(lettering.without_bullet(line)) for line in lines[index + 1 :])))
        if items and not options.is_restated("\n".join(lines[index + 1 :])):
            found.append(frozenset(items))
    return found[0] if len(found) == 1 and found[0] < frozenset(options.letters) else None


def balanced(body: str, options: Options) -> Letters | None:
    """`as many of both`, also said as `the same number of windows and doors`."""
    if _UNSURE.search(body):
        return None
    same = tokens("as many of both")
    letter = next((letter for letter, text in options.texts.items() if tokens(" ".join(text)) == same), None)
    given = tokens(last_sentence(body))
    is_said = holds(given, same)
    if letter and is_said and not any(map(negates, given)):
        return frozenset(letter)
    return _more(body, options) if options.single and "more" in tokens(options.asking) else None


def _more(body: str, options: Options) -> Letters | None:
    """`There are more cars than cats`: of two things that a question compares, the one of which there are more."""
    said = {
        letter
        for match in _MORE.finditer(body)
        for letter, text in options.texts.items()
        if options.normal(match.group("what"))[: len(text)] == text
    }
    return frozenset(said) if len(said) == 1 and not is_cut_off(body) else None


def counted(body: str, options: Options) -> Found:
    """`I can see two mailboxes, one by the gate and one further down.`: how many there are of what is asked about."""
    numbers = {text[0]: letter for letter, text in options.texts.items() if len(text) == 1 and is_number(text[0])}
    if not numbers or is_cut_off(body) or any(letter not in numbers.values() for letter in _unlike_denials(options)):
        return None
    thing = asked_thing(options.record["question"]) - _TELLING
    for sentence in reversed(sentences(body)):
        given = tokens(expanded(sentence))
        if _UNSURE.search(sentence) or any(map(negates, given)):
            continue
        said = {
            number
            for index, number in enumerate(given)
            if is_number(number) and thing & {root(word) for word in given[index + 1 : index + 4]}
        }
        first, *ones = [number for number in given if is_number(number)] or ["0"]
        if not said and ones and ones == ["1"] * len(ones) and first == str(len(ones) + 1 - (len(ones) > 1)):
            said = {first}  # "two refrigerators, one here and a smaller one there"
        others = [number for number in given if is_number(number) and number not in said]
        is_sum = len(said) == 1 and [str(sum(map(float, others))).removesuffix(".0")] == list(said)
        if len(said) == 1 and (set(others) <= {"1"} or is_sum):
            letter = numbers.get(said.pop())
            return frozenset(letter) if letter else _NO_OPTION
    return None


def _unlike_denials(options: Options) -> list[str]:
    return [letter for letter, text in options.texts.items() if not any(map(negates, text))]
