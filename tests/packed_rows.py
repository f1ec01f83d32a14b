"""What the tests of packed rows share: the mask by its definition, and FlexAttention where there is no GPU."""

from contextlib import contextmanager
from unittest import mock

import torch


@contextmanager
def flex_on_a_cpu():
    """FlexAttention's own reference implementation, with gradients.

    PyTorch refuses gradients on a CPU because its compiled CPU kernel has no backward pass; the reference one, which
    multiplies out every pair and masks, has.
    """
    check = mock.patch("torch.nn.attention.flex_attention._validate_device")
    with check, torch.compiler.set_stance("force_eager"):
        yield


def visible(groups, branches):
    """(B, L, L) bool by the definition, cell by cell: the shared part and the own branch, up to oneself."""
    rows, length = groups.shape
    seen = torch.zeros((rows, length, length), dtype=torch.bool)
    for row in range(rows):
        for token in range(length):
            for other in range(token + 1):
                same_image = groups[row, token] == groups[row, other]
                branch = branches[row, other]
                seen[row, token, other] = same_image and (branch == 0 or branch == branches[row, token])
    return seen
