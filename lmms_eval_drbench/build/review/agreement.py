"""How far two people agree about the same records."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from lmms_eval_drbench.build.review.decisions import Review


@dataclass(frozen=True)
class Agreement:
    """Two reviewers on the records that both decided. same: the share with one label (a fix's answer is part of it).

    kappa: Cohen's, None where no record is shared or chance alone would agree on all of them.
    """

    reviewers: tuple[str, str]
    questions: int
    same: float | None
    kappa: float | None


def pairs(reviews: Sequence[Review]) -> list[Agreement]:
    """The agreement of every two reviewers."""
    return [_agreement(one, other) for one, other in combinations(reviews, 2)]


def _agreement(one: Review, other: Review) -> Agreement:
    shared = [record_id for record_id in one.decisions if record_id in other.decisions]
    left = [one.decisions[record_id].label for record_id in shared]
    right = [other.decisions[record_id].label for record_id in shared]
    same = sum(a == b for a, b in zip(left, right, strict=True)) / len(shared) if shared else None
    return Agreement((one.reviewer, other.reviewer), len(shared), same, cohen_kappa(left, right))


def cohen_kappa(left: Sequence[str], right: Sequence[str]) -> float | None:
    """(observed - expected) / (1 - expected) agreement of two raters' labels [N], in their marginal frequencies.

    Source: Cohen 1960, A coefficient of agreement for nominal scales. None for no labels, and where both raters gave
    all records one and the same label: then nothing could have shown a disagreement.
    """
    total = len(left)
    if not total:
        return None
    observed = sum(a == b for a, b in zip(left, right, strict=True)) / total
    of_left, of_right = Counter(left), Counter(right)
    expected = sum(count * of_right[label] for label, count in of_left.items()) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)
