"""What several people's decisions make of each record: kept as it is, fixed, or dropped, and why.

One rule for conflicts: a record is kept only where everybody who decided it decided the same. A question that careful
readers read differently has no one answer, and a benchmark has questions to spare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lmms_eval_drbench.build.review.decisions import Decision, Review, Verdict, corrected


class Fate(StrEnum):
    """What the reviewers together say about a record."""

    ACCEPTED = "accepted"
    FIXED = "fixed"
    REJECTED = "rejected"
    DISPUTED = "disputed"
    UNREVIEWED = "unreviewed"


class Reason(StrEnum):
    """Why a record is not in the new data set."""

    REJECTED = "rejected"
    DISPUTED = "disputed"
    PREMISE = "its fixed answer changes the premise, so that its pair is none"
    UNREVIEWED = "not reviewed"
    TWIN = "its twin was dropped"


@dataclass
class Outcome:
    """fates: of every record. fixes: record id → the agreed fix. dropped: record id → why."""

    fates: dict[str, Fate]
    fixes: dict[str, Decision] = field(default_factory=dict)
    dropped: dict[str, Reason] = field(default_factory=dict)


def settle(records: Mapping[str, Mapping[str, Any]], reviews: Sequence[Review], reviewed_only: bool = False) -> Outcome:
    """The fate of every record. reviewed_only: drop what nobody decided, which is kept otherwise.

    Twins are dropped together: one half of a pair alone would reward who always, or never, rejects a premise.
    """
    outcome = Outcome({})
    for record_id, record in records.items():
        said = [review.decisions[record_id] for review in reviews if record_id in review.decisions]
        fate = outcome.fates[record_id] = _fate(said)
        if fate is Fate.REJECTED:
            outcome.dropped[record_id] = Reason.REJECTED
        elif fate is Fate.DISPUTED:
            outcome.dropped[record_id] = Reason.DISPUTED
        elif fate is Fate.UNREVIEWED and reviewed_only:
            outcome.dropped[record_id] = Reason.UNREVIEWED
        elif fate is Fate.FIXED:
            is_pair = record["twin_id"] in records
            if is_pair and corrected(record, said[0].answer)["premise_true"] != record["premise_true"]:
                outcome.dropped[record_id] = Reason.PREMISE
            else:
                outcome.fixes[record_id] = next((one for one in said if one.logic), said[0])
    for record_id in list(outcome.dropped):
        twin = records[record_id]["twin_id"]
        if twin in records and twin not in outcome.dropped:
            outcome.dropped[twin] = Reason.TWIN
            outcome.fixes.pop(twin, None)
    return outcome


def _fate(said: Sequence[Decision]) -> Fate:
    if not said:
        return Fate.UNREVIEWED
    if len({decision.label for decision in said}) > 1:
        return Fate.DISPUTED
    return {Verdict.ACCEPT: Fate.ACCEPTED, Verdict.REJECT: Fate.REJECTED, Verdict.FIX: Fate.FIXED}[said[0].verdict]
