"""The number that a text gives as its answer, among the others that it names.

`Eight ducks, five white and three brown`, `two of the five people`, `one in front and two behind, three in total`.
"""

import re
from collections.abc import Iterator

from lmms_eval_drbench.answers.phrases import root, tokens

_TOTAL = re.compile(
    r"^\W*(?P<first>\w+)(?=[,:;]|\s\()|"
    r"\b(?:total(?: of)?|altogether|makes?|making|sums? to|gives)[:\s]\s?(?:is\s)?(?P<after>\d+(?:[.,]\d+)*|\w+)|"
    r"\b(?P<before>\w+)(?:\s\w+)?\s(?:in total|altogether|in all)\b|"
    r",\sso\s(?:there are\s)?(?P<so>\w+)(?:\s\w+)?\W*$",
    re.IGNORECASE,
)
"""Where a count of parts states their sum."""
_PART_OF = re.compile(
    r"(?:,\s+\w+\sof\s(?:them|which|whom)\b|[,;]?\s?其中).*|"
    r"(?:^\W*|\s)(?:out )?of\s(?:the\s|these\s|those\s|all\s)?(?P<all>\w+)(?:\s\w+)?(?:,|(?=\W*$)|(?=\s))",
    re.IGNORECASE | re.DOTALL,
)
_PARTS = re.compile(r",\s|\sand\s|\bbut\b")


def is_number(token: str) -> bool:
    return token[0].isdigit()


def stated_total(text: str) -> tuple[str, ...] | None:
    """The sum that a text states in so many words, as tokens; None where it states none."""
    match = _TOTAL.search(text)
    found = tokens(match.group(match.lastgroup)) if match else ()
    return found if found and all(map(is_number, found)) else None


def statements(text: str, thing: set[str]) -> Iterator[str]:
    """What may state how many there are: a text without what a part is a part of, and its parts that count `thing`.

    thing: the stemmed words for what is counted.
    """
    yield _PART_OF.sub(_without_whole, text)
    for part in _PARTS.split(text):
        given = tokens(part)
        if any(is_number(one) and root(other) in thing for one, other in zip(given, given[1:], strict=False)):
            yield part


def _without_whole(match: re.Match[str]) -> str:
    whole = match.group("all")
    return match.group() if whole and not all(map(is_number, tokens(whole) or ("x",))) else " "
