"""Whether a free text gives an accepted answer to an open question.

`lemons`, `it appears to be lemons` and `Lemons are in the bowl.` give "lemons"; `lemons or limes`, `not lemons` and
`the lemons hide a fork` don't. A text is compared clause by clause in normal form (`phrases.tokens`).
"""

import re
from collections.abc import Iterable

from lmms_eval_drbench.answers import chinese, counts, polarity
from lmms_eval_drbench.answers.absence import absent
from lmms_eval_drbench.answers.asked import BOUNDARY, DOUBT, EMPTY, FILLERS, UNNAMED, asked_thing
from lmms_eval_drbench.answers.counts import is_number
from lmms_eval_drbench.answers.described import describes_the_asked
from lmms_eval_drbench.answers.descriptions import COLOURS, is_description
from lmms_eval_drbench.answers.phrases import (
    ARTICLES,
    ATTRIBUTES,
    FUNCTION_WORDS,
    NEGATIONS,
    PLACES,
    root,
    tokens,
    words,
)
from lmms_eval_drbench.answers.quantities import agree, quantity

_MAX_TEXT = 1000
_MAX_CLAUSES = 20

_FRAME = frozenset(
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
        "located lying sitting resting sleeping standing side"
    )
)
"""Words that introduce or follow an answer: "I can see a cat in the image"."""
_CHINESE_VERBS = frozenset("是的着了有到为在叫写正一1烤拿吃穿戴骑喝看打抱提背推拉牵摆放挂停站坐躺卖买修画举握")
"""Verbs and particles after which a Chinese clause names its object."""
_CLAUSE = re.compile(
    r"[;:!?\n]|\s\((?!or\b)|\s=\s|\.(?=\s|$)|,?\s+\b(?:because|since|but|while|whereas|so)\b|,\s+(?:as|which|"
    r"and|with|probably|possibly|perhaps|maybe|namely|specifically)\b|\s[–—-]\s",
    re.IGNORECASE,
)
_OPINION = frozenset(tokens("i think believe appears seems looks so to be like do does did"))
_PARTICIPLE = re.compile(
    r"(?!(?:shaped|sized|themed|patterned|printed|flavou?red|scented)$)(?:(?=\w{0,30}?[aeiouy]\w{0,30}ing)\w{2,30}ing|\w{3,30}ed)"
)
_CONTRASTED = re.compile(
    r"(?:,\s+(?:and\s+)?not|\s(?:rather than|instead of))\b[^,.;\n]{0,100}|(?<=\w),\s?而?不是[^,.;\n]{0,40}",
    re.IGNORECASE,
)
"""`, not blue`: what an answer is set apart from."""
_NOT_BUT = re.compile(
    r"^\W*不是[^,;.\n]{1,40}[,;]\s?而?(?=是)|^\W*not\b[^.,;\n]{1,100}[,;.]\s+(?:but\s|it's\s|rather\s)?", re.IGNORECASE
)
_ENDING = re.compile(r"(?:ies|ied|ying|ing|ed|es|e|s|y)$")
_DOUBLED = re.compile(r"([^aeiou])\1$")


_NOUGHT = {("0",), ("none",)}
_THAN = re.compile(r"(?<!more )(?<!less )(?<!fewer )(?<!other )(?<!rather )\bthan\b[^.,;]{0,100}", re.IGNORECASE)
_APPOSITION = re.compile(r",\s+(?P<what>(?:an?|the)\s[^,;.\n]{1,120})(?=[,;.\n]|\W*$)", re.IGNORECASE)
"""`the liver, the large organ below the diaphragm`"""
_NAME = re.compile(r"(?:^|\b(?!(?:an?|the|his|her|their|its)\b)[a-z']+\s)(?:[A-Z][\w'-]*\s?){1,3}$")
"""A name at the end of a text, without an article."""
_QUOTED = re.compile(r"[\"\u201c]([^\"\u201c\u201d\n]{1,80})(?:[\"\u201d]|$)|(?<!\w)'([^'\n]{1,80})(?:'(?!\w)|$)")
_OTHER_KIND = frozenset(
    tokens("toy hobby rocking model fake stuffed paper teddy guinea hot ice peanut painted drawn sea no not")
)
"""Words that make another thing of what they stand before: a toy car is no car."""
_OF_PAPER = frozenset(tokens("bag cup plate box towel napkin tissue sack wrapper"))
"""Things that are the same thing when they are made of paper; a paper boat is no boat."""
_NO_ONE = re.compile(r"\W*(?:there (?:is|are) )?(?:no|none)\b", re.IGNORECASE)
_SPELLED = re.compile(r"\b(?:[A-Za-z0-9][- ]){2,30}[A-Za-z0-9]\b(?!['-])")
"""`E-X-I-T`"""
_SOURCE = re.compile(
    r"^\W*(?:based on|judging (?:by|from)|looking at|according to)\b[^.;]{1,100}?,\s(?=\w+\s\w)", re.IGNORECASE
)
_NAMING = re.compile(
    r"^\W*(?:the\s(?:colou?r|size|shape|material)\sof\s)?(?:the|this|an?)\s[a-z']+(?:\s(?!is|are|has|have)[a-z]+)?"
    r"(?:\s(?:in|on|at)\sthe\s[a-z]+)?\s(?=(?:is|are|has|have)\b)",
    re.IGNORECASE,
)
"""The name that an answer gives it, as its subject: `the clock on the wall`."""
_ANYTHING = frozenset(tokens("object thing item one"))
_COPULAS = frozenset({"is", "are", "was", "were"})
_HOLDING = frozenset(tokens("hold holding carry carrying"))
_HANDLING = frozenset(
    tokens("holding carrying reading drinking eating using gripping clutching lifting playing writing")
)
"""What is done with a thing that is held or carried."""


def matches_any(text: str, accepted: Iterable[str], question: str) -> bool:
    """Whether `text` gives one of the accepted answers; another unit than theirs is wrong even where one has none."""
    accepted = list(accepted)
    given = quantity(text)
    wanted = [other for other in map(quantity, accepted) if other and other.unit]
    if given and given.unit and wanted:
        return any(agree(given, other) for other in wanted)
    return any(matches(text, one, question) for one in accepted)


def matches(text: str, accepted: str, question: str) -> bool:
    """Whether `text`, an answer to `question`, gives the accepted answer.

    A clause matches when it equals the accepted phrase; when nothing else is left once fillers and the question's own
    words are dropped; or when it frames the phrase ("one could use the corkscrew lying there"). A yes/no prefix is
    read as the answer to a yes/no question, and otherwise dropped. An accepted number matches a statement with that
    number and no other. An answer made of the question's words ("the person or the man?") must be the statement's
    subject or predicate.
    """
    text, gold = _SPELLED.sub(lambda match: re.sub(r"[- ]", "", match.group()), text[:_MAX_TEXT]), tokens(accepted)
    if not gold:
        return False
    if tokens(text) == gold or {tokens(text), gold} == _NOUGHT:
        return True
    if "".join(tokens(text)) == "".join(gold) and len("".join(gold)) > 5:  # "FastFreight"
        return True
    if (one := quantity(text)) and (other := quantity(accepted)):
        return agree(one, other)
    asks_yes_no, said = polarity.asks_yes_no(question), polarity.stated(text)
    if gold in (("yes",), ("no",)) and asks_yes_no:
        return (said or polarity.implied(text, question)) == gold[0]
    if said and (asks_yes_no or said == "yes"):
        text = polarity.PREFIX.sub("", text, count=1)
    if gold in _NOUGHT and _NO_ONE.match(text) and not set(map(root, tokens(text))) - _frame_roots(question):
        return True
    if (gone := absent(accepted)) and gone <= absent(text):
        return True
    text = _THAN.sub("", _CONTRASTED.sub("", _NOT_BUT.sub("", text)))
    text = _without_compound(text, accepted)
    if UNNAMED.search(question):
        text = _NAMING.sub("it ", text)
    if all(map(is_number, gold)):
        total = counts.stated_total(text)
        return (
            total == gold
            if total
            else any(
                _says(part, gold, question) for part in (*_parts(text), *counts.statements(text, asked_thing(question)))
            )
        )
    parts = _parts(text)
    telling = [part for part in parts[1:] if not _strays(part, gold, question)]
    is_one = len(parts) <= 2 or len(telling) == len(parts) - 1
    parts = parts if is_one else telling
    if (shortened := _without_appositions(text, question)) != text:
        parts = [*parts, shortened]
    return any(_says(part, gold, question) for part in parts)


def _without_appositions(text: str, question: str) -> str:
    """`the liver` for `the liver, the large organ on the left`, `Saturn` for `Saturn, a gas giant`; a list stays.

    Only what names the kind that the question asks for, or follows a name without an article, is no item of a list.
    """
    thing = asked_thing(question)

    def shortened(match: re.Match[str]) -> str:
        said = tokens(match.group("what"))
        is_kind = {root(word) for word in said} & thing or _NAME.search(text[: match.start()][-80:])
        return "" if is_kind and not {"and", "or"} & set(said) else match.group()

    return _APPOSITION.sub(shortened, text)


def _strays(clause: str, gold: tuple[str, ...], question: str) -> bool:
    """Whether a clause tells of the answer only what wasn't asked: `the doll is on the floor` (she holds a cup)."""
    given, gold = tokens(clause), _trimmed(gold)
    if not gold or given[: len(gold)] != gold or given[len(gold) : len(gold) + 1] not in [(word,) for word in _COPULAS]:
        return False
    said = {root(word) for word in given[len(gold) + 1 :] if word not in FILLERS | _FRAME | EMPTY}
    return bool(said) and not said & {root(word) for word in tokens(question) if word not in EMPTY}


def _parts(text: str) -> list[str]:
    """A text, what it quotes, and its clauses."""
    quoted = ["".join(parts) for parts in _QUOTED.findall(text)]
    return [text, *quoted[:_MAX_CLAUSES], *_CLAUSE.split(_SOURCE.sub("", text))[:_MAX_CLAUSES]]


def _without_compound(text: str, accepted: str) -> str:
    """`the knife` for `the bread knife`, where "knife" is accepted: a compound is a kind of what it ends with."""
    given = words(text)
    gold = [word for word in words(accepted) if word not in ARTICLES]
    for end in range(2, len(given)):
        start = end - 1
        if given[end : end + len(gold)] != gold or not given[start].isalpha() or not given[start].isascii():
            continue
        if given[start] in _OTHER_KIND and not (given[start] == "paper" and gold[-1] in _OF_PAPER):
            continue
        if given[start] in ATTRIBUTES | BOUNDARY | EMPTY | _FRAME | FILLERS | DOUBT or is_description(given[start]):
            continue
        before = start - 1
        while before >= 0 and is_description(given[before]):
            before -= 1
        if before >= 0 and given[before] in ARTICLES:
            return " ".join(given[:start] + given[end:])
    return text


def _frame_roots(question: str) -> set[str]:
    return {root(word) for word in (*tokens(question), *FILLERS, *_FRAME, "no")}


def _uncontracted(given: Iterable[str]) -> list[str]:
    return [part for token in given for part in ([token[:-3], "not"] if token.endswith("n't") else [token])]


def _says(clause: str, gold: tuple[str, ...], question: str) -> bool:
    given, asked = tokens(clause), set(tokens(question)) - {"or"}
    if any(word.endswith("ing") for word in gold):  # "the cat sleeps" for sleeping
        forms = {root(token): token for token in gold}
        given = tuple(forms.get(root(token), token) for token in given)
    core = tuple(token for token in gold if token not in FILLERS and token not in chinese.FILLERS)
    if not core or not given:
        return given == gold
    if set(core) <= asked:
        return _is_part(given, gold, core, asked)
    dropped = (FILLERS | chinese.FILLERS | asked) - set(core)
    if tuple(token for token in given if token not in dropped) == core and (
        not NEGATIONS & set(core[:1]) or " ".join(core[:2]) in " ".join(given)
    ):  # "no candles on the cake" isn't "no cake"
        return True
    return (
        _is_the_number(given, gold)
        if all(map(is_number, gold))
        else (
            _frames(given, _trimmed(gold), asked)
            or describes_the_asked(given, gold, question)
            or any(_frames(part, _trimmed(gold), asked) for part in _coordinated(given, asked))
        )
    )


def _is_part(given: tuple[str, ...], gold: tuple[str, ...], core: tuple[str, ...], asked: set[str]) -> bool:
    """Whether the answer, made of the question's words, is all that is stated or the subject or predicate of it."""
    given = tuple(word for word in given if word in gold or word not in asked or not is_description(word))
    kept = [token for token in given if token not in FILLERS]
    if tuple(kept) == core:
        return True
    copula = next((index for index, token in enumerate(given) if token in ("is", "are", "was", "were")), None)
    if copula is None or DOUBT & set(_uncontracted(given)):
        return False
    subject, predicate = given[:copula], given[copula + 1 :]
    if not all(token in asked or token in FILLERS | _ANYTHING for token in given):
        return False
    return (subject == gold) != (predicate == gold)


def _is_the_number(given: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Whether a statement holds the accepted number, no other, and no doubt."""
    return tuple(filter(is_number, given)) == gold and not DOUBT & set(_uncontracted(given))


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
        while lead and (is_description(lead[-1]) or _joins_descriptions(lead, gold)):
            lead = lead[:-1]
        if (DOUBT & set(_uncontracted(lead + tail))) - asked:
            continue
        is_described = all(map(is_description, tail)) and not all(map(is_description, gold))  # "the wall white"
        if (is_described or _is_complete(tail, stems)) and (
            _is_frame(lead, stems | handling) or _is_predicated(lead, stems) or (not tail and _ends_chinese_lead(lead))
        ):
            return True
    return False


def _is_predicated(lead: tuple[str, ...], stems: set[str]) -> bool:
    """Whether a lead is a subject of the question's own with the question's verb: `the man with a hat is reading`."""
    content = [word for word in lead if word not in FILLERS | _FRAME and not is_description(word)]
    verb = lead
    while verb and verb[-1] in ("up", "at", "to", "toward"):
        verb = verb[:-1]
    ends = lead[-1:] and lead[-1] in _COPULAS or verb and _stem(verb[-1]) in stems - FUNCTION_WORDS - _COPULAS
    return bool(ends) and bool(content) and _stem(content[0]) in stems


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
    return [part for part in parts[:_MAX_CLAUSES] if len({_stem(word) for word in part} & stems) > 1]


def _joins_descriptions(lead: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Whether `big and` stands before an answer; before a colour no other colour, which answers as well."""
    if len(lead) < 2 or lead[-1] != "and" or not is_description(lead[-2]):
        return False
    return not all(map(is_description, gold)) or (set(gold) <= COLOURS and lead[-2] not in COLOURS)


def _is_frame(lead: tuple[str, ...], stems: set[str]) -> bool:
    return all(
        token in FILLERS or token in _FRAME or token in chinese.FILLERS or _stem(token) in stems for token in lead
    )


def _is_complete(tail: tuple[str, ...], stems: set[str]) -> bool:
    if all(token in _FRAME or token in FILLERS for token in tail):
        return True
    first = tail[0]
    if first.endswith("n't") and len(tail) == 1 and "not" in stems:
        return True  # "a bicycle doesn't" where it asks what doesn't
    is_participle = bool(_PARTICIPLE.fullmatch(first))
    return is_participle or first in BOUNDARY or first in chinese.FILLERS or _stem(first) in stems


def _ends_chinese_lead(lead: tuple[str, ...]) -> bool:
    """Whether a Chinese clause before its last words ends with a verb or particle, so that the object follows."""
    return bool(lead) and lead[-1] in _CHINESE_VERBS


def _trimmed(gold: tuple[str, ...]) -> tuple[str, ...]:
    """A phrase without the fillers at its ends."""
    kept = [index for index, token in enumerate(gold) if token not in FILLERS and token not in chinese.FILLERS]
    return gold[kept[0] : kept[-1] + 1] if kept else gold


def _stem(token: str) -> str:
    """A crude stem, so that "carries" and "carrying" are the same word of the question."""
    return token if len(token) < 4 else _DOUBLED.sub(r"\1", _ENDING.sub("", token))[:6]
