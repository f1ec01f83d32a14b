"""Phi-4-multimodal in transformers' own class. lmms-eval's adapter needs remote code: ours is `drbench_native`.

Its tower has no entrance for ready features, so pictures go through it in every step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import Phi4MultimodalForCausalLM

from sft.families.base import Family, padded


@dataclass(frozen=True)
class Phi4Multimodal(Family):
    """Phi-4-multimodal."""

    def join(self, images: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """See `Family`; the mask of a padding crop is ones, as its processor pads, or its attention would be NaN."""
        joined = super().join(images)
        joined.pop("num_img_tokens", None)
        mask = "image_attention_mask"
        return joined | {mask: padded([one[mask] for one in images], value=1)}


PHI4_MULTIMODAL = Phi4Multimodal(
    model_type="phi4_multimodal",
    model_class=Phi4MultimodalForCausalLM,
    frozen=("model.embed_tokens_extend.",),
    lora_targets=r"model\.layers\.\d+\.(self_attn\.(qkv|o)_proj|mlp\.(gate_up|down)_proj)",
    turn_end="<|end|>",
    plain_head=True,
    lmms_model="drbench_native",
    caches_features=False,
)
