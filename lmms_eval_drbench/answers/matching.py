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
from lmms_eval_drbench.answers.descriptions import COLOURS, is_description
from lmms_eval_drbench.answers.phrases import (
    ARTICLES,
    ATTRIBUTES,
    NEGATIONS,
    root,
    tokens,
    words,
)
from lmms_eval_drbench.answers.quantities import agree, quantity
from lmms_eval_drbench.answers.saying import COPULAS, FRAME, says, trimmed

_MAX_TEXT = 1000
_MAX_CLAUSES = 20

_CLAUSE = re.compile(
    rf"[;:!?\n]|,(?=\s*[a-z]*\s*[{chinese.CHARACTER}])|\s\((?!or\b)|\s=\s|\.(?=\s|$)|\s[–—-]\s|"
    r",?\s+\b(?:because|since|but|while|whereas|so)\b|"
    r",\s+(?:as|which|and|with|most likely|likely|probably|presumably|apparently|possibly|perhaps|maybe|namely|"
    r"specifically)\b",
    re.IGNORECASE,
)
_CONTRASTED = re.compile(
    r"(?:,\s+(?:and\s+)?not|\s(?:rather than|instead of))\b[^,.;\n]{0,100}|(?<=\w),\s?而?不是[^,.;\n]{0,40}",
    re.IGNORECASE,
)
"""`, not blue`: what an answer is set apart from."""
_NOT_BUT = re.compile(
    r"^\W*不是[^,;.\n]{1,40}[,;]\s?而?(?=是)|^\W*not\b[^.,;\n]{1,100}[,;.]\s+(?:but\s|it's\s|rather\s)?", re.IGNORECASE
)
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
_HAVING = re.compile(r"\b(?:holding|carrying|wearing|pushing|walking|riding)\b", re.IGNORECASE)
_GENITIVE = re.compile(r"\b(\w+)'s (\w+)\b")
_OWNER = re.compile(r"(?<=\s)\w+'s\s(?=\w)")
_ENUMERATED = re.compile(
    r"\w,\s(?:an?|the|some|two|three)\s[^,.;:]{1,40},\sand\s(?:an?|the|some|two|three)\s", re.IGNORECASE
)
_FILLED = re.compile(
    r"\b(rack|jar|bowl|box|bag|basket|cup|glass|bottle|vase|plate|pot|tray|bucket|crate|pile|stack)\s"
    r"(?:(?:full|filled|packed) (?:of|with)|containing|holding|with)(?:\s(?:several|some|many|a few))?\b",
    re.IGNORECASE,
)


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
    if _is_shorter(tokens(text), gold) or _is_reworded(tokens(text), gold):
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
    if len(gold) > 1 and "".join(gold) in tokens(text):  # a stepladder
        text = re.sub(rf"\b{''.join(gold)}s?\b", " ".join(gold), text, flags=re.IGNORECASE)
    if {"and"} < set(gold) <= COLOURS | {"and"}:
        said = set(tokens(text))
        return said & COLOURS == set(gold) & COLOURS and not said & DOUBT
    if "with" in gold:
        text = _HAVING.sub("with", text)
    if "of" in gold:
        text = _GENITIVE.sub(r"\2 of the \1", _FILLED.sub(r"\1 of", text))
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
                says(part, gold, question) for part in (*_parts(text), *counts.statements(text, asked_thing(question)))
            )
        )
    parts = _parts(text)
    telling = [part for part in parts[1:] if not _strays(part, gold, question)]
    is_one = len(parts) <= 2 or len(telling) == len(parts) - 1
    parts = parts if is_one else telling
    if (shortened := _without_appositions(text, question)) != text:
        parts = [*parts, shortened]
    if (owned := _OWNER.sub("", text)) != text:  # "the bar's happy hour"
        parts = [*parts, owned]
    return any(says(part, gold, question) for part in parts)


def _is_shorter(given: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Whether `insulated bag` is an accepted phrase, "insulated food bag", without a word in its middle."""
    is_named = len(given) > 1 and given[:1] == gold[:1] and given[-1:] == gold[-1:] and not is_number(given[0])
    rest = iter(gold)
    return is_named and given[0].isascii() and all(word in rest for word in given)


def _is_reworded(given: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Whether two phrases have the same words in another form: `stacked clay pots`, "a stack of clay pots"."""
    one, other = (sorted(root(word) for word in phrase if word not in EMPTY) for phrase in (given, gold))
    is_phrase = len(one) > 2 or (len(one) == 2 and "of" in {*given, *gold})
    return is_phrase and one == other and not NEGATIONS & {*given, *gold}


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
    given, gold = tokens(clause), trimmed(gold)
    start = given.index(gold[0]) if gold and gold[0] in given[:3] else 0
    if not set(given[:start]) & (BOUNDARY | COPULAS | FILLERS):  # "the desk [lamp] is farther away"
        given = given[start:]
    if not gold or given[: len(gold)] != gold or given[len(gold) : len(gold) + 1] not in [(word,) for word in COPULAS]:
        return False
    said = {root(word) for word in given[len(gold) + 1 :] if word not in FILLERS | FRAME | EMPTY}
    return bool(said) and not said & {root(word) for word in tokens(question) if word not in EMPTY}


def _parts(text: str) -> list[str]:
    """A text, what it quotes, and its clauses."""
    if _ENUMERATED.search(text):  # "bananas, a carton, and a bag of oranges" is more than one of them
        return [text]
    quoted = ["".join(parts) for parts in _QUOTED.findall(text)]
    return [text, *quoted[:_MAX_CLAUSES], *_CLAUSE.split(_SOURCE.sub("", text))[:_MAX_CLAUSES]]


def _without_compound(text: str, accepted: str) -> str:
    """`the knife` for `the bread knife`, where "knife" is accepted: a compound is a kind of what it ends with."""
    given = words(text)
    gold = [word for word in words(accepted) if word not in ARTICLES]
    for end in range(1, len(given)):
        start = end - 1
        if given[end : end + len(gold)] != gold or not given[start].isalpha() or not given[start].isascii():
            continue
        if given[start] in _OTHER_KIND and not (given[start] == "paper" and gold[-1] in _OF_PAPER):
            continue
        if given[start] == "table" and gold == ["tennis"]:
            continue
        if given[start] in ATTRIBUTES | BOUNDARY | EMPTY | FRAME | FILLERS | DOUBT or is_description(given[start]):
            continue
        before = start - 1
        while before >= 0 and is_description(given[before]):
            before -= 1
        if before >= 0 and given[before] in ARTICLES or (start == 0 and end + len(gold) == len(given)):
            return " ".join(given[:start] + given[end:])
    return text


def _frame_roots(question: str) -> set[str]:
    return {root(word) for word in (*tokens(question), *FILLERS, *FRAME, "no")}
