"""Which family a checkpoint belongs to, and its processor and weights, checked."""

import json
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, PreTrainedModel, ProcessorMixin

from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.towers import look_both_ways
from sft.families import generic
from sft.families.base import Family
from sft.families.idefics3 import IDEFICS3, SMOLVLM
from sft.families.internvl import INTERNVL
from sft.families.llava_onevision import LLAVA_ONEVISION
from sft.families.phi4_multimodal import PHI4_MULTIMODAL
from sft.families.qwen2_5_vl import QWEN2_5_VL
from sft.families.qwen3_vl import QWEN3_VL

_NAMED = (QWEN2_5_VL, QWEN3_VL, INTERNVL, IDEFICS3, SMOLVLM, LLAVA_ONEVISION, PHI4_MULTIMODAL)
FAMILIES = {family.model_type: family for family in _NAMED}
"""`config.model_type` → family."""


def identify(model: str) -> Family:
    """The family of a model folder or hub id; `generic` for one that nobody named. Raises UserError for no model."""
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
    if getattr(config, "quantization_config", None):
        raise UserError(f"--model {model} is quantised, and its weights cannot be trained: give the unquantised model")
    if config.model_type in FAMILIES:
        return FAMILIES[config.model_type]
    if type(config) not in AutoModelForImageTextToText._model_mapping:
        known = ", ".join(FAMILIES)
        raise UserError(
            f"--model {model} is of type {config.model_type}, no image-text-to-text model: known are {known}"
        )
    return generic.family_of(model, config, _processor(model))


def load_processor(family: Family, model: str, min_pixels: int | None, max_pixels: int | None) -> ProcessorMixin:
    """The model's processor with its pixel limits replaced where given. Raises UserError when it can't be loaded."""
    limits = {"min_pixels": min_pixels, "max_pixels": max_pixels}
    limits = {name: value for name, value in limits.items() if value is not None}
    if limits and not family.pixel_limits:
        raise UserError(f"--{min(limits)}: the processor of {family.model_type} has no such limit, leave it out")
    processor = _processor(model, **limits)
    pixels = pixel_limits(family, processor)
    if pixels and pixels["min_pixels"] > pixels["max_pixels"]:
        raise UserError(
            f"--min_pixels {pixels['min_pixels']} is above --max_pixels {pixels['max_pixels']}: change one of them "
            "(the one that isn't given is the processor's own)"
        )
    if not processor.chat_template:
        raise UserError(
            f"--model {model} has no chat template, so no prompt can be built: use its instruction-tuned one"
        )
    if processor.tokenizer.convert_tokens_to_ids(family.turn_end) is None:
        raise UserError(f"--model {model}: its tokenizer has no {family.turn_end}, so no answer could ever end")
    return processor


def _processor(model: str, **limits: int) -> ProcessorMixin:
    try:
        processor = AutoProcessor.from_pretrained(model, **limits)
    except Exception as error:  # as above
        raise UserError(f"--model {model} has no usable processor: {_first_line(error)}") from error
    # Phi-4's class drops the template of its own folder (transformers 5.23); its tokenizer keeps it.
    processor.chat_template = processor.chat_template or processor.tokenizer.chat_template
    return processor


def pixel_limits(family: Family, processor: ProcessorMixin) -> dict[str, int]:
    """min_pixels and max_pixels of a processor that has them, else nothing."""
    if not family.pixel_limits:
        return {}
    size = processor.image_processor.size
    return {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}


def load_model(family: Family, model: str, dtype: torch.dtype) -> PreTrainedModel:
    """The model's weights, every one of them. Raises UserError when a file is damaged or weights are missing."""
    try:
        loaded, info = family.model_class.from_pretrained(model, dtype=dtype, output_loading_info=True)
    except Exception as error:  # as above, and safetensors' own error for a truncated file
        raise UserError(f"--model {model}: its weights cannot be loaded: {_first_line(error)}") from error
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise UserError(f"--model {model} lacks {len(missing)} weights, the first is {missing[0]}: download it again")
    look_both_ways(loaded)
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
