"""What changed between runs, as numbers: every format shows these and computes nothing of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from lmms_eval_drbench import columns, pairing, runs, summary
from lmms_eval_drbench.columns import COLUMNS, Column
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.intervals import Estimate
from lmms_eval_drbench.pairing import BothParsed, Flips, Pair, Parts, Verdict
from lmms_eval_drbench.prompts import PROMPTS, split_suite, suite_name
from lmms_eval_drbench.report import comparability, items
from lmms_eval_drbench.report.entries import Entry, percentage, prompt_of, spread
from lmms_eval_drbench.summary import Data, Row, Suite

_SHOWN_TASKS = 3


@dataclass(frozen=True)
class Delta:
    """A paired difference to the reference, as shares, with what its interval allows to say."""

    estimate: Estimate
    verdict: Verdict


@dataclass(frozen=True)
class Score:
    """One run on one benchmark column. value: percent, mean over seeds, None when not run. sd: over seeds.

    change: points to the reference, None where there is none. delta: the same, paired by question, where both sides
    logged samples that tell. unparsed: percent of outputs that could not be read, None where nobody counted.
    """

    entry: Entry
    column: str
    value: float | None
    sd: float | None
    change: float | None
    delta: Delta | None
    unparsed: float | None = None


@dataclass(frozen=True)
class Level:
    """One category, layer, overall or macro row of one run under one prompt."""

    row: Row
    delta: Delta | None


@dataclass(frozen=True)
class Change:
    """One run under one prompt against the reference on the same questions, over all of them."""

    delta: Delta
    bootstrap: tuple[float, float]
    flips: Flips
    parts: Parts
    both_parsed: BothParsed | None
    pairs: list[Pair]


@dataclass(frozen=True)
class Variant:
    """One run under one prompt. levels: by row name. change: None for the reference itself, and where there is none."""

    entry: Entry
    suite: Suite
    prompt: str
    levels: dict[str, Level]
    sd: float | None
    change: Change | None

    @property
    def is_native(self) -> bool:
        return self.entry.native == self.prompt

    @property
    def label(self) -> str:
        return f"{self.entry.name}, {self.prompt}"

    @property
    def overall(self) -> Row:
        return self.levels["overall"].row


@dataclass(frozen=True)
class SuiteComparison:
    """All runs under all prompts on one suite's questions. base: the suite's name without its prompt."""

    base: str
    variants: list[Variant]

    @property
    def chance(self) -> float:
        return self.variants[0].suite.chance

    @property
    def is_layered(self) -> bool:
        return all(variant.suite.is_layered for variant in self.variants)

    @property
    def is_control(self) -> bool:
        return any(f"_{name}" in self.base for name in columns.CONTROLS)


@dataclass(frozen=True)
class Comparison:
    """Everything that a table, a page or a file shows. notes: what a reader must know before trusting a delta."""

    entries: list[Entry]
    forced: bool
    tolerance: float
    titles: list[str]
    scores: list[list[Score]]
    suites: list[SuiteComparison]
    notes: list[str] = field(default_factory=list)

    @property
    def data(self) -> dict[Data, list[str]]:
        """Each data set that was evaluated, with the suites that used it, whether or not samples were logged."""
        used: dict[Data, set[str]] = {}
        for entry in self.entries:
            for name, suite in entry.suites.items():
                used.setdefault(suite.data, set()).add(name)
            for result in (result for run in entry.seeds for result in run.tasks.values()):
                if result.data[1]:
                    used.setdefault(Data(*result.data), set()).add(summary.suite_name(result.task))
        return {data: sorted(names) for data, names in used.items()}


def compare(entries: Sequence[Entry], tolerance: float = pairing.TOLERANCE, force: bool = False) -> Comparison:
    """Compare runs. tolerance: points that a score may fall and still be kept.

    Raises UserError when runs have nothing in common, or can't be compared fairly (unless `force`, which notes it).
    """
    shown = [column for column in COLUMNS if any(entry.values(column) for entry in entries)]
    _check_common(entries, shown)
    obstacles = comparability.obstacles(entries)
    if obstacles and not force:
        raise UserError(f"not comparable: {'; '.join(obstacles)}. Evaluate alike, or pass --force to mark the table")
    notes = [f"Not comparable, shown all the same (--force): {reason}." for reason in obstacles]
    notes += _remarks(entries)
    averages = _averages(entries)
    scores = [
        [_score(entries, entry, column, tolerance, force) for column in shown]
        + [_average_score(entries, entry, title, values) for title, values in averages.items()]
        for entry in entries
    ]
    suites = [_suite(base, entries, tolerance, force) for base in _bases(entries)]
    titles = [*[column.title for column in shown], *averages]
    return Comparison(list(entries), bool(obstacles) or force, tolerance, titles, scores, suites, notes)


def _check_common(entries: Sequence[Entry], shown: Sequence[Column]) -> None:
    for entry in entries:
        base = reference_of(entries, entry)
        shared = any(base.values(column) and entry.values(column) for column in shown)
        if not shared and not set(_bases([base])) & set(_bases([entry])):
            raise UserError(
                f"{_holds(base)} and {_holds(entry)} have no benchmark of these tables in common: evaluate the same "
                "tasks, such as drbench or retention"
            )


def _holds(entry: Entry) -> str:
    tasks = list(dict.fromkeys(task for run in entry.seeds for task in run.tasks))
    more = ", ..." if len(tasks) > _SHOWN_TASKS else ""
    return f"{entry.seeds[0].path} (with {', '.join(tasks[:_SHOWN_TASKS]) or 'no task'}{more})"


def reference_of(entries: Sequence[Entry], entry: Entry) -> Entry:
    """The entry that another's deltas refer to."""
    return next(other for other in entries if other.name == entry.reference)


def _remarks(entries: Sequence[Entry]) -> list[str]:
    notes = [f"{remark[0].upper()}{remark[1:]}." for remark in comparability.remarks(entries)]
    for entry in entries:
        if any(result.call.get("limit") for run in entry.seeds for result in run.tasks.values()):
            notes.append(f"{entry.name} was evaluated on a part of the data only (--limit).")
        notes += [f"{entry.name} has no number for {title}: lmms-eval reports NaN." for title in _undefined(entry)]
        for name, suite in entry.suites.items():
            if suite.missing:
                lacking = ", ".join(category.replace("_", " ") for category in suite.missing)
                notes.append(f"{name} of {entry.name} has no question of: {lacking}.")
        if any(not _has_samples(run) for run in entry.seeds):
            notes.append(
                f"{entry.name} logged no samples: its deltas have no intervals, verdicts or questions. Evaluate with "
                "--log_samples to get them."
            )
        if len(entry.seeds) > 1:
            notes.append(
                f"{entry.name} is the mean of {len(entry.seeds)} seeds, ± their standard deviation; its intervals are "
                "over questions, not over seeds."
            )
    return notes


def _undefined(entry: Entry) -> list[str]:
    """Columns whose reported value is NaN: the means of nothing, as a small --limit leaves some."""
    found = [
        column.title
        for column in COLUMNS
        for run in entry.seeds
        if column.task in run.tasks and math.isnan(column.value(run.tasks[column.task].metrics) or 0)
    ]
    return list(dict.fromkeys(found))


def _has_samples(run: runs.Run) -> bool:
    """Whether any task of the run logged samples."""
    return any(result.samples for result in run.tasks.values())


def _averages(entries: Sequence[Entry]) -> dict[str, list[float | None]]:
    """The paper's average of each entry, for each prompt of DRBench under which any entry has one."""
    found = {}
    by_task = [{column.task: _mean(entry.values(column)) for column in COLUMNS} for entry in entries]
    for prompt in PROMPTS:
        values = [columns.average(values, suite_name("drbench", prompt)) for values in by_task]
        if any(value is not None for value in values):
            found[f"Average (DRBench {prompt})"] = values
    return found


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _score(entries: Sequence[Entry], entry: Entry, column: Column, tolerance: float, force: bool) -> Score:
    base = reference_of(entries, entry)
    values, reference = entry.values(column), base.values(column)
    change = delta = None
    if entry is not base and values and reference:
        change = _mean(values) - _mean(reference)
        if column.task in entry.suites and column.task in base.suites:
            found = pairing.pairs(base.suites[column.task], entry.suites[column.task], force)
            delta = _delta(pairing.difference(found), tolerance)
            change = 100 * delta.estimate.mean
        elif (estimate := items.difference(base, entry, column)) is not None:
            delta = _delta(estimate, tolerance)
    return Score(entry, column.title, _mean(values), spread(values), change, delta, _unparsed(entry, column))


def _unparsed(entry: Entry, column: Column) -> float | None:
    if column.task in entry.suites:
        return 100 * fmean(sample["unparsed"] for sample in entry.suites[column.task].samples)
    found = [
        percentage(100 * run.tasks[column.task].metrics.get("unparsed", math.nan), f"{column.task} of {run.path}")
        for run in entry.seeds
        if column.task in run.tasks
    ]
    return fmean(found) if found and None not in found else None


def _average_score(entries: Sequence[Entry], entry: Entry, title: str, values: Sequence[float | None]) -> Score:
    by_name = {other.name: value for other, value in zip(entries, values, strict=True)}
    value, reference = by_name[entry.name], by_name[entry.reference]
    change = value - reference if entry.name != entry.reference and None not in (value, reference) else None
    return Score(entry, title, value, None, change, None)


def _delta(estimate: Estimate, tolerance: float) -> Delta:
    return Delta(estimate, pairing.verdict(estimate, tolerance))


def _bases(entries: Sequence[Entry]) -> list[str]:
    """Suite names without their prompt, in the order of `COLUMNS`."""
    known = [split_suite(column.task)[0] for column in COLUMNS]
    present = {split_suite(name)[0] for entry in entries for name in entry.suites}
    return sorted(present, key=lambda base: (known.index(base) if base in known else len(known), base))


def _names(base: str) -> list[str]:
    """A suite's names under every prompt."""
    return [suite_name(base, prompt) for prompt in PROMPTS]


def _suite(base: str, entries: Sequence[Entry], tolerance: float, force: bool) -> SuiteComparison:
    variants = []
    for entry in entries:
        reference = _reference_suite(base, reference_of(entries, entry))
        for name in _names(base):
            if name in entry.suites:
                variants.append(_variant(entry, name, reference, tolerance, force))
    return SuiteComparison(base, variants)


def _reference_suite(base: str, entry: Entry) -> Suite | None:
    """The reference's suite under its native prompt (direct, when nothing was said), else under what it has."""
    found = [entry.suites[name] for name in _names(base) if name in entry.suites]
    wanted = entry.native or "direct"
    return next((suite for suite in found if prompt_of(suite) == wanted), found[0] if found else None)


def _variant(entry: Entry, name: str, reference: Suite | None, tolerance: float, force: bool) -> Variant:
    suite = entry.suites[name]
    rows = {row.name: row for row in summary.rows(suite)}
    accuracies = [
        sum(s["acc"] for s in found[name].samples) / len(found[name].samples) for found in entry.suites_by_seed
    ]
    change, deltas = None, {}
    if reference is not None and suite is not reference:
        found = pairing.pairs(reference, suite, force)
        deltas = {row: _delta(estimate, tolerance) for row, estimate in pairing.by_row(suite, found).items()}
        change = Change(
            deltas["overall"],
            pairing.bootstrap(found),
            pairing.flips(found),
            pairing.parts(found),
            pairing.both_parsed(found),
            found,
        )
    levels = {title: Level(row, deltas.get(title)) for title, row in rows.items()}
    return Variant(entry, suite, prompt_of(suite), levels, spread(accuracies), change)
