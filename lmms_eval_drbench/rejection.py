"""Does a text, in free words, say that what the question presumes is not there?

"There is no laptop", "no laptop is visible", "the image does not show a laptop" and "no such cart" reject the
premise of a question about that laptop or cart. "I cannot tell" rejects nothing, and neither does the absence of
something the question never mentioned.
"""

import re
from collections.abc import Iterable

from lmms_eval_drbench.phrases import tokens

_SPAN = 2000
"""Characters read; a rejection is a short statement."""

_APART = re.compile(r"[.!?;,]\s|\n|\bbut\b|\bbecause\b")
_SEEN = r"(?:visible|present|shown|seen|depicted|pictured|there|in (?:the|this) (?:image|picture|photo|scene)|exist\w*)"
_NOT = r"(?:not|n't|never|cannot)"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bthere (?:is|are|was|were|'s|appears? to be|seems? to be)(?: {_NOT}|n't)(?: actually)?(?: any| an?)?(?P<what>[^.]*)",
        r"\bthere (?:is|are|was|were|appears? to be|seems? to be) (?:actually )?(?:no|none|zero)\b(?P<what>[^.]*)",
        r"\bthere'?s no\b(?P<what>[^.]*)",
        rf"^\W*no (?P<what>[^.]*?)\b(?:is|are|can be|was|were|appears?|exists?)\b[^.]*?(?:{_SEEN})?",
        r"\bno such (?P<what>[^.]*)",
        r"\b(?:do|does|did)(?: not|n't) (?:actually )?(?:show|contain|have|include|depict|feature|see)\b(?P<what>[^.]*)",
        r"\b(?:can't|cannot|can not|don't|do not) see (?P<what>[^.]*)",
        rf"(?P<what>[^.]*?)\b(?:is|are|does|do|was|were)(?: not|n't)(?: actually)? {_SEEN}",
        r"(?P<what>[^.]*?)\b(?:can ?not|can't|could not|couldn't) be (?:seen|found)",
    )
]
_GENERIC = frozenset(
    "such one any it they that this thing object item image picture photo scene there visible present shown".split()
)
_FUNCTION = frozenset(
    "is are was were be been in on of at to for with and or by from which what who where when how many much do does "
    "that this these those there it its they no not can see any some".split()
)


def rejects(text: str, question: str, reject_answers: Iterable[str] = ()) -> bool:
    """Whether `text` denies that something named in `question` (or in the rejecting answers) is in the image."""
    head = text[:_SPAN].replace("\u2019", "'")
    about = _content(question).union(*(_content(answer) for answer in reject_answers))
    for clause in _APART.split(head):
        for pattern in _PATTERNS:
            match = pattern.search(clause)
            if match and _denied(match.group("what"), about):
                return True
    return False


def _denied(what: str, about: set[str]) -> bool:
    named = {token for token in tokens(what) if token not in _FUNCTION}
    return not (named - _GENERIC) or bool(named & about)


def _content(text: str) -> set[str]:
    return {token for token in tokens(text) if token not in _FUNCTION and token not in _GENERIC}
