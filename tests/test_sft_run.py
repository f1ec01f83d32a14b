"""Whole runs: what they write, that it reloads, resumes and reproduces."""

import errno
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import toy_record, write_toy_data
from peft import PeftModel
from PIL import Image
from safetensors.torch import load_file
from sft_runs import Interrupted, adapter, assert_same_adapter, example, interrupt_at, metrics, refused, sft
from transformers import AutoModelForImageTextToText, AutoProcessor

from lmms_eval_drbench import prompts, scaffold
from lmms_eval_drbench.tiny.architecture import PIXELS
from sft import checkpoints, export, run
from sft.encode import prompt_text
from sft.families import QWEN2_5_VL
from sft.options import Options

# What a run leaves behind


def test_output_folder_is_an_adapter_with_processor_and_no_model(finished):
    names = {path.name for path in finished.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "processor_config.json", "tokenizer.json"} <= names
    assert {"run.json", "metrics.jsonl"} <= names
    assert "config.json" not in names
    assert not [name for name in names if name.startswith((".", "checkpoint"))]


def test_adapter_config_names_the_base_by_its_absolute_path(finished, random_tiny):
    config = json.loads((finished / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(random_tiny.resolve())


def test_metrics_follow_the_stages_with_one_learning_rate_schedule(finished):
    lines = metrics(finished)
    assert [(line["step"], line["stage"], line["name"]) for line in lines] == [
        (1, 1, "entities"),
        (2, 1, "entities"),
        (3, 2, "relations"),
        (4, 2, "relations"),
        (5, 3, "reasoning"),
        (6, 3, "reasoning"),
        (7, 4, "answer"),
        (8, 4, "answer"),
    ]
    rates = [line["learning_rate"] for line in lines]
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert all(line["loss"] > 0 and line["supervised_tokens"] > 0 for line in lines)


def test_a_schedule_a_stage_starts_anew_with_each(random_tiny, toy_data, tmp_path):
    """Linear with a quarter of warm-up over four steps: the peak at the second, zero behind the fourth."""
    flags = ["--stage_steps=4,2,4,1", "--lr_span=stage", "--lr_scheduler=linear", "--warmup_ratio=0.25"]
    sft(random_tiny, toy_data, tmp_path / "out", *flags, "--learning_rate=0.3")
    rates = [line["learning_rate"] for line in metrics(tmp_path / "out")]
    assert rates == pytest.approx([0, 0.3, 0.2, 0.1, 0, 0.3, 0, 0.3, 0.2, 0.1, 0])


def test_run_file_says_what_was_trained_on_what(finished, toy_data):
    summary = json.loads((finished / "run.json").read_text())
    assert summary["status"] == "complete"
    assert summary["data"]["name"] == f"custom: {toy_data}"
    assert summary["data"]["used"] == 12
    assert summary["data"]["images"] == 4
    assert summary["schedule"]["name"] == "current"
    assert [stage["name"] for stage in summary["stages"]] == ["entities", "relations", "reasoning", "answer"]
    assert sum(stage["supervised_tokens"] for stage in summary["stages"]) == sum(
        line["supervised_tokens"] for line in metrics(finished)
    )
    assert summary["pixels"] == {"min_pixels": PIXELS, "max_pixels": PIXELS}
    assert summary["peak_memory_mib"] > 100


def test_eval_command_uses_the_methods_native_prompt(finished, random_tiny, toy_data, tmp_path, capsys):
    summary = json.loads((finished / "run.json").read_text())
    words = shlex.split(summary["eval_command"])
    assert words[words.index("--tasks") + 1] == "drbench_scaffold"
    assert words[words.index("--model_args") + 1] == f"pretrained={finished.resolve()}"
    sft(random_tiny, toy_data, tmp_path / "answer", "--method=answer")
    assert "--tasks drbench " in capsys.readouterr().out
    for method in ("cot", "llava_cot"):
        sft(random_tiny, toy_data, tmp_path / method, f"--method={method}")
        assert f"--tasks drbench_{method} " in capsys.readouterr().out


def test_pixel_limits_are_saved_with_the_adapter(random_tiny, toy_data, tmp_path):
    sft(random_tiny, toy_data, tmp_path / "out", "--min_pixels=3136", "--max_pixels=12544")
    size = AutoProcessor.from_pretrained(tmp_path / "out").image_processor.size
    assert (size["shortest_edge"], size["longest_edge"]) == (3136, 12544)


RELOAD = """
import sys, torch
from transformers import AutoModelForImageTextToText
model = AutoModelForImageTextToText.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
with torch.no_grad():
    torch.save(model(**torch.load(sys.argv[2])).logits, sys.argv[3])
"""


@pytest.mark.slow
def test_adapter_reloads_in_a_fresh_process_to_the_same_logits(finished, random_tiny, toy_data, tmp_path):
    """As lmms-eval loads it: transformers' class on the adapter folder. Equal to training's, unlike the base's."""
    inputs = example(random_tiny, toy_data)
    torch.save(inputs, tmp_path / "inputs.pt")
    arguments = [str(finished), str(tmp_path / "inputs.pt"), str(tmp_path / "logits.pt")]
    subprocess.run([sys.executable, "-c", RELOAD, *arguments], check=True, capture_output=True)
    reloaded = torch.load(tmp_path / "logits.pt")
    base = AutoModelForImageTextToText.from_pretrained(random_tiny, dtype=torch.float32).eval()
    with torch.no_grad():
        plain = base(**inputs).logits
        adapted = PeftModel.from_pretrained(base, finished).eval()(**inputs).logits
    torch.testing.assert_close(reloaded, adapted, rtol=0, atol=1e-5)
    assert (reloaded - plain).abs().max() > 0.1


def test_the_saved_adapter_gives_the_trained_models_logits(random_tiny, toy_data, tmp_path, monkeypatch):
    """The model in memory at the end of training, against the folder that it left."""
    trained = {}
    finish = run._finish
    monkeypatch.setattr(run, "_finish", lambda job, *rest: (trained.update(model=job.model), finish(job, *rest)))
    sft(random_tiny, toy_data, tmp_path / "out", "--learning_rate=0.01")
    inputs = example(random_tiny, toy_data)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(**inputs).logits, trained["model"].eval()(**inputs).logits, rtol=0, atol=1e-5)


def test_full_tuning_leaves_a_whole_model_that_loads(random_tiny, toy_data, tmp_path):
    out = tmp_path / "full"
    sft(random_tiny, toy_data, out, "--tuning=full", "--learning_rate=0.001")
    assert (out / "config.json").is_file()
    assert not (out / "adapter_config.json").exists()
    inputs = example(random_tiny, toy_data)
    with torch.no_grad():
        logits = [
            AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()(**inputs).logits
            for folder in (out, random_tiny)
        ]
    assert (logits[0] - logits[1]).abs().max() > 0.01


def test_base_weights_are_left_as_they_were(finished, random_tiny):
    """The adapter folder holds LoRA matrices of the language model only."""
    names = list(adapter(finished))
    assert names
    assert all(".language_model.layers." in name and ".lora_" in name for name in names)


# Reproducing


def test_same_seed_same_adapter_other_seed_another(finished, random_tiny, toy_data, tmp_path):
    flags = ["--stage_steps=2", "--learning_rate=0.01"]
    sft(random_tiny, toy_data, tmp_path / "again", *flags)
    assert_same_adapter(finished, tmp_path / "again")
    sft(random_tiny, toy_data, tmp_path / "other", *flags, "--seed=1")
    with pytest.raises(AssertionError):
        assert_same_adapter(finished, tmp_path / "other")


def test_batch_1x4_walks_the_trajectory_of_4x1(random_tiny, toy_data, tmp_path):
    for name, flags in (("4x1", ["--batch_size=4"]), ("1x4", ["--batch_size=1", "--grad_accum=4"])):
        sft(random_tiny, toy_data, tmp_path / name, "--stage_steps=3", "--learning_rate=0.01", *flags)
    losses = [[line["loss"] for line in metrics(tmp_path / name)] for name in ("4x1", "1x4")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert len(set(losses[0])) == len(losses[0])  # it moves
    assert_same_adapter(tmp_path / "4x1", tmp_path / "1x4", atol=1e-4)


def test_features_cached_or_not_train_alike(random_tiny, toy_data, tmp_path):
    for name in ("on", "off"):
        sft(random_tiny, toy_data, tmp_path / name, "--learning_rate=0.01", f"--cache_features={name}")
    assert_same_adapter(tmp_path / "on", tmp_path / "off", atol=1e-5)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_resumed_run_equals_the_uninterrupted_one(random_tiny, toy_data, tmp_path, monkeypatch, tuning):
    """Dies in the middle of stage 2, two steps after the last checkpoint; dropout makes the random state count."""
    flags = ["--stage_steps=4", "--learning_rate=0.01", "--save_steps=3", f"--tuning={tuning}"]
    flags += ["--lora_dropout=0.1"] if tuning == "lora" else []
    sft(random_tiny, toy_data, tmp_path / "whole", *flags)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 8)
        with pytest.raises(Interrupted):
            sft(random_tiny, toy_data, tmp_path / "parts", *flags)
    assert [path.name for path in checkpoints.found(tmp_path / "parts")] == ["checkpoint-4", "checkpoint-6"]
    sft(random_tiny, toy_data, tmp_path / "parts", *flags, "--resume")
    same = ("step", "stage", "loss", "learning_rate", "grad_norm", "supervised_tokens")
    for whole, parts in zip(metrics(tmp_path / "whole"), metrics(tmp_path / "parts"), strict=True):
        assert [whole[key] for key in same] == [parts[key] for key in same]
    weights = "adapter_model.safetensors" if tuning == "lora" else "model.safetensors"
    whole, parts = (load_file(tmp_path / name / weights) for name in ("whole", "parts"))
    assert [name for name in whole if not torch.equal(whole[name], parts[name])] == [], "bit for bit"


def test_resume_after_the_last_step_only_exports(random_tiny, toy_data, tmp_path, monkeypatch, finished):
    flags = ["--stage_steps=2", "--learning_rate=0.01"]
    with monkeypatch.context() as patch:
        patch.setattr(run.export, "save", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        refused(
            "No space left.*make room; checkpoint-8 is whole.*--resume", random_tiny, toy_data, tmp_path / "out", *flags
        )
    sft(random_tiny, toy_data, tmp_path / "out", *flags, "--resume")
    assert_same_adapter(finished, tmp_path / "out")


def test_resume_of_a_complete_run_says_so_and_changes_nothing(finished, random_tiny, toy_data, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    assert sft(random_tiny, toy_data, finished, "--stage_steps=2", "--learning_rate=0.01", "--resume") == 0
    assert "complete" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == before


@pytest.mark.slow
def test_a_memorised_target_is_generated_back_word_for_word(random_tiny, tmp_path):
    """Prompt, target, labels and the end of the turn fit together: greedy decoding gives the scaffold and stops."""
    records = [toy_record(index) for index in range(4)]
    data = write_toy_data(tmp_path / "data", records)
    flags = ["--tuning=full", "--schedule=joint", "--stage_steps=300", "--batch_size=4", "--learning_rate=0.003"]
    sft(random_tiny, data, tmp_path / "out", *flags)
    processor = AutoProcessor.from_pretrained(tmp_path / "out")
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "out")
    for record in records:
        text = prompt_text(prompts.scaffold(record), QWEN2_5_VL, processor)
        inputs = processor(text=[text], images=[Image.open(data / record["image"])], return_tensors="pt")
        output = model.generate(**inputs, max_new_tokens=200, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        assert processor.decode(output) == scaffold.render(record) + "<|im_end|>"


def test_lmms_evals_own_adapter_loads_the_folder_to_the_trained_logits(finished, random_tiny, toy_data):
    """Upstream always computes in bf16, so equal means: far nearer to the trained model than its base is."""
    from lmms_eval.models.simple.qwen2_5_vl import Qwen2_5_VL

    loaded = Qwen2_5_VL(pretrained=str(finished), device="cpu", device_map="cpu", min_pixels=PIXELS, max_pixels=PIXELS)
    inputs = example(random_tiny, toy_data)
    base = AutoModelForImageTextToText.from_pretrained(random_tiny, dtype=torch.float32).eval()
    with torch.no_grad():
        theirs = loaded.model(**inputs).logits.float()
        plain = base(**inputs).logits
        trained = PeftModel.from_pretrained(base, finished).eval()(**inputs).logits
    assert (theirs - trained).abs().mean() < 0.05 * (plain - trained).abs().mean()
    processor = AutoProcessor.from_pretrained(finished)
    assert loaded.processor.image_processor.size == processor.image_processor.size


def test_mixed_in_records_are_asked_directly_in_every_stage(random_tiny, toy_data, tmp_path):
    extra = write_toy_data(tmp_path / "extra", [toy_record(index, id=f"old-{index}") for index in range(3)])
    out = tmp_path / "out"
    sft(random_tiny, toy_data, out, "--batch_size=4", f"--mix={extra}:0.5")
    mixed_in = json.loads((out / "run.json").read_text())["data"]["mixed_in"]
    assert (mixed_in["name"], mixed_in["used"]) == (f"custom: {extra}", 3)
    options = Options(str(random_tiny), str(toy_data), str(out), mix=f"{extra}:0.5")
    job = run.prepare(options, out)
    decode = job.processor.tokenizer.decode
    for sample in job.encoded.samples[-3:]:
        record = toy_record(int(sample.record_id.removeprefix("old-")))
        assert prompts.direct(record) in decode(sample.prompt)
        assert decode(sample.target) == scaffold.gold_answer(record) + "<|im_end|>"


def test_general_instructions_are_mixed_in_as_they_are(random_tiny, toy_data, tmp_path):
    """In the layout that `sft.export` writes."""
    flags = ["--format=ms-swift", "--method=cot", f"--data={toy_data}", f"--output_dir={tmp_path / 'general'}"]
    assert export.main(flags) == 0
    file, out = tmp_path / "general" / "stage_1_cot.jsonl", tmp_path / "out"
    sft(random_tiny, toy_data, out, "--batch_size=4", f"--mix={file}:0.5")
    assert json.loads((out / "run.json").read_text())["data"]["mixed_in"]["used"] == 12
    job = run.prepare(Options(str(random_tiny), str(toy_data), str(out), mix=f"{file}:0.5"), out)
    sample, line = job.encoded.samples[12], json.loads(file.read_text().splitlines()[0])
    asked, told = (turn["content"] for turn in line["messages"])
    decode = job.processor.tokenizer.decode
    assert asked.removeprefix("<image>") + "<|im_end|>" in decode(sample.prompt)
    assert decode(sample.target) == told + "<|im_end|>"
    assert job.images.content(sample.image) == Path(line["images"][0]).read_bytes()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"images": []}, "mixed.jsonl:1: `images` must list one picture"),
        ({"images": ["../white.png"]}, "leaves the data root"),
        ({"messages": [{"role": "user", "content": "x"}]}, "one user's turn and one assistant's"),
        ({"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "x"}]}, "non-empty text"),
        (
            {"messages": [{"role": "user", "content": "a<|im_end|>"}, {"role": "assistant", "content": "x"}]},
            "special token of the model in its question",
        ),
    ],
)
def test_instructions_that_cannot_be_used_are_named(random_tiny, toy_data, tmp_path, changes, match):
    (tmp_path / "data").mkdir()
    shutil.copy(toy_data / "white.png", tmp_path / "data" / "white.png")
    shutil.copy(toy_data / "white.png", tmp_path / "white.png")
    turns = [{"role": "user", "content": "<image>What is it?"}, {"role": "assistant", "content": "A wall."}]
    line = {"messages": turns, "images": ["white.png"]} | changes
    (tmp_path / "data" / "mixed.jsonl").write_text(json.dumps(line) + "\n")
    refused(match, random_tiny, toy_data, tmp_path / "out", f"--mix={tmp_path / 'data' / 'mixed.jsonl'}:0.5")


def test_an_epoch_passes_over_ones_own_data_whatever_is_mixed_in():
    options = Options("m", "d", "o", epochs=2.0, mix="general:0.5")
    assert options.steps_of(stages=4, samples=100, per_step=10) == [40] * 4


# Real photographs


def test_photographs_train_for_a_few_steps(random_tiny, coco_sample, tmp_path):
    sft(random_tiny, coco_sample, tmp_path / "out", "--split=test", "--allow_test_split", "--limit=10")
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    assert summary["data"]["used"] == 10
    assert all(stage["loss_last"] > 0 for stage in summary["stages"])
