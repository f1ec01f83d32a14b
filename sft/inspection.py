"""`--inspect N`: samples as the trainer sees them, and which weights train. Nothing is trained."""

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from sft.encode import Encoded, Sample
from sft.images import Images
from sft.stages import MIXED, Stage

OPEN, CLOSE = "⟦", "⟧"
"""Stand around the tokens under the loss."""


def samples(
    encoded: Encoded,
    stages: Sequence[Stage],
    images: Images,
    tokenizer: PreTrainedTokenizerBase,
    placeholder: str,
    count: int,
) -> Iterator[str]:
    """A block of text for each of the first `count` samples, and for the first one that is mixed in.

    placeholder: the text of the token that stands for a feature of an image.
    """
    own = len(encoded.samples) - encoded.mixed
    shown = [*encoded.samples[: min(count, own)], *encoded.samples[own:][: min(count, 1)]]
    for sample in shown:
        yield _sample(sample, encoded, stages, images, tokenizer, placeholder)


def _sample(
    sample: Sample,
    encoded: Encoded,
    stages: Sequence[Stage],
    images: Images,
    tokenizer: PreTrainedTokenizerBase,
    placeholder: str,
) -> str:
    width, height = images.size(sample.image)
    image_tokens = encoded.image_tokens[sample.image]
    runs = f"(?:{re.escape(placeholder)})+"
    prompt = re.sub(
        runs, lambda run: f"{placeholder}×{len(run[0]) // len(placeholder)}", tokenizer.decode(sample.prompt)
    )
    lines = [
        f"record {sample.record_id}: {len(sample)} tokens = {len(sample.prompt)} prompt ({image_tokens} of them for "
        f"the {width}x{height} image) + {len(sample.target)} target",
        "prompt, never supervised:",
        textwrap.indent(prompt, "    "),
    ]
    for stage in stages:
        mask = stage.supervise(sample.fields)
        lines.append(
            f"stage {stage.number} {stage.name}: {len(sample.prompt) + len(mask)} tokens, {int(mask.sum())} supervised"
        )
        for field in np.unique(sample.fields[: len(mask)]):
            own = np.flatnonzero(sample.fields[: len(mask)] == field)
            name = "mixed in" if field == MIXED else encoded.field_names[field]
            text = marked(sample.target[own], mask[own], tokenizer)
            lines += [f"  {name} ({len(own)} tokens):", textwrap.indent(text, "    ", lambda line: True)]
    return "\n".join(lines)


def marked(tokens: np.ndarray, mask: np.ndarray, tokenizer: PreTrainedTokenizerBase) -> str:
    """The tokens' text with each run of supervised ones between `OPEN` and `CLOSE`. Both arrays: (length,)."""
    starts = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=np.int8(2)))
    text = ""
    for start, end in zip(starts, [*starts[1:], len(mask)], strict=True):
        part = tokenizer.decode(tokens[start:end])
        text += f"{OPEN}{part}{CLOSE}" if mask[start] else part
    return text


def module_map(model: torch.nn.Module) -> str:
    """One line a tower: weights, how many of them train, and the kinds of modules that hold those."""
    total: dict[str, int] = defaultdict(int)
    trained: dict[str, int] = defaultdict(int)
    kinds: dict[str, set[str]] = defaultdict(set)
    for name, parameter in model.named_parameters():
        tower = _tower(name)
        total[tower] += parameter.numel()
        if parameter.requires_grad:
            trained[tower] += parameter.numel()
            kinds[tower].add(_kind(name))
    lines = []
    for tower in total:
        state = f"{trained[tower]:,} train ({', '.join(sorted(kinds[tower]))})" if trained[tower] else "frozen"
        lines.append(f"  {tower}: {total[tower]:,} weights, {state}")
    return "\n".join(["what trains, by tower:", *lines])


def _tower(name: str) -> str:
    """`model.visual`, `model.language_model`, `lm_head`: the outermost modules, without peft's wrapping."""
    parts = name.removeprefix("base_model.model.").split(".")
    return ".".join(parts[:2]) if parts[0] == "model" and len(parts) > 2 else parts[0]


def _kind(name: str) -> str:
    """`q_proj.lora` or `q_proj`: the module that holds a weight, the same for every layer."""
    parts = name.split(".")
    if "lora_" in name:
        return f"{parts[next(i for i, part in enumerate(parts) if part.startswith('lora_')) - 1]} LoRA"
    return parts[-2]
