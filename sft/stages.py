r"""Staged gradient masking: which target tokens a stage sees, and which of them get a gradient (DESIGN section 7).

The whole target is tokenised once; every token then belongs to exactly one field:

    text    <entities>\n- cup\n</entities>\n<relations>...   <answer>B</answer> <|im_end|>
    field   0          0 0  0  0          0  1                  3                 3

A stage is a cut (what comes after its last field is not even in the sequence) and a set of active fields.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from lmms_eval_drbench.errors import UserError
from sft.targets import SEPARATOR

SCHEDULES = ("current", "cumulative", "joint")
MIXED = -1
"""The field index of a mixed-in sample's tokens: no stage cuts them off, every stage supervises them."""
_GROUP = 16
"""Optimiser steps whose samples are drawn together and sorted by length: long enough to save padding, short enough
to keep the order random."""


@dataclass(frozen=True)
class Stage:
    """One stage of the schedule.

    number: from 1. name: what it teaches. active: indices of the fields under the loss. last: index of the last
    field that is in the sequence; every later one is cut off.
    """

    number: int
    name: str
    active: frozenset[int]
    last: int

    def supervise(self, token_fields: np.ndarray) -> np.ndarray:
        """Mask of the target tokens this stage sees, True where the loss runs: shape (visible,), bool.

        token_fields: shape (target length,), each token's field index, non-decreasing.
        """
        visible = int(np.searchsorted(token_fields, self.last, side="right"))
        return np.isin(token_fields[:visible], [*self.active, MIXED])


def stages(schedule: str, names: Sequence[str]) -> list[Stage]:
    """The stages of a schedule over fields `names`, in order.

    current: one stage a field, the loss over that field alone. cumulative: one stage a field, the loss over it and
    all before it. joint: one stage, all fields at once. With a single field the three coincide.
    """
    count = len(names)
    if schedule == "current":
        return [Stage(k + 1, names[k], frozenset({k}), k) for k in range(count)]
    if schedule == "cumulative":
        return [Stage(k + 1, "+".join(names[: k + 1]), frozenset(range(k + 1)), k) for k in range(count)]
    if schedule == "joint":
        return [Stage(1, "+".join(names), frozenset(range(count)), count - 1)]
    raise UserError(f"unknown --schedule {schedule!r}: use one of {', '.join(SCHEDULES)}")


def token_fields(texts: Sequence[str], offsets: Sequence[tuple[int, int]]) -> np.ndarray:
    """The field index of every token of `SEPARATOR.join(texts)`: shape (tokens,), int8, non-decreasing.

    offsets: (start, end) of each token in characters, from the tokenizer. A token belongs to the field that holds
    its first character, and a separator to the field before it; so a token that spans a boundary goes to the
    earlier field.
    """
    starts = list(accumulate((len(text) + len(SEPARATOR) for text in texts[:-1]), initial=0))
    fields, covered = [], 0
    for start, end in offsets:
        # Some tokenizers trim leading white space off the span: the token still begins where the last one ended.
        # Tokens that share one multi-byte character overlap: then the span's own start is right.
        fields.append(bisect_right(starts, min(start, covered)) - 1)
        covered = max(covered, end)
    return np.array(fields, dtype=np.int8)


@dataclass(frozen=True)
class Plan:
    """The order of a whole run: `entries[i]` is (index of the stage, index of the sample) of the i-th sample drawn.

    Every optimiser step takes `per_step` consecutive entries, all of one stage; `steps` counts steps a stage.
    """

    stages: list[Stage]
    steps: list[int]
    per_step: int
    entries: list[tuple[int, int]]

    def stage_at(self, step: int) -> Stage:
        """The stage that optimiser step `step` (from 1) belongs to."""
        return self.stages[bisect_right(list(accumulate(self.steps)), step - 1)]

    @property
    def total_steps(self) -> int:
        return sum(self.steps)


def plan(
    stage_list: list[Stage],
    steps: list[int],
    per_step: int,
    lengths: Sequence[Sequence[int]],
    seed: int,
    mixed: int = 0,
    share: float = 0.0,
    images: Sequence[str] | None = None,
) -> Plan:
    """Draw every stage's samples: in shuffled passes over all of them, grouped by length within `_GROUP` steps.

    lengths: for each stage, the sequence length of each sample; the last `mixed` of them are mixed in, and make up
    `share` of what is drawn. images: each sample's image; with it the samples of an image are drawn together, in
    their order within a pass shuffled, so that they can be packed, and length plays no part. The order depends on
    per_step alone, so batch size 4 x 1 accumulation and 1 x 4 take the same samples at every step.
    """
    entries: list[tuple[int, int]] = []
    for index, (stage, count) in enumerate(zip(stage_list, steps, strict=True)):
        draw = random.Random(f"{seed} {stage.number}")
        own = len(lengths[index]) - mixed
        others = round(share * count * per_step) if mixed else 0
        runs = _passes(draw, range(own), count * per_step - others, images)
        runs += _passes(draw, range(own, own + mixed), others, images)
        if others:
            draw.shuffle(runs)
        drawn = [sample for run in runs for sample in run]
        if images is not None:
            entries += [(index, sample) for sample in drawn]
            continue
        for group in _chunks(drawn, _GROUP * per_step):
            group.sort(key=lambda sample, of=lengths[index]: of[sample])
            batches = _chunks(group, per_step)
            draw.shuffle(batches)
            entries += [(index, sample) for batch in batches for sample in batch]
    return Plan(stage_list, steps, per_step, entries)


def _passes(draw: random.Random, samples: range, count: int, images: Sequence[str] | None) -> list[list[int]]:
    """`count` samples in shuffled passes over all, as runs that stay together: one image's, or single samples."""
    runs: dict[Any, list[int]] = {}
    for sample in samples:
        runs.setdefault(sample if images is None else images[sample], []).append(sample)
    drawn: list[list[int]] = []
    left = count
    while left > 0:
        order = list(runs.values())
        draw.shuffle(order)
        for run in order:
            if left <= 0:
                break
            drawn.append(draw.sample(run, len(run))[:left])
            left -= len(drawn[-1])
    return drawn


def _chunks(items: list, size: int) -> list[list]:
    return [items[start : start + size] for start in range(0, len(items), size)]
