"""The comparison as tables of plain cells; `formats` and the page turn these into Markdown, LaTeX and HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lmms_eval_drbench.intervals import Estimate
from lmms_eval_drbench.markdown import interval, percent, points, points_interval
from lmms_eval_drbench.pairing import Verdict
from lmms_eval_drbench.report import published
from lmms_eval_drbench.report.comparison import Comparison, Delta, Score, SuiteComparison, Variant

NOTHING = "–"


@dataclass(frozen=True)
class Cell:
    """One cell, in plain text: escape it. change: a delta with its interval. verdict: what may be said about it."""

    text: str = ""
    change: str = ""
    verdict: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """text_columns: how many columns at the left are text, the others are numbers. depth: of its heading."""

    title: str
    header: list[str]
    rows: list[list[Cell]]
    intro: str = ""
    text_columns: int = 1
    depth: int = 2
    names: tuple[str, ...] = field(default=())
    """Words of title and intro that are task names, shown as code."""


def tables(comparison: Comparison, paper: bool = False) -> list[Table]:
    """Benchmarks first (with `paper`, the published ones below), then each suite: every prompt, levels, changes."""
    found = [benchmarks(comparison)]
    if any(score.unparsed for scores in comparison.scores for score in scores):
        found.append(unparsed(comparison))
    if paper:
        found.append(_published(comparison, "Published: models", published.MODELS))
        found.append(_published(comparison, "Published: supervision methods", published.METHODS))
    for suite in comparison.suites:
        found.append(prompts(comparison, suite))
        if suite.is_layered:
            found.append(levels(suite))
        if any(variant.change for variant in suite.variants):
            found.append(changes(suite))
    return found


def benchmarks(comparison: Comparison) -> Table:
    """Runs as rows, benchmarks as columns."""
    rows = [
        [Cell(entry.name), *[_score_cell(score) for score in scores]]
        for entry, scores in zip(comparison.entries, comparison.scores, strict=True)
    ]
    intro = (
        f"Percent, and the delta in points to {_references(comparison)}, with its 95 % interval (paired by question, "
        f"clustered by image) where logged samples tell it. Kept: not worse by more than "
        f"{tolerance_in_words(comparison)}."
    )
    return Table("Benchmarks", ["", *comparison.titles], rows, intro)


def unparsed(comparison: Comparison) -> Table:
    """How much of each benchmark could not be read: training changes style, and a delta must not be one of style."""
    rows = [
        [Cell(entry.name), *[_number_cell(score.unparsed) for score in scores]]
        for entry, scores in zip(comparison.entries, comparison.scores, strict=True)
    ]
    return Table(
        "Unparsed outputs", ["", *comparison.titles], rows, "Percent of outputs; they count as wrong.", depth=3
    )


def _published(comparison: Comparison, title: str, published_rows: Sequence[published.Published]) -> Table:
    """The paper's rows, each marked as published, below our runs where these have the same benchmarks."""
    titles = list(dict.fromkeys(column for row in published_rows for column in row.values))
    rows = []
    for entry, scores in zip(comparison.entries, comparison.scores, strict=True):
        own = {score.column: score for score in scores if score.value is not None}
        if any(column in own for column in titles):
            cells = [_score_cell(own[column]) if column in own else Cell(NOTHING) for column in titles]
            rows.append([Cell(entry.name), *cells])
    for row in published_rows:
        rows.append([Cell(f"published: {row.name}"), *[_number_cell(row.values.get(column)) for column in titles]])
    intro = (
        f"Rows marked as published are the paper's ({published.SOURCE}), measured by its authors with their settings, "
        "DRBench on the official data; ours is other data and has no place in that column. No delta refers to them."
    )
    return Table(title, ["", *titles], rows, intro, depth=3)


def tolerance_in_words(comparison: Comparison) -> str:
    """`1 point`."""
    return "1 point" if comparison.tolerance == 1 else f"{comparison.tolerance:g} points"


def _references(comparison: Comparison) -> str:
    names = list(dict.fromkeys(entry.reference for entry in comparison.entries))
    return names[0] if len(names) == 1 else "each run's reference"


def _score_cell(score: Score) -> Cell:
    if score.value is None:
        return Cell(NOTHING)
    text = f"{score.value:.1f}" + (f" ± {score.sd:.1f}" if score.sd is not None else "")
    if score.delta is not None:
        return Cell(text, *_change(score.delta))
    return Cell(text, points(score.change / 100) if score.change is not None else "")


def _number_cell(value: float | None) -> Cell:
    return Cell(NOTHING if value is None else f"{value:.1f}")


def _change(delta: Delta) -> tuple[str, str]:
    return difference(delta.estimate), str(delta.verdict)


def difference(estimate: Estimate) -> str:
    """`+2.0 [−4.7, +8.7]` in points."""
    return f"{points(estimate.mean)} {points_interval(estimate.low, estimate.high)}".strip()


def prompts(comparison: Comparison, suite: SuiteComparison) -> Table:
    """Every run under every prompt on the same questions, with the outputs that could not be read."""
    rows = []
    is_compared = any(variant.change for variant in suite.variants)
    for variant in suite.variants:
        overall = variant.overall
        accuracy = percent(overall.acc.mean) + (f" ± {percent(variant.sd)}" if variant.sd is not None else "")
        delta = Cell(*_change(variant.change.delta)) if variant.change else Cell()
        rows.append(
            [
                Cell(variant.entry.name),
                Cell(f"{variant.prompt}{' (native)' if variant.is_native else ''}"),
                Cell(accuracy),
                Cell(interval(overall.acc.low, overall.acc.high)),
                Cell(percent(overall.means["unparsed"])),
                Cell(percent(overall.means.get("truncated"))),
                *([Cell(delta.text), Cell(delta.change)] if is_compared else []),
            ]
        )
    intro = f"Chance is {percent(suite.chance)}."
    if is_compared:
        intro += f" The same questions everywhere; deltas are to {_references(comparison)} under its native prompt."
    header = ["run", "prompt", "acc", "95 % interval", "unparsed %", "truncated %", *["delta", "verdict"] * is_compared]
    title = f"{suite.base}: every run under every prompt"
    return Table(title, header, rows, intro, text_columns=2, names=(suite.base,))


def levels(suite: SuiteComparison) -> Table:
    """Categories and layers as rows; runs under their prompts as columns."""
    rows = []
    for name, level in suite.variants[0].levels.items():
        label = "macro mean of categories" if level.row.level == "macro" else name.replace("_", " ")
        cells = [_level_cell(variant, name) for variant in suite.variants]
        rows.append([Cell(label, strong=level.row.level != "category"), Cell(str(level.row.acc.n)), *cells])
    header = ["", "n", *[variant.label for variant in suite.variants]]
    return Table(f"{suite.base} by category and layer", header, rows, depth=3, names=(suite.base,))


def _level_cell(variant: Variant, name: str) -> Cell:
    level = variant.levels.get(name)
    if level is None:
        return Cell(NOTHING)
    if level.delta is None:
        return Cell(percent(level.row.acc.mean))
    change, verdict = _change(level.delta)
    return Cell(percent(level.row.acc.mean), change, "" if verdict == Verdict.UNCLEAR else verdict)


def changes(suite: SuiteComparison) -> Table:
    """Where each delta comes from: questions gained and lost, and outputs that could not be read or were cut off."""
    rows = []
    for variant in suite.variants:
        change = variant.change
        if change is None:
            continue
        both = change.both_parsed
        unknown = "truncated" not in variant.overall.means
        rows.append(
            [
                Cell(variant.entry.name),
                Cell(variant.prompt),
                Cell(str(len(change.flips.gained))),
                Cell(str(len(change.flips.lost))),
                Cell(NOTHING if change.flips.p is None else f"{change.flips.p:.2g}"),
                Cell(points_interval(*change.bootstrap) or NOTHING),
                Cell(points(change.parts.answers)),
                Cell(points(change.parts.unparsed)),
                Cell(points(change.parts.truncated) + (" (known ones)" if unknown else "")),
                Cell(f"{percent(both.before)} → {percent(both.after)}" if both else NOTHING),
                Cell(f"{both.difference.n} of {len(change.pairs)}" if both else NOTHING),
            ]
        )
    header = ["run", "prompt", "gained", "lost", "McNemar p", "bootstrap"]
    header += ["from answers", "from unparsed", "from truncated", "acc where both parsed", "of them"]
    intro = (
        "Questions gained and lost; McNemar's exact test takes questions as independent, the bootstrap draws images. "
        "The delta in points is the sum of three parts: questions whose outputs could be read on both sides, those "
        "with an unreadable output on either side, and those with one that was cut off."
    )
    title = f"{suite.base}: where the deltas come from"
    return Table(title, header, rows, intro, text_columns=2, depth=3, names=(suite.base,))


def cell_as_text(cell: Cell) -> str:
    """A cell in plain text: `34.5 (+2.0 [−4.7, +8.7], can't tell)`."""
    inside = ", ".join(filter(None, [cell.change, cell.verdict]))
    return f"{cell.text} ({inside})" if inside else cell.text
