"""Samples of one stage → one padded batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sft.encode import Sample
from sft.images import Images
from sft.stages import Plan, Stage

IGNORE = -100
"""The label of a token without a loss."""


@dataclass(frozen=True)
class Item:
    """A sample as one stage sees it."""

    sample: Sample
    stage: Stage


class PlannedSamples(Dataset):
    """The plan's items in their order. Read sequentially: the order is the schedule."""

    def __init__(self, plan: Plan, samples: Sequence[Sample]) -> None:
        self._plan, self._samples = plan, samples

    def __len__(self) -> int:
        return len(self._plan.entries)

    def __getitem__(self, index: int) -> Item:
        stage, sample = self._plan.entries[index]
        return Item(self._samples[sample], self._plan.stages[stage])

    def visible_length(self, index: int) -> int:
        """Tokens of an item up to its stage's cut."""
        item = self[index]
        return len(item.sample.prompt) + len(item.stage.supervise(item.sample.fields))


class Collator:
    """Pads the items of a batch on the right.

    There is no attention mask: under causal attention no token looks at padding that comes after it.

    Returns, for B items of which the longest has L tokens:
    input_ids (B, L); labels (B, L), the token itself where the loss runs and `IGNORE` elsewhere (the model predicts
    token i from position i - 1, the trainer shifts); mm_token_type_ids (B, L), 1 on image
    placeholders; image_keys, B keys; and unless features are cached, what `Images.batch` gives.

    Example, stage 2 of two items (p prompt, a field 1, b field 2, . padding; field 3 has been cut off):
        tokens  p p p a a b b .     labels  - - - - - b b -
                p p p p a b b b             - - - - - b b b
    """

    def __init__(self, pad: int, image_token: int, images: Images, cached: bool) -> None:
        self._pad, self._image_token, self._images, self._cached = pad, image_token, images, cached

    def __call__(self, items: Sequence[Item]) -> dict[str, Any]:
        rows = [row(item) for item in items]
        shape = (len(rows), max(len(tokens) for tokens, _ in rows))
        input_ids = np.full(shape, self._pad, dtype=np.int64)
        labels = np.full(shape, IGNORE, dtype=np.int64)
        for index, (tokens, row_labels) in enumerate(rows):
            input_ids[index, : len(tokens)] = tokens
            labels[index, : len(tokens)] = row_labels
        batch: dict[str, Any] = {
            "input_ids": torch.from_numpy(input_ids),
            "labels": torch.from_numpy(labels),
            "mm_token_type_ids": torch.from_numpy((input_ids == self._image_token).astype(np.int64)),
            "image_keys": [item.sample.image for item in items],
        }
        if not self._cached:
            batch |= self._images.batch(batch["image_keys"])
        return batch


def row(item: Item) -> tuple[np.ndarray, np.ndarray]:
    """(tokens, labels) of one item, both (length,), cut after the stage's last field."""
    mask = item.stage.supervise(item.sample.fields)
    target = item.sample.target[: len(mask)]
    tokens = np.concatenate([item.sample.prompt, target])
    labels = np.concatenate([np.full(len(item.sample.prompt), IGNORE), np.where(mask, target, IGNORE)])
    return tokens, labels
