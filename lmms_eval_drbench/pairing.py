"""Two suites on the same questions: paired differences with intervals clustered by image.

Questions are matched by record id, so a run under the direct prompt pairs with another under the scaffold prompt.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lmms_eval_drbench import intervals
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.summary import Row, Sample, Suite, rows
from lmms_eval_drbench.taxonomy import Category

Pair = tuple[Sample, Sample]

TOLERANCE = 1.0
"""Points that a score may fall and still count as kept, unless the user says otherwise."""
_FEW_CLUSTERS = 10
"""With fewer images, intervals clustered by image are too narrow to decide anything (Cameron, Gelbach and Miller 2008
find them over-rejecting with few clusters)."""


class Verdict(StrEnum):
    """What a paired interval allows to say about a difference."""

    GAINED = "gained"
    KEPT = "kept"
    LOST = "lost"
    UNCLEAR = "can't tell"


@dataclass(frozen=True)
class Flips:
    """Questions that one side answered right and the other wrong, and McNemar's exact test of their balance.

    gained, lost: record ids. p: two-sided, with questions taken as independent (the clustered interval does not);
    None where a side is the mean of several seeds, whose questions are neither right nor wrong.
    """

    gained: list[str]
    lost: list[str]
    p: float | None


@dataclass(frozen=True)
class Parts:
    """A difference as a sum: from questions that both sides answered readably, from those with an output that could not
    be read on either side, and from those with one that was cut off (and read all the same). Shares of all questions.
    """

    answers: float
    unparsed: float
    truncated: float


@dataclass(frozen=True)
class BothParsed:
    """Accuracy of both sides on the questions whose outputs could be read on both."""

    before: float
    after: float
    difference: intervals.Estimate


def pairs(before: Suite, after: Suite, force: bool = False) -> list[Pair]:
    """The samples of two suites side by side.

    Raises UserError when they were evaluated on different data or answered different questions; with `force` the
    common questions are paired, and UserError is raised only when there is none.
    """
    old = {sample["record_id"]: sample for sample in before.samples}
    new = {sample["record_id"]: sample for sample in after.samples}
    common = [record for record in old if record in new]
    names = f"{before.name} in {before.run} and {after.name} in {after.run}"
    if not force:
        if before.data.fingerprint != after.data.fingerprint:
            raise UserError(
                f"{names} were evaluated on different data: {before.data.name} ({before.data.fingerprint}) and "
                f"{after.data.name} ({after.data.fingerprint}); evaluate both on the same, or pass --force to mark "
                "the table"
            )
        if len(common) < max(len(old), len(new)):
            raise UserError(
                f"{names} share only {len(common)} of their {len(old)} and {len(new)} questions: evaluate both with "
                "the same --limit, or pass --force to pair those"
            )
    if not common:
        raise UserError(f"{names} have no question in common")
    return [(old[record], new[record]) for record in common]


def difference(found: list[Pair], strata: bool = False) -> intervals.Estimate:
    """Accuracy after minus before, paired; with `strata`, that of the macro mean of categories."""
    return intervals.difference(
        [before["acc"] for before, _ in found],
        [after["acc"] for _, after in found],
        [before["image_id"] for before, _ in found],
        [before["category"] for before, _ in found] if strata else None,
    )


def by_row(after: Suite, found: list[Pair]) -> dict[str, intervals.Estimate]:
    """The paired difference of every row of `summary.rows`, by row name."""
    return {row.name: difference(_within(row, found), row.level == "macro") for row in rows(after)}


def both_parsed(found: list[Pair]) -> BothParsed | None:
    """The comparison without questions whose output was unreadable on either side; None when none is left."""
    kept = [pair for pair in found if not pair[0]["unparsed"] and not pair[1]["unparsed"]]
    if not kept:
        return None
    before = sum(old["acc"] for old, _ in kept) / len(kept)
    after = sum(new["acc"] for _, new in kept) / len(kept)
    return BothParsed(before, after, difference(kept))


def _within(row: Row, found: list[Pair]) -> list[Pair]:
    belongs: dict[str, Callable[[Sample], bool]] = {
        "category": lambda sample: sample["category"] == row.name,
        "layer": lambda sample: Category(sample["category"]).layer == row.name,
    }
    test = belongs.get(row.level, lambda sample: True)
    return [pair for pair in found if test(pair[0])]


def verdict(estimate: intervals.Estimate, tolerance: float = TOLERANCE) -> Verdict:
    """Gained: the whole interval is above zero. Kept: non-inferior, it lies above minus the tolerance (in points).
    Lost: it is below zero. Can't tell: none of these, or fewer than ten images.
    """
    if math.isnan(estimate.low) or estimate.clusters < _FEW_CLUSTERS:
        return Verdict.UNCLEAR
    if estimate.low > 0:
        return Verdict.GAINED
    if estimate.low >= -tolerance / 100:
        return Verdict.KEPT
    return Verdict.LOST if estimate.high < 0 else Verdict.UNCLEAR


def flips(found: list[Pair]) -> Flips:
    """Which questions changed sides; means over seeds count as right above one half."""
    gained = [after["record_id"] for before, after in found if before["acc"] <= 0.5 < after["acc"]]
    lost = [after["record_id"] for before, after in found if after["acc"] <= 0.5 < before["acc"]]
    whole = all(sample["acc"] in (0.0, 1.0) for pair in found for sample in pair)
    return Flips(gained, lost, mcnemar(len(gained), len(lost)) if whole else None)


def mcnemar(gained: int, lost: int) -> float:
    """McNemar's exact two-sided p: could a fair coin have split the changed questions so unevenly?"""
    count, fewer = gained + lost, min(gained, lost)
    term = tail = 1
    for index in range(fewer):
        term = term * (count - index) // (index + 1)
        tail += term
    return min(1.0, 2 * tail / 2**count)


def parts(found: list[Pair]) -> Parts:
    """Where the difference comes from. The three parts add up to it."""
    sums = {"answers": 0.0, "unparsed": 0.0, "truncated": 0.0}
    for before, after in found:
        if before["unparsed"] or after["unparsed"]:
            part = "unparsed"
        elif before.get("truncated") or after.get("truncated"):
            part = "truncated"
        else:
            part = "answers"
        sums[part] += after["acc"] - before["acc"]
    return Parts(**{name: value / len(found) for name, value in sums.items()})


def bootstrap(found: list[Pair]) -> tuple[float, float]:
    """95 % interval of the difference from drawing images with replacement, see `intervals.bootstrap`."""
    return intervals.bootstrap(
        [before["acc"] for before, _ in found],
        [after["acc"] for _, after in found],
        [before["image_id"] for before, _ in found],
    )
