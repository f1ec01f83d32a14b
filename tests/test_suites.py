"""The suite files: what lmms-eval's command accepts, and the whole suite with the tiny model on local clones."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import retention_data
import yaml
from lmms_eval import utils
from lmms_eval.models import get_model

import task_configs
from lmms_eval_drbench import plugin, runs, score
from lmms_eval_drbench.clones import ENV
from lmms_eval_drbench.columns import COLUMNS

SUITES = sorted((Path(task_configs.__file__).parent / "suites").glob("*.yaml"))
SHARED = {"retention", "drbench"}


def read(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_every_use_has_a_file():
    assert [file.stem.removeprefix("retention_") for file in SUITES] == [
        "internvl",
        "phi4_multimodal",
        "qwen2_5_vl_32b",
        "qwen2_5_vl_32b_vllm",
        "qwen2_5_vl_3b",
        "qwen2_5_vl_3b_vllm",
        "tiny",
    ]


@pytest.mark.parametrize("file", SUITES, ids=lambda file: file.stem)
def test_a_suite_is_what_the_command_accepts(file, monkeypatch):
    from lmms_eval.__main__ import parse_eval_args

    suite = read(file)
    monkeypatch.setattr(sys, "argv", ["lmms-eval"])
    parser, _ = parse_eval_args()
    assert set(suite) <= {action.dest for action in parser._actions}
    assert set(suite["tasks"].split(",")) == SHARED and suite["log_samples"] is True
    arguments = utils.simple_parse_args_string(suite.get("model_args", ""))
    if suite["model"] == "vllm":
        assert arguments["enable_prefix_caching"] is True
        assert json.loads(arguments["mm_processor_kwargs"]) == {"min_pixels": 200704, "max_pixels": 1003520}
    else:
        assert suite["batch_size"] == 1, "adapters take a batch's pictures from its first request, and padding"
    if suite["model"] in ("qwen2_5_vl", "internvl_hf"):
        assert set(arguments) <= set(inspect.signature(get_model(suite["model"]).__init__).parameters)
    if suite["model"] == "qwen2_5_vl":
        assert (arguments["min_pixels"], arguments["max_pixels"]) == (200704, 1003520)


@pytest.mark.parametrize("file", SUITES, ids=lambda file: file.stem)
def test_a_suites_model_is_one_of_lmms_evals(file):
    from lmms_eval.models import list_available_models

    assert read(file)["model"] in list_available_models(include_aliases=False)


def test_the_suite_covers_the_papers_columns():
    members = {name for name in read_group("retention")} | {"drbench"}
    assert {column.task for column in COLUMNS if column.in_average} <= members
    assert "retention_mmbench_en_dev" in members


def read_group(name: str) -> list[str]:
    return yaml.safe_load((plugin.tasks_dir() / "retention" / f"{name}.yaml").read_text())["task"]


@pytest.mark.slow
def test_the_whole_suite_runs_with_the_real_command_and_without_a_hub(tmp_path):
    """lmms-eval --config on the tiny model: upstream's task code on local clones, no key, no network."""
    clones = retention_data.write_all(tmp_path / "clones")
    (suite,) = (file for file in SUITES if file.stem == "retention_tiny")
    secrets = {name for name in os.environ if "KEY" in name or "TOKEN" in name}
    environment = {name: value for name, value in os.environ.items() if name not in secrets}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", ENV: str(clones)}
    command = [sys.executable, "-m", "lmms_eval", "--config", str(suite), "--limit", "4"]
    command += ["--output_path", str(tmp_path / "out")]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr[-2000:]
    run = runs.read(tmp_path / "out")
    for column in COLUMNS:
        if column.task.startswith("retention") or column.task == "drbench":
            value = column.value(run.tasks[column.task].metrics)
            assert value is not None and 0 <= value <= 100, column.title
    assert {"retention", "drbench"} <= set(run.tasks)
    for result in run.tasks.values():
        if result.effective is not None:
            assert len(result.samples) == result.effective > 0
    assert "## `drbench`" in score.markdown(run)


@pytest.mark.parametrize("force_simple", [False, True], ids=["chat", "simple"])
def test_the_tiny_models_adapter_takes_the_suites_requests(force_simple, tmp_path, monkeypatch):
    """One task of each shape in this process: one image, several images, messages of the task's own."""
    from lmms_eval import evaluator
    from lmms_eval.tasks import TaskManager

    monkeypatch.setenv(ENV, str(retention_data.write_all(tmp_path)))
    model = get_model("drbench_tiny", force_simple=force_simple)()
    results = evaluator.simple_evaluate(
        model=model,
        tasks=["retention_realworldqa", "retention_mmmu_val", "retention_blink_jigsaw"],
        task_manager=TaskManager(include_path=str(plugin.tasks_dir()), include_defaults=False),
        gen_kwargs="max_new_tokens=8",
        batch_size=1,
        bootstrap_iters=0,
        limit=2,
        log_samples=True,
    )
    assert {count["effective"] for count in results["n-samples"].values()} == {2}
    outputs = [sample["filtered_resps"][0] for found in results["samples"].values() for sample in found]
    assert len(outputs) == 6 and all(isinstance(output, str) for output in outputs)
