"""Qwen3-VL: Qwen2.5-VL's interface, and features of earlier tower layers ("deepstack") for the first decoder layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel, Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

from sft.families.qwen2_5_vl import QwenFamily


@dataclass(frozen=True)
class Qwen3VL(QwenFamily):
    """Qwen3-VL. The features of one image: (1 + deepstack layers, image tokens, hidden), the tower's output first."""

    @torch.no_grad()
    def encode_images(self, model: PreTrainedModel, images: Sequence[dict[str, torch.Tensor]]) -> list[torch.Tensor]:
        """See the class for the shapes."""
        joined = self.join(images)
        pixels = joined["pixel_values"].to(model.device, model.dtype)
        found = model.get_image_features(pixels, joined["image_grid_thw"].to(model.device))
        layers = [found.pooler_output, *found.deepstack_features]
        return [torch.stack(of_image) for of_image in zip(*layers, strict=True)]

    def feature_inputs(self, features: Sequence[torch.Tensor]) -> dict[str, Any]:
        """See `Family`."""
        output, *deepstack = ([one[layer] for one in features] for layer in range(len(features[0])))
        ready = BaseModelOutputWithDeepstackFeatures(pooler_output=tuple(output), deepstack_features=deepstack)
        return {"mm_encoder_outputs": {"image": ready}}

    def features_per_token(self, model: PreTrainedModel) -> int:
        """See `Family`."""
        return 1 + len(model.config.vision_config.deepstack_visual_indexes)


QWEN3_VL = Qwen3VL(
    model_type="qwen3_vl",
    model_class=Qwen3VLForConditionalGeneration,
    frozen=("model.visual.",),
    lora_targets=r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)",
    turn_end="<|im_end|>",
    lmms_model="qwen3_vl",
    system="You are a helpful assistant.",
    pixel_limits=True,
    types_input="mm_token_type_ids",
    evaluates_adapters=False,
    packs=True,
    plain_head=True,
)
