"""What this project relies on in lmms-eval, one test each; a failure says what upstream changed.

Elsewhere: the layout of output folders (test_score_compare.py), the prompt's tokens and an adapter folder without
config.json (test_sft.py, test_sft_run.py), batches of several tasks in the real model code (test_tasks.py).
"""

import ast
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import lmms_eval.models
import lmms_runs
import pytest
from datasets import Dataset
from lmms_eval import evaluator, utils
from lmms_eval.models.registry_v2 import ModelManifest, ModelRegistryV2
from lmms_eval.tasks import TaskManager

from lmms_eval_drbench import task

FUNCTIONS = """
from datasets import Dataset

def sizes(count, right):
    rows = [{"id": f"{right}-{i}", "image_id": f"image-{i // 2}", "category": "x", "right": i < right}
            for i in range(count)]
    return lambda dataset: Dataset.from_list(rows)

one, three, two = sizes(1, 1), sizes(4, 1), sizes(2, 2)

def text(doc):
    return doc["id"]

def visual(doc):
    return []

def results(doc, results):
    return {"acc": {"acc": float(doc["right"]), "image_id": doc["image_id"]}}

def aggregate(items):
    return sum(item["acc"] for item in items) / len(items)
"""
SHARED = """
dataset_path: parquet
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: generate_until
doc_to_text: !function functions.text
doc_to_visual: !function functions.visual
doc_to_target: id
process_results: !function functions.results
cluster_key: image_id
score_key: acc
metric_list:
  - {metric: acc, aggregation: !function functions.aggregate, higher_is_better: true}
"""
WEIGHTED = "aggregate_metric_list: [{metric: acc, weight_by_size: true}]"


def test_filelock_has_the_private_module_that_lmms_eval_imports():
    needed = "filelock._api" in inspect.getsource(evaluator)
    assert needed, "lmms-eval no longer imports filelock._api: drop the bound on filelock in pyproject.toml"
    found = importlib.util.find_spec("filelock._api")
    assert found, "this filelock lacks _api, which lmms-eval imports: lower its bound in pyproject.toml"


@pytest.fixture(scope="module")
def nested(tmp_path_factory) -> dict:
    """Upstream's results of outer = (inner = (one, three), two), of 1, 4 and 2 questions."""
    folder = tmp_path_factory.mktemp("nested")
    Dataset.from_list([{"placeholder": 1}]).to_parquet(str(folder / "any.parquet"))
    (folder / "functions.py").write_text(FUNCTIONS)
    (folder / "_shared").write_text(SHARED.replace("FILE", str(folder / "any.parquet")))
    for name in ("one", "three", "two"):
        kwargs = f"generation_kwargs: {{until: ['<|{name}|>']}}"
        (folder / f"{name}.yaml").write_text(
            f"include: _shared\ntask: {name}\nprocess_docs: !function functions.{name}\n{kwargs}\n"
        )
    (folder / "inner.yaml").write_text(f"group: inner\ntask: [one, three]\n{WEIGHTED}\n")
    (folder / "outer.yaml").write_text(f"group: outer\ntask: [inner, two]\n{WEIGHTED}\n")
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    model = lmms_runs.Replay(lambda record, suite: "")
    return evaluator.simple_evaluate(model=model, tasks=["outer"], task_manager=manager, bootstrap_iters=0)


def test_the_entry_point_group_is_loaded_and_may_hold_callables():
    registry = ModelRegistryV2()
    registry.load_entrypoint_manifests()
    assert "drbench_tiny" in registry.list_model_names(), "upstream no longer loads the group lmms_eval.models"
    assert "drbench_tiny" in lmms_eval.models.list_available_models(), "nor when lmms_eval.models is imported"
    manifest = ModelManifest("x", simple_class_path="a.B")
    found = list(registry._coerce_payload_to_manifests(lambda: [manifest]))
    assert found == [manifest], "an entry point's payload may no longer be a callable"


def _imports(module) -> set[str]:
    """Modules that a module imports at its top level."""
    found = set()
    for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_models_import_without_tasks_and_the_evaluator_imports_models():
    models = _imports(lmms_eval.models) | _imports(sys.modules["lmms_eval.models.registry_v2"])
    assert not any(name.startswith("lmms_eval.tasks") for name in models), (
        "lmms_eval.models now imports lmms_eval.tasks, so our plugin would import it half made"
    )
    assert any(name.startswith("lmms_eval.models") for name in _imports(evaluator)), (
        "the evaluator no longer imports lmms_eval.models first, so a TaskManager may be built before the plugin ran"
    )


def test_the_task_manager_indexes_folders_as_expected(tmp_path):
    parameters = list(inspect.signature(TaskManager.initialize_tasks).parameters)
    assert parameters == ["self", "include_path", "include_defaults"], "TaskManager.initialize_tasks was changed"
    loading = list(inspect.signature(TaskManager._load_individual_task_or_group).parameters)
    assert loading[:2] == ["self", "name_or_config"], "TaskManager._load_individual_task_or_group was changed"
    (tmp_path / "a.yaml").write_text("task: drbench_a\ndoc_to_text: !function nowhere.at_all\n")
    (tmp_path / "g.yaml").write_text("group: drbench_g\ntask: [drbench_a]\n")
    manager = TaskManager(include_defaults=False)
    index = manager._get_task_and_group(str(tmp_path))
    types = {name: entry["type"] for name, entry in index.items()}
    assert types == {"drbench_a": "task", "drbench_g": "group"}, "TaskManager._get_task_and_group was changed"


def test_a_function_tag_reads_any_attribute_of_an_installed_module(tmp_path):
    (tmp_path / "_base").write_text("dataset_kwargs: !function lmms_eval_drbench.task.DATASET_KWARGS\n")
    (tmp_path / "x.yaml").write_text("include: _base\nprocess_docs: !function lmms_eval_drbench.task.docs_perception\n")
    config = utils.load_yaml_config(str(tmp_path / "x.yaml"), mode="full")
    assert config["dataset_kwargs"] == task.DATASET_KWARGS, "!function no longer reads a module's plain attribute"
    assert callable(config["process_docs"]), "!function no longer goes through a module's __getattr__"


def test_nested_groups_weigh_by_size_at_every_level(nested):
    accuracies = {name: values["acc,none"] for name, values in nested["results"].items()}
    assert accuracies["one"] == 1 and accuracies["three"] == 1 / 4 and accuracies["two"] == 1
    assert accuracies["inner"] == pytest.approx(2 / 5), "a group no longer weighs its tasks by size"
    assert accuracies["outer"] == pytest.approx(4 / 7), "a group of groups no longer weighs by questions"


def test_process_docs_may_return_other_data(nested):
    counts = {name: count["original"] for name, count in nested["n-samples"].items()}
    assert counts == {"one": 1, "three": 4, "two": 2}, "process_docs may no longer replace the data (DRBENCH_DATA)"


def test_dict_items_give_clustered_errors_on_tasks_only(nested):
    error = nested["results"]["three"].get("acc_stderr_clustered,none")
    # scores 1, 0 | 0, 0 by picture: the naive variance, and twice each picture's product of residuals
    expected = (0.75 / 3 / 4 + (2 * 0.75 * -0.25 + 2 * 0.25 * 0.25) / 4**2) ** 0.5
    assert error == pytest.approx(expected), (
        "cluster_key and score_key with dict items no longer give a clustered standard error"
    )
    assert not [key for key in nested["results"]["outer"] if "clustered" in key], (
        "group rows have clustered errors now: `score` need not compute them alone any more"
    )


def test_pooled_requests_are_batched_by_generation_arguments():
    requests = [(f"question {index}", {"until": [f"<|{index % 2}|>"]}) for index in range(8)]
    batches = utils.Collator(requests, lambda request: request[0], grouping=True).get_batched(n=8, batch_fn=None)
    kinds = [{request[1]["until"][0] for request in batch} for batch in batches]
    assert len(kinds) == 2 and all(len(kind) == 1 for kind in kinds), (
        "requests are no longer grouped by generation arguments: a task's own `until` no longer keeps it apart"
    )


def test_the_chat_format_of_qwen2_5_vl():
    from lmms_eval.models.simple.qwen2_5_vl import Qwen2_5_VL

    defaults = {name: p.default for name, p in inspect.signature(Qwen2_5_VL.__init__).parameters.items()}
    assert defaults["system_prompt"] == "You are a helpful assistant.", (
        "upstream changed the system prompt that sft trains on"
    )
    assert defaults["interleave_visuals"] is False, "pictures may no longer come before the question"


@pytest.mark.slow
def test_a_missing_task_exits_with_zero(tmp_path):
    """Why `runner` checks results instead of the exit code."""
    command = [sys.executable, "-m", "lmms_eval", "--model", "dummy", "--tasks", "drbench_nothing"]
    ended = subprocess.run([*command, "--output_path", tmp_path], cwd=tmp_path, capture_output=True, timeout=300)
    assert ended.returncode == 0, "upstream now fails on a missing task: good, runner's message may be simplified"
    assert not list(tmp_path.rglob("*_results.json"))
