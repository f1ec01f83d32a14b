"""The training behind a run: its loss by stage, from the metrics that `sft.run` wrote beside the weights."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from lmms_eval_drbench.report.entries import Entry
from lmms_eval_drbench.runs import Run

METRICS = "metrics.jsonl"
"""As `sft.log.METRICS_FILE`; this package does not import `sft`."""


@dataclass(frozen=True)
class Stage:
    """One stage: optimiser steps and the mean loss since the step before, [N] each."""

    label: str
    steps: list[int]
    losses: list[float]


@dataclass(frozen=True)
class Training:
    """name: of the run."""

    name: str
    stages: list[Stage]

    @property
    def highest(self) -> float:
        return max(loss for stage in self.stages for loss in stage.losses)

    @property
    def stages_in_words(self) -> str:
        return " · ".join(f"{number} {stage.label}" for number, stage in enumerate(self.stages, start=1))


def read(entry: Entry) -> Training | None:
    """The training of an entry's first seed; None where it was not trained by `sft`, or its metrics are gone."""
    for folder in _folders(entry.seeds[0]):
        stages = _stages(folder / METRICS)
        if stages:
            return Training(entry.name, stages)
    return None


def _folders(run: Run) -> list[Path]:
    """Where the weights may lie: where they were evaluated from, or beside the evaluation (the harness's layout)."""
    return [Path(run.model), run.path.parent / "model"]


def _stages(file: Path) -> list[Stage]:
    """Stages in their order; what is no line of metrics is passed over, as a crash may leave one."""
    found: dict[int, Stage] = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # a model name may be no possible path; bytes may be no text
        return []
    for line in lines:
        try:
            row = json.loads(line)
            number, step, loss = int(row["stage"]), int(row["step"]), float(row["loss"])
            fields = str(row["name"]).split("+")
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue
        if math.isfinite(loss):
            label = fields[-1] if len(fields) == 1 else f"+ {fields[-1]}"
            stage = found.setdefault(number, Stage(label, [], []))
            stage.steps.append(step)
            stage.losses.append(loss)
    return [found[number] for number in sorted(found)]
