"""Real lmms-eval output folders for tests: upstream's evaluator and tracker, with a model that answers by function."""

import json
from collections.abc import Callable
from pathlib import Path

from datasets import Dataset
from lmms_eval import evaluator
from lmms_eval.api.model import lmms
from lmms_eval.loggers.evaluation_tracker import EvaluationTracker
from lmms_eval.tasks import TaskManager

from lmms_eval_drbench.prompts import PROMPTS, split_suite
from lmms_eval_drbench.taxonomy import Category

_FUNCTIONS = """
from lmms_eval_drbench import prompts, scoring

DATA = {data!r}

def visual(doc):
    return []

def aggregate(items):
    return sum(item["acc"] for item in items) / len(items)

"""
_OF_PROMPT = """
def {prompt}(doc, kwargs=None):
    return prompts.{prompt}(doc)

def score_{prompt}(doc, results):
    return {{"acc": scoring.score(doc, results[0], "{prompt}") | DATA}}
"""
_OF_CATEGORY = """
def only_{category}(dataset):
    return dataset.filter(lambda value: value == {category!r}, input_columns="category")
"""
_TASK = """
task: {task}
dataset_path: parquet
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
output_type: generate_until
doc_to_visual: !function functions.visual
doc_to_text: !function functions.{prompt}
doc_to_target: answer
process_docs: !function functions.only_{category}
process_results: !function functions.score_{prompt}
generation_kwargs:
  max_new_tokens: 64
metric_list:
  - metric: acc
    aggregation: !function functions.aggregate
    higher_is_better: true
metadata: !function functions.DATA
"""
_GROUP = """
group: {suite}
task: [{tasks}]
aggregate_metric_list:
  - metric: acc
    aggregation: mean
    weight_by_size: true
"""

FINGERPRINT = "0123456789abcdef"
Answer = Callable[[dict, str], str]
"""(record, suite name) → what the model writes."""


class Replay(lmms):
    """A model that answers each record by a function."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer

    def generate_until(self, requests):
        found = []
        for request in requests:
            _, _, _, doc_id, task, split = request.args
            record = self.task_dict[task][split][doc_id]
            found.append(self.answer(record, task.removesuffix(f"_{record['category']}")))
        return found

    def loglikelihood(self, requests):
        raise NotImplementedError

    def generate_until_multi_round(self, requests):
        raise NotImplementedError


def evaluate(
    out: Path,
    records: list[dict],
    suites: list[str],
    answer: Answer,
    *,
    model: str = "models/replay",
    data: str = "toy data",
    limit: int | None = None,
    date: str = "20260101_120000",
    log_samples: bool = True,
) -> Path:
    """Evaluate suites of DRBench's names (records without their image) and save as lmms-eval's CLI does."""
    tasks = _write_tasks(out.parent / f"{out.name}_tasks", records, suites, {"data": data, "fingerprint": FINGERPRINT})
    tracker = EvaluationTracker(output_path=str(out))
    results = evaluator.simple_evaluate(
        model=Replay(answer),
        model_args=f"pretrained={model},max_pixels=50176",
        tasks=suites,
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        evaluation_tracker=tracker,
        limit=limit,
        batch_size=1,
        bootstrap_iters=0,
        log_samples=log_samples,
        datetime_str=date,
    )
    samples = results.pop("samples", {})
    tracker.save_results_aggregated(results=results, samples=samples or None, datetime_str=date)
    for task in results["configs"] if log_samples else ():
        tracker.save_results_samples(task_name=task, samples=samples[task])
    return out


def _write_tasks(folder: Path, records: list[dict], suites: list[str], data: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "test.parquet"
    imageless = [{key: value for key, value in record.items() if key != "image"} for record in records]
    Dataset.from_list(imageless).to_parquet(file)
    present = [category for category in Category if any(record["category"] == category for record in records)]
    filters = "".join(_OF_CATEGORY.format(category=str(category)) for category in present)
    asked = "".join(_OF_PROMPT.format(prompt=prompt) for prompt in PROMPTS)
    (folder / "functions.py").write_text(_FUNCTIONS.format(data=data) + asked + filters)
    for suite in suites:
        names = [f"{suite}_{category}" for category in present]
        prompt = split_suite(suite)[1]
        for name, category in zip(names, present, strict=True):
            (folder / f"{name}.yaml").write_text(_TASK.format(task=name, file=file, prompt=prompt, category=category))
        (folder / f"{suite}.yaml").write_text(_GROUP.format(suite=suite, tasks=", ".join(names)))
    return folder


def foreign(folder: Path) -> Path:
    """What another benchmark's evaluation leaves: results without samples, of a task that nobody here knows."""
    folder.mkdir(parents=True)
    results = {"results": {"arc": {"alias": "arc", "acc,none": 0.5}}, "config": {"model": "hf"}}
    (folder / "20260101_000000_results.json").write_text(json.dumps(results))
    return folder
