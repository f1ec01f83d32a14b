"""Whole runs: what they write, that it reloads, resumes and reproduces, and every kind of bad input."""

import errno
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import toy_record, write_toy_data
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from lmms_eval_drbench.errors import UserError
from sft import run, train
from sft.collate import Collator, Item
from sft.options import Options
from sft.stages import stages

FAST = ["--batch_size=2", "--stage_steps=1", "--logging_steps=1", "--lora_rank=4"]


def sft(model, records, out, *flags):
    """One run in this process, by the command line's own entry."""
    return run.main([f"--model={model}", f"--data={records}", f"--output_dir={out}", *FAST, *flags])


def sft_process(*flags, **kwargs):
    """One run in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "sft.run", *flags],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        **kwargs,
    )


def metrics(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def adapter(out):
    return load_file(out / "adapter_model.safetensors")


def assert_same_adapter(left, right, atol=1e-6):
    left, right = adapter(left), adapter(right)
    assert left.keys() == right.keys()
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=0, atol=atol)


def example(model_folder, records_folder):
    """One whole sample of the data as model inputs."""
    options = Options(model=str(model_folder), data=str(records_folder), output_dir="unused")
    job = run.prepare(options, Path("unused"))
    collate = Collator(job.processor.tokenizer.pad_token_id, job.processor.image_token_id, job.images, cached=False)
    batch = collate([Item(job.encoded.samples[7], stages("joint", job.encoded.field_names)[0])])
    return {name: value for name, value in batch.items() if name not in ("labels", "image_keys")}


@pytest.fixture(scope="module")
def finished(random_tiny, toy_data, tmp_path_factory):
    """The folder of a finished drscaffold run, two steps a stage, with a rate high enough to move the logits."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    assert sft(random_tiny, toy_data, out, "--stage_steps=2", "--learning_rate=0.01") == 0
    return out


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
    assert summary["pixels"] == {"min_pixels": 28224, "max_pixels": 28224}
    assert summary["peak_memory_mib"] > 100


def test_eval_command_uses_the_methods_native_prompt(finished, random_tiny, toy_data, tmp_path, capsys):
    summary = json.loads((finished / "run.json").read_text())
    words = shlex.split(summary["eval_command"])
    assert words[words.index("--tasks") + 1] == "drbench_scaffold"
    assert words[words.index("--model_args") + 1] == f"pretrained={finished.resolve()}"
    sft(random_tiny, toy_data, tmp_path / "answer", "--method=answer")
    assert "--tasks drbench " in capsys.readouterr().out


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


class Interrupted(Exception):
    pass


def interrupt_at(monkeypatch, step):
    """Make the run die right after optimiser step `step`, whatever it would have saved there."""
    original = train.StagedTrainer._maybe_log_save_evaluate

    def die(self, *args, **kwargs):
        if self.state.global_step == step:
            raise Interrupted
        return original(self, *args, **kwargs)

    monkeypatch.setattr(train.StagedTrainer, "_maybe_log_save_evaluate", die)


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
    assert [path.name for path in train.checkpoints(tmp_path / "parts")] == ["checkpoint-6"]
    sft(random_tiny, toy_data, tmp_path / "parts", *flags, "--resume")
    same = ("step", "stage", "loss", "learning_rate", "grad_norm", "supervised_tokens")
    for whole, parts in zip(metrics(tmp_path / "whole"), metrics(tmp_path / "parts"), strict=True):
        assert [whole[key] for key in same] == pytest.approx([parts[key] for key in same], rel=1e-4)
    weights = "adapter_model.safetensors" if tuning == "lora" else "model.safetensors"
    whole, parts = (load_file(tmp_path / name / weights) for name in ("whole", "parts"))
    for name in whole:
        torch.testing.assert_close(whole[name], parts[name], rtol=0, atol=1e-5)


def test_resume_after_the_last_step_only_exports(random_tiny, toy_data, tmp_path, monkeypatch, finished):
    flags = ["--stage_steps=2", "--learning_rate=0.01"]
    with monkeypatch.context() as patch:
        patch.setattr(run.export, "save", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(UserError, match="No space left.*checkpoint-8 is whole.*--resume"):
            sft(random_tiny, toy_data, tmp_path / "out", *flags)
    sft(random_tiny, toy_data, tmp_path / "out", *flags, "--resume")
    assert_same_adapter(finished, tmp_path / "out")


def test_resume_of_a_complete_run_says_so_and_changes_nothing(finished, random_tiny, toy_data, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    assert sft(random_tiny, toy_data, finished, "--stage_steps=2", "--learning_rate=0.01", "--resume") == 0
    assert "complete" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == before


# Real photographs


def test_photographs_train_for_a_few_steps(random_tiny, coco_sample, tmp_path):
    sft(random_tiny, coco_sample, tmp_path / "out", "--split=test", "--allow_test_split", "--limit=10")
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    assert summary["data"]["used"] == 10
    assert all(stage["loss_last"] > 0 for stage in summary["stages"])


# Bad input: one sentence each, and nothing lost


def refused(match, *arguments):
    with pytest.raises(UserError, match=match):
        sft(*arguments)


def test_test_split_needs_an_explicit_flag(random_tiny, coco_sample, tmp_path):
    refused("--allow_test_split", random_tiny, coco_sample, tmp_path / "out", "--split=test")


def test_no_such_data(random_tiny, tmp_path):
    refused("no data at .*nowhere", random_tiny, tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_such_model(toy_data, tmp_path):
    refused("--model .*nothing is no model", tmp_path / "nothing", toy_data, tmp_path / "out")


def test_a_folder_that_is_no_model(toy_data, tmp_path):
    refused("no model: the folder has no config.json", tmp_path, toy_data, tmp_path / "out")


def test_an_adapter_as_model_names_its_base(finished, toy_data, tmp_path, random_tiny):
    refused(f"is an adapter of {random_tiny}", finished, toy_data, tmp_path / "out")


def test_another_model_type_is_named(toy_data, tmp_path):
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    refused("of type bert.*knows qwen2_5_vl", tmp_path / "bert", toy_data, tmp_path / "out")


def test_truncated_weights(random_tiny, toy_data, tmp_path):
    shutil.copytree(random_tiny, tmp_path / "cut")
    with (tmp_path / "cut" / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    refused("weights cannot be loaded", tmp_path / "cut", toy_data, tmp_path / "out")


def test_missing_weights(random_tiny, toy_data, tmp_path):
    from safetensors.torch import save_file

    shutil.copytree(random_tiny, tmp_path / "partly")
    weights = load_file(random_tiny / "model.safetensors")
    dropped = next(name for name in sorted(weights) if "q_proj.weight" in name)
    del weights[dropped]
    save_file(weights, tmp_path / "partly" / "model.safetensors", metadata={"format": "pt"})
    refused("lacks 1 weights, the first is .*q_proj.weight", tmp_path / "partly", toy_data, tmp_path / "out")


def test_a_too_long_sample_is_named_with_its_length_and_the_limit(random_tiny, toy_data, tmp_path):
    refused(
        r"record toy-0 takes \d+ tokens \(36 for its 168x168 image\), beyond --max_length 100",
        random_tiny,
        toy_data,
        tmp_path / "out",
        "--max_length=100",
    )


def test_an_image_placeholder_in_a_question_is_refused(random_tiny, tmp_path):
    records = write_toy_data(tmp_path / "data", [toy_record(0), toy_record(1, question="Is <|image_pad|> here?")])
    refused(r"record toy-1 has <\|image_pad\|> in its question", random_tiny, records, tmp_path / "out")


def test_an_end_of_turn_in_the_annotation_is_refused(random_tiny, tmp_path):
    records = write_toy_data(tmp_path / "data", [toy_record(0, key_objects=["<|im_end|>"], scene_graph=[])])
    refused("record toy-0 has a special token", random_tiny, records, tmp_path / "out")


def test_records_without_annotation_are_left_out_and_counted(random_tiny, tmp_path, capsys):
    bare = toy_record(1, key_objects=[], scene_graph=[])
    records = write_toy_data(tmp_path / "data", [toy_record(0), bare, toy_record(2)])
    sft(random_tiny, records, tmp_path / "out")
    assert "left out: 1 records, the first is toy-1: no key_objects" in capsys.readouterr().out
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (summary["data"]["used"], summary["data"]["skipped"]) == (2, {"toy-1": "no key_objects"})


def test_no_usable_record_is_refused(random_tiny, tmp_path):
    records = write_toy_data(tmp_path / "data", [toy_record(i, key_objects=[], scene_graph=[]) for i in range(3)])
    refused("none of the 3 records.*3 have no key_objects", random_tiny, records, tmp_path / "out")


@pytest.mark.parametrize("flag", [[], ["--resume", "--seed=5"]])
def test_a_folder_with_another_run_is_refused_and_kept(finished, random_tiny, toy_data, flag):
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    match = "had --seed 0, not 5" if flag else "already holds a run: pass --resume"
    refused(match, random_tiny, toy_data, finished, "--stage_steps=2", "--learning_rate=0.01", *flag)
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == before


def test_resume_on_changed_data_is_refused(random_tiny, tmp_path, monkeypatch):
    records = write_toy_data(tmp_path / "data", [toy_record(i) for i in range(4)])
    with monkeypatch.context() as patch:
        interrupt_at(patch, 2)
        with pytest.raises(Interrupted):
            sft(random_tiny, records, tmp_path / "out")
    write_toy_data(tmp_path / "data", [toy_record(i) for i in range(5)])
    run.data._load.cache_clear()
    refused("the data changed", random_tiny, records, tmp_path / "out", "--resume")


def test_overwrite_replaces_a_run_but_never_a_folder_of_other_files(finished, random_tiny, toy_data, tmp_path):
    shutil.copytree(finished, tmp_path / "old")
    sft(random_tiny, toy_data, tmp_path / "old", "--overwrite", "--method=answer")
    assert json.loads((tmp_path / "old" / "run.json").read_text())["options"]["method"] == "answer"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    refused("holds files that are no run", random_tiny, toy_data, tmp_path / "mine", "--overwrite")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_overwrite_keeps_the_old_run_when_the_new_ones_input_is_bad(finished, random_tiny, toy_data, tmp_path):
    shutil.copytree(finished, tmp_path / "old")
    refused("beyond --max_length", random_tiny, toy_data, tmp_path / "old", "--overwrite", "--max_length=10")
    assert_same_adapter(finished, tmp_path / "old")


def test_a_full_disk_keeps_the_last_good_checkpoint(random_tiny, toy_data, tmp_path, monkeypatch, finished):
    """The optimiser of the second checkpoint can't be written; the first stays whole, and the run goes on from it."""
    flags = ["--stage_steps=2", "--learning_rate=0.01"]
    save = torch.save

    def full(content, path, *args, **kwargs):
        if "checkpoint-4" in str(path) and str(path).endswith("optimizer.pt"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(content, path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        refused(
            "checkpoint-4 could not be written.*No space left.*checkpoint-2 is whole: make room and use --resume",
            random_tiny,
            toy_data,
            tmp_path / "out",
            *flags,
        )
    assert [path.name for path in train.checkpoints(tmp_path / "out")] == ["checkpoint-2"]
    assert not (tmp_path / "out" / train.PARTIAL).exists()
    sft(random_tiny, toy_data, tmp_path / "out", *flags, "--resume")
    assert_same_adapter(finished, tmp_path / "out")


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (["--stage_steps=1,2"], "names 2 stages, but drscaffold under --schedule current has 4"),
        (["--stage_steps=many"], "must be whole numbers"),
        (["--stage_steps=0"], "at least one step"),
        (["--schedule=nested"], "use one of current, cumulative, joint"),
        (["--method=cot"], "use one of answer, drscaffold"),
        (["--batch_size=0"], "--batch_size must be at least 1"),
        (["--lr_scheduler=magic"], "--lr_scheduler 'magic' is unknown"),
        (["--min_pixels=50000", "--max_pixels=10000"], "--min_pixels 50000 is above --max_pixels 10000"),
        (["--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_bad_options(random_tiny, toy_data, tmp_path, flags, match):
    refused(match, random_tiny, toy_data, tmp_path / "out", *flags)


def test_config_file_gives_options_and_flags_override_it(random_tiny, toy_data, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text(f"model: {random_tiny}\ndata: {toy_data}\nstage_steps: [1, 2, 1, 1]\nbatch_size: 3\nseed: 7\n")
    options = run.parse([f"--config={config}", "--output_dir=out", "--seed=8"])
    assert (options.stage_steps, options.batch_size, options.seed) == ("1,2,1,1", 3, 8)
    config.write_text("modle: x\n")
    with pytest.raises(UserError, match="unknown options: modle"):
        run.parse([f"--config={config}"])
    with pytest.raises(UserError, match="cannot be read"):
        run.parse([f"--config={tmp_path / 'none.yaml'}"])


@pytest.mark.slow
def test_command_line_exits_with_one_sentence(random_tiny, toy_data, tmp_path):
    out = tmp_path / "out"
    missing = sft_process(f"--model={tmp_path}/no", f"--data={toy_data}", f"--output_dir={out}")
    assert missing.returncode == 2
    assert missing.stderr.strip().splitlines()[-1].startswith("error: --model")
    assert "Traceback" not in missing.stderr
    assert not out.exists()


@pytest.mark.slow
def test_command_line_survives_a_disk_that_is_really_full(random_tiny, toy_data, tmp_path):
    """A limit on file size makes the kernel refuse the write, as a full disk would."""
    limit = 20_000
    done = sft_process(
        f"--model={random_tiny}",
        f"--data={toy_data}",
        f"--output_dir={tmp_path / 'out'}",
        *FAST,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 2, done.stderr
    assert "checkpoint-1 could not be written" in done.stderr
    assert "Traceback" not in done.stderr
