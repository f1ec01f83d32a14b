"""The one table of benchmark columns: which task and metric stand behind a column, on which scale.

The general benchmarks stand behind their columns as our `retention_*` tasks (`retention`): lmms-eval's data and
prompts, read without a judge. lmms-eval 0.7.3's own tasks have columns of their own, named so; a test holds their
names against the installed YAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lmms_eval_drbench.prompts import PROMPTS, suite_name


@dataclass(frozen=True)
class Column:
    """One column of a comparison.

    task: task, group or suite name. metrics: metric keys whose mean is the column's value (HallusionBench's leaderboard
    number is the mean of three). scale: factor from the metric to percent. in_average: whether the paper's average
    counts it. items: how the logged items' scores make the value, for paired intervals: `mean`, `mean by l2_category`
    or `mean by task` (unweighted), `all rotations`; None where they make it in no such way.
    """

    title: str
    task: str
    metrics: tuple[str, ...]
    scale: float
    in_average: bool = False
    items: str | None = None

    def value(self, metrics: Mapping[str, float]) -> float | None:
        """The column's value in percent, or None when one of its metrics is missing."""
        if any(metric not in metrics for metric in self.metrics):
            return None
        return self.scale * sum(metrics[metric] for metric in self.metrics) / len(self.metrics)


CONTROLS = ("blind", "shuffled", "circular")
"""Variants that should stay at chance (blind, shuffled), and one that should stay where it was (circular)."""


def _drbench() -> list[Column]:
    """DRBench and its variants, task names as in `task_configs/tasks`. Direct DRBench counts in the average."""
    found = []
    for size, size_title in (("", ""), ("_mini", " mini")):
        for control, control_title in (("", ""), *((f"_{name}", f" {name}") for name in CONTROLS)):
            for prompt in ("direct", "scaffold") if control else PROMPTS:
                task = suite_name(f"drbench{size}{control}", prompt)
                title = f"DRBench{size_title}{control_title} ({prompt})"
                found.append(Column(title, task, ("acc",), 100.0, in_average=task == "drbench"))
    return found


COLUMNS = [
    Column("MMMU", "retention_mmmu_val", ("mmmu_acc",), 100.0, in_average=True, items="mean"),
    Column("MMStar", "retention_mmstar", ("average",), 100.0, in_average=True, items="mean by l2_category"),
    Column("RealWorldQA", "retention_realworldqa", ("exact_match",), 100.0, in_average=True, items="mean"),
    Column("HallusionBench", "retention_hallusion_bench", ("aAcc", "fAcc", "qAcc"), 1.0, in_average=True),
    Column("BLINK", "retention_blink", ("blink_acc",), 100.0, in_average=True, items="mean by task"),
    Column("MMBench", "retention_mmbench_en_dev", ("acc",), 100.0, items="all rotations"),
    *_drbench(),
    Column("Base skills", "drbench_base_skills", ("acc",), 100.0),
    Column("MMMU (lmms-eval)", "mmmu_val", ("mmmu_acc",), 100.0),
    Column("MMStar (lmms-eval)", "mmstar", ("average",), 100.0),
    Column("RealWorldQA (lmms-eval)", "realworldqa", ("exact_match",), 100.0),
    Column("HallusionBench (lmms-eval)", "hallusion_bench_image", ("aAcc", "fAcc", "qAcc"), 1.0),
    Column("BLINK (lmms-eval)", "blink", ("blink_acc",), 100.0),
    Column("MMBench (lmms-eval)", "mmbench_en_dev_static", ("gpt_eval_score",), 1.0),
]
"""In the order that tables show them: the paper's benchmarks in the paper's order, ours, and lmms-eval's own tasks."""


def average(values: Mapping[str, float | None], drbench: str = "drbench") -> float | None:
    """The paper's average in percent from column values by task; None unless every one of its benchmarks is there.

    drbench: which DRBench task stands for DRBench, such as `drbench` or `drbench_scaffold`; the tables name it.
    """
    tasks = [drbench if column.task == "drbench" else column.task for column in COLUMNS if column.in_average]
    found = [values.get(task) for task in tasks]
    return None if any(value is None for value in found) else sum(found) / len(found)
