"""Model FLOPs of a LoRA step of a Qwen2.5-VL, and the rate of matrix products that a device really reaches.

Model FLOPs utilisation counts what the model's arithmetic asks for, not what an implementation computes beside it:
padding, recomputed activations and masked-out attention count nothing. A multiplication and addition are two FLOPs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Work:
    """What steps hold: tokens, (query, key) pairs that attend, supervised tokens, and pixel patches of the images."""

    tokens: int
    pairs: int
    supervised: int
    patches: int

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def causal_pairs(lengths: Sequence[int]) -> int:
    """Attending pairs of separate causal sequences."""
    return sum(length * (length + 1) // 2 for length in lengths)


def branched_pairs(branches: np.ndarray) -> int:
    """Attending pairs of one packed group. branches: (L,), 0 in the shared part, as `sft.packing.Group` has them."""
    shared, *others = np.bincount(branches).tolist()
    return causal_pairs([shared, *others]) + shared * sum(others)


def step_flops(model: Any, work: Work) -> int:
    """FLOPs of forward and backward over `work`. model: a Qwen2.5-VL with LoRA on frozen weights.

    A frozen weight costs its forward product and the gradient of its input (4 a token and weight); a LoRA weight that
    of itself as well (6); the frozen tower its forward only (2 a patch and weight). Attention: the scores and the
    weighted sum, forward, and twice that backward. The output layer counts at supervised tokens.
    """
    config = model.config
    text, vision = config.get_text_config(), config.vision_config
    heads = text.num_attention_heads * (getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)
    frozen, trained = _weights(model, "language_model")
    tower, _ = _weights(model, "visual", without="merger")
    merger, _ = _weights(model, "visual.merger")
    decoder = work.tokens * (4 * frozen + 6 * trained) + 12 * work.pairs * heads * text.num_hidden_layers
    output = 4 * work.supervised * text.hidden_size * text.vocab_size
    # The merger joins merge x merge patches to a token. Windowed layers attend within their window.
    images = 2 * work.patches * (tower + merger // vision.spatial_merge_size**2)
    return decoder + output + images + _vision_attention(vision, work.patches)


def matmul_rate(device: torch.device, dtype: torch.dtype, size: int = 8192, repeats: int = 30) -> float:
    """FLOPs a second of a square matrix product, measured: the median of `repeats`."""
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    out, times = torch.empty_like(left), []
    for _ in range(repeats + 3):
        started = time.perf_counter()
        torch.matmul(left, right, out=out)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / float(np.median(times[3:]))


def _weights(model: Any, part: str, without: str = "\n") -> tuple[int, int]:
    """(frozen, trained) weights of matrix products in the modules whose name holds `.part.`, but not `without`."""
    frozen = trained = 0
    for name, module in model.named_modules():
        if f".{part}." not in f".{name}." or f".{without}." in f".{name}.":
            continue
        if isinstance(module, torch.nn.Linear | torch.nn.Conv3d):
            count = module.weight.numel()
            trained, frozen = (trained + count, frozen) if module.weight.requires_grad else (trained, frozen + count)
    return frozen, trained


def _vision_attention(vision: Any, patches: int) -> int:
    """FLOPs of the tower's attention within windows; its full layers are counted as windowed too, which is too few."""
    window = (vision.window_size // vision.patch_size) ** 2
    return 4 * patches * min(window, patches) * vision.hidden_size * vision.depth
