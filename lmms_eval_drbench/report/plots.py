"""The plots of a comparison: accuracy by level, retention, flipped questions, training loss."""

import math
from collections.abc import Callable, Sequence

from lmms_eval_drbench.report.canvas import SERIES, Canvas
from lmms_eval_drbench.report.comparison import Comparison, Score, SuiteComparison, Variant
from lmms_eval_drbench.report.training import Training
from lmms_eval_drbench.taxonomy import Category, Layer, categories_of

WIDE, NARROW = 940, 360
"""Widths in pixels: as wide as the page's text on a large screen, and on a telephone."""
_SMALL = 11.5


def role_of(comparison: Comparison, name: str) -> str:
    """A run's colour, the same in every plot."""
    return f"s{[entry.name for entry in comparison.entries].index(name) % SERIES}"


def levels(comparison: Comparison, suite: SuiteComparison, width: int = WIDE) -> Canvas:
    """Accuracy of every run under every prompt by category and layer, with 95 % intervals; chance as a dashed mark."""
    rows = _level_rows(suite)
    is_wide = width >= 600
    left, right, top = (180 if is_wide else 1), width - 1, 12 + 18 * _legend_lines(suite, width)
    step = 11
    heights = [(0 if is_wide else 15) + step * len(suite.variants) + 13 for _ in rows]
    canvas = Canvas(width, round(top + sum(heights) + 26), f"{suite.base}: accuracy by category and layer")
    highest = max(100 * level.row.acc.high for variant in suite.variants for level in variant.levels.values())
    most = 100 if math.isnan(highest) else min(100, 25 * math.ceil(highest / 25))
    scale = _scale(0, most, left, right)
    _legend(canvas, comparison, suite, width)
    _axis(canvas, scale, range(0, most + 1, 25), top, canvas.height - 22, "{:g}", suffix=" %")
    y = top
    for (name, label, is_category), height in zip(rows, heights, strict=True):
        if not is_category:
            canvas.line([(0, y), (right, y)], "grid")
        middle = y + height / 2 + 4 if is_wide else y + 14
        canvas.text(14 if is_category and is_wide else 0, middle, label, "ink", 13, bold=not is_category)
        first = y + (0 if is_wide else 15) + 7
        found = [variant.levels[name] for variant in suite.variants if name in variant.levels]
        chance = found[0].row.means.get("chance") if found else None
        if chance is not None:
            x = scale(100 * chance)
            canvas.line([(x, first - 4), (x, first + step * len(suite.variants) - 1)], "muted", 1.2, dashed=True)
        for index, variant in enumerate(suite.variants):
            if name in variant.levels:
                acc, role = variant.levels[name].row.acc, role_of(comparison, variant.entry.name)
                at = first + step * index + 3
                _whisker(canvas, scale, 100 * acc.low, 100 * acc.high, at, role, 0, most)
                canvas.disc(scale(100 * acc.mean), at, 3.6, role, _is_solid(variant))
        y += height
    return canvas


def _level_rows(suite: SuiteComparison) -> list[tuple[str, str, bool]]:
    """(row name, label, whether it is a category): layers with their categories below, then overall."""
    present = suite.variants[0].levels
    rows = []
    for layer in Layer:
        own = [category for category in categories_of(layer) if category in present]
        if len(own) > 1:
            rows.append((str(layer), _words(layer), False))
        rows += [(str(category), _words(category), len(own) > 1) for category in own]
    return [*rows, ("overall", "Overall", False)]


def _is_solid(variant: Variant) -> bool:
    """A run's native prompt is filled, another is hollow; the direct one counts as native when nothing was said."""
    return variant.prompt == (variant.entry.native or "direct")


def _legend_lines(suite: SuiteComparison, width: int) -> int:
    return math.ceil((len(suite.variants) + 1) / _legend_columns(suite, width))


def _legend_columns(suite: SuiteComparison, width: int) -> int:
    longest = max(len(_legend_text(variant)) for variant in suite.variants)
    return max(1, min(len(suite.variants) + 1, int(width / (longest * 6.6 + 30))))


def _legend_text(variant: Variant) -> str:
    return f"{_short(variant.entry.name, 30)}, {variant.prompt}"


def _legend(canvas: Canvas, comparison: Comparison, suite: SuiteComparison, width: int) -> None:
    columns = _legend_columns(suite, width)
    places = [(5 + width / columns * (n % columns), 10 + 18 * (n // columns)) for n in range(len(suite.variants) + 1)]
    for (x, y), variant in zip(places, suite.variants, strict=False):
        canvas.disc(x, y - 1, 3.6, role_of(comparison, variant.entry.name), _is_solid(variant))
        canvas.text(x + 10, y + 3, _legend_text(variant), "ink", _SMALL)
    x, y = places[-1]
    canvas.line([(x, y - 6), (x, y + 4)], "muted", 1.2, dashed=True)
    canvas.text(x + 10, y + 3, "chance", "ink", _SMALL)


def retention(comparison: Comparison, width: int = WIDE) -> Canvas | None:
    """Points won or lost on everything that is not DRBench; None when nothing else was run on both sides."""
    found = [score for scores in comparison.scores for score in scores if score.change is not None]
    found = [score for score in found if not score.column.startswith(("DRBench", "Average"))]
    if not found:
        return None
    titles = list(dict.fromkeys(score.column for score in found))
    is_wide = width >= 600
    left, right, top, step = (180 if is_wide else 1), width - 1, 4, 18
    groups = [[score for score in found if score.column == title] for title in titles]
    heights = [(12 if is_wide else 28) + step * len(group) for group in groups]
    ends = [
        100 * side for score in found if score.delta for side in (score.delta.estimate.low, score.delta.estimate.high)
    ]
    ends = [end for end in ends if not math.isnan(end)]
    reach = max(5.0, *(abs(score.change) for score in found), *map(abs, ends), comparison.tolerance)
    reach = 5 * math.ceil(reach / 5)
    canvas = Canvas(width, round(top + sum(heights) + 26), "Change on other benchmarks, in points")
    scale = _scale(-reach, reach, left, right)
    bottom = canvas.height - 22
    band = scale(-comparison.tolerance)
    canvas.box(band, top, scale(comparison.tolerance) - band, bottom - top, "band")
    _axis(canvas, scale, [-reach, -reach / 2, 0, reach / 2, reach], top, bottom, "{:+g}", suffix="")
    canvas.line([(scale(0), top), (scale(0), bottom)], "muted", 1.2)
    y = top
    for title, group, height in zip(titles, groups, heights, strict=True):
        canvas.text(0, y + (height / 2 + 4 if is_wide else 16), title, "ink", 13, bold=True)
        for index, score in enumerate(group):
            _retained(canvas, comparison, scale, score, y + (12 if is_wide else 28) + step * index, reach)
        y += height
    return canvas


def _retained(
    canvas: Canvas, comparison: Comparison, scale: Callable[[float], float], score: Score, y: float, reach: float
) -> None:
    role = role_of(comparison, score.entry.name)
    if score.delta:
        estimate = score.delta.estimate
        _whisker(canvas, scale, 100 * estimate.low, 100 * estimate.high, y, role, -reach, reach)
    canvas.disc(scale(score.change), y, 3.6, role)
    is_left = score.change > 0  # the run's name stands where its mark does not
    edge = scale(-reach) + 6 if is_left else scale(reach) - 6
    canvas.text(edge, y + 4, _short(score.entry.name, 24), role, _SMALL, "start" if is_left else "end")


def flips(variant: Variant, width: int = 310, most: int | None = None) -> Canvas:
    """Questions lost (to the left) and gained (to the right) by category, against the reference.

    most: the count at which a bar has its full length, so that several runs share it.
    """
    by_category = flips_by_category(variant)
    rows = [(name, counts) for name, counts in by_category.items() if name in variant.levels]
    left, step, top = 138, 21, 26
    canvas = Canvas(width, top + step * len(rows) + 6, f"{variant.label}: questions gained and lost")
    most = max(1, most or max(count for _, counts in rows for count in counts))
    half = (width - left - 60) / 2
    zero = left + 30 + half
    canvas.text(zero - 8, 14, f"lost {len(variant.change.flips.lost)}", "bad", _SMALL, "end", bold=True)
    canvas.text(zero + 8, 14, f"gained {len(variant.change.flips.gained)}", "good", _SMALL, bold=True)
    for index, (name, (lost, gained)) in enumerate(rows):
        y = top + step * index
        canvas.text(0, y + 13, _words(name), "ink", 12)
        canvas.box(zero - half * lost / most, y + 3, half * lost / most, 12, "bad")
        canvas.box(zero, y + 3, half * gained / most, 12, "good")
        canvas.text(zero - half * lost / most - 5, y + 13, str(lost), "muted", _SMALL, "end")
        canvas.text(zero + half * gained / most + 5, y + 13, str(gained), "muted", _SMALL)
    canvas.line([(zero, top - 2), (zero, canvas.height - 4)], "ink")
    return canvas


def flips_by_category(variant: Variant) -> dict[str, tuple[int, int]]:
    """Category → questions lost and gained."""
    lost, gained = set(variant.change.flips.lost), set(variant.change.flips.gained)
    found = {str(category): (0, 0) for category in Category}
    for sample, _ in variant.change.pairs:
        down, up = found[sample["category"]]
        found[sample["category"]] = down + (sample["record_id"] in lost), up + (sample["record_id"] in gained)
    return found


def loss(trained: Training, role: str, width: int = WIDE, highest: float | None = None, legend: bool = True) -> Canvas:
    """The training loss by step, one line a stage: each stage's loss runs over fields of its own.

    highest: top of the axis, so that several runs share it. legend: name the stages above.
    """
    legend = legend and len(trained.stages) > 1
    left, right, top = 30, width - 1, 44 if legend else 24
    bottom = top + 156
    canvas = Canvas(width, bottom + 24, f"{trained.name}: training loss by stage")
    steps, most = max(1, trained.stages[-1].steps[-1]), highest or trained.highest or 1.0
    across, up = _scale(0, steps, left, right), _scale(0, most, bottom, top)
    if legend:
        canvas.text(left, 11, trained.stages_in_words, "muted", _SMALL)
    begin = 0
    for number, stage in enumerate(trained.stages):
        x0, x1, begin = across(begin), across(stage.steps[-1]), stage.steps[-1]
        if number % 2:
            canvas.box(x0, top, x1 - x0, bottom - top, "band")
        if len(trained.stages) > 1:
            canvas.text((x0 + x1) / 2, top - 8, str(number + 1), "muted", _SMALL, "middle")
    for mark in _ticks(most):
        canvas.line([(left, up(mark)), (right, up(mark))], "grid")
        canvas.text(left - 8, up(mark) + 4, f"{mark:g}", "muted", _SMALL, "end")
    for stage in trained.stages:
        points = [(across(step), up(min(value, most))) for step, value in zip(stage.steps, stage.losses, strict=True)]
        canvas.line(points if len(points) > 1 else [*points, *points], role, 1.8)
    canvas.text(left, bottom + 18, "0", "muted", _SMALL, "middle")
    canvas.text(right, bottom + 18, f"{steps} steps", "muted", _SMALL, "end")
    return canvas


def _ticks(highest: float) -> list[float]:
    """Round numbers from 0 up, five at most."""
    unit = 10.0 ** math.floor(math.log10(highest / 4.5))
    step = next(unit * size for size in (1, 2, 2.5, 5, 10) if highest / (unit * size) <= 4.5)
    return [index * step for index in range(int(highest / step) + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _axis(
    canvas: Canvas,
    scale: Callable[[float], float],
    marks: Sequence[float],
    top: float,
    bottom: float,
    form: str,
    suffix: str,
) -> None:
    marks = list(marks)
    for mark in marks:
        canvas.line([(scale(mark), top), (scale(mark), bottom)], "grid")
        anchor = "end" if mark == marks[-1] else "start" if scale(mark) < 12 else "middle"
        label = form.format(mark).replace("-", "−").replace("+0", "0") + (suffix if mark == marks[-1] else "")
        canvas.text(scale(mark), bottom + 15, label, "muted", _SMALL, anchor)


def _whisker(
    canvas: Canvas,
    scale: Callable[[float], float],
    low: float,
    high: float,
    y: float,
    role: str,
    least: float,
    most: float,
) -> None:
    if not math.isnan(low):
        canvas.line([(scale(max(low, least)), y), (scale(min(high, most)), y)], role, 1.6)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
