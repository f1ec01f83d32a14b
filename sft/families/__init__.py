"""What differs between model families: one file a family, and how any of them is loaded."""

from sft.families import generic
from sft.families.base import Family
from sft.families.loading import FAMILIES, identify, load_model, load_processor, pixel_limits, stored_dtype
from sft.families.qwen2_5_vl import QWEN2_5_VL

__all__ = [
    "FAMILIES",
    "QWEN2_5_VL",
    "Family",
    "generic",
    "identify",
    "load_model",
    "load_processor",
    "pixel_limits",
    "stored_dtype",
]
