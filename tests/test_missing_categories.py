"""Data of one's own may lack a category or a layer: the groups go without it, and say so."""

import inspect
import json

import lmms_runs
import pytest
from conftest import toy_record, write_toy_data
from lmms_eval import evaluator
from lmms_eval.tasks import TaskManager
from loguru import logger

from lmms_eval_drbench import plugin, runner, task
from lmms_eval_drbench.errors import UserError

FALSE_PREMISE = {"category": "false_premise_rejection", "premise_true": True, "image": "red.png", "image_id": "red"}


@pytest.fixture
def partial_data(tmp_path, monkeypatch):
    """Six perception questions and two of false premise rejection; contextual application is missing altogether."""
    records = [toy_record(index, split="test") for index in range(6)]
    records += [toy_record(index, split="test", **FALSE_PREMISE) for index in range(6, 8)]
    folder = write_toy_data(tmp_path / "partial", records)
    monkeypatch.setenv("DRBENCH_DATA", str(folder))
    return folder


def evaluate(*tasks: str) -> dict:
    manager = TaskManager(include_path=str(plugin.tasks_dir()), include_defaults=False)
    model = lmms_runs.Replay(lambda record, suite: record["answer"][0] if record["category"] == "perception" else "")
    return evaluator.simple_evaluate(model=model, tasks=list(tasks), task_manager=manager, bootstrap_iters=0)


@pytest.mark.parametrize("suite", ["drbench", "drbench_mini_scaffold"])
def test_groups_go_without_what_the_data_lacks(partial_data, suite):
    sentences: list[str] = []
    sink = logger.add(lambda message: sentences.append(message.record["message"]), level="WARNING")
    results = evaluate(suite)
    logger.remove(sink)
    asked = {f"{suite}_perception", f"{suite}_false_premise_rejection"}
    layers = {f"{suite}_structural_grounding", f"{suite}_logical_rigor"}
    assert set(results["n-samples"]) == asked
    assert set(results["results"]) == asked | layers | {suite}
    assert results["results"][suite]["acc,none"] == pytest.approx(6 / 8)
    left_out = [sentence.split(" ")[0] for sentence in sentences if "is left out" in sentence]
    assert set(left_out) == {f"{suite}_spatial_reasoning", f"{suite}_contextual_application"}
    assert "only false_premise_rejection, perception" in sentences[0]


@pytest.mark.parametrize("name", ["drbench_spatial_reasoning", "drbench_contextual_application"])
def test_asking_for_what_is_missing_ends_with_one_sentence(partial_data, name):
    with pytest.raises(SystemExit, match=r"^error: custom: .* holds no .*, only false_premise_rejection, perception$"):
        evaluate(name)


def test_nothing_of_the_packaged_data_is_left_out(monkeypatch):
    monkeypatch.delenv("DRBENCH_DATA", raising=False)
    index = TaskManager(include_path=str(plugin.tasks_dir()), include_defaults=False).all_tasks
    assert len(index) > 70
    assert [name for name in index if task.absence(name)] == []


def test_base_skills_do_not_follow_the_data(partial_data):
    assert task.absence("drbench_base_skills") is None


def test_the_runner_notices_that_the_data_behind_a_name_changed(partial_data, tmp_path, monkeypatch):
    call = runner.Call("drbench_tiny", ("drbench_mini",))
    out = tmp_path / "out"
    out.mkdir()
    (out / runner.MANIFEST).write_text(json.dumps(runner._describe(call)))
    assert runner._finished(out, runner._describe(call))
    monkeypatch.setenv("DRBENCH_DATA", "packaged")
    assert not runner._finished(out, runner._describe(call))
    monkeypatch.setenv("DRBENCH_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="no data at"):
        runner.evaluate(call, out)


def test_upstream_loads_the_members_of_a_group_by_name_through_the_method_that_we_wrap():
    parameters = list(inspect.signature(TaskManager._load_individual_task_or_group).parameters)
    assert parameters == ["self", "name_or_config", "task_type", "parent_name", "update_config"], (
        "upstream changed TaskManager._load_individual_task_or_group, which the plugin wraps to leave out empty tasks"
    )
    assert "parent_name=group_name" in inspect.getsource(TaskManager._load_individual_task_or_group), (
        "upstream no longer tells a group's member who its parent is"
    )
