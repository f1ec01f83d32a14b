"""Idefics3 and SmolVLM: the same layout, under two model types."""

from dataclasses import replace

from transformers import Idefics3ForConditionalGeneration, SmolVLMForConditionalGeneration

from sft.families.base import Family

IDEFICS3 = Family(
    model_type="idefics3",
    model_class=Idefics3ForConditionalGeneration,
    frozen=("model.vision_model.", "model.connector."),
    lora_targets=r"model\.text_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)",
    turn_end="<end_of_utterance>",
    plain_head=True,
    lmms_model="drbench_native",  # lmms-eval has no adapter of its own for it
)
SMOLVLM = replace(IDEFICS3, model_type="smolvlm", model_class=SmolVLMForConditionalGeneration)
