"""The tiny model's shape: a real Qwen2.5-VL of about 4 million parameters, its processor, its own small tokenizer.

Only sizes differ from Qwen2.5-VL-3B: same classes, same special tokens, same chat layout, same 14-pixel patches
merged two by two. Pictures are 252x252 pixels, so 81 visual tokens.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2TokenizerFast,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    set_seed,
)

IMAGE_SIZE = 252
PIXELS = IMAGE_SIZE * IMAGE_SIZE
"""Both pixel limits of the tiny model: any square image becomes 252x252."""

SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
"""Qwen2.5-VL's special tokens that its processor and model rely on."""

SYSTEM_PROMPT = "You are a helpful assistant."

CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{%- if loop.first and message['role'] != 'system' %}"
    "{{- '<|im_start|>system\n" + SYSTEM_PROMPT + "<|im_end|>\n' }}"
    "{%- endif %}"
    "{{- '<|im_start|>' + message['role'] + '\n' }}"
    "{%- if message['content'] is string %}{{- message['content'] }}"
    "{%- else %}{%- for part in message['content'] %}"
    "{%- if part['type'] == 'image' or 'image' in part or 'image_url' in part %}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part['type'] == 'video' or 'video' in part %}"
    "{{- '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{- part['text'] }}{%- endif %}"
    "{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
"""Qwen2.5-VL's chat layout, reduced to what its own template produces for text, images and videos."""

# Qwen2's pre-tokenisation with one change: a word takes only a space in front of it, never punctuation, so that an
# option's letter is the same token in `A. red`, in a bare `A` and in `<answer>A</answer>`.
_SPLIT = Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def build_tokenizer(texts: Iterable[str], vocab_size: int = 2048) -> Qwen2TokenizerFast:
    """Train a byte-level BPE tokenizer on `texts`; with a closed world, every word of it becomes one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_SPLIT, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    return Qwen2TokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=None,
        bos_token=None,
        eos_token="<|im_end|>",  # noqa: S106
        pad_token="<|endoftext|>",  # noqa: S106
        additional_special_tokens=SPECIAL_TOKENS[1:],
    )


def build_processor(texts: Iterable[str], vocab_size: int = 2048) -> Qwen2_5_VLProcessor:
    """The real Qwen2.5-VL processor over a tokenizer trained on `texts`, with the tiny model's pixel limits."""
    size = {"shortest_edge": PIXELS, "longest_edge": PIXELS}
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size, min_pixels=PIXELS, max_pixels=PIXELS),
        tokenizer=build_tokenizer(texts, vocab_size),
        video_processor=Qwen2VLVideoProcessor(size=size),
        chat_template=CHAT_TEMPLATE,
    )


def build_model(
    processor: Qwen2_5_VLProcessor, seed: int = 0, head_start: bool = True, **text_overrides: int
) -> Qwen2_5_VLForConditionalGeneration:
    """A randomly initialised fp32 model for `processor`. `text_overrides` change the language model's sizes.

    head_start: begin with look-up circuits, which need five layers; without it the initialisation is transformers'.
    """
    tokenizer = processor.tokenizer
    token = tokenizer.convert_tokens_to_ids
    text = {
        "vocab_size": -(-len(tokenizer) // 16) * 16,
        "hidden_size": 192,
        "intermediate_size": 576,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 6, 6], "rope_theta": 10000.0},
        "bos_token_id": token("<|endoftext|>"),
        "eos_token_id": token("<|im_end|>"),
        "pad_token_id": token("<|endoftext|>"),
    } | text_overrides
    vision = {
        "depth": 4,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_heads": 4,
        "out_hidden_size": text["hidden_size"],
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [0, 1, 2, 3],
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
        eos_token_id=text["eos_token_id"],
        pad_token_id=text["pad_token_id"],
    )
    set_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config).float()
    if head_start:
        _head_start(model, tokenizer)
    model.generation_config.eos_token_id = text["eos_token_id"]
    model.generation_config.pad_token_id = text["pad_token_id"]
    return model


@torch.no_grad()
def _head_start(model: Qwen2_5_VLForConditionalGeneration, tokenizer: Qwen2TokenizerFast) -> None:
    """Start the language model with the two attention patterns that looking a fact up is made of.

    An induction circuit (Olsson et al. 2022) is a head that copies the previous token, and a later head that finds an
    earlier occurrence of what was copied. From a plain initialisation they form only after thousands of steps, which
    is most of what a CPU can do; here they are there from the start.
    A word and the same word behind a space start with one embedding. All of it is trained on like any other weight.
    """
    text = model.model.language_model
    config = text.config
    for name, weight in text.named_parameters():
        if weight.dim() == 2 and "embed" not in name:
            weight.normal_(0, 0.01 if "o_proj" in name or "down_proj" in name else 0.06)
    embeddings = text.embed_tokens.weight.normal_(0, 0.3)  # so that tokens, not noise, fill the residual stream
    text.norm.weight.fill_(0.15)  # the embeddings are also the output layer: keeps the first logits small
    vocabulary = tokenizer.get_vocab()
    for token, index in vocabulary.items():
        spaced = vocabulary.get(f"Ġ{token}")
        if token.isalpha() and spaced is not None:
            embeddings[spaced] = embeddings[index]
    size = config.hidden_size // config.num_attention_heads
    group = config.num_attention_heads // config.num_key_value_heads  # query heads that share a key head
    basis = torch.linalg.qr(torch.randn(config.hidden_size, 3 * size))[0].T
    own, one_back, two_back = basis.split(size)  # [size, hidden] each: where a token stands, and where copies of it go
    layers = [layer.self_attn for layer in text.layers]
    # Rotating a constant key by its position, and a constant query by its position less n, peaks n tokens back.
    angles = config.rope_parameters["rope_theta"] ** (-torch.arange(size // 2) / (size // 2))
    constant = torch.cat([torch.ones(size // 2), torch.zeros(size // 2)]) * 6.0
    for key_head, (back, copied) in enumerate([(1, one_back), (2, two_back)]):
        keys = slice(key_head * size, (key_head + 1) * size)
        layers[0].k_proj.weight[keys] = 0
        layers[0].k_proj.bias[keys] = constant
        layers[0].v_proj.weight[keys] = own
        for head in range(key_head * group, (key_head + 1) * group):
            queries = slice(head * size, (head + 1) * size)
            layers[0].q_proj.weight[queries] = 0
            layers[0].q_proj.bias[queries] = torch.cat([(back * angles).cos(), -(back * angles).sin()]) * 6.0
            layers[0].o_proj.weight[:, queries] = copied.T * (0.3 / group)
    # Layers 1 and 2 find what stood one back and fetch what stood before it there (the colour before a name); layers
    # 3 and 4 find what has been fetched so far and fetch what stood two before it (the letter before an option).
    for number, sought, fetched in [
        (1, one_back, one_back),
        (2, one_back, one_back),
        (3, own, two_back),
        (4, own, two_back),
    ]:
        layers[number].k_proj.weight[:size] = own * 1.2
        layers[number].v_proj.weight[:size] = fetched
        for head in range(group):
            queries = slice(head * size, (head + 1) * size)
            layers[number].q_proj.weight[queries] = sought * 1.8
            layers[number].o_proj.weight[:, queries] = own.T * (0.5 / group)


def create(folder: str | Path, texts: Iterable[str], seed: int = 0, vocab_size: int = 2048, **build: int) -> Path:
    """Write a randomly initialised tiny model with its processor to `folder`; `build` goes to `build_model`."""
    folder = Path(folder)
    processor = build_processor(texts, vocab_size)
    build_model(processor, seed, **build).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
