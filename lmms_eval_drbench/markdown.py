"""Markdown tables, with text from models and files made harmless."""

import math
import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, no table break, no HTML, no control characters."""
    flat = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return _SPECIAL.sub(r"\\\1", flat.replace("&", "&amp;"))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], text_columns: int = 1) -> str:
    """A table; its first `text_columns` are text, the others numbers. Cells are used as they are: escape them."""
    lines = [header, ["---"] * text_columns + ["---:"] * (len(header) - text_columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float | None, digits: int = 1) -> str:
    """`62.5` for 0.625; a dash for what was not measured."""
    return "–" if share is None or math.isnan(share) else f"{100 * share:.{digits}f}"


def points(difference: float) -> str:
    """A signed difference in percentage points: `+12.5`, `−3.0`."""
    if math.isnan(difference):
        return "–"
    return f"{100 * difference:+.1f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """`55.1 to 69.9` of shares in percent, kept within 0 to 100; a dash where it is unknown."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"{percent(max(0.0, low))} to {percent(min(1.0, high))}"


def points_interval(low: float, high: float) -> str:
    """`[+8.1, +16.9]` in percentage points, kept within ±100; empty where it is unknown."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{points(max(-1.0, low))}, {points(min(1.0, high))}]"
