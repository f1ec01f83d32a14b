"""The last resort: the options whose telling words a statement holds, when nothing else was read from a text.

`The crane stands behind the container ship` holds all that tells "behind it" from "to its left". An option is held
whole, or by words that no other option has; a place only with its own preposition ("in front of the gate" isn't "next
to the gate"). For single choice the last sentence that holds an option decides, and one that holds several says
nothing; a set is what a concluding or an only sentence holds. What is denied isn't held.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from lmms_eval_drbench.answers.asked import EMPTY
from lmms_eval_drbench.answers.clauses import (
    CONDITIONAL,
    DISMISSED,
    MISSING,
    SO_IS,
    VERB,
    is_of_another,
    is_opposite,
    without_mock_denial,
)
from lmms_eval_drbench.answers.letters import led
from lmms_eval_drbench.answers.naming import PREPOSITIONS, SIDE_NOUNS, Letters, asked_roots
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import PLACES, expanded, negates, root, tokens
from lmms_eval_drbench.answers.statements import (
    CONTRAST,
    LIKEWISE,
    is_conclusion,
    is_cut_off,
    is_refusal,
    sentences,
    unconditional,
)

_SENTENCES = 3
"""Sentences looked at, from the end of a text."""
_REACH = 4
"""Words between a preposition and what it governs."""
_CLAUSE = re.compile(
    rf";\s|:\s|,\s+(?:so|which|who|giving|making)\b|,\s(?=(?:it|he|she|they|this)\s(?:is|are)\b)|{CONTRAST.pattern}",
    re.IGNORECASE,
)
_LIST = re.compile(rf"{_CLAUSE.pattern}|,\s", re.IGNORECASE)
_CONTRASTED = re.compile(rf";\s|{CONTRAST.pattern}|,?\s(?:but|while|whereas)\s", re.IGNORECASE)
"""What a set is set apart from."""
_THE_THINGS = re.compile(
    r"\W*the (?:only )?(?:problem|thing|item|object|one|fault|mistake|error|statement|option|vehicle|anomal\w+|people|"
    r"issue)s?\b"
    r"[^.:;]{0,100}\b(?:is|are)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s{0,9}(?:[-*•]|\d{1,2}[.)])\s")
_ONLY = re.compile(r"\W*(?:so\s|thus\s|therefore,?\s)?only\b", re.IGNORECASE)
_HEDGED = re.compile(
    r"\b(?:might|maybe|perhaps|possibly|either|or|whether|except|besides|apart from|other than)\b|\?", re.IGNORECASE
)
_PLACING = PREPOSITIONS - {"it", "its", "is", "are", "and", "or", "that", "this"}
_PRONOUNS = frozenset(tokens("it its it's they them their he his him she her 1 so also too"))
_APPROVAL = re.compile(
    r"\b(?:is|are|was|were|looks?|seems?)\s(?:\w+\s)?(?:right|correct|true|accurate|fine|normal)\b|"
    r"\bas described\b|\bindeed\b",
    re.IGNORECASE,
)

Words = frozenset[str]


class Part(NamedTuple):
    """What one clause holds: options whole, options by half of the words that only they have, and whether it denies."""

    whole: Letters
    half: Letters
    is_denied: bool


def gist(body: str, options: Options) -> Letters | None:
    """The options that a text words."""
    found = sentences(body)
    if not found or is_cut_off(body) or is_refusal(found[-1]) or sum(bool(led(text)) for text in found) > 1:
        return None
    if len(found) > _SENTENCES and _ITEM.match(body.rstrip().splitlines()[-1]):  # a list that may go on
        return None
    return (_one if options.single else _set)(found, options)


def _one(found: list[str], options: Options) -> Letters | None:
    is_told_apart = sum(bool(_telling(text)) and not any(map(negates, text)) for text in options.texts.values()) > 1
    for sentence in reversed(found[-_SENTENCES:]):
        parts = _parts(sentence, options)
        denied = _union(part.whole | part.half for part in parts if part.is_denied)
        told = [part for part in parts if not part.is_denied]
        whole = _union(part.whole for part in told if part.half <= part.whole)
        half = _union(part.half for part in told) if is_told_apart else whole
        asked = asked_roots(options)
        unasked = frozenset(letter for letter in whole if not _telling(options.texts[letter]) <= asked)
        for letters in (whole, half, unasked if len(whole) > 1 else whole):
            if len(letters) == 1 and not letters & denied and not _HEDGED.search(sentence):
                return letters
        if whole | half | denied or is_conclusion(sentence):
            return None
    return None


def _set(found: list[str], options: Options) -> Letters | None:
    is_concluded = (is_conclusion(found[-1]) and not SO_IS.match(found[-1])) or _THE_THINGS.match(found[-1])
    said = [_CONTRASTED.split(sentence)[0] for sentence in (found[-1:] if is_concluded else found)]
    is_statement = all(VERB.search(sentence) and not _HEDGED.search(sentence) for sentence in said)
    if len(said) > 2 or not is_statement:
        return None
    asked = asked_roots(options)
    if not options.asks_for_oddity:  # "The towel is at the poolside." says nothing of what floats
        said = [one for one in said if LIKEWISE.search(one) or asked & {root(word) for word in tokens(one)}]
    if not said:
        return None
    parts = [part for sentence in said for part in _parts(sentence, options)]
    if _ONLY.match(said[0]) and parts:
        parts = parts[:1]
    held = _union(part.half for part in parts if not part.is_denied)
    return held if held and not held & _union(part.half for part in parts if part.is_denied) else None


def _union(sets: Iterable[Letters]) -> Letters:
    return frozenset().union(*sets)


def _telling(text: tuple[str, ...]) -> Words:
    """The roots of an option's content words; none for `none of them`, which holds by its sense."""
    if text[:1] in (("nothing",), ("none",), ("no",)):
        return frozenset()
    return frozenset(root(word) for word in text if word not in EMPTY and (word not in _PRONOUNS or len(text) == 1))


def _parts(sentence: str, options: Options) -> list[Part]:
    asked = asked_roots(options)
    telling = {letter: _telling(text) for letter, text in options.texts.items()}
    own = {one: words.difference(*(telling[two] for two in telling if two != one)) for one, words in telling.items()}
    own = {one: words - asked or words for one, words in own.items()}
    dismissal = _APPROVAL if options.asks_what_is_wrong or options.asks_for_oddity else DISMISSED
    found = []
    for clause in (_CLAUSE if options.single else _LIST).split(unconditional(sentence)):
        if not clause or CONDITIONAL.search(clause) or (options.single and is_of_another(clause, options)):
            continue
        given = options.normal(without_mock_denial(expanded(clause)))
        roots = frozenset(map(root, given))
        is_denying = any(map(negates, given)) or bool(MISSING.search(clause))
        there = {
            letter
            for letter, text in options.texts.items()
            if _is_there(text, given)
            and _is_side_said(text, given)
            and _is_counted(text, given)
            and (is_denying or not any(map(negates, text)))
            and (not options.asks_for_statements or _is_in_order(text, given))
        }
        whole = {letter for letter in there if telling[letter] and telling[letter] <= roots}
        whole = {one for one in whole if not any(telling[one] < telling[other] for other in whole)}
        half = {letter for letter in there if own[letter] and 2 * len(own[letter] & roots) >= len(own[letter])}
        words = {word for letter in whole | half for word in options.texts[letter]}
        is_denied = any((negates(word) and word not in words) or is_opposite(word, asked) for word in given)
        found.append(Part(frozenset(whole), frozenset(half), is_denied or _dismissed(dismissal, clause, words)))
    return found


def _is_side_said(text: tuple[str, ...], given: tuple[str, ...]) -> bool:
    """Whether a clause doesn't say the other half than an option: `the third from the left is in the right half`."""
    own = {"left", "right"} & set(text)
    other = {"left", "right"} - own
    pairs = zip(given, given[1:], strict=False)
    return len(own) != 1 or not any(word in other and noun in SIDE_NOUNS for word, noun in pairs)


def _is_counted(text: tuple[str, ...], given: tuple[str, ...]) -> bool:
    """Whether a clause gives no other number than an option: `3 cats` isn't "1 cat"."""
    own, said = ({word for word in words if word[0].isdigit()} for words in (text, given))
    return not own or not said or own <= said


def _is_in_order(text: tuple[str, ...], given: tuple[str, ...]) -> bool:
    """Whether a clause says a whole statement: the cabinet right of the painting isn't the painting right of it."""
    rest = iter(map(root, given))
    return all(root(word) in rest for word in text if word not in EMPTY)


def _dismissed(dismissal: re.Pattern[str], clause: str, own: set[str]) -> bool:
    """Whether a clause dismisses what it names, in a word that isn't the option's own ("missing")."""
    return any(match.group().lower() not in own for match in dismissal.finditer(clause))


def _is_there(place: tuple[str, ...], given: tuple[str, ...]) -> bool:
    """Whether a clause has an option's preposition before its thing; true of an option that isn't a place."""
    if not place or place[0] not in _PLACING or place[0] == "to" or {"left", "right"} & set(place):
        return True
    telling = (word for word in place if word not in _PLACING and word not in EMPTY and word not in _PRONOUNS)
    thing = next(map(root, telling), None)
    at = next((index for index, word in enumerate(given) if root(word) == thing), None)
    if thing is None or at is None:
        return thing is None
    before = [word for word in given[max(0, at - _REACH) : at] if word in _PLACING and word not in ("of", "to")]
    own = {PLACES.get(word, word) for word in place if word in _PLACING and word not in ("of", "to")}
    return PLACES.get(before[-1], before[-1]) in own if before and own else not own
