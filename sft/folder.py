"""The output folder: whose it is, and what `--resume` and `--overwrite` make of a run that is already there."""

import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lmms_eval_drbench.errors import UserError
from sft import checkpoints, log
from sft.options import Options

CONFIG_FILE = "config.yaml"
"""The run's options, resolved; `--config` reads it back."""

_FREE_TO_CHANGE = {
    "resume",
    "overwrite",
    "save_steps",
    "logging_steps",
    "workers",
    "report_to",
    "inspect",
    "cache_features",
    "output_dir",
    "allow_test_split",
}
"""Options that a resumed run may give differently: they don't change what is learned."""


def previous_run(out: Path, options: Options) -> dict[str, Any] | None:
    """The summary of the run that goes on in `out`, or None when a new one begins there.

    Raises UserError when `out` holds something that the options don't say what to do with.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"--output_dir {out} is a file: choose a folder")
    previous = log.read_run(out)
    if not is_first_process():
        return previous if options.resume else None
    if previous is None:
        if out.is_dir() and any(path.name != f"{log.RUN_FILE}.partial" for path in out.iterdir()):
            raise UserError(f"--output_dir {out} holds files that are no run of sft: choose an empty folder")
        return None
    if options.overwrite:
        return None
    if not options.resume:
        raise UserError(f"--output_dir {out} already holds a run: pass --resume to go on, or --overwrite to replace it")
    now, before = asdict(options), previous["options"]
    for name, option in Options.__dataclass_fields__.items():
        then = before.get(name, option.default)  # an option that is younger than the run
        if name not in _FREE_TO_CHANGE and now[name] != then:
            raise UserError(
                f"--resume: the run in {out} had --{name} {then!r}, not {now[name]!r}: "
                "give the same options, or start anew with --overwrite"
            )
    return previous


def claim(out: Path, options: Options, previous: dict[str, Any] | None, summary: dict[str, Any]) -> Path | None:
    """Make `out` this run's folder; returns the checkpoint to go on from, if there is one. Raises UserError."""
    if previous:
        if _fingerprints(previous) != _fingerprints(summary):
            raise UserError(f"--resume: the data changed since the run in {out} began: start anew with --overwrite")
        last, problems = checkpoints.last_good(out)
        if problems and is_first_process():
            instead = f"going on from {last.name}" if last else "beginning anew"
            print(f"{'; '.join(problems)}: {instead}", file=sys.stderr)
        return last
    if not is_first_process():
        return None
    try:
        if options.overwrite and out.is_dir():
            for path in out.iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        out.mkdir(parents=True, exist_ok=True)
        log.write_run(out, summary)
        (out / CONFIG_FILE).write_text(options.as_config(), encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output_dir {out} cannot be written: {error.strerror}") from error
    return None


def _fingerprints(summary: dict[str, Any]) -> list[str]:
    mixed_in = summary["data"].get("mixed_in")
    return [summary["data"]["fingerprint"], *([mixed_in["fingerprint"]] if mixed_in else [])]


def is_first_process() -> bool:
    """True in the process that writes. `accelerate launch` and `torchrun` set RANK and WORLD_SIZE."""
    return int(os.environ.get("RANK", "0")) == 0


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def sharded() -> bool:
    """Whether `accelerate launch` was told to shard the weights (FSDP, DeepSpeed)."""
    return any(os.environ.get(f"ACCELERATE_USE_{kind}", "false").lower() == "true" for kind in ("FSDP", "DEEPSPEED"))
