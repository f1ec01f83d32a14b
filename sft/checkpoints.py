"""Checkpoints that can be trusted: written aside, sealed with digests, checked before anything goes on from them."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

PARTIAL = ".checkpoint.partial"
"""The folder in which the next checkpoint grows; only a whole one is renamed out of it."""

KEPT = 2
"""Checkpoints that stay: the last, and the one before in case the last gets damaged."""

_SEAL = "seal.json"


def found(out: Path) -> list[Path]:
    """Checkpoints in `out`, oldest first, damaged ones included."""
    named = [path for path in out.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if re.fullmatch(r".*-\d+", path.name)]
    paths = [path for path in named if path.is_dir()]
    return sorted(paths, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The optimiser step after which a checkpoint was taken."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def publish(partial: Path, out: Path) -> None:
    """Seal the checkpoint in `partial`, move it into `out`, and drop all but the last `KEPT`. Raises OSError.

    Later ones go too: they are damaged, or the run would not have gone on from an earlier one.
    """
    digests = {str(path.relative_to(partial)): _digest(path) for path in sorted(partial.rglob("*")) if path.is_file()}
    (partial / _SEAL).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
    target = out / partial.name
    if target.exists():
        shutil.rmtree(target)
    os.replace(partial, target)
    present = found(out)
    kept = [path for path in present if step_of(path) <= step_of(target)][-KEPT:]
    for path in present:
        if path not in kept:
            shutil.rmtree(path)


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, as a phrase; None when every file is as it was written."""
    try:
        digests = json.loads((checkpoint / _SEAL).read_text(encoding="utf-8"))
        for name, digest in digests.items():
            if not (checkpoint / name).is_file():
                return f"{name} is missing"
            if _digest(checkpoint / name) != digest:
                return f"{name} has changed since it was written"
    except (OSError, ValueError, AttributeError):
        return "its seal is missing or damaged"
    return None


def last_good(out: Path) -> tuple[Path | None, list[str]]:
    """(the last undamaged checkpoint or None, what is wrong with each one after it, as sentences)."""
    problems = []
    for checkpoint in reversed(found(out)):
        problem = damage(checkpoint)
        if problem is None:
            return checkpoint, problems
        problems.append(f"{checkpoint.name} is damaged ({problem})")
    return None, problems


def left(out: Path) -> str:
    """What is left to go on from after a failure, as a phrase."""
    last, _ = last_good(out)
    return f"{last.name} is whole: use --resume to go on from there" if last else "no checkpoint was written yet"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
