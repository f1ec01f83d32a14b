"""What differs between model families, in one place: loading, the frozen tower, LoRA's targets, image tokens.

This version knows Qwen2.5-VL. Another family is another `Family`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoProcessor, PreTrainedModel, ProcessorMixin, Qwen2_5_VLForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

from lmms_eval_drbench.errors import UserError

_TINY_PARAMETERS = 20_000_000
"""Below this a checkpoint is one of our tiny ones, which `drbench_tiny` evaluates in fp32."""


@dataclass(frozen=True)
class Family:
    """A model family.

    model_type: `config.model_type`. model_class: the transformers class. frozen: module prefixes that are never
    trained (vision tower and merger). lora_targets: a regular expression that must match a module's whole name;
    anchored, because bare names such as `q_proj` also hit vision towers. turn_end: the token that ends the model's
    turn. system: the system message that lmms-eval sends. lmms_model: lmms-eval's name of the family.
    """

    model_type: str
    model_class: type[PreTrainedModel]
    frozen: tuple[str, ...]
    lora_targets: str
    turn_end: str
    system: str
    lmms_model: str

    def messages(self, text: str) -> list[dict[str, Any]]:
        """One question as lmms-eval's adapter of this family sends it: system, then the image before the text."""
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]},
        ]

    def image_tokens(self, processor: ProcessorMixin, width: int, height: int) -> int:
        """Placeholder tokens of an image of that size, after the processor's own resizing."""
        image_processor = processor.image_processor
        patches = image_processor.get_number_of_image_patches(height, width, {})
        return patches // image_processor.merge_size**2

    @torch.no_grad()
    def encode_images(self, model: PreTrainedModel, images: Sequence[dict[str, torch.Tensor]]) -> list[torch.Tensor]:
        """The frozen tower's output of each image: shapes (image tokens, hidden), in the model's dtype."""
        pixels = torch.cat([image["pixel_values"] for image in images]).to(model.device, model.dtype)
        grid = torch.cat([image["image_grid_thw"] for image in images]).to(model.device)
        return list(model.get_image_features(pixels, grid).pooler_output)

    def feature_inputs(self, features: Sequence[torch.Tensor]) -> dict[str, Any]:
        """The forward arguments that hand over ready features in place of pixels."""
        return {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=tuple(features))}}

    def eval_model(self, model: PreTrainedModel) -> str:
        """lmms-eval's `--model` for this checkpoint."""
        return "drbench_tiny" if model.num_parameters() < _TINY_PARAMETERS else self.lmms_model


QWEN2_5_VL = Family(
    model_type="qwen2_5_vl",
    model_class=Qwen2_5_VLForConditionalGeneration,
    frozen=("model.visual.",),
    lora_targets=r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)",
    turn_end="<|im_end|>",
    system="You are a helpful assistant.",
    lmms_model="qwen2_5_vl",
)

FAMILIES = {family.model_type: family for family in (QWEN2_5_VL,)}


def identify(model: str) -> Family:
    """The family of a model folder or hub id. Raises UserError when it is no model, or one we don't know."""
    path = Path(model).expanduser()
    if path.is_dir():
        if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
            base = _base_of(path)
            raise UserError(f"--model {model} is an adapter{base}: training starts from a full model")
        if not (path / "config.json").is_file():
            raise UserError(f"--model {model} is no model: the folder has no config.json")
    elif path.exists():
        raise UserError(f"--model {model} is a file: give a model folder or a hub id")
    try:
        config = AutoConfig.from_pretrained(model)
    except Exception as error:  # transformers and the hub client raise many types for the same thing
        raise UserError(f"--model {model} is no model folder and no reachable hub id: {_first_line(error)}") from error
    if config.model_type not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UserError(f"--model {model} is of type {config.model_type}, which sft cannot train yet: it knows {known}")
    return FAMILIES[config.model_type]


def load_processor(family: Family, model: str, min_pixels: int | None, max_pixels: int | None) -> ProcessorMixin:
    """The model's processor with its pixel limits replaced where given. Raises UserError when it can't be loaded."""
    limits = {"min_pixels": min_pixels, "max_pixels": max_pixels}
    try:
        processor = AutoProcessor.from_pretrained(
            model, **{name: value for name, value in limits.items() if value is not None}
        )
    except Exception as error:  # as above
        raise UserError(f"--model {model} has no usable processor: {_first_line(error)}") from error
    size = processor.image_processor.size
    if size["shortest_edge"] > size["longest_edge"]:
        raise UserError(f"--min_pixels {size['shortest_edge']} is above --max_pixels {size['longest_edge']}: swap them")
    if processor.tokenizer.convert_tokens_to_ids(family.turn_end) is None:
        raise UserError(f"--model {model}: its tokenizer has no {family.turn_end}, so no answer could ever end")
    return processor


def load_model(family: Family, model: str, dtype: torch.dtype) -> PreTrainedModel:
    """The model's weights, every one of them. Raises UserError when a file is damaged or weights are missing."""
    try:
        loaded, info = family.model_class.from_pretrained(model, dtype=dtype, output_loading_info=True)
    except Exception as error:  # as above, and safetensors' own error for a truncated file
        raise UserError(f"--model {model}: its weights cannot be loaded: {_first_line(error)}") from error
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise UserError(f"--model {model} lacks {len(missing)} weights, the first is {missing[0]}: download it again")
    return loaded


def stored_dtype(model: str) -> torch.dtype:
    """The precision that a model's config names for its weights; fp32 where it names none."""
    config = AutoConfig.from_pretrained(model)
    return config.dtype or getattr(config.get_text_config(), "dtype", None) or torch.float32


def _base_of(adapter: Path) -> str:
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        return f" of {config['base_model_name_or_path']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
