"""LLaVA-OneVision in transformers' format (`llava-hf`)."""

from transformers import LlavaOnevisionForConditionalGeneration

from sft.families.base import Family

LLAVA_ONEVISION = Family(
    model_type="llava_onevision",
    model_class=LlavaOnevisionForConditionalGeneration,
    frozen=("model.vision_tower.", "model.multi_modal_projector.", "model.image_newline"),
    lora_targets=r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)",
    turn_end="<|im_end|>",
    plain_head=True,
    lmms_model="llava_hf",
    evaluates_adapters=False,
)
