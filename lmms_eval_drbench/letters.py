"""Option letters in text: which of `A`, `(B)`, `**C**`, `A, C`, `Option B`, `B. a red mug` are letters, which are words.

Nothing here guesses: a text either states letters or it doesn't. The word "a" is an article unless it stands alone.
"""

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"[*_`~]+|\\(?:text|textbf|mathrm|mathbf|rm|bf)\b|[{}$]")
_WRAPPERS = "()[]<>\"'“”‘’«».,:;!。 \t\r\n-–•#"
_NOUN = r"(?:the\s+)?(?:options?|choices?|answers?|letters?)"
_JOIN = r"\s*(?:,\s*and\b|,|;|/|&|\+|、|\band\b|\n)\s*"
_ONE = rf"(?:{_NOUN}\s*)?[\"'(\[]{{0,2}}([A-Za-z])[\"')\].:]{{0,2}}"
_LIST = re.compile(rf"(?:both\s+)?{_ONE}(?:{_JOIN}{_ONE})*", re.IGNORECASE)
_LETTER = re.compile(r"\b([A-Za-z])\b")
_NOUN_ONLY = re.compile(rf"\b{_NOUN}\b", re.IGNORECASE)
_LED = re.compile(
    r"^\W{0,4}(?:option\s+)?[(\[]?([A-Za-z])(?:[)\].:](?=\s|$|[A-Za-z\"'])|\s*[-–—:]\s)\s*(.*)$", re.IGNORECASE
)
_START = re.compile(
    rf"\s*[:=]?\s*(?:both\s+)?(?:{_NOUN}\s*[:=]?\s*)?(?P<open>[\"'(\[]{{0,2}})(?P<letter>[A-Za-z])\b(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MORE = re.compile(rf"[\"')\].]{{0,2}}{_JOIN}(?:{_NOUN}\s*)?[\"'(\[]{{0,2}}([A-Z])(?![\w'])", re.IGNORECASE)
_AFTER_A = re.compile(r"\s*(?:$|[\"')\].,;:!?\n–—-]|(?:because|since|as|which|and)\b)", re.IGNORECASE)
_OR = re.compile(r"[\"')\].]{0,2},?\s*\bor\b\s+(?:option\s+)?[\"'(\[]{0,2}[A-Z](?![\w'])", re.IGNORECASE)


def strip_markup(text: str) -> str:
    """`text` without Markdown emphasis, LaTeX text commands and braces."""
    return _MARKUP.sub("", text)


def bare(text: str, valid: Sequence[str]) -> frozenset[str] | None:
    """The letters of a text that is nothing but letters: `A`, `(b)`, `A, C`, `A and C`, `Options A & C`, `AC`."""
    if len(text) > 200:
        return None
    text = strip_markup(text).strip(_WRAPPERS)
    if not text:
        return None
    if re.fullmatch(r"[A-Z]{2,8}", text) and list(text) == sorted(set(text)):
        return _checked(list(text), valid)
    matched = _LIST.fullmatch(text + ("" if text[-1].isalnum() else "."))
    if matched is None and re.fullmatch(r"(?:[A-Z]\s+)+[A-Z]", text):
        matched = True
    if matched is None:
        return None
    return _checked(_LETTER.findall(_NOUN_ONLY.sub(" ", _AND.sub(",", text))), valid)


_AND = re.compile(r"\b(?:and|both)\b", re.IGNORECASE)


def led(line: str) -> tuple[str, str] | None:
    """(letter, rest) of a line that starts like an option: `B. a red mug`, `(B) a red mug`, `B: ...`, `B - ...`."""
    match = _LED.match(strip_markup(line[:1000]).strip())
    return (match.group(1).upper(), match.group(2).strip()) if match else None


def leading(text: str, valid: Sequence[str]) -> frozenset[str] | None:
    """The letters that a payload such as `(C)`, `B. a red mug`, `A and C, because ...` starts with.

    A lone "A" counts only where no noun follows ("A red mug" is a phrase); "B or C" commits to nothing.
    """
    match = _START.match(strip_markup(text[:300]))
    if match is None:
        return None
    letter, rest = match.group("letter"), match.group("rest")
    marked = bool(match.group("open"))
    if not marked and letter in "Aa" and not _AFTER_A.match(rest):
        return None
    if not marked and letter.islower() and not re.match(r"\s*(?:$|[\"')\].,;:!?\n])", rest):
        return None
    if rest.startswith("'") and len(rest) > 1 and rest[1].isalpha():
        return None
    found = [letter]
    while more := _MORE.match(rest):
        following = rest[more.end() :]
        if more.group(1) in "Aa" and not _AFTER_A.match(following):
            break
        found.append(more.group(1))
        rest = following
    if _OR.match(rest):
        return None
    return _checked(found, valid)


def _checked(found: Sequence[str], valid: Sequence[str]) -> frozenset[str] | None:
    letters = {letter.upper() for letter in found}
    return frozenset(letters) if letters and letters <= set(valid) else None
