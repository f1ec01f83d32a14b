"""InternVL2.5 as published (`internvl_chat`, remote code) → transformers' own InternVL class.

The vision tower's and projector's weights get other names, and fused query-key-value matrices come apart. The language
model is Qwen2 (1B, 4B) as it is, or InternLM2 (2B, 8B), which is Llama under other names with one fused matrix.
"""

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoTokenizer,
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    LlamaTokenizer,
    PreTrainedTokenizerBase,
)

from lmms_eval_drbench.errors import UserError

_NAMES = [
    (r"^vision_model\.encoder\.layers\.", "model.vision_tower.encoder.layer."),
    (r"^vision_model\.embeddings\.class_embedding$", "model.vision_tower.embeddings.cls_token"),
    (r"^vision_model\.embeddings\.position_embedding$", "model.vision_tower.embeddings.position_embeddings"),
    (
        r"^vision_model\.embeddings\.patch_embedding\.",
        "model.vision_tower.embeddings.patch_embeddings.projection.",
    ),
    (r"(?<=encoder\.layer\.)(\d+)\.attn\.proj\.", r"\1.attention.projection_layer."),
    (r"(?<=encoder\.layer\.)(\d+)\.attn\.", r"\1.attention."),
    (r"(?<=encoder\.layer\.)(\d+)\.norm1\.", r"\1.layernorm_before."),
    (r"(?<=encoder\.layer\.)(\d+)\.norm2\.", r"\1.layernorm_after."),
    (r"(?<=encoder\.layer\.)(\d+)\.ls(\d)$", r"\1.lambda_\2"),
    (r"^mlp1\.0\.", "model.multi_modal_projector.layer_norm."),
    (r"^mlp1\.1\.", "model.multi_modal_projector.linear_1."),
    (r"^mlp1\.3\.", "model.multi_modal_projector.linear_2."),
    (r"^language_model\.(?:output|lm_head)\.", "lm_head."),
    (r"^language_model\.model\.", "model.language_model."),
    # InternLM2
    (r"\.tok_embeddings\.", ".embed_tokens."),
    (r"\.attention\.wo\.", ".self_attn.o_proj."),
    (r"\.attention\.wqkv\.", ".self_attn.wqkv."),
    (r"\.feed_forward\.w1\.", ".mlp.gate_proj."),
    (r"\.feed_forward\.w2\.", ".mlp.down_proj."),
    (r"\.feed_forward\.w3\.", ".mlp.up_proj."),
    (r"\.attention_norm\.", ".input_layernorm."),
    (r"\.ffn_norm\.", ".post_attention_layernorm."),
]
"""Published name → transformers' name, applied in this order."""

_LANGUAGE_MODELS = {"Qwen2ForCausalLM": "qwen2", "InternLM2ForCausalLM": "llama"}
_TEXT_KEYS = [
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "max_position_embeddings",
    "tie_word_embeddings",
    "initializer_range",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
]
_VISION_KEYS = [
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_act",
    "image_size",
    "patch_size",
    "num_channels",
    "layer_norm_eps",
    "norm_type",
    "initializer_range",
]

_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}{% elif part['type'] == 'text' %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The layout of the InternVL checkpoints that were published in transformers' format, which send no system message."""
_TURN_END = "<|im_end|>"
_IMAGE_TOKENS = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
"""transformers' processor wants a video token; the published vocabularies have none, and no text ever contains it."""


def convert(source: Path, out: Path) -> None:
    """Write the InternVL2.5 checkpoint in `source` to `out` in transformers' format, processor included.

    Raises UserError when `source` is no such checkpoint, a file is damaged, or weights are missing or left over.
    """
    published = _read_config(source)
    tokenizer = _tokenizer(source, published)
    config = _config(published, tokenizer)
    weights = rename(_read_weights(source), config)
    with torch.device("meta"):
        model = InternVLForConditionalGeneration(config)
    if config.tie_word_embeddings:
        weights.setdefault("lm_head.weight", weights["model.language_model.embed_tokens.weight"])
    wanted = set(model.state_dict())
    for names, problem in ((wanted - set(weights), "lacks"), (set(weights) - wanted, "has, beyond what is known,")):
        if names:
            raise UserError(f"{source} {problem} {len(names)} weights, the first is {min(names)}: download it again")
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise UserError(f"{source}: its weights don't fit its config: {str(error).splitlines()[-1].strip()}") from error
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(_TURN_END)
    model.save_pretrained(out)
    _processor(published, config, tokenizer).save_pretrained(out)


def rename(weights: dict[str, torch.Tensor], config: InternVLConfig) -> dict[str, torch.Tensor]:
    """Published weights under transformers' names, fused matrices taken apart."""
    renamed = {}
    for name, value in weights.items():
        for pattern, replacement in _NAMES:
            name = re.sub(pattern, replacement, name)
        if ".attention.qkv." in name:  # three equal parts
            parts = zip(("q_proj", "k_proj", "v_proj"), value.chunk(3), strict=True)
            renamed |= {name.replace("qkv", part): piece.clone() for part, piece in parts}
        elif ".self_attn.wqkv." in name:
            renamed |= {name.replace("wqkv", part): piece for part, piece in _split_grouped(value, config).items()}
        else:
            renamed[name] = value
    return renamed


def _split_grouped(fused: torch.Tensor, config: InternVLConfig) -> dict[str, torch.Tensor]:
    """InternLM2's rows: for each key head, its group of query heads, then the key head, then the value head."""
    text = config.text_config
    head = text.hidden_size // text.num_attention_heads
    group = text.num_attention_heads // text.num_key_value_heads
    grouped = fused.view(text.num_key_value_heads, group + 2, head, -1)
    parts = {"q_proj": grouped[:, :group], "k_proj": grouped[:, group], "v_proj": grouped[:, group + 1]}
    return {name: part.reshape(-1, fused.shape[-1]).contiguous() for name, part in parts.items()}


def _read_config(source: Path) -> dict[str, Any]:
    try:
        content = json.loads((source / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{source} is no model: the folder has no config.json") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{source / 'config.json'} is damaged ({error}): download it again") from error
    if content.get("model_type") != "internvl_chat":
        raise UserError(
            f"{source} is of type {content.get('model_type')}, only InternVL2.5's published layout (internvl_chat) "
            "needs to be converted"
        )
    lacking = [part for part in ("llm_config", "vision_config") if not isinstance(content.get(part), dict)]
    if lacking:
        raise UserError(f"{source / 'config.json'} lacks {' and '.join(lacking)}: download it again")
    kind = (content["llm_config"].get("architectures") or ["unnamed"])[0]
    if kind not in _LANGUAGE_MODELS:
        raise UserError(f"{source} has the language model {kind}, known are {', '.join(_LANGUAGE_MODELS)}")
    return content


def _config(published: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> InternVLConfig:
    text, vision = published["llm_config"], published["vision_config"]
    ratio = published.get("downsample_ratio", 0.5)
    side = vision["image_size"] // vision["patch_size"]
    return InternVLConfig(
        text_config={key: text[key] for key in _TEXT_KEYS if key in text}
        | {"model_type": _LANGUAGE_MODELS[text["architectures"][0]]},
        vision_config={key: vision[key] for key in _VISION_KEYS if key in vision}
        | {"attention_bias": vision.get("qkv_bias", True), "use_qk_norm": vision.get("qk_normalization", False)},
        image_token_id=tokenizer.convert_tokens_to_ids(_IMAGE_TOKENS["context_image_token"]),
        image_seq_length=int((side * ratio) ** 2),
        downsample_ratio=ratio,
        tie_word_embeddings=text.get("tie_word_embeddings", False),
        dtype=published.get("torch_dtype") or published.get("dtype") or "bfloat16",
    )


def _read_weights(source: Path) -> dict[str, torch.Tensor]:
    files = sorted(source.glob("*.safetensors"))
    if not files:
        raise UserError(f"{source} holds no *.safetensors: download its weights")
    weights = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                weights |= {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
        except (SafetensorError, OSError) as error:
            raise UserError(f"{file} is damaged ({error}): download it again") from error
    return weights


def _tokenizer(source: Path, published: dict[str, Any]) -> PreTrainedTokenizerBase:
    """The checkpoint's tokenizer, which must know the image's tokens.

    InternLM2's own class is remote code: its sentence pieces are read by Llama's.
    """
    is_llama = _LANGUAGE_MODELS[published["llm_config"]["architectures"][0]] == "llama"
    by_llama = is_llama and not (source / "tokenizer.json").is_file()
    try:
        kind = LlamaTokenizer if by_llama else AutoTokenizer
        tokenizer = kind.from_pretrained(source, extra_special_tokens=_IMAGE_TOKENS)
    except Exception as error:  # transformers raises many types
        raise UserError(f"{source}: its tokenizer cannot be loaded: {str(error).strip().splitlines()[0]}") from error
    size = published["llm_config"]["vocab_size"]
    needed = [token for name, token in _IMAGE_TOKENS.items() if name != "video_token"] + [_TURN_END]
    missing = [token for token in needed if not tokenizer.convert_tokens_to_ids(token) < size]
    if missing:
        raise UserError(f"{source}: its tokenizer lacks {', '.join(missing)}: it is no InternVL tokenizer")
    return tokenizer


def _processor(
    published: dict[str, Any], config: InternVLConfig, tokenizer: PreTrainedTokenizerBase
) -> InternVLProcessor:
    """The published preprocessing: tiles of the tower's size by aspect ratio, ImageNet's mean and deviation."""
    height, width = config.vision_config.image_size
    normal = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(
            size={"height": height, "width": width},
            min_patches=published.get("min_dynamic_patch", 1),
            max_patches=published.get("max_dynamic_patch", 12),
            **normal,
        ),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size={"height": height, "width": width}, **normal),
        image_seq_length=config.image_seq_length,
        chat_template=_CHAT_TEMPLATE,
    )
