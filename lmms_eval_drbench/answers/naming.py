"""Which options a clause names: by letter, by text, or by words that no other option has ("the fern").

What only describes another thing names nothing: the "white" of "a white stripe" isn't the answer white.
"""

import re
from typing import NamedTuple

from lmms_eval_drbench.answers import letters as lettering
from lmms_eval_drbench.answers.asked import BOUNDARY, EMPTY, UNNAMED, asked_thing
from lmms_eval_drbench.answers.descriptions import is_description
from lmms_eval_drbench.answers.options import ODD, Options
from lmms_eval_drbench.answers.phrases import FUNCTION_WORDS, NEGATIONS, PLACES, negates, root, tokens


class Unreadable(str):
    """What a reader returns that knows why a text has no answer, so that no later reader guesses one."""


Letters = frozenset[str]
Found = Letters | Unreadable | None

_COPULAS = frozenset({"is", "are", "has", "have"})
_BESIDE = frozenset(tokens("at to near beside behind under above below opposite alongside"))
_SIDES = {("in", "front", "of")} | {(word, side, "of") for word in ("to", "on") for side in ("left", "right", "top")}
PREPOSITIONS = (
    (FUNCTION_WORDS - {"no", "not", "there", "this", "that"}) | PLACES.keys() | _BESIDE | {"front", "top", "next"}
)
SIDE_NOUNS = frozenset({"half", "side", "part", "corner"})
_PIECE = re.compile(r"[,;:/+&]|\b(?:and|or)\b")
_LETTER_A = re.compile(
    r"(?<![\w'])A(?=\s(?:and|or|&)\s(?:option\s)?[(]?[B-H]\b|\s(?:is|are|was|can|could|does|has|would|isn't|can't|"
    r"cannot|doesn't|fits|works)\b|:|\s[–—-]\s|\s?[\u4e00-\u9fff])"
)


_SUBJECT = re.compile(
    r"(?:^|,\s)(?:is|are|was|were|does|do|did|can|has|have)\s(?P<subject>(?:the|this|that|an?)\s[^,?]{1,100})",
    re.IGNORECASE,
)


class Named(NamedTuple):
    """letters: the options that a clause names. left: its other words. clear: False where they name a mixture of two
    ("the red bowl" for a red mug and a blue bowl).
    """

    letters: Letters
    left: tuple[str, ...]
    clear: bool = True


def asked_roots(options: Options) -> set[str]:
    """The content words of the question, stemmed; all words for something odd where it asks for one of them."""
    asked = set(tokens(options.record["question"])) - EMPTY
    return {root(word) for word in (asked | ODD if options.asks_for_oddity else asked)}


def subject_roots(options: Options) -> tuple[frozenset[str], frozenset[str]]:
    """(words for what "Is the bag to the left or to the right of the bear?" asks about, words for its other things)."""
    found = _SUBJECT.search(options.asking)
    if found is None:
        return frozenset(), frozenset()
    subject = leading_thing(found.group("subject"), options)
    own = {root(word) for text in options.texts.values() for word in text}
    named_ = tokens(found.group("subject"))[len(subject) :] + tokens(options.asking[: found.start()])
    if UNNAMED.search(options.asking):  # "the thing made for paying to park": what it is for is no other thing
        last = max((index for index, word in enumerate(named_) if root(word) in own), default=-1)
        named_ = named_[last + 1 :]
    others = {root(word) for word in set(named_) - EMPTY - BOUNDARY - PREPOSITIONS} - own
    one = {root(word) for word in subject}
    return frozenset(one - others), frozenset(others - one)


def leading_thing(text: str, options: Options) -> tuple[str, ...]:
    """The words of a text before its first preposition or option: `the orange backpack` to the left of the bear."""
    own = {root(word) for text in options.texts.values() for word in text}
    given = tokens(text)
    ends = BOUNDARY | PREPOSITIONS | {"have", "has"}
    end = next((index for index, word in enumerate(given) if word in ends or root(word) in own), len(given))
    return given[:end]


def reference(options: Options) -> Letters:
    """The only option that the question names, to say where: `the book` of "Which object is left of the book?"."""
    asked = options.normal(options.asking)
    if "or" in asked:  # "in the left or in the right half?"
        return frozenset()
    places = [
        (letter, asked[start - 1 : start])
        for letter, text in options.texts.items()
        for start in range(1, len(asked) - len(text) + 1)
        if text and asked[start : start + len(text)] == text
    ]
    return frozenset(
        letter for letter, (before,) in places if len(places) == 1 and before in _BESIDE | {"of", "on", "in", "over"}
    )


def named(clause: str, options: Options, loosely: bool = False) -> Named:
    """What a clause names; a word counts only where exactly one option has it and the question doesn't.

    loosely: what only describes another thing names an option, too ("two stories" of two).
    """
    rest: list[str | None] = list(options.normal(clause))
    asked, target = asked_roots(options), asked_thing(options.record["question"])
    loosely = loosely or not _are_descriptions(options)
    found: set[str] = set()
    for start, end, letter in _spans(rest, options):
        text = options.texts[letter]
        if loosely or end - start < len(text) or not _describes_another(text, rest[end : end + 1], target):
            found.add(letter)
            rest[start:end] = [None] * (end - start)
    found |= letters_in(clause, options)
    words = _telling_words(options, asked)
    hits = [None if word in BOUNDARY else _teller(word, words) for word in rest]
    hits = _without_places(rest, hits, BOUNDARY if options.single else _BESIDE)
    pieces = [options.normal(piece) for piece in _PIECE.split(clause) if not options.mentions(piece)[0]]
    clear = not any(_is_mixture([_teller(word, words) for word in piece]) for piece in pieces)
    if found and not options.single:  # "in the drawer and on the lamp" where the options say "inside the drawer"
        places = _telling_words(options, asked, with_places=True)
        clear = clear and not any(_teller(word, places) for word, hit in zip(rest, hits, strict=True) if not hit)
    if not options.single:  # "the cat is sleeping" where an option says "the cat is asleep"
        clear = clear and all(_is_whole(hit, hits, words, options) for hit in set(hits) if hit)
    found |= {hit for hit in hits if hit}
    left = tuple(
        word
        for word, hit in zip(rest, hits, strict=True)
        if word
        and hit is None
        and word.upper() not in found
        and not any(word in _own(letter, options) for letter in found)
    )
    return Named(frozenset(found), left, clear)


def letters_in(clause: str, options: Options) -> Letters:
    """The option letters that stand in a clause; an "A" only where it can be no article."""
    return lettering.marked(clause, options.letters) | ({"A"} if _LETTER_A.search(clause) else set())


def _own(letter: str, options: Options) -> tuple[str, ...]:
    """The words of an option that aren't negations."""
    return tuple(word for word in options.texts.get(letter, ()) if not negates(word) and word in BOUNDARY)


def _spans(rest: list[str | None], options: Options) -> list[tuple[int, int, str]]:
    """(start, end, letter) of the option texts in a clause, longer ones first, without what says where another is.

    A place may lack its preposition ("the umbrella stand" for "in the umbrella stand"), but not have another.
    """
    found: list[tuple[int, int, str]] = []
    asked = set(options.normal(options.record["question"]))
    for letter, text in sorted(options.texts.items(), key=lambda item: -len(item[1])):
        head = next((index for index, word in enumerate(text) if word not in PREPOSITIONS), 0)
        bare = text[head:] if _is_place(text) and head and not set(text[head:]) <= asked else text
        for phrase in dict.fromkeys((text, bare)):
            for start in range(len(rest) - len(phrase) + 1):
                end = start + len(phrase)
                is_free = not any(start < other[1] and other[0] < end for other in found)
                is_elsewhere = phrase is not text and start and rest[start - 1] in PREPOSITIONS
                if tuple(rest[start:end]) == phrase and is_free and not is_elsewhere:
                    found.append((start, end, letter))
    return [span for span in found if not any(_says_where(rest, other, span) for other in found)]


def _is_place(text: tuple[str, ...]) -> bool:
    return bool(text) and text[0] in PREPOSITIONS - {"front", "top", "lower", "upper"}


def _says_where(rest: list[str | None], named_: tuple[int, int, str], span: tuple[int, int, str]) -> bool:
    """Whether an option follows another and its preposition: `[the piano] next to [the round table]`."""
    between = rest[named_[1] : span[0]]
    is_beside = between[-1:] and between[-1] in _BESIDE and len(between) <= 3
    return bool(is_beside or (tuple(between[-3:]) in _SIDES and len(between) <= 5)) and "and" not in between


def _is_whole(letter: str, hits: list[str | None], words: dict[str, set[str]], options: Options) -> bool:
    """Whether all that tells an option apart is there, where the option is a sentence."""
    telling = words[letter] - {root(word) for word in BOUNDARY}
    return not set(options.texts[letter]) & _COPULAS or hits.count(letter) >= len(telling)


def _teller(word: str | None, words: dict[str, set[str]]) -> str | None:
    return next((letter for letter, own in words.items() if word and root(word) in own), None)


def _without_places(rest: list[str | None], hits: list[str | None], prepositions: frozenset[str]) -> list[str | None]:
    """Hits without those that say where a named option is: "there are steps at the entrance"."""
    kept, is_place, is_named = list(hits), False, False
    for index, word in enumerate(rest):
        if word is None:
            is_named, is_place = True, False
        elif word in ("and", "or"):
            is_place = False
        elif is_named and word in prepositions:
            is_place = True
        elif is_place:
            kept[index] = None
    return kept


def _is_mixture(hits: list[str | None]) -> bool:
    """Whether neighbouring words belong to different options."""
    return any(one and other and one != other for one, other in zip(hits, hits[1:], strict=False))


def _are_descriptions(options: Options) -> bool:
    """Whether the options are colours, materials or numbers (and perhaps the denial of the premise)."""
    return all(
        NEGATIONS & set(text) or all(is_description(word) or word[0].isdigit() for word in text)
        for text in options.texts.values()
    )


def _describes_another(text: tuple[str, ...], following: list[str | None], target: set[str]) -> bool:
    """Whether a colour or number stands before a thing that wasn't asked about: `a white stripe`."""
    if not all(is_description(word) or word[0].isdigit() for word in text) or not following or not following[0]:
        return False
    word = following[0]
    return word not in BOUNDARY | EMPTY and root(word) not in target and word.isascii()


def _telling_words(options: Options, asked: set[str], with_places: bool = False) -> dict[str, set[str]]:
    """Letter → roots that only this option has; none for a place ("next to the gate") or a denial ("no cat")."""
    roots = {letter: {root(word) for word in text} for letter, text in options.texts.items()}
    asks_how = options.record["question"].lower().startswith("how")
    telling = {}
    for letter, text in options.texts.items():
        others = set().union(*(own for other, own in roots.items() if other != letter))
        is_place = not text or not asks_how and text[0] in FUNCTION_WORDS - {"no"} | PLACES.keys() | BOUNDARY
        describes = all(is_description(word) for word in text)
        is_denial = any(map(negates, text[1:])) or text[:1] in (
            ("nothing",),
            ("none",),
            ("neither",),
        )
        own = {word for word in roots[letter] - others - asked - EMPTY if len(word) > 2 and word.isalpha()}
        if {"left", "right"} & set(text):
            own -= SIDE_NOUNS
        telling[letter] = (
            set()
            if (is_place and not with_places) or is_denial or describes or "all" in text
            else {word for word in own if word.isascii()}
        )
    return telling
