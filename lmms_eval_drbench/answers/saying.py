"""Whether one clause, in normal form, says an accepted phrase: alone, framed, of the thing that was asked about.

`one could use the corkscrew lying there` frames "corkscrew", `the door is to the left of the press` says "left", and
`not a corkscrew`, `a corkscrew or a key` say nothing.
"""

import re
from collections.abc import Iterable

from lmms_eval_drbench.answers import chinese
from lmms_eval_drbench.answers.asked import BOUNDARY, DOUBT, EMPTY, FILLERS
from lmms_eval_drbench.answers.counts import is_number
from lmms_eval_drbench.answers.described import describes_the_asked
from lmms_eval_drbench.answers.descriptions import COLOURS, is_description
from lmms_eval_drbench.answers.phrases import FUNCTION_WORDS, NEGATIONS, PLACES, holds, root, tokens

_MAX_PARTS = 20
"""Parts around "and" that are looked at."""

FRAME = frozenset(
    tokens(
        "hand as maybe lie sit rest sleep asleep i i'm we one you can could would see seen show shown visible "
        "depict contain count find believe "
        "think guess say read use used using being appear seem look looks like likely most probably "
        "possibly perhaps definitely clearly actually here image picture photo scene color total exactly "
        "only just about called labeled object item thing his her their hi yes sure so therefore text "
        "must been stand hang lean held worn driven hidden kept stored "
        "person people room loaf piece slice tray bunch pile stack "
        "pair group lot some game up towards toward day word inscription "
        "based painted mostly mainly primarily shade sort kind type piece him them written "
        "says displayed labelled "
        "ride riding ahead immediately row located lying sitting resting sleeping standing side"
    )
)
"""Words that introduce or follow an answer: "I can see a cat in the image"."""
_CHINESE_VERBS = frozenset("是的着了有到为在叫写正一1烤拿吃穿戴骑喝看打抱提背推拉牵摆放挂停站坐躺卖买修画举握")
"""Verbs and particles after which a Chinese clause names its object."""
_PARTICIPLE = re.compile(
    r"(?!(?:shaped|sized|themed|patterned|printed|flavou?red|scented)$)(?:(?=\w{0,30}?[aeiouy]\w{0,30}ing)\w{2,30}ing|\w{3,30}ed)"
)
_ENDING = re.compile(r"(?:ies|ied|ying|ing|ed|es|e|s|y)$")
_DOUBLED = re.compile(r"([^aeiou])\1$")


_ANYTHING = frozenset(tokens("object thing item one"))
COPULAS = frozenset({"is", "are", "was", "were"})
_CONTAINERS = frozenset(
    tokens("bag box basket bowl crate cup glass plate jar bottle bucket sack coil roll strand string")
)
"""`a bag of mandarins` gives "mandarins"."""
_PATTERNS = frozenset(tokens("stripe check dot pattern"))
_SIDES = frozenset(tokens("left right upper lower top bottom front back"))
_HOLDING = frozenset(tokens("hold holding carry carrying"))
_HANDLING = frozenset(
    tokens("holding carrying transporting reading drinking eating using gripping clutching lifting playing writing")
)
"""What is done with a thing that is held or carried."""


def uncontracted(given: Iterable[str]) -> list[str]:
    return [part for token in given for part in ([token[:-3], "not"] if token.endswith("n't") else [token])]


def says(clause: str, gold: tuple[str, ...], question: str) -> bool:
    """Whether a clause of an answer to `question` says `gold`, an accepted phrase in normal form (`phrases.tokens`)."""
    given, asked = tokens(clause), set(tokens(question)) - {"or"}
    if any(word.endswith("ing") or word in _PATTERNS for word in gold):  # "the cat sleeps" for sleeping, "striped"
        forms = {root(token): token for token in gold}
        given = tuple(forms.get(root(token), token) for token in given)
    core = tuple(token for token in gold if token not in FILLERS and token not in chinese.FILLERS)
    if not core or not given:
        return given == gold
    if set(core) <= asked:
        return _is_part(given, gold, core, asked) or _is_the_alternative(given, core, question)
    dropped = (FILLERS | chinese.FILLERS | asked) - set(core)
    if tuple(token for token in given if token not in dropped) == core and (
        not NEGATIONS & set(core[:1]) or " ".join(core[:2]) in " ".join(given)
    ):  # "no candles on the cake" isn't "no cake"
        return True
    return (
        _is_the_number(given, gold)
        if all(map(is_number, gold))
        else (
            _frames(given, trimmed(gold), asked)
            or (len(gold) > 1 and _frames(_undescribed(given), trimmed(gold), asked))
            or _is_the_side(given, gold, asked)
            or _is_the_place(given, gold, asked)
            or describes_the_asked(given, gold, question)
            or any(_frames(part, trimmed(gold), asked) for part in _coordinated(given, asked))
        )
    )


def _is_part(given: tuple[str, ...], gold: tuple[str, ...], core: tuple[str, ...], asked: set[str]) -> bool:
    """Whether the answer, made of the question's words, is all that is stated or the subject or predicate of it."""
    given = tuple(word for word in given if word in gold or word not in asked or not is_description(word))
    kept = [token for token in given if token not in FILLERS]
    if tuple(kept) == core:
        return True
    copula = next((index for index, token in enumerate(given) if token in ("is", "are", "was", "were")), None)
    if copula is None or DOUBT & set(uncontracted(given)):
        return False
    subject, predicate = given[:copula], given[copula + 1 :]
    if not all(token in asked or token in FILLERS | _ANYTHING for token in given):
        return False
    return (subject == gold) != (predicate == gold)


def _is_the_alternative(given: tuple[str, ...], core: tuple[str, ...], question: str) -> bool:
    """Whether a statement names one of the two things that a question offers ("on the desk or on the bed?")."""
    asked = tokens(question)
    if asked.count("or") != 1 or DOUBT & set(uncontracted(given)):
        return False
    at = asked.index("or")
    one, other = asked[at - 1 - len(core) : at], asked[at + 1 : at + 2 + len(core)]
    others = (set(one) if set(core) <= set(other) else set(other)) - set(core) - FILLERS
    is_offered = (set(core) <= set(one)) != (set(core) <= set(other))
    is_named = holds(given, core)
    return is_offered and is_named and not others & set(given)


def _is_the_place(given: tuple[str, ...], gold: tuple[str, ...], asked: set[str]) -> bool:
    """Whether a thing of the question is `behind the open studio door`, where "behind the door" is accepted."""
    if len(gold) < 2 or gold[0] not in {*PLACES, *PLACES.values(), "behind", "between"} or gold[0] not in given:
        return False
    at = given.index(gold[0])
    lead, tail = given[:at], given[at + 1 : at + 3 + len(gold)]
    subject = [_stem(word) for word in lead if word not in FILLERS | FRAME and not is_description(word)][:1]
    ends = [end for end in range(len(tail)) if tail[end : end + len(gold) - 1] == gold[1:]]
    is_near = bool(ends) and not set(tail[: ends[0]]) & (BOUNDARY | DOUBT | {"and"})
    return (
        is_near
        and bool(subject)
        and subject[0] in {_stem(word) for word in asked}
        and not DOUBT & set(uncontracted(lead))
    )


def _undescribed(given: tuple[str, ...]) -> tuple[str, ...]:
    """`a roll of paper` for `a large roll of white paper`."""
    return tuple(word for word in given if not is_description(word))


def _is_the_side(given: tuple[str, ...], gold: tuple[str, ...], asked: set[str]) -> bool:
    """Whether a statement says this side, and no other, of a thing of the question: `to the left of the press`."""
    sides = [index for index, word in enumerate(given) if word in _SIDES]
    if set(gold) - FILLERS - {"side"} != {given[index] for index in sides} or DOUBT & set(uncontracted(given)):
        return False
    rest = given[sides[-1] + 1 :]
    return rest[:1] == ("of",) and bool(set(rest) & asked - EMPTY) or not rest or rest in (("side",), ("of", "it"))


def _is_the_number(given: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Whether a statement holds the accepted number, no other, and no doubt."""
    return tuple(filter(is_number, given)) == gold and not DOUBT & set(uncontracted(given))


def _frames(given: tuple[str, ...], gold: tuple[str, ...], asked: set[str]) -> bool:
    """Whether the accepted phrase stands in `given` with nothing before it but a frame, and is complete there."""
    stems = {_stem(token) for token in asked}
    handling = {_stem(word) for word in _HANDLING} if asked & _HOLDING else set()
    if set(gold) & {*PLACES, *PLACES.values()}:
        given, gold = (tuple(PLACES.get(token, token) for token in phrase) for phrase in (given, gold))
    for start in range(len(given) - len(gold) + 1):
        if given[start : start + len(gold)] != gold:
            continue
        lead, tail = given[:start], given[start + len(gold) :]
        if set(gold) & {*PLACES, *PLACES.values()}:  # "lying on the floor under the crib"
            lead = tuple(word for word in lead if word not in ("floor", "ground"))
        while lead and (
            is_description(lead[-1])
            or (lead[-1] in _SIDES and not set(gold) & _SIDES)
            or _joins_descriptions(lead, gold)
        ):
            lead = lead[:-1]
        if (DOUBT & set(uncontracted(lead + tail))) - asked:
            continue
        if {"made", "of"} <= asked and lead[-1:] == ("of",):  # "made of teak planks"
            tail = tail[1:] if tail and tail[0] not in BOUNDARY | {"and", "or"} else tail
        is_patterned = tail[:1] and tail[0] in _PATTERNS and "and" in gold and lead
        is_described = all(map(is_description, tail[1:] if is_patterned else tail)) and (
            is_patterned or not all(map(is_description, gold))
        )  # "the wall white"
        if (is_described or _is_complete(tail, stems)) and (
            _is_frame(lead, stems | handling) or _is_predicated(lead, stems) or (not tail and _ends_chinese_lead(lead))
        ):
            return True
    return False


def _is_predicated(lead: tuple[str, ...], stems: set[str]) -> bool:
    """Whether a lead is a subject of the question's own with the question's verb: `the man with a hat is reading`."""
    content = [word for word in lead if word not in FILLERS | FRAME and not is_description(word)]
    verb = lead
    while verb and verb[-1] in ("up", "at", "to", "toward"):
        verb = verb[:-1]
    ends = lead[-1:] and lead[-1] in COPULAS or verb and _stem(verb[-1]) in stems - FUNCTION_WORDS - COPULAS
    end = next((index for index, word in enumerate(lead) if word in BOUNDARY and index), len(lead))
    head = set(lead[:end]) & set(content) or set(content[:1])  # "the double-decker bus" behind the taxi
    return bool(ends) and any(_stem(word) in stems for word in head)


def _coordinated(given: tuple[str, ...], asked: set[str]) -> list[tuple[str, ...]]:
    """The parts around "and" that tell of at least two things of the question: `a globe on top of the cabinet`."""
    if "and" in asked or "and" not in given:
        return []
    stems = {_stem(word) for word in asked - EMPTY - BOUNDARY}
    parts: list[tuple[str, ...]] = [()]
    for word in given:
        parts = [*parts, ()] if word == "and" else [*parts[:-1], (*parts[-1], word)]
    if not all(set(part) & BOUNDARY or {_stem(word) for word in part} & stems for part in parts):
        return []  # "the liver and the stomach"
    return [part for part in parts[:_MAX_PARTS] if len({_stem(word) for word in part} & stems) > 1]


def _joins_descriptions(lead: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Whether `big and` stands before an answer; before a colour no other colour, which answers as well."""
    if len(lead) < 2 or lead[-1] != "and" or not is_description(lead[-2]):
        return False
    return not all(map(is_description, gold)) or (set(gold) <= COLOURS and lead[-2] not in COLOURS)


def _is_frame(lead: tuple[str, ...], stems: set[str]) -> bool:
    of = {index for index, after in enumerate(lead[1:]) if after == "of" and lead[index] in _CONTAINERS}
    return all(
        index in of or token in FILLERS | FRAME or token in chinese.FILLERS or _stem(token) in stems
        for index, token in enumerate(lead)
    )


def _is_complete(tail: tuple[str, ...], stems: set[str]) -> bool:
    if all(token in FRAME or token in FILLERS for token in tail):
        return True
    first = tail[0]
    if first.endswith("n't") and len(tail) == 1 and "not" in stems:
        return True  # "a bicycle doesn't" where it asks what doesn't
    is_participle = bool(_PARTICIPLE.fullmatch(first))
    return is_participle or first in BOUNDARY or first in chinese.FILLERS or _stem(first) in stems


def _ends_chinese_lead(lead: tuple[str, ...]) -> bool:
    """Whether a Chinese clause before its last words ends with a verb or particle, so that the object follows."""
    return bool(lead) and lead[-1] in _CHINESE_VERBS


def trimmed(gold: tuple[str, ...]) -> tuple[str, ...]:
    """A phrase without the fillers at its ends."""
    kept = [index for index, token in enumerate(gold) if token not in FILLERS and token not in chinese.FILLERS]
    return gold[kept[0] : kept[-1] + 1] if kept else gold


def _stem(token: str) -> str:
    """A crude stem, so that "carries" and "carrying" are the same word of the question."""
    return token if len(token) < 4 else _DOUBLED.sub(r"\1", _ENDING.sub("", token))[:6]
