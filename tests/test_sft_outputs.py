"""What a run says about itself: `--inspect`, the resolved config, the model card."""

import json
import re
from pathlib import Path

import pytest
import yaml
from conftest import toy_record, write_toy_data
from sft_runs import refused, sft

from lmms_eval_drbench import prompts, scaffold
from sft import card, run
from sft.inspection import CLOSE, OPEN, module_map
from sft.options import Options


def inspect(capsys, model, records, *flags):
    assert run.main([f"--model={model}", f"--data={records}", "--inspect=2", *flags]) == 0
    return capsys.readouterr().out


def test_inspect_shows_the_samples_field_by_field_and_trains_nothing(random_tiny, toy_data, tmp_path, capsys):
    out = tmp_path / "out"
    printed = inspect(capsys, random_tiny, toy_data, f"--output_dir={out}")
    assert not out.exists()
    blocks = printed.split("\n\nrecord ")[1:]
    assert [block.split(":")[0] for block in blocks] == ["toy-0", "toy-1"]
    record = toy_record(1)
    lines = [line.strip() for line in blocks[1].splitlines()]
    assert prompts.scaffold(record).splitlines()[0] in "\n".join(lines) and "<|image_pad|>×81" in blocks[1]
    stages = re.split(r"\nstage \d ", blocks[1])[1:]
    assert [stage.split(":")[0] for stage in stages] == ["entities", "relations", "reasoning", "answer"]
    rendered = list(scaffold.render_fields(record).values())
    for index, stage in enumerate(stages):
        supervised = re.findall(f"{OPEN}(.*?){CLOSE}", re.sub(r"\n    ", "\n", stage), re.DOTALL)
        assert supervised == [rendered[index] + ("\n" if index < 3 else "<|im_end|>")]
        for later in rendered[index + 1 :]:
            assert later.splitlines()[0] not in stage, "what comes after the stage's field is cut off"


def test_inspect_shows_the_mixed_in_records_as_supervised(random_tiny, toy_data, tmp_path, capsys):
    extra = write_toy_data(tmp_path / "extra", [toy_record(2, id="old")])
    printed = inspect(capsys, random_tiny, toy_data, f"--mix={extra}:0.5")
    block = printed.split("\n\nrecord ")[3]
    assert block.startswith("old: ") and block.count(f"{OPEN}C<|im_end|>{CLOSE}") == 4


def test_the_module_map_names_towers_and_what_trains(random_tiny, toy_data, capsys):
    printed = inspect(capsys, random_tiny, toy_data)
    (visual,) = re.findall(r"model.visual: ([\d,]+) weights, (.*)", printed)
    (language,) = re.findall(r"model.language_model: [\d,]+ weights, ([\d,]+) train \((.*)\)", printed)
    assert visual[1] == "frozen" and "q_proj LoRA" in language[1] and "down_proj LoRA" in language[1]
    options = Options(str(random_tiny), str(toy_data), "unused", tuning="full")
    job = run.prepare(options, Path("unused"))
    trained = sum(p.numel() for p in job.model.parameters() if p.requires_grad)
    assert sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) train", module_map(job.model))) == trained


def test_the_resolved_config_starts_the_same_run_again(finished, random_tiny, toy_data):
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert (config["model"], config["learning_rate"], config["method"]) == (str(random_tiny), 0.01, "drscaffold")
    again = run.parse([f"--config={finished / 'config.yaml'}", "--output_dir=elsewhere"])
    ran = json.loads((finished / "run.json").read_text())["options"]
    assert vars(again) == ran | {"output_dir": "elsewhere"}


def test_the_model_card_says_what_was_done(finished, random_tiny, toy_data):
    text = (finished / "README.md").read_text()
    summary = json.loads((finished / "run.json").read_text())
    header = yaml.safe_load(text.split("---")[1])
    assert header == {
        "library_name": "peft",
        "pipeline_tag": "image-text-to-text",
        "tags": ["drbench", "drscaffold"],
    }, "a local base has no name on a hub"
    for said in (f"`{random_tiny}`", f"custom: {toy_data}", summary["data"]["fingerprint"], summary["eval_command"]):
        assert said in text
    assert len(re.findall(r"^\| \d \w+ \| 2 \|", text, re.MULTILINE)) == 4
    options = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1))
    assert options["learning_rate"] == 0.01 and "output_dir" not in options
    hub = card.render(summary | {"options": summary["options"] | {"model": "someone/model", "tuning": "full"}})
    assert yaml.safe_load(hub.split("---")[1])["base_model"] == "someone/model"


def test_a_reporter_that_is_not_installed_is_named(random_tiny, toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "is_tensorboard_available", lambda: False)
    refused("pip install tensorboard", random_tiny, toy_data, tmp_path / "out", "--report_to=tensorboard")
    refused("--report_to 'mlflow' is unknown", random_tiny, toy_data, tmp_path / "out", "--report_to=mlflow")
    assert not (tmp_path / "out").exists()


def test_wandb_gets_the_metrics_when_it_is_asked_for(random_tiny, toy_data, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sft(random_tiny, toy_data, tmp_path / "out", "--method=answer", "--report_to=wandb")
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
