"""Data that comes with the package: frozen test splits, and the splits beside them that are built on first use."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lmms_eval_drbench.errors import UserError

ASSETS = Path(__file__).parent / "assets"
TEST = ASSETS / "procedural_v1"
"""DRBench-Open procedural v1: what the tasks ask unless `DRBENCH_DATA` says otherwise."""
BASE_SKILLS = ASSETS / "base_skills_v1"
"""Plain perception questions on other scenes of the same world."""

PREFIX = "packaged"
CACHE_ENV = "DRBENCH_CACHE"
BUILT = {"train": (2400, 12_000), "validation": (240, 1200)}
"""Split of v1 → images and questions that the engine builds on first use."""
_FROZEN = {PREFIX: TEST, f"{PREFIX}:base_skills_v1": BASE_SKILLS}


def folder(spec: str, split: str) -> Path | None:
    """The folder of `packaged` or `packaged:<name>` that holds this split; None where the spec names other data.

    The train and validation splits of v1 are built into the user's cache on first use, by one process at a time.
    Raises UserError for an unknown name, or when the build fails.
    """
    if spec != PREFIX and not spec.startswith(f"{PREFIX}:"):
        return None
    if spec not in _FROZEN:
        raise UserError(f"no packaged data {spec}: use one of {', '.join(_FROZEN)}")
    return _built(split) if spec == PREFIX and split in BUILT else _FROZEN[spec]


def cache() -> Path:
    """Where built splits live: `DRBENCH_CACHE`, or lmms_eval_drbench in the user's cache folder."""
    if named := os.environ.get(CACHE_ENV):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmms_eval_drbench"


def _built(split: str) -> Path:
    """The cached split, built if it is not there yet; a build that was stopped goes on."""
    images, questions = BUILT[split]
    target = cache() / f"procedural_v1_{split}_{questions}"
    if (target / "stats.json").is_file():  # it is written last
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _held(FileLock(target.with_suffix(".lock"))):
            if not (target / "stats.json").is_file():
                _say(f"building the {split} split of DRBench-Open procedural v1 in {target}, once")
                _build(split, images, questions, target)
    except OSError as error:
        raise UserError(f"{target} cannot hold the {split} split ({error}): set {CACHE_ENV} to a folder") from None
    return target


@contextmanager
def _held(lock: FileLock) -> Iterator[None]:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _say(f"waiting for the process that holds {lock.lock_file}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _build(split: str, images: int, questions: int, target: Path) -> None:
    """Run the engine with its progress on the terminal; it says itself what is wrong when it fails."""
    flags = {"images": images, "questions": questions, "split": split, "workers": os.cpu_count() or 1, "out": target}
    command = [sys.executable, "-m", "lmms_eval_drbench.build", *(f"--{name}={value}" for name, value in flags.items())]
    if code := subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise UserError(f"building the {split} split stopped (exit code {code}): run the same command to go on")
