"""What a text says is missing: `the keys are missing`, `it has no keys`, `it lacks its keys` all say the same."""

import re

from lmms_eval_drbench.answers.phrases import root, tokens

_SPAN = 300
_DETERMINERS = r"(?:\s(?:any|its|their|his|her|the|an?))*"
_LACKS = r"\b(?:lacks?|lacking|without|missing|no|(?:does|do)(?:n't| not) have)"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_LACKS}{_DETERMINERS}\s(?P<what>\w[\w -]{{0,40}})",
        r"(?P<what>\w[\w' -]{0,40}?)\s(?:is|are|was|were)?\s?(?:completely |all )?(?:missing|absent|gone)\W*$",
    )
]
_END = re.compile(
    r"\s(?:in|on|at|of|from|with|and|or|is|are|that|which|why|how|whether|where|\w+ing)\b.*", re.IGNORECASE
)
_EMPTY = frozenset(tokens("it its their his her all any of that is are"))


def absent(text: str) -> frozenset[str]:
    """The stemmed words of the first thing that a text says is missing; empty where it says of nothing that it is."""
    for pattern in _PATTERNS:
        match = pattern.search(text[:_SPAN])
        if match:
            found = {root(word) for word in tokens(_END.sub("", match.group("what"))) if word not in _EMPTY}
            if found:
                return frozenset(found)
    return frozenset()
