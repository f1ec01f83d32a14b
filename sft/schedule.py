"""A learning rate that starts anew with every stage."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler
from transformers.trainer_utils import SchedulerType


def known() -> list[str]:
    """Transformers' schedules that warm-up and length describe; others want arguments, or an evaluation."""
    found = []
    for kind in SchedulerType:
        try:
            _factors(kind.value, 2, 0.0)
        except (AttributeError, TypeError, ValueError):
            continue
        found.append(kind.value)
    return found


def warmup_steps(ratio: float, steps: int) -> int:
    """Steps with a rising rate among `steps`."""
    return math.ceil(ratio * steps)


def per_stage(optimizer: torch.optim.Optimizer, name: str, steps: Sequence[int], warmup_ratio: float) -> LambdaLR:
    """Transformers' schedule `name` over each stage of its own, one after the other.

    steps: optimiser steps of each stage. A stage's first step begins with its warm-up, its last ends its decay.
    """
    own = [_factors(name, count, warmup_ratio) for count in steps]
    starts = [0, *accumulate(steps)]

    def factor(step: int) -> float:
        stage = min(bisect_right(starts, step) - 1, len(own) - 1)
        return own[stage](step - starts[stage])

    return LambdaLR(optimizer, factor)


def _factors(name: str, steps: int, warmup_ratio: float) -> Callable[[int], float]:
    """Step → factor of the peak rate, as transformers computes it."""
    unused = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = get_scheduler(name, unused, warmup_steps(warmup_ratio, steps), steps)
    return schedule.lr_lambdas[0]
