"""Running text taken apart: declarations ("the answer is ..."), sentences, conclusions, refusals."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_DECLARATIONS = 50
"""Declarations looked at, from the end of a text."""

_REACH = 600
"""Characters that a declaration's text may take."""
_DECLARED = re.compile(
    r"\b(?:(?:final|correct|right|best|my)\s+(?:answer|option|choice)s?|answers?|(?:correct|right|best)\s+ones?)\b"
    r"[*_`\"'\s]*(?:(?:would|should|must|will)\s+be|is|are|was|=|:|[-–—](?=\s)|\u2192)[*_`\s]*:?"
    r"|\b(?:selected|selection|choice|option)\s*[:=]"
    r"|\bi(?:'d|\s+would|\s+will|'ll)?\s+(?:choose|pick|select|go\s+with|answer|say)\b"
    r"|\b(?:so|thus|hence|therefore),?\s+(?:it\s+is|it's|that\s+is|that's)?"
    r"|\b(?:it\s+is|it's|it\s+must\s+be|this\s+is|that\s+is)\b",
    re.IGNORECASE,
)
_STRONG = re.compile(r"answer|option|choice|correct|selected|selection|choose|pick|select|go\s+with|say", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:cannot|can't|can not|do not|don't) (?:determine|tell|answer|know|"
    r"help|assist|provide)|as an ai\b|cannot be determined|unable to (?:determine|answer|tell|see)|"
    r"not enough information|i apologi[sz]e)",
    re.IGNORECASE,
)
# A full stop ends a sentence after a word of two letters or more: "U.S. flag" and "St. Mary" stay whole.
# After an option's letter it ends one where an explanation starts: "A and C. The bowl ...", but not "C. Spoon".
_SENTENCE_END = re.compile(
    r"(?<=[a-z0-9)\"'*\]][a-z0-9)\"'*\]][.!?])\s+(?=[A-Z\"(*])"
    r"|(?<=[A-Z]\.)\s+(?=(?:Options?|The|This|It|Because|Since|However|In|They|These|There|Both|All|Explanation)\b)"
)
_CONCLUDING = re.compile(r"\W*(?:so|thus|hence|therefore|finally|in conclusion|overall)\b[,:]?\s*", re.IGNORECASE)


class Declaration(NamedTuple):
    """What a text declares. strong: as its answer; otherwise only as something that is so ("it is ...").

    lines: the declared text, from the rest of the declaration's line (or the next line when nothing follows) to the
    end of its paragraph; never empty, but possibly one empty line.
    """

    position: int
    strong: bool
    lines: list[str]


def declarations(text: str) -> Iterator[Declaration]:
    """The declarations of a text, last one first."""
    for match in reversed(list(_DECLARED.finditer(text))[-MAX_DECLARATIONS:]):
        yield Declaration(match.start(), bool(_STRONG.search(match.group())), _declared_lines(text, match.end()))


def _declared_lines(text: str, start: int) -> list[str]:
    rest = text[start : start + _REACH].lstrip(' \t*_`:"\r\n')
    return paragraphs(rest)[0] if rest else [""]


def paragraphs(text: str) -> list[list[str]]:
    """The lines of a text, grouped by the blank lines between them."""
    groups: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            groups[-1].append(line.strip())
        elif groups[-1]:
            groups.append([])
    return [group for group in groups if group]


def sentences(text: str) -> list[str]:
    """The sentences of a text, lines apart."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" \t*_#`")]
    return [sentence for line in lines for sentence in _SENTENCE_END.split(line)]


def first_sentence(line: str) -> str:
    return _SENTENCE_END.split(line, maxsplit=1)[0]


def is_conclusion(sentence: str) -> bool:
    """Whether a sentence starts with "so", "therefore" and the like."""
    return bool(_CONCLUDING.match(sentence))


def without_connective(sentence: str) -> str:
    """`it is black` for `So, it is black`."""
    return _CONCLUDING.sub("", sentence, count=1)


def is_refusal(text: str) -> bool:
    """Whether a text declines to answer."""
    return bool(_REFUSAL.search(text))
