"""Yes or no, said or implied: `Is the shop open?` is answered by "yes", "it is", "the shop is closed"."""

import re

from lmms_eval_drbench.answers.asked import asking
from lmms_eval_drbench.answers.phrases import ANTONYMS, PLACES, negates, root, tokens

_ASKS = re.compile(r"\s*(?:is|are|was|were|do|does|did|can|could|has|have|will|would)\b", re.IGNORECASE)
_ASKS_FOR_EXISTENCE = re.compile(
    r"\s*(?:(?:is|are|was|were)\s+there|(?:can|do|could)\s+(?:you|we|i)\s+see|"
    r"(?:does|do)\s+(?:the|this)\s+(?:image|picture|photo|scene)\s+(?:show|contain|have|include))\b",
    re.IGNORECASE,
)
PREFIX = re.compile(
    r"\W*(yes|no|yeah|yep|nope|correct|true|false|indeed|是的?|对|不是|不|否|没有)(?!\w)\s*(?:[,.;:!–—-]|$)\s*",
    re.IGNORECASE,
)
_ASKS_IF_SOUND = re.compile(
    r"\s*(?:is|are|was|were)\s(?:the|this|that|these|those)\s\w+\s(?:correct|accurate|right|true)\W*$", re.IGNORECASE
)
_ASKS_FOR_FAULT = re.compile(
    r"\b(?:is|are|was|were)\s(?:there\s)?(?:an?\s|any\s)?(?:anything\s|something\s|the\s\w+\s)?(?:mistakes?|mistaken|errors?|wrong|odd|strange|unusual|"
    r"incorrect|false|inaccura\w+)\b|\b(?:does|do)\s(?:any|some)thing\s(?:seem|look|appear)\s(?:to be\s)?(?:wrong|odd|"
    r"strange|unusual)\b|\b(?:does|do)\s[^?]{1,60}\s(?:contain|have)\s(?:an?\s|any\s)?(?:mistakes?|errors?)\b",
    re.IGNORECASE,
)
_FAULT = re.compile(
    r"\b(?:mistaken?|error|wrong|odd|strange|unusual|incorrect|false|inaccura\w+|untrue|contradict\w*|mismatch\w*|disagree\w*)s?\b",
    re.IGNORECASE,
)
_SOUND = re.compile(
    r"\b(?:match(?:es)?|agrees?|consistent|normal|fine|intact|"
    r"(?:is|are|all|everything)\sright(?=\W*$|\sabout)|"
    r"(?:is|are|was|were|be|it's|that's)\s(?:\w+\s){0,2}(?:correct|accurate|true))\b|"
    r"\b(?:correct|accurate|true)(?=\W*$|\W*,|\s(?:about|in|as|for|and|with)\b)",
    re.IGNORECASE,
)
"""What calls something right: `is correct`, `an accurate one`, but not `the correct order is ...`."""
_PART = re.compile(
    r"\W*(?:and\s)?(?:the|its)\s(?:colou?rs?|counts?|numbers?|positions?|places?|order|names?|shapes?|sizes?|others?)\b",
    re.IGNORECASE,
)
"""What a description may have right beside a mistake."""
_REST = frozenset(tokens("rest other others else otherwise remaining"))
_NO = frozenset({"no", "nope", "false", "不是", "不", "否", "没有"})
_CLAUSE = re.compile(
    r"[.;:!?]\s|[.;:!?]$|\n|,\s+(?:so|because|since|but|while|it|they)\b|\b(?:because|since|but|while)\b"
)
_EMPTY = frozenset(
    tokens(
        "is are was were be it its it's that that's this there there's they they're he he's she she's in on at of to "
        "by with from has have do does did can could will would any some i we think believe appear seem look so like "
        "see visible image picture photo scene something anything nothing "
        "somebody anybody nobody here currently actually indeed clearly or and as be"
    )
)
_PREPOSITIONS = frozenset(tokens("in on at of to by with from near next behind under above between along inside for"))
_PLACE = re.compile(
    r"(?<=\w\w)\s(?:at|in|on|near|by|behind|beside|under|to|of)\sthe\s(?!left|right)\w+(?=\s\w)", re.IGNORECASE
)
"""Where the thing of a question is."""
_NO_DOUBT = re.compile(r"\b(?:there is )?(?:no|without(?: a| any)?) doubt,?\s", re.IGNORECASE)
_PICTURE = re.compile(r"\b(?:in|of)\s(?:the|this)\s(?:image|picture|photo|scene)\b", re.IGNORECASE)
_RELATIONS = frozenset(tokens("in on under over left right front behind next between outside")) | PLACES.keys()
_DOUBT = frozenset(tokens("or if whether maybe perhaps might unclear"))


def asks_yes_no(question: str) -> bool:
    return bool(_ASKS.match(question)) and "or" not in tokens(question)


def stated(text: str) -> str | None:
    """The `yes` or `no` that a text starts with."""
    prefix = PREFIX.match(text)
    return None if prefix is None else "no" if prefix.group(1).lower() in _NO else "yes"


def judged(text: str, question: str) -> str | None:
    """`no` for `Yes, the description is correct` where it asks whether there is a mistake: what is called so counts."""
    if not _ASKS_FOR_FAULT.search(asking(question)) or not (prefix := PREFIX.match(text)):
        return None
    has_fault = _has_fault(text[prefix.end() :])
    return None if has_fault is None else "yes" if has_fault else "no"


def implied(text: str, question: str) -> str | None:
    """`yes` for a statement of what was asked, `no` for its denial or its opposite, None for anything else.

    Where it asks whether something is there, the thing itself must be named, and nothing of where it is.
    """
    question, text = asking(question), _NO_DOUBT.sub("", text)
    if _ASKS_FOR_FAULT.search(question) and (has_fault := _has_fault(text)) is not None:
        return "yes" if has_fault else "no"
    if _ASKS_IF_SOUND.match(question) and (has_fault := _has_fault(text)) is not None:
        return "no" if has_fault else "yes"
    shorter = _PLACE.sub("", question)
    if shorter != question and not _content(_PLACE.search(question).group()) & _content(text):
        question = shorter
    existence = _ASKS_FOR_EXISTENCE.match(question)
    asked = _thing(question[existence.end() :]) if existence else _content(question)
    if existence and tokens(text) == ("none",):
        return "no"
    if existence and tokens(text)[:1] == ("there",) and not _content(text):
        return "no" if any(map(negates, tokens(text))) else "yes"
    for clause in _CLAUSE.split(text):
        given = tokens(clause)
        if not given or _DOUBT & set(given):
            continue
        said = _content(clause)
        negated = any(map(negates, given)) or given[0] in ("nothing", "nobody")
        opposite = {root(other) for word in given for other in ANTONYMS.get(word, ())} & asked - said
        is_whole = bool(asked) and asked <= said | opposite
        is_echo = said <= asked and not opposite and not existence
        if not existence and is_whole and _is_other_place(clause, question):
            continue
        if "than" in tokens(question):
            if "than" in given and is_whole:
                order = [root(word) for word in given if root(word) in asked]
                is_turned = bool(order) and order[0] != next(root(w) for w in tokens(question) if root(w) in asked)
                return "no" if negated != (bool(opposite) != is_turned) else "yes"
            if not is_echo or said:
                continue
        if is_whole or is_echo:
            return "no" if negated != bool(opposite) else "yes"
    return None


def _is_other_place(clause: str, question: str) -> bool:
    """Whether a clause tells of the question's things another place or the converse: `The mug is under the table`."""
    given, asked = (_PICTURE.sub("", text) for text in (clause, question))
    before, place, after = _around_place(asked)
    if place is None:
        return False
    said_before, said, said_after = _around_place(given, place)
    if said is None:
        return _around_place(given)[1] is not None
    return bool((after - before) & said_before and (before - after) & said_after)


def _around_place(text: str, place: str | None = None) -> tuple[set[str], str | None, set[str]]:
    """(content words before a word of place, that word, content words after it); nothing after "on" in "it is on"."""
    given = tokens(text)
    for index, word in enumerate(given[:-1]):
        said = PLACES.get(word, word)
        if word in _RELATIONS and (said == place or place is None):
            return _content(" ".join(given[:index])), said, _content(" ".join(given[index + 1 :]))
    return set(), None, set()


def _has_fault(text: str) -> bool | None:
    """Whether the last clause that calls something wrong or right calls it wrong; of `the rest` it tells nothing.

    "The colour is wrong, but the count is right" finds a fault, "it looks wrong, but the caption is right" doesn't.
    """
    clauses = _CLAUSE.split(text)
    for index, clause in reversed(list(enumerate(clauses))):
        given = tokens(clause)
        is_fault = bool(_FAULT.search(clause))
        is_sound = not is_fault and _SOUND.search(clause)
        if _DOUBT & set(given) or not (is_fault or is_sound) or (is_sound and _REST & set(given)):
            continue
        negated = any((negates(word) and word != "without") or word == "nothing" for word in given)
        if is_sound and not negated and _PART.match(clause) and _has_fault(" . ".join(clauses[:index])):
            return True
        return is_fault != negated
    return None


def _content(text: str) -> set[str]:
    given = tokens(text)
    switched = set(given[-1:]) & {"on", "off"}
    return switched | {root(word) for word in given if word not in _EMPTY and not negates(word)}


def _thing(rest: str) -> set[str]:
    """The thing that "Are there any visible signs indicating ... on ...?" asks for: its words before a preposition."""
    found: list[str] = []
    for word in tokens(rest):
        if found and (word in _PREPOSITIONS or word.endswith("ing") or word in ("that", "which", "who")):
            break
        if word not in _EMPTY:
            found.append(word)
    return {root(word) for word in found[-1:]} if len(found) > 2 else {root(word) for word in found}
