"""Recipes, and the order of the harness's steps."""

import functools
import json
from pathlib import Path

import lmms_runs
import pytest
import recipes
from conftest import toy_record
from recipes import BASE, RECIPES, TRAINED

from lmms_eval_drbench import data, doctor, harness, recipe, runs
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.prompts import split_suite
from lmms_eval_drbench.tiny import PACKAGED as TINY
from sft.targets import METHODS


@pytest.fixture(autouse=True)
def packaged(monkeypatch):
    monkeypatch.delenv(data.ENV, raising=False)


@pytest.fixture
def plan(tmp_path):
    """Write a recipe and load it; changes replace its keys, None removes one."""
    return functools.partial(recipes.plan, tmp_path)


# Reading


@pytest.mark.parametrize("name", sorted(file.stem for file in RECIPES.glob("*.yaml")))
def test_packaged_recipes_load_and_name_the_native_prompt_beforehand(name):
    found = recipe.load(name, RECIPES)
    assert found.name == name and found.runs[0].train == {} and found.runs[0].native == "direct"
    for step in found.runs:
        trained = METHODS.get(step.train.get("method"))
        assert step.native == (trained.prompt if trained else "direct")
        asked = {split_suite(task)[1] for task in step.tasks if task.startswith("drbench") and "blind" not in task}
        assert {"direct", step.native} <= asked, "every run is asked directly, and under its native prompt"
    assert doctor._tasks(found) == [] and doctor._pixels(found) == []


def test_packaged_recipes_give_every_method_the_same_number_of_steps():
    for file in RECIPES.glob("*.yaml"):
        trained = [step.train["stage_steps"] for step in recipe.load(file.stem, RECIPES).runs if step.train]
        assert len({sum(map(int, str(steps).split(","))) for steps in trained}) == 1, file


def test_the_papers_models_keep_seeing_direct_questions(tmp_path):
    for name in ("internvl2_5_2b", "phi4_multimodal", "qwen2_5_vl_3b"):
        found = recipe.load(name, RECIPES)
        for step in found.runs[1:]:
            assert f"--mix={tmp_path / 'data'}:0.5" in recipe.training_flags(found, step, tmp_path)


def test_a_recipe_of_ones_own_loads(plan):
    mine = plan(model_args="max_pixels=9", limit=5)
    assert (mine.name, mine.limit, [step.name for step in mine.runs]) == ("mine", 5, ["base", "trained"])
    assert mine.model_args_for("x") == "pretrained=x,max_pixels=9" and plan().model_args_for("x") == "pretrained=x"
    assert plan(model="packaged").model == str(TINY)


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"modle": "x"}, "mine.yaml has unknown keys: modle"),
        ({7: "x"}, "mine.yaml has unknown keys: 7"),
        ({"runs": [BASE | {"prompt": "x"}]}, "mine.yaml has unknown keys: prompt"),
        ({"runs": None}, "mine.yaml has no runs"),
        ({"runs": []}, "mine.yaml has no runs"),
        ({"runs": {"base": BASE}}, "`runs` must be a list"),
        ({"runs": ["base"]}, "each run must be `key: value` lines"),
        ({"model": None}, "missing 1 required positional argument: 'model'"),
        ({"runs": [{"name": "base"}]}, "missing 1 required positional argument: 'tasks'"),
        ({"data": "records"}, "must name its training data by `data` or by `build`, one of them"),
        ({"build": None}, "must name its training data by `data` or by `build`, one of them"),
        ({"runs": [BASE, BASE]}, "run names must be distinct folder names, not base, base"),
        ({"runs": [BASE | {"name": "../base"}]}, "run names must be distinct folder names"),
        ({"runs": [BASE | {"name": "a,b"}]}, "run names must be distinct folder names"),
        ({"runs": [BASE | {"name": "data"}]}, "run names must be distinct folder names"),
        ({"runs": [BASE | {"name": 7}]}, "`name` must be text, not 7"),
        ({"runs": [BASE | {"tasks": "drbench"}]}, "`tasks` must be a list, not 'drbench'"),
        ({"runs": [BASE | {"tasks": []}]}, "run base must list the tasks to evaluate"),
        ({"runs": [BASE | {"tasks": [7]}]}, "run base must list the tasks to evaluate, not [7]"),
        (
            {"runs": [BASE | {"native": "blind"}]},
            "run base: `native` is one of direct, scaffold, cot, llava_cot, not blind",
        ),
        ({"runs": [BASE, TRAINED | {"native": "direct"}]}, "run trained: drbench_scaffold is neither under the direct"),
        ({"batch_size": "8"}, "`batch_size` must be a whole number, not '8'"),
        ({"limit": True}, "`limit` must be a whole number, not True"),
        ({"train": ["seed"]}, "`train` must be `key: value` lines"),
        ({"limit": 0}, "`limit` must be at least 1, not 0"),
        ({"batch_size": -2}, "`batch_size` must be at least 1, not -2"),
        ({"processes": 0}, "`processes` must be at least 1, not 0"),
        ({"gen_kwargs": "max_new_tokens=9,greedy"}, "`gen_kwargs` must be name=value pairs with commas between them"),
        ({"model_args": "max_pixels"}, "`model_args` must be name=value pairs with commas between them, not 'max_pix"),
        ({"replay": {"images": 0, "share": 0.5}}, "`replay` needs at least 1 image and a share between 0 and 1"),
        ({"replay": {"images": 5, "share": 1}}, "`replay` needs at least 1 image and a share between 0 and 1"),
        ({"replay": {"images": 5, "share": "half"}}, "`replay` needs at least 1 image and a share between 0 and 1"),
        ({"direct": 1}, "`direct` is a share below 1"),
        ({"direct": "half"}, "`direct` must be a number, not 'half'"),
        ({"direct": 0.5, "replay": {"images": 5, "share": 0.5}}, "`direct` is a share below 1, and not beside `repl"),
        ({"replay": {"images": 5}}, "`replay` needs `images` and `share`, not images"),
    ],
)
def test_a_faulty_recipe_is_named_before_anything_runs(plan, changes, phrase):
    with pytest.raises(UserError) as raised:
        plan(changes)
    assert phrase in str(raised.value) and "mine.yaml" in str(raised.value)


def test_what_is_no_recipe(tmp_path):
    with pytest.raises(
        UserError,
        match="no recipe nothing: give a YAML file, or one of internvl2_5_2b, phi4_multimodal, qwen2_5_vl_3b, tiny",
    ):
        recipe.load("nothing", RECIPES)
    for content, phrase in [("a: [", "is not YAML"), ("just text", "the recipe must be"), ("", "the recipe must be")]:
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(UserError, match=phrase):
            recipe.load(str(tmp_path / "bad.yaml"), RECIPES)


# The harness


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """The harness with stand-ins for training and lmms-eval; returns what it did, in order."""
    done: list[str] = []
    records = [toy_record(index, split="test") for index in range(8)]

    def call(words, out):
        module, flags = words[0], dict(word.removeprefix("--").split("=", 1) for word in words[1:] if "=" in word)
        done.append(f"{module} {Path(flags.get('output_dir') or flags['out']).relative_to(tmp_path / 'out')}")
        done[-1] += " --resume" * ("--resume" in words)
        folder = Path(flags.get("output_dir") or flags["out"])
        folder.mkdir(parents=True, exist_ok=True)
        if module == "sft.run":
            (folder / "adapter_model.safetensors").write_text("weights")
        else:
            made_by = {name: value for name, value in flags.items() if name != "out"}
            (folder / "stats.json").write_text(json.dumps({"made_by": made_by}))

    def evaluate(call, out):
        done.append(f"evaluate {out.relative_to(tmp_path / 'out')} {call.model_args.replace(str(tmp_path), '')}")
        if not out.exists():
            suites = list(call.tasks)
            lmms_runs.evaluate(out, records, suites, lambda record, suite: "A", model=call.model_args[11:])
        return runs.read(out)

    monkeypatch.setattr(harness, "_call", call)
    monkeypatch.setattr(harness.runner, "evaluate", evaluate)
    return done


def test_the_harness_goes_from_base_to_report_and_resumes(plan, steps, tmp_path, capsys):
    out = tmp_path / "out"
    mine = plan(replay={"images": 3, "share": 0.2})
    table = harness.run(mine, out)
    assert steps == [
        "lmms_eval_drbench.build data",
        "lmms_eval_drbench.tiny.base_skills replay",
        "evaluate base/eval pretrained=/model",
        "sft.run trained/model",
        "evaluate trained/eval pretrained=/out/trained/model",
    ]
    assert (out / "table.md").read_text() == table and "| base |" in table and "| trained |" in table
    report = (out / "report.html").read_text()
    assert "<title>mine: before and after</title>" in report and ">trained<span>scaffold prompt" in report
    assert str(out / "report.html") in capsys.readouterr().out
    steps.clear()
    assert harness.run(mine, out) == table
    assert steps == [
        "evaluate base/eval pretrained=/model",
        "sft.run trained/model --resume",
        "evaluate trained/eval pretrained=/out/trained/model",
    ]


def test_data_that_was_built_with_other_options_is_refused(plan, steps, tmp_path):
    harness.run(plan(), tmp_path / "out")
    with pytest.raises(UserError, match="data was built with other options .*: remove it or choose another --out"):
        harness.run(plan(build={"images": 5, "questions": 12, "seed": 0}), tmp_path / "out")


def test_a_step_that_fails_stops_the_harness(tmp_path):
    with pytest.raises(UserError, match=r"lmms_eval_drbench.build stopped \(exit code 2\); what is in .* is kept"):
        harness._call(["lmms_eval_drbench.build", "--images=0", "--questions=1", f"--out={tmp_path / 'x'}"], tmp_path)


def test_several_processes_go_through_accelerate(plan, monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(harness, "_call", lambda words, out: called.append(words))
    harness._train(plan(processes=4), plan().runs[1], tmp_path)
    assert called[0][:2] == ["accelerate.commands.launch", "--multi_gpu"]
    assert called[0][4:8] == ["--num_processes", "4", "-m", "sft.run"]
    assert f"--output_dir={tmp_path / 'trained' / 'model'}" in called[0] and f"--data={tmp_path / 'data'}" in called[0]
