"""What a run writes about itself: metrics.jsonl while it goes, run.json as its summary, and the progress bar."""

import json
import math
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import ProgressCallback, TrainerCallback

from lmms_eval_drbench.errors import UserError
from sft import checkpoints
from sft.stages import Plan

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"


class MetricsLog(TrainerCallback):
    """Appends one line every `logging_steps`, at each checkpoint, so that a resumed run has lost no step of it, and at
    each stage's end; there it also asks for a checkpoint.

    A line: step, stage, name, loss (mean over the supervised tokens since the last line, averaged by step),
    learning_rate, grad_norm, supervised_tokens and seconds (both since the last line).
    """

    def __init__(self, out: Path, plan: Plan) -> None:
        self._out, self._file, self._plan = out, out / METRICS_FILE, plan
        self._ends = {sum(plan.steps[: index + 1]) for index in range(len(plan.steps))}
        self._since = time.monotonic()
        self.trainer: Any = None
        """Set after the trainer exists; it counts the supervised tokens."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._since = time.monotonic()
        if state.is_world_process_zero:
            keep = [line for line in read_metrics(self._file) if line["step"] <= state.global_step]
            try:
                replace(self._file, "".join(json.dumps(line) + "\n" for line in keep))
            except OSError as error:
                raise self._unwritable(error) from error

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if state.global_step in self._ends:
            control.should_save = True
        if control.should_save:
            control.should_log = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: dict | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise UserError(f"the loss became {logs['loss']} at step {state.global_step}: lower --learning_rate")
        stage = self._plan.stage_at(state.global_step)
        now = time.monotonic()
        line = {
            "step": state.global_step,
            "stage": stage.number,
            "name": stage.name,
            "loss": logs["loss"],
            "learning_rate": logs["learning_rate"],
            "grad_norm": logs.get("grad_norm"),
            "supervised_tokens": self.trainer.supervised_tokens,
            "seconds": round(now - self._since, 3),
        }
        self._since = now
        self.trainer.supervised_tokens = 0
        if state.is_world_process_zero:
            try:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
            except OSError as error:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f"{self._file} could not be written ({error}), make room; {checkpoints.left(self._out)}")


class StageProgress(ProgressCallback):
    """One bar over the whole run that shows the stage and its loss, instead of a printed line a log."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def close(self) -> None:
        """End the bar's line, if there is a bar."""
        if self.training_bar is not None:
            self.training_bar.close()
            self.training_bar = None

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.close()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.training_bar is not None:
            stage = self._plan.stage_at(state.global_step + 1)
            self.training_bar.set_description(f"stage {stage.number}/{len(self._plan.stages)} {stage.name}", False)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict | None = None, **_: Any) -> None:
        if self.training_bar is not None and logs and "loss" in logs:
            self.training_bar.set_postfix(loss=f"{logs['loss']:.3f}")


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The lines of a metrics file; a last line that a crash cut off is left out."""
    if not file.is_file():
        return []
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def stage_summaries(plan: Plan, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a stage: steps, first, mean and last logged loss, supervised tokens, seconds."""
    rows = []
    for stage, steps in zip(plan.stages, plan.steps, strict=True):
        own = [line for line in lines if line["stage"] == stage.number]
        losses = [line["loss"] for line in own]
        rows.append(
            {
                "stage": stage.number,
                "name": stage.name,
                "steps": steps,
                "loss_first": losses[0] if losses else None,
                "loss_mean": sum(losses) / len(losses) if losses else None,
                "loss_last": losses[-1] if losses else None,
                "supervised_tokens": sum(line["supervised_tokens"] for line in own),
                "seconds": round(sum(line["seconds"] for line in own), 1),
            }
        )
    return rows


def shown(loss: float | None) -> str:
    """A logged loss; a dash where none was, because somebody deleted the metrics of a run that went on."""
    return "–" if loss is None else f"{loss:.4f}"


def peak_memory_mib() -> float:
    """Most memory this process held, in MiB: the GPU's where there is one, else main memory."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 2**20, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)  # bytes on macOS, KiB on Linux


def read_run(out: Path) -> dict[str, Any] | None:
    """The summary of the run in `out`, or None when there is none. Raises UserError for what is no such file."""
    try:
        summary = json.loads((out / RUN_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{out / RUN_FILE} cannot be read ({error}): choose another --output_dir") from error
    if not isinstance(summary, dict) or not {"status", "options", "data"} <= summary.keys():
        raise UserError(f"{out / RUN_FILE} is no summary of a run of sft: choose another --output_dir")
    return summary


def write_run(out: Path, summary: dict[str, Any]) -> None:
    """Write the summary so that a crash leaves the old one or the new one, never half of it."""
    replace(out / RUN_FILE, json.dumps(summary, indent=2) + "\n")


def replace(file: Path, text: str) -> None:
    """Write a text file in one step: at any moment it holds the old text or the new one. Raises OSError."""
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, file)
