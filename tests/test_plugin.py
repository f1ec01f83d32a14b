"""The plugin: every task is found with no flag, under the taxonomy's names, and a strange lmms-eval is left alone."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from lmms_eval.models import MODEL_REGISTRY_V2
from lmms_eval.tasks import TaskManager
from loguru import logger

from lmms_eval_drbench import plugin
from lmms_eval_drbench.prompts import split_suite
from lmms_eval_drbench.taxonomy import Layer, categories_of

SUITES = [
    f"drbench{mini}{variant}"
    for mini in ("", "_mini")
    for variant in ("", "_scaffold", "_cot", "_llava_cot")
    + tuple(f"_{control}{prompt}" for control in ("blind", "shuffled", "circular") for prompt in ("", "_scaffold"))
]


def layers_of(suite: str) -> list[Layer]:
    """With another picture, a false premise may be true: the shuffled control has no layer 3."""
    return [layer for layer in Layer if "_shuffled" not in suite or layer != "logical_rigor"]


TREE = {
    **{suite: [f"{suite}_{layer}" for layer in layers_of(suite)] for suite in SUITES},
    **{
        f"{suite}_{layer}": [f"{suite}_{c}" for c in categories_of(layer)]
        for suite in SUITES
        for layer in layers_of(suite)
    },
}
"""Every group and its members."""
LEAVES = {f"{suite}_{c}": (suite, c) for suite in SUITES for layer in layers_of(suite) for c in categories_of(layer)}
RETENTION = {file.stem for file in (plugin.tasks_dir() / "retention").glob("*.yaml")}
OURS = {*TREE, *LEAVES, "drbench_base_skills"}
NAMES = OURS | RETENTION


class Manager(TaskManager):
    """A TaskManager that skips the thousands of upstream's own tasks."""

    def _get_task_and_group(self, task_dir):
        return super()._get_task_and_group(task_dir) if Path(task_dir) == plugin.tasks_dir() else {}


class Yaml(yaml.SafeLoader):
    """Reads a task's file with its functions as plain names."""


Yaml.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


def read(path: Path) -> dict:
    """A task's YAML with what it includes."""
    own = yaml.load(path.read_text(encoding="utf-8"), Yaml)
    included = read(path.parent / own.pop("include")) if "include" in own else {}
    return included | own


@pytest.fixture(scope="module")
def configs() -> dict[str, dict]:
    """Every task and group of DRBench as its YAML says it."""
    found = [read(file) for file in plugin.tasks_dir().rglob("drbench*.yaml")]
    return {config.get("task") if isinstance(config.get("task"), str) else config["group"]: config for config in found}


@pytest.fixture
def logged():
    """What is logged, one sentence each."""
    sentences: list[str] = []
    sink = logger.add(lambda message: sentences.append(message.record["message"]), level="WARNING")
    yield sentences
    logger.remove(sink)


# Names


def test_every_task_is_found_with_no_flag():
    manager = Manager()
    assert set(manager.all_tasks) == NAMES
    assert set(manager.all_groups) == {*TREE, "retention", "retention_blink"}
    assert set(manager.all_subtasks) == NAMES - set(manager.all_groups)


def test_without_the_default_tasks_ours_are_left_out_too_unless_named():
    assert Manager(include_defaults=False).all_tasks == []
    assert set(Manager(include_defaults=False, include_path=str(plugin.tasks_dir())).all_tasks) == NAMES


def test_include_path_and_plugin_together_change_nothing():
    assert set(Manager(include_path=str(plugin.tasks_dir())).all_tasks) == NAMES


def test_the_command_prints_the_folder_from_anywhere(tmp_path):
    command = [sys.executable, "-m", "lmms_eval_drbench.plugin"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert printed.stdout.strip() == str(plugin.tasks_dir()) and plugin.tasks_dir().is_dir()


@pytest.mark.slow
def test_the_real_list_of_tasks_names_ours(tmp_path):
    command = [sys.executable, "-m", "lmms_eval", "--tasks", "list"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    assert not [name for name in NAMES if name not in printed.stdout + printed.stderr]


# What the YAML says


def test_the_yaml_agrees_with_the_taxonomy(configs):
    assert set(configs) == OURS
    assert {name: configs[name]["task"] for name in TREE} == TREE
    for name, (suite, category) in LEAVES.items():
        config = configs[name]
        mini = "mini_" if "_mini" in suite else ""
        prompt = split_suite(suite)[1]
        visual = {"_blind": "no_visual", "_shuffled": "shuffled_visual"}
        visual = next((name for control, name in visual.items() if control in suite), "doc_to_visual")
        selected = next((control for control in ("shuffled_", "circular_") if control in f"{suite}_"), "")
        scored = "circular_" if "_circular" in suite else ""
        assert config["process_docs"] == f"lmms_eval_drbench.task.docs_{mini}{selected}{category}"
        assert config["doc_to_text"] == f"lmms_eval_drbench.task.doc_to_text_{prompt}"
        assert config["process_results"] == f"lmms_eval_drbench.task.process_results_{scored}{prompt}"
        assert config["doc_to_visual"] == f"lmms_eval_drbench.task.{visual}"
        assert config["generation_kwargs"]["max_new_tokens"] >= (128 if prompt == "direct" else 768)


def test_no_two_tasks_share_their_generation_arguments(configs):
    """Upstream batches requests of all tasks by these alone, and takes a batch's images from its first task."""
    tasks = OURS - set(TREE)
    assert len({str(configs[name]["generation_kwargs"]) for name in tasks}) == len(tasks)
    for name in tasks:
        assert configs[name]["generation_kwargs"]["until"] == [f"<|{name}|>"]


def test_every_level_has_acc_weighted_by_size(configs):
    for name, config in configs.items():
        metrics = {item["metric"]: item for item in config.get("aggregate_metric_list") or config["metric_list"]}
        assert "acc" in metrics, name
        assert name not in TREE or all(item["weight_by_size"] is True for item in metrics.values()), name


def test_every_task_is_clustered_by_image_and_names_its_data(configs):
    for name in OURS - set(TREE):
        assert (configs[name]["cluster_key"], configs[name]["score_key"]) == ("image_id", "acc")
        expected = "BASE_SKILLS" if name == "drbench_base_skills" else "DATA"
        assert configs[name]["metadata"] == f"lmms_eval_drbench.task.{expected}"


# The model


def test_the_tiny_model_is_registered_for_both_interfaces():
    assert [manifest.model_id for manifest in plugin.register()] == ["drbench_tiny", "drbench_native"]
    chat, simple = (MODEL_REGISTRY_V2.get_model_class("drbench_tiny", force_simple=simple) for simple in (False, True))
    assert (chat.__name__, chat.is_simple) == ("DRBenchTiny", False)
    assert (simple.__name__, simple.is_simple) == ("DRBenchTinySimple", True)


def test_the_entry_point_names_the_plugin():
    (ours,) = [point for point in entry_points(group="lmms_eval.models") if point.name == "drbench"]
    assert ours.load() is plugin.register


# A strange lmms-eval


def test_registering_twice_wraps_once():
    before = TaskManager.initialize_tasks
    plugin.register()
    assert TaskManager.initialize_tasks is before


def test_other_parameters_of_the_task_manager_make_it_step_aside(monkeypatch, logged):
    def initialize_tasks(self, paths):
        return {}

    monkeypatch.setattr(TaskManager, "initialize_tasks", initialize_tasks)
    assert plugin.register() == []
    assert len(logged) == 1 and "lmms-eval-drbench steps aside" in logged[0] and "\n" not in logged[0]
    assert TaskManager.initialize_tasks is initialize_tasks


@pytest.mark.parametrize("module", ["lmms_eval.tasks", "lmms_eval.models.registry_v2"])
def test_a_missing_module_makes_it_step_aside(monkeypatch, logged, module):
    monkeypatch.setitem(sys.modules, module, None)
    assert plugin.register() == []
    assert len(logged) == 1 and "steps aside" in logged[0]


def test_a_task_manager_without_the_method_makes_it_step_aside(monkeypatch, logged):
    monkeypatch.delattr(TaskManager, "initialize_tasks")
    assert plugin.register() == []
    assert len(logged) == 1 and "steps aside" in logged[0]


def test_it_does_not_even_need_the_logger(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "lmms_eval.tasks", None)
    monkeypatch.setitem(sys.modules, "loguru", None)
    assert plugin.register() == []
    assert "steps aside" in caplog.text


def test_an_index_that_fails_leaves_the_other_tasks_alone(logged):
    class Broken(TaskManager):
        def _get_task_and_group(self, task_dir):
            if Path(task_dir) == plugin.tasks_dir():
                raise KeyError("type")
            return {"theirs": {"type": "task"}}

    assert Broken().all_tasks == ["theirs"]
    assert len(logged) == 1 and f"use --include-path {plugin.tasks_dir()}" in logged[0]


def test_a_folder_of_our_names_in_the_working_directory_hides_nothing(tmp_path):
    (tmp_path / "task_configs").mkdir()
    command = [sys.executable, "-m", "lmms_eval_drbench.plugin"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    assert (Path(found) / "drbench").is_dir()
