"""A small random model of each family: the real model class, the real processor class, a tokenizer trained here.

Chat templates are reduced to what the published ones write for one image and one question.
"""

from pathlib import Path

import transformers as t
from conftest import toy_record

from lmms_eval_drbench import prompts, rationales, scaffold
from lmms_eval_drbench.tiny.architecture import CHAT_TEMPLATE, build_tokenizer

TEXT = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}
_PARTS = "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for p in m['content'] %}"
_IM = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n" + _PARTS + "{% if p['type'] == 'image' %}IMAGE"
    "{% else %}{{ p['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(family: str, folder: Path, **changes) -> Path:
    """Write a small model of `family` (a `config.model_type`) with its processor to `folder`."""
    t.set_seed(0)
    return write(*_BUILDERS[family](**changes), folder)


def write(processor, model, folder: Path) -> Path:
    """Save a model and its processor."""
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = processor.tokenizer.eos_token_id
    model.float().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(eos: str, special: list[str], **named: str) -> t.PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that knows the toy records' words, `special` tokens, and those with a name."""
    records = [toy_record(index) for index in range(12)]
    texts = [f"{prompts.scaffold(record)}\n{scaffold.render(record)}" for record in records]
    texts += [rationales.llava_cot(record) for record in records]
    known = build_tokenizer(texts).backend_tokenizer
    tokens = [*dict.fromkeys([eos, *special, *named.values()])]
    known.add_special_tokens(tokens)
    return t.PreTrainedTokenizerFast(
        tokenizer_object=known, eos_token=eos, pad_token="<|endoftext|>", extra_special_tokens=named or tokens
    )


def _text(tokenizer, **more) -> dict:
    token = tokenizer.convert_tokens_to_ids
    sizes = {"vocab_size": -(-len(tokenizer) // 16) * 16, "eos_token_id": tokenizer.eos_token_id}
    return TEXT | sizes | {"pad_token_id": token("<|endoftext|>"), "bos_token_id": token("<|endoftext|>")} | more


def _qwen3_vl():
    tokenizer = _tokenizer("<|im_end|>", ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"])
    token = tokenizer.convert_tokens_to_ids
    size = {"shortest_edge": 64 * 64, "longest_edge": 128 * 128}
    image = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "size": size}
    processor = t.Qwen3VLProcessor(
        image_processor=t.Qwen2VLImageProcessor(**image),
        tokenizer=tokenizer,
        video_processor=t.Qwen3VLVideoProcessor(**image),
        chat_template=CHAT_TEMPLATE,
    )
    rope = {"rope_type": "default", "mrope_section": [4, 2, 2], "mrope_interleaved": True, "rope_theta": 10000.0}
    config = t.Qwen3VLConfig(
        text_config=_text(tokenizer, head_dim=16, rope_parameters=rope),
        vision_config={
            "depth": 3,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "out_hidden_size": 64,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    return processor, t.Qwen3VLForConditionalGeneration(config)


def _internvl(language_model="qwen2", attention_bias=False, tied=True):
    named = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    tokenizer = _tokenizer("<|im_end|>", ["<|im_start|>"], **named, video_token="<video>")
    processor = t.InternVLProcessor(
        image_processor=t.GotOcr2ImageProcessor(size={"height": 56, "width": 56}, max_patches=4, min_patches=1),
        tokenizer=tokenizer,
        video_processor=t.InternVLVideoProcessor(size={"height": 56, "width": 56}),
        image_seq_length=4,
        chat_template=_IM.replace("IMAGE", "<IMG_CONTEXT>\n"),
    )
    config = t.InternVLConfig(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": [56, 56],
            "patch_size": [14, 14],
            "attention_bias": attention_bias,
        },
        text_config=_text(tokenizer) | {"model_type": language_model, "tie_word_embeddings": tied},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
        tie_word_embeddings=tied,
    )
    return processor, t.InternVLForConditionalGeneration(config)


_IDEFICS = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}:" + _PARTS + "{% if p['type'] == 'image' %}<image>"
    "{% else %}{{ p['text'] }}{% endif %}{% endfor %}{% endif %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


def _idefics3_like(kind: str):
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    named = {
        "image_token": "<image>",
        "fake_image_token": "<fake_token_around_image>",
        "global_image_token": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
    }
    tokenizer = _tokenizer("<end_of_utterance>", ["<|im_start|>", *named.values(), *rows])
    images = {"size": {"longest_edge": 112}, "max_image_size": {"longest_edge": 56}}
    vision = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
    }
    shared = {
        "vision_config": vision,
        "text_config": _text(tokenizer) | {"model_type": "llama"},
        "image_token_id": tokenizer.convert_tokens_to_ids("<image>"),
        "scale_factor": 2,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
    }
    if kind == "idefics3":
        processor = t.Idefics3Processor(
            t.Idefics3ImageProcessor(**images), tokenizer, image_seq_len=4, chat_template=_IDEFICS
        )
        return processor, t.Idefics3ForConditionalGeneration(t.Idefics3Config(**shared))
    processor = t.SmolVLMProcessor(
        t.SmolVLMImageProcessor(**images),
        tokenizer,
        t.SmolVLMVideoProcessor(size={"longest_edge": 56}),
        image_seq_len=4,
        chat_template=_IDEFICS,
    )
    return processor, t.SmolVLMForConditionalGeneration(t.SmolVLMConfig(**shared))


def _llava_onevision():
    tokenizer = _tokenizer("<|im_end|>", ["<|im_start|>", "<image>", "<video>"])
    size = {"height": 56, "width": 56}
    processor = t.LlavaOnevisionProcessor(
        image_processor=t.LlavaOnevisionImageProcessor(
            size=size, image_grid_pinpoints=[[56, 56], [56, 112], [112, 112]]
        ),
        tokenizer=tokenizer,
        video_processor=t.LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=_IM.replace("IMAGE", "<image>\n"),
    )
    config = t.LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
            "vision_use_head": False,
        },
        text_config=_text(tokenizer) | {"model_type": "qwen2"},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=[[56, 56], [56, 112], [112, 112]],
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )
    return processor, t.LlavaOnevisionForConditionalGeneration(config)


_PHI = (
    "{% for m in messages %}<|{{ m['role'] }}|>" + _PARTS + "{% if p['type'] == 'image' %}<|image|>"
    "{% else %}{{ p['text'] }}{% endif %}{% endfor %}{% endif %}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def _phi4_multimodal():
    # Crops stay at 448 pixels: the processor's token count knows no other size.
    named = {"image_token": "<|image|>", "audio_token": "<|audio|>"}
    tokenizer = _tokenizer("<|end|>", ["<|user|>", "<|assistant|>"], **named)
    token = tokenizer.convert_tokens_to_ids
    processor = t.Phi4MultimodalProcessor(
        t.Phi4MultimodalImageProcessor(dynamic_hd=2),
        t.Phi4MultimodalFeatureExtractor(),
        tokenizer,
        chat_template=_PHI,
    )
    config = t.Phi4MultimodalConfig(
        **_text(tokenizer),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_token_id": token("<|image|>"),
        },
        audio_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_blocks": 1,
            "num_attention_heads": 2,
            "ext_pw_out_channel": 16,
            "depthwise_separable_out_channel": 16,
            "nemo_conv_channels": 16,
            "audio_token_id": token("<|audio|>"),
        },
    )
    return processor, t.Phi4MultimodalForCausalLM(config)


_BUILDERS = {
    "qwen3_vl": _qwen3_vl,
    "internvl": _internvl,
    "idefics3": lambda: _idefics3_like("idefics3"),
    "smolvlm": lambda: _idefics3_like("smolvlm"),
    "llava_onevision": _llava_onevision,
    "phi4_multimodal": _phi4_multimodal,
}
FAMILIES = tuple(_BUILDERS)
