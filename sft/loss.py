"""The loss of a batch, with logits at supervised positions only, a chunk at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from sft.collate import IGNORE

CHUNK = 1024
"""Supervised positions whose logits exist at once: with 152k words and fp32 that is 0.6 GB for each of the copies."""


def summed_loss(forward: Callable[..., Any], head: torch.nn.Module, labels: torch.Tensor, plain: bool) -> torch.Tensor:
    """The cross-entropy of a forward pass, summed over supervised positions: a scalar.

    forward: the model's call, with all inputs but labels. head: its output layer. labels: (B, L), `IGNORE` where no
    loss runs; position i predicts label i + 1. plain: whether the model hands on what `head` returns as its logits;
    one that scales or caps them gets to do so, at the cost of logits wherever some row has a supervised position.
    """
    targets = labels[:, 1:]
    if plain:
        with _giving_the_loss(head, targets):
            return forward().logits
    kept = (targets != IGNORE).any(dim=0).nonzero().squeeze(1)
    logits = forward(logits_to_keep=kept).logits.float()
    return F.cross_entropy(logits.flatten(0, 1), targets[:, kept].flatten(), ignore_index=IGNORE, reduction="sum")


@contextmanager
def _giving_the_loss(head: torch.nn.Module, targets: torch.Tensor) -> Iterator[None]:
    """Within it, `head` returns the summed loss in place of logits.

    It happens inside the output layer's own call, so that whatever wraps the layer (gathering of sharded weights, for
    one) still takes effect. Beyond one chunk the logits are computed again in the backward pass and not kept.
    """
    supervised = targets != IGNORE
    original, own = head.forward, head.__dict__.get("forward")

    def loss_of(hidden: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return _CrossEntropy.apply(original(hidden).float(), wanted)

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


class _CrossEntropy(torch.autograd.Function):
    """`F.cross_entropy(logits, wanted, reduction="sum")` that overwrites `logits` with their gradient as it goes.

    With 152k words the logits are the largest tensor of a step, and PyTorch's own makes more of that size. Nobody else
    may read the logits: a linear layer's backward pass does not need its output.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """logits: (N, words), fp32, lost. wanted: (N,). Returns a scalar."""
        words = wanted[:, None]
        highest, chosen = logits.amax(dim=1, keepdim=True), logits.gather(1, words)
        mass = logits.sub_(highest).exp_().sum(dim=1, keepdim=True)
        if ctx.needs_input_grad[0]:
            logits.div_(mass).scatter_add_(1, words, torch.full_like(chosen, -1.0))
        ctx.gradient = logits if ctx.needs_input_grad[0] else None
        return (mass.log() + highest - chosen).sum()

    @staticmethod
    def backward(ctx: Any, of_loss: torch.Tensor) -> tuple[torch.Tensor, None]:
        gradient, ctx.gradient = ctx.gradient, None  # overwritten, so there is no second time
        return gradient.mul_(of_loss), None
