"""An estimate of peak memory before step 1: weights, gradients, optimiser, features, activations, logits.

Activations are counted as what autograd keeps of one decoder layer (checked against the tensors that it really saves,
`tests/test_sft_memory.py`). What the frozen vision tower, kernels and the allocator take meanwhile isn't counted, so it
is a lower bound: a model of 103 million parameters on a CPU took 2,856 MiB where 1,887 were estimated (packed), and
3,576 where 2,270 were (unpacked).
"""

import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from sft import attention, log
from sft.collate import IGNORE, PlannedSamples
from sft.loss import CHUNK
from sft.stages import Plan

_ADAM_STATES = 2
_LOGIT_COPIES = 2
"""fp32 copies of a chunk's logits at once: their logarithm of the softmax and the gradient."""


@dataclass(frozen=True)
class StageMemory:
    """A stage's heaviest batch: its shape (rows, longest row in tokens), supervised tokens, and bytes that it takes."""

    name: str
    rows: int
    length: int
    supervised: int
    activations: int
    logits: int


@dataclass(frozen=True)
class Estimate:
    """All in bytes. process: what the process holds beside the weights, 0 on a GPU."""

    weights: int
    gradients: int
    optimiser: int
    features: int
    process: int
    stages: list[StageMemory]

    @property
    def peak(self) -> int:
        fixed = self.weights + self.gradients + self.optimiser + self.features + self.process
        return fixed + max(stage.activations + stage.logits for stage in self.stages)

    def lines(self) -> list[str]:
        """What is printed before step 1."""
        parts = ("weights", "gradients", "optimiser", "features", "process")
        fixed = ", ".join(f"{name} {_mib(getattr(self, name))}" for name in parts if getattr(self, name))
        found = [f"peak memory, estimated: at least {_mib(self.peak)} MiB = {fixed}, and a stage's heaviest batch:"]
        for stage in self.stages:
            found.append(
                f"  {stage.name}: {stage.rows} rows of up to {stage.length} tokens, {stage.supervised} supervised: "
                f"activations {_mib(stage.activations)}, logits {_mib(stage.logits)}"
            )
        return found


def estimate(
    model: PreTrainedModel,
    order: Plan,
    planned: PlannedSamples,
    collate: Callable[[Sequence[Any]], dict[str, Any]],
    batch_size: int,
    *,
    packs: bool,
    gradient_checkpointing: bool,
    features: int,
    process: int,
    compute: torch.dtype,
) -> Estimate:
    """The estimate of one process.

    collate: makes a batch without decoding images. batch_size: samples a forward pass. features: bytes of cached
    features that live where the model does. process: see `Estimate`. compute: precision of activations.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    gradients = sum(p.numel() * p.element_size() for p in trained)
    lora = isinstance(model, PeftModel)
    stages = []
    for index, stage in enumerate(order.stages):
        heaviest = _heaviest(order, planned, index, batch_size, packs)
        batch = collate([planned[entry] for entry in heaviest])
        rows, length = batch["input_ids"].shape
        supervised = int((batch["labels"] != IGNORE).sum())
        slots = _slots(batch) if packs else None
        elements = activations(model, rows * length, slots, lora=lora, checkpointing=gradient_checkpointing)
        vocabulary = model.config.get_text_config().vocab_size
        logits = min(supervised, CHUNK) * vocabulary * 4 * _LOGIT_COPIES
        stages.append(StageMemory(stage.name, rows, length, supervised, elements * compute.itemsize, logits))
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    return Estimate(weights, gradients, _ADAM_STATES * gradients, features, process, stages)


def _slots(batch: dict[str, torch.Tensor]) -> tuple[int, int]:
    """Queries and keys of a packed batch, once its branches stand apart (`attention.Layout`)."""
    layout = attention.Layout.of(batch)
    branches, _, _, seen = layout.visible.shape
    shared = layout.shared[0] * layout.shared[1]
    return layout.place_of_slot.numel(), shared + branches * seen


def activations(
    model: PreTrainedModel, tokens: int, slots: tuple[int, int] | None, lora: bool, checkpointing: bool
) -> int:
    """Elements that autograd keeps of the decoder for `tokens` tokens, padding included.

    Of one layer and token, with hidden size h, intermediate size m, and a query and k key elements: 4m (gate, its
    activation, up, their product), 5h with LoRA (inputs of the norms and of the projections; 7.5h where the norms'
    weights train), a + 2k for attention. Where branches attend apart (slots: their queries and keys) it is 2a a query,
    for what goes in and what comes out, and 2k a key instead.
    With gradient checkpointing: each layer's input, and all of one layer. One layer more stands for its gradients.
    """
    text = model.config.get_text_config()
    hidden = text.hidden_size
    middle = getattr(text, "intermediate_size", None) or 4 * hidden
    head = getattr(text, "head_dim", None) or hidden // text.num_attention_heads
    queries = text.num_attention_heads * head
    keys = (getattr(text, "num_key_value_heads", None) or text.num_attention_heads) * head
    outside = int((5 if lora else 7.5) * hidden) + 4 * middle
    asking, seen = slots or (tokens / 2, tokens)
    one = int(tokens * outside + asking * 2 * queries + seen * 2 * keys)
    layers = _layers(model)
    kept = tokens * layers * hidden + one if checkpointing else layers * one
    return kept + one


def _layers(model: PreTrainedModel) -> int:
    return model.config.get_text_config().num_hidden_layers


def _heaviest(order: Plan, planned: PlannedSamples, stage: int, batch_size: int, packs: bool) -> range:
    """Entries of the stage's batch with the most tokens: padded to its longest, or before packing."""
    start = sum(order.steps[:stage]) * order.per_step
    sizes = [planned.visible_length(entry) for entry in range(start, start + order.steps[stage] * order.per_step)]

    def tokens(first: int) -> int:
        own = sizes[first : first + batch_size]
        return sum(own) if packs else len(own) * max(own)

    first = max(range(0, len(sizes), batch_size), key=tokens)
    return range(start + first, start + min(first + batch_size, len(sizes)))


def process_bytes() -> int:
    """Main memory that this process holds now, in bytes; where the system doesn't say, the most it ever held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return int(log.peak_memory_mib() * 2**20)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f}"
