"""The checked way to run lmms-eval.

lmms-eval 0.7.3 exits with 0 even when a task or the model is missing or fails. `evaluate` runs the real command in a
subprocess and demands what it was asked for: a results file, every task in it, as many samples as the data holds.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lmms_eval_drbench import data, judge, runs
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.runs import MANIFEST, Run
from lmms_eval_drbench.versions import versions

_LOG = "lmms_eval.log"
_TAIL = 15


@dataclass(frozen=True)
class Call:
    """One evaluation. model: lmms-eval's adapter. model_args: its `key=value,...`. env: variables to set or override.

    changes: what else decides the result, such as a fingerprint of the weights; a finished call with the same fields
    is not run again.
    """

    model: str
    tasks: tuple[str, ...]
    model_args: str = ""
    batch_size: int = 1
    limit: int | None = None
    gen_kwargs: str = ""
    env: dict[str, str] = field(default_factory=dict)
    changes: str = ""

    def command(self, out: Path) -> list[str]:
        """The command line, as a user could type it."""
        words = [sys.executable, "-m", "lmms_eval", "--model", self.model, "--tasks", ",".join(self.tasks)]
        words += ["--model_args", self.model_args] if self.model_args else []
        words += ["--gen_kwargs", self.gen_kwargs] if self.gen_kwargs else []
        words += ["--batch_size", str(self.batch_size), "--log_samples", "--output_path", str(out)]
        return words + (["--limit", str(self.limit)] if self.limit else [])


def evaluate(call: Call, out: Path) -> Run:
    """Run lmms-eval into `out`, or return what is there when the same call has finished before.

    Raises UserError with the end of the log when anything that was asked for is missing; nothing is deleted then.
    """
    wanted = _describe(call)
    if _finished(out, wanted):
        return runs.read(out)
    out.mkdir(parents=True, exist_ok=True)
    if (out / MANIFEST).exists():
        raise UserError(f"{out} holds another evaluation: choose another folder, or remove it to evaluate again")
    if any(out.rglob("*_results.json")):
        raise UserError(
            f"{out} holds results, but no {MANIFEST} that says what made them (another tool, or an evaluation that "
            "failed its check): remove the folder to evaluate again, or choose another"
        )
    command = call.command(out)
    started = time.monotonic()
    log = out / _LOG
    with log.open("w", encoding="utf-8") as stream:
        print(shlex.join(command), file=stream, flush=True)
        code = subprocess.run(
            command, stdout=stream, stderr=subprocess.STDOUT, env=os.environ | call.env, check=False
        ).returncode
    try:
        if code:
            raise UserError(f"lmms-eval exited with {code}")
        run = runs.read(out)
        _check_complete(run, call)
    except UserError as error:
        raise UserError(f"the evaluation of {', '.join(call.tasks)} failed: {error}\n{_end_of(log)}") from None
    wanted["seconds"] = round(time.monotonic() - started, 3)
    (out / MANIFEST).write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    return run


def _describe(call: Call) -> dict[str, Any]:
    return {
        "call": asdict(call) | {"tasks": list(call.tasks)},
        "data": _data(call),
        "judge": call.env.get(judge.ENV) or judge.name(),
        "versions": versions(),
    }


def _data(call: Call) -> dict[str, str]:
    """Name and fingerprint of what DRBENCH_DATA means for this call; empty where no task follows it."""
    if not any(task.startswith("drbench") and task != "drbench_base_skills" for task in call.tasks):
        return {}
    loaded = data.load(call.env.get(data.ENV))
    return {"name": loaded.name, "fingerprint": loaded.fingerprint}


def _finished(out: Path, wanted: dict[str, Any]) -> bool:
    try:
        found = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all(found.get(key) == value for key, value in wanted.items())


def _check_complete(run: Run, call: Call) -> None:
    missing = [task for task in call.tasks if task not in run.tasks]
    if missing:
        raise UserError(f"no result of {', '.join(missing)}")
    for result in run.tasks.values():
        if result.effective is None:  # a group
            continue
        if result.samples_file is None:
            raise UserError(f"no samples of {result.task} were logged")
        expected = min(call.limit, result.original) if call.limit and result.original else result.original
        if len(result.samples) != expected:
            raise UserError(f"{result.task} has {len(result.samples)} samples, expected {expected}")


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [line for line in lines if line.strip()]
    return f"the end of {log}:\n  " + "\n  ".join(line[:300] for line in lines[-_TAIL:])
