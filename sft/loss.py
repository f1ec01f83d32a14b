"""The loss of a batch, with logits at supervised positions only, a chunk at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from sft.collate import IGNORE

CHUNK = 1024
"""Supervised positions whose logits exist at once: with 152k words and fp32 that is 0.6 GB for each of the copies."""


@contextmanager
def summed_loss(head: torch.nn.Module, labels: torch.Tensor) -> Iterator[None]:
    """Within it, `head` (the output layer) returns the summed cross-entropy, a scalar, in place of logits.

    labels: (B, L), `IGNORE` where no loss runs; position i predicts label i + 1. It happens inside the output layer's
    own call, so that whatever wraps the layer (gathering of sharded weights, for one) still takes effect. Beyond one
    chunk the logits are computed again in the backward pass and not kept.
    """
    targets = labels[:, 1:]
    supervised = targets != IGNORE
    original, own = head.forward, head.__dict__.get("forward")

    def loss_of(hidden: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(original(hidden).float(), wanted, reduction="sum")

    def forward(hidden: torch.Tensor) -> torch.Tensor:
        chosen, wanted = hidden[:, :-1][supervised], targets[supervised]
        if len(wanted) <= CHUNK:
            return loss_of(chosen, wanted)
        parts = zip(chosen.split(CHUNK), wanted.split(CHUNK), strict=True)
        return torch.stack([checkpoint(loss_of, *part, use_reentrant=False) for part in parts]).sum()

    head.forward = forward
    try:
        yield
    finally:
        if own is None:
            del head.forward
        else:  # another library had put its own there
            head.forward = own
