"""Reading what an lmms-eval run left behind: aggregated results and logged samples.

Upstream (0.7.3, `loggers/evaluation_tracker.py`) writes `<output>/<model name>/<date>_results.json` and, with
`--log_samples`, `<date>_samples_<task>.jsonl` beside it. One run may have been made by several calls, each with tasks
of its own: per task the newest result counts. A sample does not carry its document, so the tasks of this project log
what identifies and scores a record themselves (`scoring.score`).
"""

import json
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lmms_eval_drbench.errors import UserError

MANIFEST = "evaluation.json"
"""What `runner.evaluate` writes beside upstream's files: the call and the versions of what ran it."""
_RESULTS = "_results.json"
_HEAVY = ("input", "input_media", "arguments", "doc", "resps")
"""Fields of a logged sample that no score needs; prompts and images of a whole run would fill the memory."""


@dataclass(frozen=True)
class TaskResult:
    """One task's (or group's) newest result.

    metrics: metric → value, upstream's `,none` filter suffix dropped. effective, original: how many samples were
    evaluated and how many the task's data holds, None for a group. config: the task's own configuration. call: what the
    lmms-eval call was (model, model_args, limit, batch_size, ...). samples_file: where its samples were logged, if
    they were.
    """

    task: str
    metrics: dict[str, float]
    effective: int | None
    original: int | None
    config: dict[str, Any]
    call: dict[str, Any]
    version: str
    date: str
    samples_file: Path | None

    @property
    def data(self) -> tuple[str, str]:
        """(name, fingerprint) of the data, from the task's metadata; empty strings where it says nothing."""
        metadata = self.config.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        return str(metadata.get("data", "")), str(metadata.get("fingerprint", ""))

    @property
    def generation(self) -> dict[str, Any]:
        """The task's own generation settings."""
        return self.config.get("generation_kwargs") or {}

    @cached_property
    def samples(self) -> list[dict[str, Any]]:
        """The logged samples as flat dicts, see `read_samples`. Raises UserError when damaged or incomplete."""
        if self.samples_file is None:
            return []
        rows = read_samples(self.samples_file)
        if self.effective is not None and len(rows) != self.effective:
            raise UserError(
                f"{self.samples_file} holds {len(rows)} samples, its results say {self.effective}: evaluate again"
            )
        return rows


@dataclass
class Run:
    """Every task of one output folder, by name, in the order of the newest file.

    versions: package → version, where the run was made by `runner.evaluate`; empty where nobody wrote them down.
    """

    path: Path
    model: str
    tasks: dict[str, TaskResult] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def read(path: str | Path) -> Run:
    """Read an output folder, at whatever depth upstream nested it.

    Raises UserError when the folder is missing, holds no results, holds a damaged file, or holds several models.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UserError(f"no folder {root}: give lmms-eval's --output_path")
    files = [file for file in sorted(root.rglob(f"*{_RESULTS}")) if file.is_file()]
    if not files:
        raise UserError(f"{root} holds no *{_RESULTS}: give lmms-eval's --output_path of a run that finished")
    run = Run(root, "", versions=_versions(root))
    models: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: file.name):  # file names start with the date
        results = _load(file)
        call = _call(file, results)
        run.model = _model(results, call)
        models.setdefault(run.model, file.parent)
        for result in _task_results(file, results, call):
            run.tasks[result.task] = result
    if len(models) > 1:
        listed = "; ".join(f"{model} in {folder}" for model, folder in models.items())
        raise UserError(f"{root} holds results of several models ({listed}): point at one of them")
    return run


def read_samples(file: Path) -> list[dict[str, Any]]:
    """Logged samples, one flat dict each: upstream's `doc_id`, `target`, `token_counts`, the model's `output`, and
    what the task's `process_results` returned (a metric that is itself a dict of scores is laid out flat).
    """
    rows = []
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    rows.append(_flat(json.loads(line), f"{file}:{number}"))
    except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise UserError(f"{file}:{len(rows) + 1}: damaged sample ({error}): evaluate again") from error
    except OSError as error:
        raise UserError(f"cannot read {file}: {error}") from error
    return rows


def _flat(sample: Any, where: str) -> dict[str, Any]:
    if not isinstance(sample, dict):
        raise UserError(f"{where}: a sample must be a JSON object: evaluate again")
    row = {key: value for key, value in sample.items() if key not in _HEAVY and not isinstance(value, dict)}
    for value in sample.values():
        if isinstance(value, dict) and ("record_id" in value or "item_id" in value):  # ours; `item_id`: `retention`
            row |= value
    row["output"] = _text(sample.get("filtered_resps"))
    return row


def _text(responses: Any) -> str:
    while isinstance(responses, list) and responses:
        responses = responses[0]
    return responses if isinstance(responses, str) else ""


def _load(file: Path) -> dict[str, Any]:
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise UserError(f"{file} is damaged ({error}): delete it or evaluate again") from error
    if not isinstance(results, dict) or not isinstance(results.get("results"), dict):
        raise UserError(f"{file} is no lmms-eval result: it has no `results`")
    return results


def _versions(root: Path) -> dict[str, str]:
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError, OSError) as error:
        raise UserError(f"{root / MANIFEST} is damaged ({error}): evaluate again") from error
    found = manifest.get("versions") if isinstance(manifest, dict) else None
    return {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}


def _model(results: dict[str, Any], call: dict[str, Any]) -> str:
    """What was evaluated: upstream's `model_name` (the path or id in the model arguments), or the adapter's name."""
    return str(results.get("model_name") or call.get("model") or "unknown model")


def _call(file: Path, results: dict[str, Any]) -> dict[str, Any]:
    """What a results file says about its lmms-eval call."""
    call = _table(file, "config", results.get("config"))
    limit = call.get("limit")
    if limit is not None and not (isinstance(limit, (int, float)) and abs(limit) <= sys.maxsize):
        raise UserError(f"{file} is damaged: its `limit` is no number; evaluate again")
    return call


def _task_results(file: Path, results: dict[str, Any], call: dict[str, Any]) -> list[TaskResult]:
    date = file.name.removesuffix(_RESULTS)
    counts = _table(file, "n-samples", results.get("n-samples"))
    configs = _table(file, "configs", results.get("configs"))
    found = []
    for task, values in results["results"].items():
        count = _table(file, f"n-samples of {task}", counts.get(task))
        config = _table(file, f"configs of {task}", configs.get(task))
        _table(file, f"generation_kwargs of {task}", config.get("generation_kwargs"))
        samples_file = file.parent / f"{date}_samples_{task}.jsonl"
        found.append(
            TaskResult(
                task=task,
                metrics=_metrics(file, _table(file, f"results of {task}", values)),
                effective=count.get("effective"),
                original=count.get("original"),
                config=config,
                call=call,
                version=str(results.get("lmms_eval_version") or "unknown"),
                date=date,
                samples_file=samples_file if samples_file.is_file() else None,
            )
        )
    return found


def _table(file: Path, name: str, value: Any) -> dict[str, Any]:
    """A table of a results file, empty where it is missing. Raises UserError when it is something else."""
    if value is not None and not isinstance(value, dict):
        raise UserError(f"{file} is damaged: `{name}` is no table; evaluate again")
    return value or {}


def _metrics(file: Path, values: dict[str, Any]) -> dict[str, float]:
    """Numeric metrics without upstream's `,none` filter suffix and without its standard errors."""
    try:
        return {
            key.removesuffix(",none"): float(value)
            for key, value in values.items()
            if "_stderr" not in key and isinstance(value, (int, float)) and not isinstance(value, bool)
        }
    except OverflowError as error:
        raise UserError(f"{file} is damaged ({error}): evaluate again") from error
