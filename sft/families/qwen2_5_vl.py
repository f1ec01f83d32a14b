"""Qwen2.5-VL, and the packaged tiny model of its class."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from transformers import PreTrainedModel, ProcessorMixin, Qwen2_5_VLForConditionalGeneration

from sft.families.base import Family

_TINY_PARAMETERS = 20_000_000
"""Below this a checkpoint is one of our tiny ones, which `drbench_tiny` evaluates in fp32."""


@dataclass(frozen=True)
class QwenFamily(Family):
    """What Qwen2.5-VL and Qwen3-VL share: patches of any size, merged in squares, laid out one image after another."""

    def expansion(self, processor: ProcessorMixin, width: int, height: int) -> str:
        """See `Family`; counted, because a data set may hold thousands of sizes."""
        image_processor = processor.image_processor
        patches = image_processor.get_number_of_image_patches(height, width, {})
        return processor.image_token * (patches // image_processor.merge_size**2)

    def process(self, processor: ProcessorMixin, image: Image.Image) -> dict[str, torch.Tensor]:
        """pixel_values (patches, values a patch) and image_grid_thw (1, 3)."""
        return dict(processor.image_processor(images=[image], return_tensors="pt"))

    @torch.no_grad()
    def encode_images(self, model: PreTrainedModel, images: Sequence[dict[str, torch.Tensor]]) -> list[torch.Tensor]:
        """See `Family`; all images in one pass."""
        joined = self.join(images)
        pixels = joined["pixel_values"].to(model.device, model.dtype)
        return list(model.get_image_features(pixels, joined["image_grid_thw"].to(model.device)).pooler_output)

    def shared_positions(
        self, model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor, grid: torch.Tensor | None
    ) -> torch.Tensor:
        """See `Family`; on three axes, an image's tokens by time, row and column."""
        kinds = (ids == model.config.image_token_id).int()
        return model.model.get_rope_index(ids, kinds, image_grid_thw=grid, attention_mask=mask)[0]


@dataclass(frozen=True)
class Qwen2_5_VL(QwenFamily):  # noqa: N801 - the model's name
    """Qwen2.5-VL."""

    def eval_model(self, model: PreTrainedModel) -> str:
        """See `Family`."""
        return "drbench_tiny" if model.num_parameters() < _TINY_PARAMETERS else self.lmms_model


QWEN2_5_VL = Qwen2_5_VL(
    model_type="qwen2_5_vl",
    model_class=Qwen2_5_VLForConditionalGeneration,
    frozen=("model.visual.",),
    lora_targets=r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)",
    turn_end="<|im_end|>",
    lmms_model="qwen2_5_vl",
    system="You are a helpful assistant.",
    pixel_limits=True,
    types_input="mm_token_type_ids",
    packs=True,
    plain_head=True,
)
