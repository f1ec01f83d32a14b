"""Does grounding carry upward? Accuracy of a layer where the layers below it were right on the same image.

The layers below are right on an image when every question of theirs about it was answered right. Images that have no
question in one of those layers take no part. Beside it stands the accuracy where they were not all right: the
difference, not the first number alone, says whether the layers hang together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmms_eval_drbench import intervals
from lmms_eval_drbench.taxonomy import Category, Layer


@dataclass(frozen=True)
class Conditional:
    """Accuracy of `layer` on images where all questions of the layers `given` were right, and where some were not.

    Both estimates are clustered by image; `n` is 0 and the mean NaN where there is no such image.
    """

    layer: Layer
    given: tuple[Layer, ...]
    right: intervals.Estimate
    not_right: intervals.Estimate


def conditional(samples: Sequence[Mapping[str, Any]]) -> list[Conditional]:
    """Layer 2 given 1, layer 3 given 1 and 2, from a suite's samples; only where all these layers have questions."""
    layers = list(Layer)
    found = []
    for position in range(1, len(layers)):
        estimates = _given(samples, layers[position], layers[:position])
        if any(estimate.n for estimate in estimates):
            found.append(Conditional(layers[position], tuple(layers[:position]), *estimates))
    return found


def _given(
    samples: Sequence[Mapping[str, Any]], layer: Layer, below: Sequence[Layer]
) -> tuple[intervals.Estimate, intervals.Estimate]:
    all_right: dict[tuple[str, Layer], bool] = {}
    for sample in samples:
        key = (sample["image_id"], Category(sample["category"]).layer)
        all_right[key] = all_right.get(key, True) and sample["acc"] == 1
    of_state: dict[bool, list[Mapping[str, Any]]] = {True: [], False: []}
    for sample in samples:
        states = [all_right.get((sample["image_id"], lower)) for lower in below]
        if Category(sample["category"]).layer is layer and None not in states:
            of_state[all(states)].append(sample)
    return tuple(
        intervals.proportion([s["acc"] for s in members], [s["image_id"] for s in members])
        for members in (of_state[True], of_state[False])
    )
