"""Small random models of classes that `sft.families` has no file for, with their real processors.

Chat templates are reduced to what the published ones write for one image and one question.
"""

import small_models
import transformers as t
from small_models import _IM, _PARTS, _text, _tokenizer

from lmms_eval_drbench.tiny.architecture import CHAT_TEMPLATE

_TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_TOWER |= {"image_size": 56, "patch_size": 14}


def build(family, folder):
    """Write a small model of `family` (a `config.model_type`) with its processor to `folder`."""
    return small_models.write(*FAMILIES[family](), folder)


def _qwen2_vl():
    tokens = {"vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>"}
    tokens |= {"image": "<|image_pad|>", "video": "<|video_pad|>"}
    tokenizer = _tokenizer("<|im_end|>", list(tokens.values()))
    size = {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}
    processor = t.Qwen2VLProcessor(
        image_processor=t.Qwen2VLImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=t.Qwen2VLVideoProcessor(size=size),
        chat_template=CHAT_TEMPLATE,
    )
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2}
    config = t.Qwen2VLConfig(
        text_config=_text(tokenizer, rope_parameters=rope),
        vision_config=vision,
        tie_word_embeddings=True,
        **{f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in tokens.items()},
    )
    return processor, t.Qwen2VLForConditionalGeneration(config)


_GEMMA = (
    "{% for m in messages %}<start_of_turn>{{ m['role'] }}\n" + _PARTS + "{% if p['type'] == 'image' %}<start_of_image>"
    "{% else %}{{ p['text'] }}{% endif %}{% endfor %}{% endif %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def _gemma3():
    """Its image token opens a picture, another stands for the features; these attend to each other both ways."""
    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    tokenizer = _tokenizer("<end_of_turn>", ["<start_of_turn>"], **named)
    token = tokenizer.convert_tokens_to_ids
    processor = t.Gemma3Processor(
        image_processor=t.Gemma3ImageProcessor(size={"height": 56, "width": 56}),
        tokenizer=tokenizer,
        chat_template=_GEMMA,
        image_seq_length=4,
    )
    config = t.Gemma3Config(
        text_config=_text(tokenizer, head_dim=16, sliding_window=64),
        vision_config=_TOWER | {"model_type": "siglip_vision_model", "vision_use_head": False},
        mm_tokens_per_image=4,
        image_token_index=token("<image_soft_token>"),
        boi_token_index=token("<start_of_image>"),
        eoi_token_index=token("<end_of_image>"),
    )
    return processor, t.Gemma3ForConditionalGeneration(config)


def _llava():
    tokenizer = _tokenizer("<|im_end|>", ["<|im_start|>", "<image>"])
    processor = t.LlavaProcessor(
        image_processor=t.CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_IM.replace("IMAGE", "<image>\n"),
    )
    config = t.LlavaConfig(
        vision_config=_TOWER | {"model_type": "clip_vision_model", "projection_dim": 32},
        text_config=_text(tokenizer) | {"model_type": "llama"},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=16,
    )
    return processor, t.LlavaForConditionalGeneration(config)


_MISTRAL = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}" + _PARTS + "{{ p['text'] }}{% endfor %}{% endif %}</s>"
    "{% else %}[INST]" + _PARTS + "{% if p['type'] == 'image' %}[IMG]{% else %}{{ p['text'] }}{% endif %}{% endfor %}"
    "{% endif %}[/INST]{% endif %}{% endfor %}"
)


def _mistral3():
    """Rows of a picture end with a token of their own."""
    named = {"image_token": "[IMG]", "image_break_token": "[IMG_BREAK]", "image_end_token": "[IMG_END]"}
    tokenizer = _tokenizer("</s>", ["[INST]", "[/INST]"], **named)
    processor = t.PixtralProcessor(
        image_processor=t.PixtralImageProcessor(size={"longest_edge": 112}, patch_size={"height": 28, "width": 28}),
        tokenizer=tokenizer,
        patch_size=14,
        spatial_merge_size=2,
        chat_template=_MISTRAL,
    )
    config = t.Mistral3Config(
        vision_config=_TOWER | {"model_type": "pixtral", "image_size": 112, "head_dim": 16},
        text_config=_text(tokenizer) | {"model_type": "mistral"},
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        spatial_merge_size=2,
        vision_feature_layer=-1,
    )
    return processor, t.Mistral3ForConditionalGeneration(config)


FAMILIES = {"qwen2_vl": _qwen2_vl, "gemma3": _gemma3, "llava": _llava, "mistral3": _mistral3}
