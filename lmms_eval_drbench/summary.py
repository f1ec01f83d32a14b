"""From logged samples to rows: categories, layers, overall and the macro mean, each with its interval.

A suite is the tasks of one variant: `drbench_mini_scaffold_perception` and its siblings are the suite
`drbench_mini_scaffold`. Upstream's own table drops every standard error on group rows; these rows are computed from
the samples, so the levels above a task have theirs too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmms_eval_drbench import grounding, intervals
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.runs import Run, TaskResult
from lmms_eval_drbench.taxonomy import Category, Layer, categories_of

Sample = dict[str, Any]

POLICIES = ("always_reject", "never_reject", "always_a")
MEANS = ("partial", "rotation_acc", "chance", "unparsed", "truncated", *grounding.SCORES, *POLICIES)
"""Logged scores whose plain means a row carries, where its samples have them."""
_IDENTITY = ("record_id", "image_id", "category")
_REQUIRED = ("acc", "chance", "unparsed")
_SHOWN = 40


@dataclass(frozen=True)
class Row:
    """One line of a table. level: category, layer, overall or macro. means: score name → mean, only what was logged."""

    name: str
    level: str
    acc: intervals.Estimate
    means: dict[str, float]


@dataclass(frozen=True)
class Data:
    """Which data was evaluated: what `data.load` called it, and its fingerprint."""

    name: str
    fingerprint: str


@dataclass(frozen=True)
class Suite:
    """The samples of one variant of the benchmark in one run, each with its record's identity and scores."""

    run: Path
    name: str
    data: Data
    samples: list[Sample]
    tasks: list[TaskResult]

    @property
    def chance(self) -> float:
        """Mean probability that a uniform guess is right."""
        return sum(sample["chance"] for sample in self.samples) / len(self.samples)

    @property
    def is_layered(self) -> bool:
        """Whether this is the benchmark with its categories, and not one task of its own like the base skills."""
        return any(result.task != self.name for result in self.tasks)

    @property
    def missing(self) -> list[Category]:
        """Categories without a sample; empty for a suite that has no categories of its own."""
        present = {sample["category"] for sample in self.samples}
        wanted = [c for c in Category if "_shuffled" not in self.name or c.layer is not Layer.LOGICAL_RIGOR]
        return [category for category in wanted if category not in present] if self.is_layered else []


def suites(run: Run) -> dict[str, Suite]:
    """Every suite of a run that logged samples with scores of this project, by name.

    Raises UserError when a suite's tasks were evaluated on different data, or a record was answered twice.
    """
    members: dict[str, list[TaskResult]] = {}
    for result in run.tasks.values():
        if any("record_id" in sample for sample in result.samples):
            members.setdefault(suite_name(result.task), []).append(result)
    return {name: _suite(run, name, results) for name, results in members.items()}


def suite_name(task: str) -> str:
    """`drbench_mini_perception` → `drbench_mini`; a task that is no category's is a suite by itself."""
    for category in Category:
        if task.endswith(f"_{category}"):
            return task.removesuffix(f"_{category}")
    return task


def _suite(run: Run, name: str, results: list[TaskResult]) -> Suite:
    for sample in (sample for result in results for sample in result.samples):
        where = f"{run.path}: a logged sample of {name}"
        check(sample, where, _IDENTITY, _REQUIRED, MEANS)
        if sample["category"] not in list(Category):
            raise UserError(f"{where} has the unknown category {sample['category'][:_SHOWN]!r}: evaluate again")
    samples = [_with_token_limit(sample, result) for result in results for sample in result.samples]
    identities = {
        Data(str(sample.get("data", "unknown")), str(sample.get("fingerprint", "unknown"))) for sample in samples
    }
    if len(identities) > 1:
        listed = ", ".join(sorted(f"{data.name} ({data.fingerprint})" for data in identities))
        raise UserError(f"{run.path}: the tasks of {name} were evaluated on different data ({listed}): evaluate again")
    seen: set[str] = set()
    for sample in samples:
        if sample["record_id"] in seen:
            raise UserError(f"{run.path}: record {sample['record_id']} occurs twice in {name}: evaluate again")
        seen.add(sample["record_id"])
    return Suite(run.path, name, identities.pop(), samples, results)


def check(
    sample: Sample, where: str, texts: Sequence[str], scores: Sequence[str], optional: Sequence[str] = ()
) -> None:
    """Raise UserError unless a sample has its texts, and scores that can be scores: every table is made of them.

    optional: scores that may be missing or None.
    """
    if not {*texts, *scores} <= sample.keys():
        raise UserError(f"{where} lacks its scores: evaluate again")
    for key in texts:
        if not isinstance(sample[key], str):
            raise UserError(f"{where} has {key} that is no text: evaluate again")
    for key in (*scores, *optional):
        value = sample.get(key)
        if (value is None and key not in scores) or _is_share(value):
            continue
        raise UserError(f"{where} has {key} {str(value)[:_SHOWN]}, not a number from 0 to 1: evaluate again")


def _is_share(value: Any) -> bool:
    """Whether a logged value is a number from 0 to 1, which every score of an item is."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _with_token_limit(sample: Sample, result: TaskResult) -> Sample:
    """Say whether the token limit cut an output off, where the logged token counts tell.

    Fewer tokens than the limit: it did not. As many: it did, at batch size 1; in a larger batch upstream counts the
    padding up to the longest output too (0.7.3, chat qwen2_5_vl), so then only what the text itself shows is known.
    """
    logged = sample.get("token_counts")
    counts = [
        count.get("output_tokens") if isinstance(count, dict) else None
        for count in (logged if isinstance(logged, list) else ())
    ]
    is_known = bool(counts) and all(isinstance(count, int) for count in counts)
    used = max(counts) if is_known else None  # a circular question has an output a rotation
    limit = result.generation.get("max_new_tokens")
    if used is None or not isinstance(limit, int):
        return sample
    if used < limit:
        return sample | {"truncated": float(sample.get("truncated") or 0)}
    return sample | {"truncated": 1.0} if str(result.call.get("batch_size")) == "1" else sample


def rows(suite: Suite) -> list[Row]:
    """Categories, layers, overall (by question) and macro (mean of the categories), as far as samples exist."""
    present = [category for category in Category if any(s["category"] == category for s in suite.samples)]
    found = [_row(category, "category", _of(suite.samples, [category])) for category in present]
    if suite.is_layered:
        found += [
            _row(layer, "layer", _of(suite.samples, categories_of(layer)))
            for layer in Layer
            if any(category in present for category in categories_of(layer))
        ]
    found.append(_row("overall", "overall", suite.samples))
    if suite.is_layered and len(present) > 1:
        found.append(_row("macro", "macro", suite.samples, strata=True))
    return found


def _of(samples: Iterable[Sample], categories: Sequence[Category]) -> list[Sample]:
    return [sample for sample in samples if sample["category"] in categories]


def _row(name: str, level: str, samples: list[Sample], strata: bool = False) -> Row:
    images = [sample["image_id"] for sample in samples]
    by = [sample["category"] for sample in samples] if strata else None
    means = {}
    for score in MEANS:
        if score == "truncated" and any(sample.get(score) is None for sample in samples):
            continue  # a mean over the known ones would look like a measurement of all
        estimate = intervals.mean([sample.get(score) for sample in samples], images, by)
        if estimate.n and (score not in POLICIES or name == Category.FALSE_PREMISE_REJECTION):
            means[score] = estimate.mean
    return Row(name, level, intervals.proportion([sample["acc"] for sample in samples], images, by), means)
