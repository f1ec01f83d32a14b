"""Every kind of bad input to `sft.run`: one clear sentence, and nothing lost."""

import errno
import fcntl
import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import toy_record, write_toy_data
from safetensors.torch import load_file
from sft_runs import FAST, Interrupted, assert_same_adapter, interrupt_at, metrics, refused, sft, sft_process

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.tiny import PACKAGED
from sft import checkpoints, encode, run


def test_test_split_needs_an_explicit_flag(random_tiny, coco_sample, tmp_path):
    refused("--allow_test_split", random_tiny, coco_sample, tmp_path / "out", "--split=test")


def test_no_such_data(random_tiny, tmp_path):
    refused("no data at .*nowhere", random_tiny, tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_such_model(toy_data, tmp_path):
    refused("--model .*nothing is no model", tmp_path / "nothing", toy_data, tmp_path / "out")


def test_a_folder_that_is_no_model(toy_data, tmp_path):
    refused("no model: the folder has no config.json", tmp_path, toy_data, tmp_path / "out")


def test_two_runs_in_one_folder(random_tiny, toy_data, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("w") as held:  # not by FileLock: lmms-eval makes that reentrant within a process
        fcntl.flock(held, fcntl.LOCK_EX)
        refused(f"another process trains into {out}: wait", random_tiny, toy_data, out)
    sft(random_tiny, toy_data, out)
    assert (out / "run.json").is_file() and not (out / ".lock").exists()


def test_an_adapter_as_model_names_its_base(finished, toy_data, tmp_path, random_tiny):
    refused(f"is an adapter of {random_tiny}", finished, toy_data, tmp_path / "out")


def test_another_model_type_is_named(toy_data, tmp_path):
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    refused(
        "of type bert, no image-text-to-text model: known are qwen2_5_vl, qwen3_vl, internvl",
        tmp_path / "bert",
        toy_data,
        tmp_path / "out",
    )


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
        r"record toy-0 takes \d+ tokens \(81 for its 168x168 image\), beyond --max_length 100",
        random_tiny,
        toy_data,
        tmp_path / "out",
        "--max_length=100",
    )


def test_an_image_placeholder_in_a_question_is_refused(random_tiny, tmp_path):
    records = write_toy_data(tmp_path / "data", [toy_record(0), toy_record(1, question="Is <|image_pad|> here?")])
    refused(r"record .toy-1.: <\|image_pad\|> is a special token", random_tiny, records, tmp_path / "out")


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
    data._load.cache_clear()
    refused("the data changed", random_tiny, records, tmp_path / "out", "--resume")


def test_overwrite_replaces_a_run_but_never_a_folder_of_other_files(finished, random_tiny, toy_data, tmp_path):
    shutil.copytree(finished, tmp_path / "old")
    sft(random_tiny, toy_data, tmp_path / "old", "--overwrite", "--method=answer")
    assert json.loads((tmp_path / "old" / "run.json").read_text())["options"]["method"] == "answer"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    refused("holds files that are no run", random_tiny, toy_data, tmp_path / "mine", "--overwrite")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_overwrite_never_deletes_what_the_new_run_is_to_read(finished, random_tiny, toy_data, tmp_path):
    shutil.copytree(finished, tmp_path / "old")
    shutil.copytree(random_tiny, tmp_path / "old" / "base")
    refused("--overwrite would delete --model", tmp_path / "old" / "base", toy_data, tmp_path / "old", "--overwrite")
    mixed = f"--mix={tmp_path / 'old' / 'base'}:0.5"
    refused("--overwrite would delete --mix", random_tiny, toy_data, tmp_path / "old", "--overwrite", mixed)
    assert (tmp_path / "old" / "base" / "config.json").exists()


def test_another_programs_run_file_is_no_run(random_tiny, toy_data, tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "run.json").write_text("[1]")
    refused("is no summary of a run of sft", random_tiny, toy_data, tmp_path / "theirs", "--overwrite")
    assert (tmp_path / "theirs" / "run.json").read_text() == "[1]"


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
            "checkpoint-4 could not be written.*No space left.*make room; checkpoint-2 is whole: use --resume",
            random_tiny,
            toy_data,
            tmp_path / "out",
            *flags,
        )
    assert [path.name for path in checkpoints.found(tmp_path / "out")] == ["checkpoint-2"]
    assert not (tmp_path / "out" / checkpoints.PARTIAL).exists()
    sft(random_tiny, toy_data, tmp_path / "out", *flags, "--resume")
    assert_same_adapter(finished, tmp_path / "out")


def test_a_disk_that_is_full_for_the_metrics_loses_nothing(random_tiny, toy_data, tmp_path, monkeypatch, finished):
    flags, out, writes = ["--stage_steps=2", "--learning_rate=0.01"], tmp_path / "out", Path.open

    def full(self, mode="r", *args, **kwargs):
        if self.name == "metrics.jsonl" and mode == "a" and len(metrics(out)) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return writes(self, mode, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        match = "metrics.jsonl could not be written .*No space left.*make room; checkpoint-2 is whole: use --resume"
        refused(match, random_tiny, toy_data, out, *flags)
    sft(random_tiny, toy_data, out, *flags, "--resume")
    assert_same_adapter(finished, out)
    assert [line["step"] for line in metrics(out)] == list(range(1, 9))


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (["--stage_steps=1,2"], "names 2 stages, but drscaffold under --schedule current has 4"),
        (["--stage_steps=many"], "must be whole numbers"),
        (["--stage_steps=0"], "at least one step"),
        (["--schedule=nested"], "use one of current, cumulative, joint"),
        (["--method=poem"], "use one of answer, cot, llava_cot, drscaffold"),
        (["--batch_size=0"], "--batch_size must be at least 1"),
        (["--lr_scheduler=magic"], "--lr_scheduler 'magic' is unknown"),
        (["--min_pixels=50000", "--max_pixels=10000"], "--min_pixels 50000 is above --max_pixels 10000"),
        (["--resume", "--overwrite"], "exclude each other"),
        (["--lora_targets=query"], "matches no module's whole name"),
        (["--lora_targets=.*(qkv|q_proj)"], "matches model.visual.blocks.0.attn.qkv, which stays frozen"),
        (["--lora_targets=(q_proj"], "is no regular expression"),
        ([r"--lora_targets=model\.language_model\.layers\.0"], "layers.0, a Qwen2_5_VLDecoderLayer: name linear"),
        (["--lora_targets=lm_head"], "matches lm_head, but this model's head and embeddings are one"),
        (["--lora_alpha=0"], "--lora_alpha must be at least 1"),
        (["--epochs=inf"], "--epochs must be a number above 0"),
        (["--feature_memory_gib=inf"], "--feature_memory_gib must be a number above 0"),
        (["--seed=-1"], "--seed must be from 0 to"),
        (["--weight_decay=nan"], "--weight_decay must be at least 0"),
        (["--max_grad_norm=-1"], "--max_grad_norm must be at least 0"),
        (["--workers=-1"], "--workers must be at least 0"),
        (["--min_pixels=-5"], "--min_pixels must be at least 1"),
        (["--lr_scheduler=warmup_stable_decay"], "is unknown: use one of linear, cosine"),
        (["--lr_scheduler=reduce_lr_on_plateau"], "is unknown: use one of linear, cosine"),
        (["--lr_span=epoch"], "use one of run, stage"),
        (["--mix=general"], "must be DATA:SHARE"),
        (["--mix=general:1.5"], "share between 0 and 1"),
    ],
)
def test_bad_options(random_tiny, toy_data, tmp_path, flags, match):
    refused(match, random_tiny, toy_data, tmp_path / "out", *flags)


def test_config_file_gives_options_and_flags_override_it(random_tiny, toy_data, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text(f"model: {random_tiny}\ndata: {toy_data}\nstage_steps: [1, 2, 1, 1]\nbatch_size: 3\nseed: 7\n")
    options = run.parse([f"--config={config}", "--output_dir=out", "--seed=8"])
    assert (options.stage_steps, options.batch_size, options.seed) == ("1,2,1,1", 3, 8)
    config.write_text("packing: off\n")  # which YAML reads as false
    flags = [f"--config={config}", "--model=packaged", "--data=d", "--output_dir=out"]
    assert (run.parse(flags).packing, run.parse(flags).model) == ("off", str(PACKAGED))
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


def test_a_quantised_model_is_refused(random_tiny, toy_data, tmp_path):
    shutil.copytree(random_tiny, tmp_path / "q")
    config = json.loads((tmp_path / "q" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (tmp_path / "q" / "config.json").write_text(json.dumps(config))
    refused("is quantised.*give the unquantised model", tmp_path / "q", toy_data, tmp_path / "out")


def test_a_tokenizer_without_a_chat_template_is_refused(random_tiny, toy_data, tmp_path):
    shutil.copytree(random_tiny, tmp_path / "base")
    for file in (tmp_path / "base").glob("chat_template*"):
        file.unlink()
    for name in ("tokenizer_config.json", "processor_config.json"):
        file = tmp_path / "base" / name
        if file.exists():
            content = json.loads(file.read_text())
            content.pop("chat_template", None)
            file.write_text(json.dumps(content))
    refused("has no chat template.*use its instruction-tuned one", tmp_path / "base", toy_data, tmp_path / "out")


@pytest.mark.parametrize(("method", "lack"), [("drscaffold", "no key_objects"), ("cot", "an empty reasoning step")])
def test_where_no_record_has_what_the_method_needs_it_says_what_and_how_many(random_tiny, tmp_path, method, lack):
    chain = toy_record(0)["reasoning_chain"] | {"logic": " "}
    bare = [toy_record(index, key_objects=[], scene_graph=[], reasoning_chain=chain) for index in range(2)]
    records = write_toy_data(tmp_path / "data", bare)
    match = f"none of the 2 records can be used for --method {method}: 2 have {lack}"
    refused(match, random_tiny, records, tmp_path / "out", f"--method={method}")
    assert not (tmp_path / "out").exists()


def test_a_stage_without_a_supervised_token_is_named(random_tiny, toy_data, tmp_path, monkeypatch):
    """All of a target's tokens in the first field, as a tokenizer could make it of a single token."""
    monkeypatch.setattr(encode, "token_fields", lambda texts, offsets: np.zeros(len(offsets), dtype=np.int8))
    refused("record toy-0 has no supervised token in stage relations", random_tiny, toy_data, tmp_path / "out")
