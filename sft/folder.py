"""The output folder: whose it is, and what `--resume` and `--overwrite` make of a run that is already there."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lmms_eval_drbench import locks
from lmms_eval_drbench.errors import UserError
from sft import checkpoints, log
from sft.options import Options

CONFIG_FILE = "config.yaml"
"""The run's options, resolved; `--config` reads it back."""
LOCK_FILE = ".lock"
"""Held by the process that trains into the folder, and removed when it ends."""

_FREE_TO_CHANGE = {
    *("resume", "overwrite", "inspect", "output_dir", "allow_test_split"),
    *("save_steps", "logging_steps", "workers", "report_to"),
    *("cache_features", "feature_cache", "feature_memory_gib", "feature_cache_gib"),
    *("attention", "gradient_checkpointing"),
    *("batch_size", "grad_accum"),  # `claim` compares how many samples a step takes
}
"""Options that a resumed run may give differently: they don't change what is learned."""

_OF_NO_RUN = {f"{log.RUN_FILE}.partial", LOCK_FILE}
"""What a run that was killed before it began may leave."""


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
        if out.is_dir() and any(path.name not in _OF_NO_RUN for path in out.iterdir()):
            raise UserError(f"--output_dir {out} holds files that are no run of sft: choose an empty folder")
        return None
    if options.overwrite:
        _spare_inputs(out, options)
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


def _spare_inputs(out: Path, options: Options) -> None:
    """Raise UserError where emptying `out` would delete what the new run is to read."""
    mixed = options.mixed()
    for name, given in {"model": options.model, "data": options.data, "mix": mixed[0] if mixed else ""}.items():
        path = os.path.expanduser(given)
        if given and os.path.exists(path) and Path(path).resolve().is_relative_to(out.resolve()):
            raise UserError(
                f"--overwrite would delete --{name} {given}, which is in {out}: choose another --output_dir"
            )


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Keep other runs out of `out` while this one is in it; the first process does so for all.

    Raises UserError when another process trains into it.
    """
    if not is_first_process():
        yield
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output_dir {out} cannot be written: {error.strerror}") from error
    refusal = f"another process trains into {out}: wait until it ends, or choose another --output_dir"
    with locks.held(out / LOCK_FILE, refusal):
        yield


def claim(out: Path, options: Options, previous: dict[str, Any] | None, summary: dict[str, Any]) -> Path | None:
    """Make `out` this run's folder; returns the checkpoint to go on from, if there is one. Raises UserError."""
    if previous:
        if _fingerprints(previous) != _fingerprints(summary):
            raise UserError(f"--resume: the data changed since the run in {out} began: start anew with --overwrite")
        then, now = (of["schedule"]["samples_per_step"] for of in (previous, summary))
        if then != now:
            raise UserError(
                f"--resume: a step of the run in {out} took {then} samples and would now take {now}: give the same "
                "product of --batch_size, --grad_accum and processes, or start anew with --overwrite"
            )
        if is_first_process():
            # What a kill left half-written must not mix with the next checkpoint of that step.
            shutil.rmtree(out / checkpoints.PARTIAL, ignore_errors=True)
            _write(out, options)
        last, problems = checkpoints.last_good(out)
        if problems and is_first_process():
            instead = f"going on from {last.name}" if last else "beginning anew"
            print(f"{'; '.join(problems)}: {instead}", file=sys.stderr)
        return last
    if not is_first_process():
        return None
    try:
        if options.overwrite and out.is_dir():
            for path in set(out.iterdir()) - {out / LOCK_FILE}:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except OSError as error:
        raise UserError(f"--output_dir {out} cannot be written: {error.strerror}") from error
    _write(out, options, summary)
    return None


def _write(out: Path, options: Options, summary: dict[str, Any] | None = None) -> None:
    try:
        if summary:
            log.write_run(out, summary)
        log.replace(out / CONFIG_FILE, options.as_config())
    except OSError as error:
        raise UserError(f"--output_dir {out} cannot be written: {error.strerror}") from error


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
