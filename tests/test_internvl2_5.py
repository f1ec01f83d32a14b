"""InternVL2.5's published layout, written here by hand from random weights, against transformers' own class."""

import json
import shutil

import pytest
import small_models
import torch
from safetensors.torch import load_file, save_file
from sft_runs import sft
from transformers import AutoProcessor, AutoTokenizer, InternVLForConditionalGeneration

from lmms_eval_drbench.errors import UserError
from sft.families import internvl2_5
from sft.families.__main__ import main as command

TOWER = {
    "embeddings.cls_token": "embeddings.class_embedding",
    "embeddings.position_embeddings": "embeddings.position_embedding",
    "embeddings.patch_embeddings.projection": "embeddings.patch_embedding",
    "attention.projection_layer": "attn.proj",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "lambda_": "ls",
    "encoder.layer.": "encoder.layers.",
}
INTERNLM2 = {
    "embed_tokens": "tok_embeddings",
    "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.down_proj": "feed_forward.w2",
    "mlp.up_proj": "feed_forward.w3",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
}


def published_weights(model, language_model):
    """The state dict of the published layout that stands for this native model."""
    found, fused = {}, {}
    text = model.config.text_config
    for name, value in model.state_dict().items():
        name = name.removeprefix("model.")
        if name.startswith("vision_tower."):
            new = "vision_model." + name.removeprefix("vision_tower.")
            for native, published in TOWER.items():
                new = new.replace(native, published)
        elif name.startswith("multi_modal_projector."):
            new = name.replace("multi_modal_projector.layer_norm", "mlp1.0")
            new = new.replace("multi_modal_projector.linear_1", "mlp1.1")
            new = new.replace("multi_modal_projector.linear_2", "mlp1.3")
        elif name == "lm_head.weight":
            new = "language_model.output.weight" if language_model == "llama" else "language_model.lm_head.weight"
        else:
            new = "language_model.model." + name.removeprefix("language_model.")
            for native, published in INTERNLM2.items() if language_model == "llama" else ():
                new = new.replace(native, published)
        for part in ("q_proj", "k_proj", "v_proj"):
            if f".{part}." in new and (language_model == "llama" or "vision" in new):
                fused.setdefault(new.replace(part, "PART"), {})[part] = value
                break
        else:
            found[new] = value.clone()
    for name, parts in fused.items():
        if "vision" in name:
            found[name.replace("attention.PART", "attn.qkv")] = torch.cat(
                [parts[part] for part in ("q_proj", "k_proj", "v_proj")]
            )
        else:  # per key head: its query heads, the key head, the value head
            heads, size = text.num_key_value_heads, text.hidden_size // text.num_attention_heads
            pieces = [parts[p].reshape(heads, -1, size, text.hidden_size) for p in ("q_proj", "k_proj", "v_proj")]
            found[name.replace("self_attn.PART", "attention.wqkv")] = torch.cat(pieces, dim=1).reshape(
                -1, text.hidden_size
            )
    return found


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def native(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("native") / request.param
    return small_models.build("internvl", folder, language_model=request.param, attention_bias=True, tied=False)


@pytest.fixture(scope="module")
def published(native, tmp_path_factory):
    """The same model in a folder as InternVL2.5 was published."""
    folder = tmp_path_factory.mktemp("published") / native.name
    folder.mkdir()
    model = InternVLForConditionalGeneration.from_pretrained(native, dtype=torch.float32)
    text, vision = model.config.text_config.to_dict(), model.config.vision_config.to_dict()
    kind = {"qwen2": "Qwen2ForCausalLM", "llama": "InternLM2ForCausalLM"}[native.name]
    text |= {"architectures": [kind], "rope_theta": 1e6, "rope_scaling": {"type": "dynamic", "factor": 2.0}}
    text.pop("rope_parameters")
    vision |= {"image_size": 56, "patch_size": 14, "qkv_bias": True, "qk_normalization": False}
    config = {"model_type": "internvl_chat", "downsample_ratio": 0.5, "max_dynamic_patch": 4, "torch_dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(config | {"llm_config": text, "vision_config": vision}))
    save_file(published_weights(model, native.name), folder / "model.safetensors")
    AutoTokenizer.from_pretrained(native).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def converted(published, tmp_path_factory):
    out = tmp_path_factory.mktemp("converted") / published.name
    assert command(["convert", f"--model={published}", f"--output_dir={out}"]) == 0
    return out


def test_the_layout_written_here_is_the_published_one(published):
    names = set(load_file(published / "model.safetensors"))
    assert {
        "vision_model.embeddings.class_embedding",
        "vision_model.embeddings.patch_embedding.weight",
        "vision_model.embeddings.position_embedding",
        "vision_model.encoder.layers.0.attn.qkv.weight",
        "vision_model.encoder.layers.0.attn.qkv.bias",
        "vision_model.encoder.layers.0.attn.proj.weight",
        "vision_model.encoder.layers.0.norm1.weight",
        "vision_model.encoder.layers.0.ls1",
        "vision_model.encoder.layers.0.mlp.fc1.weight",
        "mlp1.0.weight",
        "mlp1.1.weight",
        "mlp1.3.bias",
    } <= names
    own = {
        "qwen2": {"language_model.model.embed_tokens.weight", "language_model.lm_head.weight"},
        "llama": {
            "language_model.model.tok_embeddings.weight",
            "language_model.model.layers.0.attention.wqkv.weight",
            "language_model.model.layers.0.attention.wo.weight",
            "language_model.model.layers.0.feed_forward.w2.weight",
            "language_model.model.layers.0.ffn_norm.weight",
            "language_model.output.weight",
        },
    }
    assert own[published.name] <= names


def test_the_converted_weights_are_the_native_models(converted, native):
    before, after = (
        InternVLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).state_dict()
        for folder in (native, converted)
    )
    assert before.keys() == after.keys()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_config_and_processor_are_carried_over(converted, native):
    config = InternVLForConditionalGeneration.from_pretrained(converted).config
    rope = config.text_config.rope_parameters
    assert (rope["rope_theta"], rope["rope_type"], rope["factor"]) == (1e6, "dynamic", 2.0)
    assert config.image_seq_length == 4 and config.vision_config.attention_bias
    processors = [AutoProcessor.from_pretrained(folder) for folder in (converted, native)]
    chats = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}],
            tokenize=False,
            add_generation_prompt=True,
        )
        for processor in processors
    ]
    assert chats[0] == chats[1]
    assert processors[0].image_processor.max_patches == 4


def test_the_converted_model_trains(converted, toy_data, tmp_path):
    sft(converted, toy_data, tmp_path / "out", "--method=cot", "--stage_steps=2")
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        (lambda weights: weights.pop("mlp1.0.weight"), "lacks 1 weights, the first is .*layer_norm.weight"),
        (lambda weights: weights.update({"mlp2.weight": torch.ones(1)}), "beyond what is known, 1 weights"),
        (lambda weights: weights.update({"mlp1.0.weight": torch.ones(3)}), "don't fit its config"),
    ],
)
def test_missing_foreign_and_misshapen_weights_are_refused(published, tmp_path, change, phrase):
    shutil.copytree(published, tmp_path / "bad")
    weights = load_file(published / "model.safetensors")
    change(weights)
    save_file(weights, tmp_path / "bad" / "model.safetensors")
    with pytest.raises(UserError, match=phrase):
        internvl2_5.convert(tmp_path / "bad", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_internvl2_5_is_named(native, tmp_path):
    with pytest.raises(UserError, match="is of type internvl, only InternVL2.5's published layout"):
        internvl2_5.convert(native, tmp_path / "out")
    with pytest.raises(UserError, match="no config.json"):
        internvl2_5.convert(tmp_path, tmp_path / "out")
    (tmp_path / "config.json").write_text('{"model_type": "internvl_chat", "llm_config": {}}')
    with pytest.raises(UserError, match="config.json lacks vision_config: download it again"):
        internvl2_5.convert(tmp_path, tmp_path / "out")
