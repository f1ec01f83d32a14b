"""Option letters in text: `A`, `(B)`, `**C**`, `A, C`, `Option B`, `B. a red mug`; which single letters are words.

Nothing here guesses: a text either states letters or it doesn't. The word "a" is an article unless it stands alone.
"""

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"[*_`~]+|</?(?:b|i|u|p|strong|em|br|span)\s?/?>|\\(?:text|textbf|mathrm|mathbf|rm|bf)\b|\\?[{}$]")
_LOOSE = re.compile(r"([(\[])\s{0,3}([A-Za-z])\s{0,3}([)\]])")
_BULLET = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)])\s+", re.MULTILINE)
_HEDGE = re.compile(
    r"^(?:probably|perhaps|maybe|possibly|choose|select|pick|"
    r"most likely|likely|definitely|without doubt|surely|certainly|"
    r"only|just|i think|i guess)\s+|\s+only\W*$|"
    r",?\s+(?:i (?:think|believe|guess|suppose)|for sure|obviously|probably|clearly|of course|no doubt|"
    r"without (?:a|any) doubt|\d{1,3}\s?% (?:sure|confident|certain))\W*$",
    re.IGNORECASE,
)
_WRAPPERS = "()[]<>\"'“”‘’«».,:;!?。 \t\r\n-–•#=→⇒➡👉✅✔✓☑\ufe0f【】"

_NOUN = r"(?:the\s{1,3})?(?:answer\s)?(?:options?|choices?|answers?|letters?|statements?)"
_OPEN = r"[\"'(\[]{0,2}"
_CLOSE = r"[\"')\]]{0,2}"
_JOIN = (
    r"\s{0,3}(?:,\s{0,3}and\b|,|;|/|&|\+|、|\band\b|(?:,\s)?\b(?:as well as|(?:along|together) with|plus)\b|\n)\s{0,3}"
)
_ONE = rf"(?:{_NOUN}\s{{0,3}})?{_OPEN}[A-Z](?![\w']){_CLOSE}"
"""One letter, possibly as `option B` or `(B)`. White space is bounded: unbounded, it would be quadratic."""
_MANY = rf"{_ONE}(?:{_JOIN}{_ONE}){{0,7}}"

_WHOLE = re.compile(rf"(?:both\s+)?{_ONE}(?:[.:]?{_JOIN}{_ONE})*[.:]?", re.IGNORECASE)
_SPACED = re.compile(r"(?:[A-Z]\s+)+[A-Z]")
_GLUED = re.compile(r"[A-Z]{2,8}")
_NOT_LETTERS = re.compile(rf"\b(?:and|both|as well as|along with|together with|plus)\b|\b{_NOUN}\b", re.IGNORECASE)
_LETTER = re.compile(r"\b([A-Za-z])\b")
_LED = re.compile(
    r"^\W{0,4}(?:\d{1,2}[.)]\s{1,3}\W{0,2})?(?:option\s+)?[(\[]?([A-Za-z])(?:[)\].:](?=\s|$|[A-Za-z\"'])|"
    r"\s[-–—:]\s)\s*(.*)$",
    re.IGNORECASE,
)
_REASONED = re.compile(r"\W{0,4}[A-Z]\W{0,4}\s(?:because|since|as(?! well))\b")
_SURELY = r"(?:\s(?:clearly|definitely|most likely|likely|probably|therefore|thus|indeed|also|both|all))?"
_SUBJECT = re.compile(
    rf"(?<![\w'])(?P<letters>{_MANY})\s{{1,3}}(?:(?:is|are|must\s+be|would\s+be|should\s+be|has\s+to\s+be|"
    rf"seems?(?:\s+to\s+be)?|"
    rf"appears?(?:\s+to\s+be)?|looks?|remains?(?:\s+as)?){_SURELY}\s{{1,3}}(?:both\s+|all\s+)?(?:the\s+|"
    rf"my\s+)?(?:only\s+|single\s+)?"
    r"(?:correct|right|best|true\b|accurate|(?:most|more)\s+(?:likely|appropriate|suitable|plausible|accurate|"
    r"reasonable|fitting)|"
    r"(?:final\s+)?(?:answers?|choices?|pick)\b)|"
    r"(?:best|correctly|accurately|perfectly)\s+(?:describes?|matche?s?|fits?|answers?|represents?|reflects?)\b|"
    r"(?:describes?|match(?:es)?|represents?|answers?)\s+(?:\w+\s+){1,3}(?:best|correctly|accurately|perfectly)\b|"
    r"(?:fits?|match(?:es)?)\s+(?:the\s+\w+\s+)?(?:best|perfectly)|makes?\s+(?:the\s+most\s+)?sense|"
    r"it\s+is(?=\W*(?:$|\n))|"
    r"remains?(?=\W*(?:$|\n)))"
)
_UNDECIDED = re.compile(
    r"\b(?:if|whether|why|not|neither|nor|unless|either|none of|neither of)\s+(?:option\s+)?[(\[]?$", re.IGNORECASE
)
_PREDICATE = re.compile(
    rf"(?:^|[,;:]\s{{0,3}}|\b(?:is|are|be|in|as|by|with|to|for|on|at|under|called|option|namely)\s{{1,3}}|"
    rf"\s(?=[(\[]))(?P<letters>{_MANY})[.!]?\s*$"
)
_RANGE = re.compile(r"\W*[A-H]\s(?:to|through|or)\s")
_NOT_BUT = re.compile(
    r"^\W{0,4}(?:n't|not|neither)\s+(?P<denied>[^.!?\n]{1,120}?)(?:[,;]?\s*(?:\b(?:but|instead)\b|[—–])(?:\s+(?:rather|"
    r"instead))?|[.;,](?=\s+[A-H]\W*$))"
    r"(?:\s+(?:it\s+is|it's|is|both))?[\s:]*(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ADVERB = re.compile(
    r"^(?:actually|most likely|probably|likely|clearly|definitely|in fact|really|simply|therefore|thus|only|"
    r"just)\b,?\s+",
    re.IGNORECASE,
)
_NOT = re.compile(r"^\W{0,4}(?:n't|not)\s+(?P<denied>.*)$", re.IGNORECASE | re.DOTALL)
_WRONG = re.compile(
    rf"\W{{0,4}}(?P<letters>{_MANY})\s{{1,3}}(?:is|are|was|were|can|does|do)(?:n't|\s+not)?\s+(?:actually\s+|also\s+)?"
    r"(?:(?<=not\s)(?:correct|right|it|the)|(?<=n't\s)(?:correct|right|it|the)|wrong|incorrect|false)\b"
)
_CALLED_WRONG = re.compile(rf"(?<![\w']){_WRONG.pattern.removeprefix(chr(92) + 'W{0,4}')}")
_CALLED_TRUE = re.compile(
    rf"(?:[Oo]nly\s)?{_MANY}\s{{1,3}}(?:is|are){_SURELY}\s(?:both\s|all\s)?(?:true|accurate|correct|right)\b"
    r"(?!\s(?:answers?|choices?|options?|ones?)\b)"
)
_ONLY = re.compile(
    rf"\b[Oo]nly\s(?P<letters>{_MANY})\s{{1,3}}(?:is|are|can|could|has|have|does|do|would|shows?|works?|fits?|"
    rf"match(?:es)?|remains?)\b"
    r"(?!\s+(?:wrong|incorrect|false|not|ruled|excluded|out of the question)\b|n't)"
)
_ONLY_WRONG = re.compile(
    rf"\b[Oo]nly\s(?P<letters>{_MANY})\s{{1,3}}(?:(?:is|are|does|do)(?:n't|\snot)\b|"
    rf"(?:is|are)\s(?:wrong|incorrect|false|untrue)\b|contradicts?\b)"
)
_START = re.compile(
    rf"\s*[:=]?\s*(?:both\s+)?(?:{_NOUN}\s*[:=]?\s*)?(?P<open>{_OPEN})(?P<letter>[A-Za-z])\b(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MORE = re.compile(rf"[\"')\].]{{0,2}}{_JOIN}(?:{_NOUN}\s*)?{_OPEN}(?P<letter>[A-Z])(?![\w'])", re.IGNORECASE)
_OR = re.compile(rf"[\"')\].]{{0,2}},?\s*\bor\b\s+(?:option\s+)?{_OPEN}[A-Z](?![\w'])", re.IGNORECASE)
_MARKED = re.compile(r"(?:^|(?<=[\s(\[,/]))(A[).:\]]|A(?=,|$)|[B-HJ-Z])(?=[\s).,:;\]'!?]|$)")
_AFTER_ARTICLE_LIKE = re.compile(r"[\"']|\s*(?:$|[)\].,;:!?\n–—-]|(?:because|since|as|which|and|or)\b)", re.IGNORECASE)
_AFTER_LOWER = re.compile(r"\s*$|\s*[)\].,;:!?\n]|[\"']")


def strip_markup(text: str) -> str:
    """`text` without Markdown emphasis, LaTeX text commands and braces."""
    return _MARKUP.sub("", text)


def without_bullet(line: str) -> str:
    return _BULLET.sub("", line)


def tighten(text: str) -> str:
    """`( A )` as `(A)`."""
    return _LOOSE.sub(r"\1\2\3", text)


def bare(text: str, valid: Sequence[str]) -> frozenset[str] | None:
    """The letters of a text that is nothing but letters: `A`, `(b)`, `A, C`, `A and C`, `Options A & C`, `AC`."""
    if len(text) > 200:
        return None
    text = re.sub(r"(?<=\b[A-H])and(?=[A-H]\b)", " and ", text)
    text = re.sub(r"\band (?:probably|also|likely) (?=[A-H]\b)", "and ", text)
    text = re.sub(
        r"(?<=\b[A-H])-(?=[A-H]-[A-H]\b)|(?<=\b[A-H]-[A-H])-(?=[A-H]\b)", ", ", re.sub(r"\)\s{0,3}\(", "), (", text)
    )
    text = _HEDGE.sub("", strip_markup(_BULLET.sub("", text)).strip(_WRAPPERS)).strip(_WRAPPERS)
    if _GLUED.fullmatch(text):  # in order and without repeats, or it is a word
        return _checked(text, valid) if list(text) == sorted(set(text)) else None
    return _all_letters(text, valid) if _WHOLE.fullmatch(text) or _SPACED.fullmatch(text) else None


def led(line: str) -> tuple[str, str] | None:
    """(letter, rest) of a line that starts like an option: `B. a red mug`, `(B) a red mug`, `B: ...`, `B - ...`."""
    match = _LED.match(strip_markup(line[:1000]).strip())
    return (match.group(1).upper(), match.group(2).strip()) if match else None


def is_reasoned(line: str) -> bool:
    """Whether a line starts with a letter and its reason: `B because ...`, `B, since ...`."""
    return bool(_REASONED.match(line[:100]))


def declared_as_subject(
    text: str, valid: Sequence[str], asks_what_is_false: bool = False
) -> list[tuple[int, frozenset[str]]]:
    """(position, letters) of every `B is correct`, `options A and C are the right answers`, `B fits best`.

    Where a question asks what is false, `B is true` declares nothing.
    """
    found = [
        (match.start(), _all_letters(match.group("letters"), valid))
        for pattern in ((_SUBJECT, _ONLY_WRONG) if asks_what_is_false else (_SUBJECT, _ONLY))
        for match in pattern.finditer(text)
        if not _UNDECIDED.search(text[max(0, match.start() - 20) : match.start()])
        and not (asks_what_is_false and _CALLED_TRUE.match(text, match.start()))
    ]
    return [(position, letters) for position, letters in found if letters]


def rejected_after(text: str, position: int, valid: Sequence[str]) -> frozenset[str]:
    """The letters that `text` calls wrong after a position: `B is wrong`, `C isn't correct`."""
    return frozenset().union(
        *(_all_letters(match.group("letters"), valid) or () for match in _CALLED_WRONG.finditer(text, position + 1))
    )


def predicate(sentence: str, valid: Sequence[str]) -> frozenset[str] | None:
    """The letters at the end of `the vehicle that blocks the lane is B`, where the sentence names no other letter."""
    match = None if _RANGE.match(sentence) else _PREDICATE.search(sentence[-300:])
    found = _all_letters(match.group("letters"), valid) if match else None
    return found if found and not marked(sentence, valid) - found else None


def marked(text: str, valid: Sequence[str]) -> frozenset[str]:
    """Every valid letter that stands in `text` as one: any capital but an "A" that may be an article."""
    return frozenset(letter[0] for letter in _MARKED.findall(text) if letter[0] in valid)


def without_denial(line: str) -> str:
    """`D` for `not A but D` and for `actually D`; other text as it is."""
    match = _NOT_BUT.match(line[:600])
    return _ADVERB.sub("", match.group("rest") if match else line, count=1)


def denied(line: str, valid: Sequence[str]) -> frozenset[str]:
    """The letters that a declaration's text such as `not A.` or `A is wrong` denies."""
    wrong = _WRONG.match(line[:600])
    if wrong:
        return _all_letters(wrong.group("letters"), valid) or frozenset()
    match = _NOT.match(line[:600])
    return (leading(match.group("denied"), valid) or frozenset()) if match else frozenset()


def leading(text: str, valid: Sequence[str]) -> frozenset[str] | None:
    """The letters that a payload such as `(C)`, `B. a red mug`, `A and C, because ...` starts with.

    An unmarked "A" counts only where no noun follows ("A red mug" is a phrase); "B or C" commits to nothing.
    """
    match = _START.match(strip_markup(text[:300]))
    if match is None:
        return None
    letter, rest = match.group("letter"), match.group("rest")
    if not match.group("open") and not _stands_alone(letter, rest):
        return None
    found = [letter]
    while (more := _MORE.match(rest)) and _stands_alone(more.group("letter"), rest[more.end() :]):
        found.append(more.group("letter"))
        rest = rest[more.end() :]
    return None if _OR.match(rest) else _checked(found, valid)


def _stands_alone(letter: str, rest: str) -> bool:
    """Whether a letter before `rest` is a letter and not the article of a phrase or part of a contraction."""
    if rest[:1] == "'" and rest[1:2].isalpha():
        return False
    if letter.islower():
        return bool(_AFTER_LOWER.match(rest))
    return letter != "A" or bool(_AFTER_ARTICLE_LIKE.match(rest))


def _all_letters(text: str, valid: Sequence[str]) -> frozenset[str] | None:
    return _checked(_LETTER.findall(_NOT_LETTERS.sub(",", text)), valid)


def _checked(found: Sequence[str], valid: Sequence[str]) -> frozenset[str] | None:
    letters = {letter.upper() for letter in found}
    return frozenset(letters) if letters and letters <= set(valid) else None
