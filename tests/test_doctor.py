"""The doctor: what a recipe needs and this machine lacks, each a sentence."""

import functools
import shutil
import sys
from collections import namedtuple

import pytest
import recipes
from conftest import toy_record, write_toy_data
from recipes import BASE, TRAINED

from lmms_eval_drbench import data, doctor, harness, recipe
from lmms_eval_drbench.errors import run_cli
from sft import check


@pytest.fixture(autouse=True)
def packaged(monkeypatch):
    monkeypatch.delenv(data.ENV, raising=False)


@pytest.fixture
def plan(tmp_path):
    """Write a recipe and load it; changes replace its keys, None removes one."""
    return functools.partial(recipes.plan, tmp_path)


@pytest.fixture
def alone(monkeypatch):
    """Without the checks that start a process or import an adapter: they have tests of their own."""
    monkeypatch.setattr(doctor, "_training", lambda plan, out: [])
    monkeypatch.setattr(doctor, "_adapter", lambda plan: [])


def test_a_missing_model_folder_and_one_that_is_no_model(alone, plan, tmp_path):
    (problem,) = doctor.examine(plan(model=str(tmp_path / "none")), tmp_path)
    assert problem == f"no model folder {tmp_path / 'none'}: correct `model` in the recipe"
    (tmp_path / "empty").mkdir()
    (problem,) = doctor.examine(plan(model=str(tmp_path / "empty")), tmp_path)
    assert "is no model: it has neither config.json nor adapter_config.json" in problem


def test_a_hub_id_that_is_not_in_the_cache_is_a_problem_offline_only(alone, plan, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (problem,) = doctor.examine(plan(model="someone/model-7b"), tmp_path)
    assert problem == "someone/model-7b is not in the local hub cache and HF_HUB_OFFLINE is set: download it first"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert doctor.examine(plan(model="someone/model-7b"), tmp_path) == []


def test_missing_data_is_a_problem(alone, plan, tmp_path, monkeypatch):
    (problem,) = doctor.examine(plan(data=str(tmp_path / "none"), build=None), tmp_path)
    assert "no data at" in problem
    monkeypatch.setenv(data.ENV, str(tmp_path / "gone"))
    (problem,) = doctor.examine(plan(), tmp_path)
    assert f"no data at {tmp_path / 'gone'}" in problem


def test_the_training_split_is_looked_for(alone, plan, tmp_path):
    folder = write_toy_data(tmp_path / "toy", [toy_record(0)])
    assert doctor.examine(plan(data=str(folder), build=None), tmp_path) == []
    (problem,) = doctor.examine(plan(data=str(folder), build=None, train={"split": "validation"}), tmp_path)
    assert "holds no record of split 'validation'" in problem


def test_unknown_tasks_are_problems_ours_and_lmms_evals(plan):
    assert doctor._tasks(plan()) == []
    problems = doctor._tasks(plan(runs=[BASE | {"tasks": ["drbench_minni", "mmstar", "mmstarr", "retention"]}]))
    assert [problem.split(":")[0] for problem in problems] == ["no task drbench_minni", "no task mmstarr"]


def test_the_model_adapter_is_imported_and_its_arguments_are_looked_up(plan):
    assert doctor._adapter(plan(model_args="max_pixels=9")) == []
    (problem,) = doctor._adapter(plan(lmms_model="qwen2_5_vll"))
    assert problem == "lmms-eval has no model adapter qwen2_5_vll: correct `lmms_model` in the recipe"


def test_an_adapter_that_cannot_be_imported_or_takes_no_such_argument(plan, monkeypatch):
    import lmms_eval.models

    class Adapter:
        def __init__(self, pretrained, max_pixels=1):
            pass

    monkeypatch.setattr(lmms_eval.models, "get_model", lambda name: Adapter)
    assert doctor._adapter(plan(model_args="max_pixels=9")) == []
    (problem,) = doctor._adapter(plan(model_args="max_pixls=9"))
    assert problem.startswith("lmms-eval's model adapter qwen2_5_vl takes no argument max_pixls: correct `model_args`")

    def broken(name):
        raise ImportError("No module named 'decord'")

    monkeypatch.setattr(lmms_eval.models, "get_model", broken)
    (problem,) = doctor._adapter(plan())
    assert "cannot be imported here (No module named 'decord'): install what it needs" in problem


FLAGS = {"model": "someone/model", "data": "d", "output_dir": "o"}


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"method": "answer"}, None),
        ({"mix": "general:0.2", "stage_steps": "1,2,3,4"}, None),
        ({"stage_step": 3}, "unrecognized arguments: --stage_step=3; `python -m sft.run --help` lists the options"),
        ({"lora_rank": "abc"}, "invalid int value: 'abc'"),
        ({"stage_steps": "3,3"}, "names 2 stages, but drscaffold under --schedule current has 4"),
        ({"stage_steps": "3,3", "method": "cot"}, "names 2 stages, but cot under --schedule current has 1"),
        ({"schedule": "joint", "stage_steps": "1,2"}, "names 2 stages, but drscaffold under --schedule joint has 1"),
        ({"lr_scheduler": "magic"}, "--lr_scheduler 'magic' is unknown"),
        ({"mix": "general"}, "must be DATA:SHARE"),
        ({"split": "test"}, "would train on the benchmark's own questions"),
        ({"tuning": "ful"}, "--tuning 'ful' is unknown"),
    ],
)
def test_what_training_would_refuse_is_known_before_anything_loads(options, phrase):
    found = check.fault([f"--{name}={value}" for name, value in (FLAGS | options).items()])
    assert (found is None) if phrase is None else (phrase in found)


def test_a_family_that_cannot_do_it_is_known_too(random_tiny):
    flags = [f"--{name}={value}" for name, value in (FLAGS | {"model": random_tiny}).items()]
    assert check.fault([*flags, "--packing=on"]) is None
    (random_tiny.parent / "none").mkdir()
    assert "has no config.json" in check.fault([*flags, f"--model={random_tiny.parent / 'none'}"])


def test_every_training_of_a_recipe_is_checked_in_one_process(plan, tmp_path):
    wrong = TRAINED | {"name": "wrong", "train": {"method": "drscaffold", "stage_steps": "3,3"}}
    (problem,) = doctor._training(plan(model="someone/model", runs=[BASE, TRAINED, wrong]), tmp_path / "out")
    assert problem.startswith("the training of wrong: --stage_steps '3,3' names 2 stages")
    assert doctor._training(plan(runs=[BASE]), tmp_path) == []


@pytest.mark.parametrize(
    ("train", "model_args", "phrase"),
    [
        ({"max_pixels": 50176}, "max_pixels=100352", "max_pixels is 50176 in the training of trained but 100352"),
        ({"max_pixels": 50176}, "", "max_pixels is 50176 in the training of trained but the default"),
        ({}, "min_pixels=784", "min_pixels is the default in the training of trained but 784"),
        ({"max_pixels": 50176}, "max_pixels=50176", None),
    ],
)
def test_unequal_pixels_are_a_problem(alone, plan, tmp_path, train, model_args, phrase):
    problems = doctor.examine(plan(train=train, model_args=model_args), tmp_path)
    assert len(problems) == (phrase is not None) and all(phrase in problem for problem in problems)


def test_a_full_disk_is_a_problem(alone, plan, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("usage", "total used free")(9, 8, 2**29))
    (problem,) = doctor.examine(plan(), tmp_path / "not" / "yet" / "there")
    assert problem == f"only 0.5 GiB are free at {tmp_path}: make room for checkpoints and logs"


def test_an_output_that_is_a_file_is_a_problem(alone, plan, tmp_path):
    assert doctor.examine(plan(), tmp_path / "mine.yaml") == [
        f"{tmp_path / 'mine.yaml'} is no folder: choose another --out"
    ]


def test_nothing_is_missing_for_the_demo(tmp_path):
    assert doctor.examine(recipe.load("tiny", recipes.RECIPES), tmp_path / "out") == []


def test_the_doctors_command(alone, plan, tmp_path, monkeypatch, capsys):
    plan()
    assert _command(monkeypatch, str(tmp_path / "mine.yaml"), "--doctor", f"--out={tmp_path / 'out'}") == 0
    assert capsys.readouterr().out == "nothing is missing for mine\n" and not (tmp_path / "out").exists()
    plan(model=str(tmp_path / "none"), runs=[BASE | {"tasks": ["drbench_x"]}])
    assert _command(monkeypatch, str(tmp_path / "mine.yaml"), "--doctor") == 1
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert _command(monkeypatch, str(tmp_path / "mine.yaml"), f"--out={tmp_path / 'out'}") == 2
    assert "no model folder" in capsys.readouterr().err and not (tmp_path / "out").exists()


def _command(monkeypatch, *flags: str) -> int:
    monkeypatch.setattr(sys, "argv", ["harness", *flags])
    with pytest.raises(SystemExit) as ended:
        run_cli(harness.main)
    return ended.value.code
