"""Two suites on the same questions: paired differences with intervals clustered by image.

Questions are matched by record id, so a run under the direct prompt pairs with another under the scaffold prompt.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lmms_eval_drbench import intervals
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.summary import Row, Sample, Suite, rows
from lmms_eval_drbench.taxonomy import Category

Pair = tuple[Sample, Sample]


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
