"""InternVL in transformers' own class: InternVL3 and 3.5 checkpoints as published (`-hf`), InternVL2.5 converted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import InternVLForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

from sft.families.base import Family


@dataclass(frozen=True)
class InternVL(Family):
    """InternVL. Its forward takes the features of all images as one tensor."""

    def feature_inputs(self, features: Sequence[torch.Tensor]) -> dict[str, Any]:
        """See `Family`."""
        joined = torch.cat(list(features)).unsqueeze(0)
        return {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=joined)}}


INTERNVL = InternVL(
    model_type="internvl",
    model_class=InternVLForConditionalGeneration,
    frozen=("model.vision_tower.", "model.multi_modal_projector."),
    lora_targets=r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)",
    turn_end="<|im_end|>",
    lmms_model="internvl_hf",
    packs=True,
    plain_head=True,
)
