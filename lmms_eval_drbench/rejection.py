"""Does a text, in free words, say that what the question presumes is not there?

"There is no laptop", "no laptop is visible", "the image does not show a laptop" and "no such cart" reject the
premise of a question about that laptop or cart. "I cannot tell" rejects nothing, and neither does the absence of
something that the question never mentioned, or of an attribute ("the colour is not visible").
"""

import re
from collections.abc import Iterable

from lmms_eval_drbench.phrases import tokens, vocabulary

_SPAN = 500
"""Characters read: a rejection is a short statement, and the patterns are quadratic within a clause."""

_CLAUSE = re.compile(r"[.!?;,]\s|\n|\bbut\b|\bbecause\b")
_NOT = r"(?: not|n't)(?: actually)?"
_SEEN = r"(?:visible|present|shown|seen|depicted|pictured|there|in (?:the|this) (?:image|picture|photo|scene)|exist)"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bthere (?:is|are|was|were){_NOT}(?: any| an?)?(?P<what>.*)",
        r"\bthere(?:'s| is| are| was| were| appears? to be| seems? to be)(?: actually)? (?:no|none|zero)\b(?P<what>.*)",
        r"^\W*no (?P<what>.+)",
        r"\bno such (?P<what>.*)",
        rf"\b(?:do|does|did){_NOT} (?:show|contain|have|include|depict|feature|see)\b(?P<what>.*)",
        r"\b(?:can't|cannot|can not) see (?P<what>.*)",
        rf"(?P<what>.*?)\b(?:is|are|does|do|was|were){_NOT} {_SEEN}",
        r"(?P<what>.*?)\b(?:cannot|can not|can't|could not|couldn't) be (?:seen|found)",
    )
]
_PHRASE_END = re.compile(
    r"\b(?:of|to|that|which|who|on|in|at|with|for|from|by|is|are|was|were|can|could|appears?|exists?)\b", re.IGNORECASE
)
_GENERIC = frozenset(vocabulary("such one any it they this thing object item visible present shown here there"))
_FUNCTION = frozenset(
    vocabulary(
        "is are was were be been in on of at to for with and or by from which what who where when how many much do "
        "does that these those its no not can see some image picture photo scene"
    )
)
_ATTRIBUTES = frozenset(
    vocabulary("color brand size shape number material type kind direction position text word name logo pattern")
)


def rejects(text: str, question: str, reject_answers: Iterable[str] = ()) -> bool:
    """Whether `text` denies that something named in `question` (or in the rejecting answers) is in the image."""
    about = _named(question).union(*(_named(answer) for answer in reject_answers)) - _ATTRIBUTES - _GENERIC
    for clause in _CLAUSE.split(text[:_SPAN].replace("\u2019", "'")):
        for pattern in _PATTERNS:
            match = pattern.search(clause)
            if match and _denies(match.group("what"), about):
                return True
    return False


def _denies(what: str, about: set[str]) -> bool:
    """Whether a denied noun phrase (up to its first preposition or verb) is one of the things asked about."""
    named = _named(_PHRASE_END.split(what.strip(), maxsplit=1)[0])
    return not (named - _GENERIC) or bool(named & about)


def _named(text: str) -> set[str]:
    return {token for token in tokens(text) if token not in _FUNCTION}
