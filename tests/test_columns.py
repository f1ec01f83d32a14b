"""The column table against upstream's own YAML, and the paper's average against the paper's numbers."""

from pathlib import Path

import pytest
import yaml
from lmms_eval import tasks

from lmms_eval_drbench.columns import COLUMNS, average

UPSTREAM = Path(tasks.__file__).parent
FILES = {
    "mmmu_val": "mmmu/mmmu_val.yaml",
    "mmstar": "mmstar/mmstar.yaml",
    "realworldqa": "realworldqa/realworldqa.yaml",
    "hallusion_bench_image": "hallusion_bench/hallusion_bench_image.yaml",
    "blink": "blink/blink.yaml",
    "mmbench_en_dev_static": "mmbench/mmbench_en_dev_static.yaml",
}


class _Loader(yaml.SafeLoader):
    """Reads `!function` as plain text."""


_Loader.add_constructor("!function", lambda loader, node: node.value)


def test_every_general_benchmark_is_checked():
    assert {c.task for c in COLUMNS if not c.task.startswith(("drbench", "retention"))} == set(FILES)


@pytest.mark.parametrize("task", FILES)
def test_task_and_metrics_are_upstreams(task):
    column = next(column for column in COLUMNS if column.task == task)
    file = UPSTREAM / FILES[task]
    config = yaml.load(file.read_text(), _Loader)
    if "include" in config:
        config = yaml.load((file.parent / config["include"]).read_text(), _Loader) | config
    assert config.get("group", config.get("task")) == task
    listed = config.get("aggregate_metric_list") or config["metric_list"]
    assert set(column.metrics) <= {metric["metric"] for metric in listed}


def test_tasks_are_unique_and_the_average_is_over_the_papers_six():
    names = [column.task for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert [column.title for column in COLUMNS if column.in_average] == [
        "MMMU", "MMStar", "RealWorldQA", "HallusionBench", "BLINK", "DRBench (direct)",
    ]  # fmt: skip


def test_the_papers_rows_give_the_papers_averages():
    general = ["mmmu_val", "mmstar", "realworldqa", "hallusion_bench", "blink"]
    tasks_ = [*(f"retention_{name}" for name in general), "drbench"]
    base = dict(zip(tasks_, [47.1, 54.2, 65.4, 35.2, 47.9, 35.0], strict=True))
    trained = dict(zip(tasks_, [47.1, 54.9, 66.8, 37.3, 48.8, 62.6], strict=True))
    assert average(base) == pytest.approx(47.5, abs=0.06)
    assert average(trained) == pytest.approx(52.9, abs=0.06)
    assert average(base | {"retention_mmbench_en_dev": 0.0, "mmmu_val": 0.0}) == average(base)
    assert average({"retention_mmmu_val": 47.1}) is None
    scaffolded = base | {"drbench": None, "drbench_scaffold": 35.0}
    assert average(scaffolded) is None
    assert average(scaffolded, "drbench_scaffold") == average(base)
