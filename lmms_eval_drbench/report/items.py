"""Paired differences on the general benchmarks, from what our `retention_*` tasks log of every item.

A benchmark's value is not always the mean of its items; `columns.Column.items` says how they make it. Where the items
don't give the value that lmms-eval reported, there is no interval rather than one of something else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from lmms_eval_drbench import intervals
from lmms_eval_drbench.columns import Column
from lmms_eval_drbench.intervals import Estimate
from lmms_eval_drbench.report.entries import Entry
from lmms_eval_drbench.runs import Run, TaskResult
from lmms_eval_drbench.summary import check

_TOLERATED = 0.05
"""Percent by which a value from items may miss the reported one: tables show one decimal."""


@dataclass(frozen=True)
class Item:
    """One question: its score (0 to 1), the picture it clusters by, and the part of the benchmark it belongs to."""

    score: float
    cluster: str
    stratum: str


Items = dict[str, Item]


def difference(before: Entry, after: Entry, column: Column) -> Estimate | None:
    """The column's change as a share, paired by item and clustered by image; several seeds are averaged item by item.

    None where the column's value is no mean of items, samples were not logged, or the two sides answered other items.
    """
    old, new = _of_entry(before, column), _of_entry(after, column)
    if not old or not new or old.keys() != new.keys():
        return None
    ids = list(old)
    return intervals.difference(
        [old[item].score for item in ids],
        [new[item].score for item in ids],
        [old[item].cluster for item in ids],
        [old[item].stratum for item in ids],
    )


def _of_entry(entry: Entry, column: Column) -> Items | None:
    if column.items is None:
        return None
    seeds = [_of_run(run, column) for run in entry.seeds]
    if not all(seeds) or any(seed.keys() != seeds[0].keys() for seed in seeds):
        return None
    return {
        key: Item(fmean(seed[key].score for seed in seeds), item.cluster, item.stratum)
        for key, item in seeds[0].items()
    }


def _of_run(run: Run, column: Column) -> Items | None:
    """A run's items, if they give the value that lmms-eval reported."""
    found: Items = {}
    for result in _tasks(run, column):
        if not any("item_id" in sample for sample in result.samples):
            return None
        for sample in result.samples:
            check(sample, f"{run.path}: a logged sample of {result.task}", ("item_id", "image_id"), ("score",))
            stratum = {"mean by task": result.task, "mean by l2_category": str(sample.get("l2_category"))}
            item = Item(sample["score"], sample["image_id"], stratum.get(column.items, ""))
            found[f"{result.task}:{sample['item_id']}"] = item
    if column.items == "all rotations":
        found = _all_rotations(found)
    reported = column.value(run.tasks[column.task].metrics) if found and column.task in run.tasks else None
    return found if reported is not None and abs(reported - 100 * _value(found)) < _TOLERATED else None


def _tasks(run: Run, column: Column) -> Sequence[TaskResult]:
    """The task itself, or where it is a group, its tasks."""
    return [
        result
        for task, result in run.tasks.items()
        if (task == column.task or task.startswith(f"{column.task}_")) and result.samples
    ]


def _all_rotations(items: Items) -> Items:
    """One item a question, right when all its rotations are; a question whose first was not asked doesn't count."""
    asked = {key.rpartition(":")[2] for key in items}
    worst: dict[str, float] = {}
    for item in items.values():
        worst[item.cluster] = min(item.score, worst.get(item.cluster, 1.0))
    return {base: Item(score, base, "") for base, score in worst.items() if base in asked}


def _value(items: Items) -> float:
    strata: dict[str, list[float]] = {}
    for item in items.values():
        strata.setdefault(item.stratum, []).append(item.score)
    return fmean(fmean(scores) for scores in strata.values())
