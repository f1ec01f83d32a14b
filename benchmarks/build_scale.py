"""How long, how much memory and how blind: a build of the paper's size, measured.

    python benchmarks/build_scale.py --out FOLDER --json scale.json [--card CARD.md]

Builds a training and a test split with the procedural source, one process of its own each, adds up the memory of that
process and its workers five times a second, and lets `build.quality` teach its blind reader on the training split.
--card puts the figures into a data card, in place of an earlier section of that name.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from lmms_eval_drbench.build import quality
from lmms_eval_drbench.errors import run_cli
from lmms_eval_drbench.versions import versions

SECTION = "## Measured"
_EVERY = 0.2


def build(split: str, images: int, questions: int, workers: int, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory (MiB, the sum over all processes) of one build."""
    flags = {"split": split, "images": images, "questions": questions, "workers": workers, "out": folder}
    command = [sys.executable, "-m", "lmms_eval_drbench.build", *(f"--{name}={value}" for name, value in flags.items())]
    started, peak = time.monotonic(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(_EVERY)
    if process.returncode:
        raise SystemExit(process.returncode)  # it has said what is wrong
    return {"seconds": round(time.monotonic() - started, 1), "peak_memory_mib": round(peak / 2**20)} | flags


def _resident(pid: int) -> int:
    """Proportional set size of a process and its children in bytes: what they share is counted once."""
    total = 0
    try:
        for process in (parent := psutil.Process(pid), *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # one ended while it was looked at
        return 0
    return total


def section(found: dict[str, Any]) -> str:
    """The figures as a section of a data card."""
    test, measured = found["builds"]["test"], found["quality"]
    balance, pictures = measured["balance"], measured["pictures"]
    return "\n".join(
        [
            SECTION,
            "",
            f"By `python benchmarks/build_scale.py`, on a build of {test['questions']} questions over {test['images']} "
            f"images by the same engine (seed 0). It took {test['seconds']:.0f} s and {test['peak_memory_mib']} MiB "
            f"with {test['workers']} workers on two CPU cores of a shared machine.",
            "",
            f"What the text gives away: a text-only classifier, taught by {measured['reader_taught_by']}.",
            "",
            quality.table(measured),
            "",
            f"Always rejecting is right on {measured['false_premise']['always_reject']:.1%} of the false premise "
            f"questions, never rejecting on {measured['false_premise']['never_reject']:.1%}. "
            f"Yes and no: {json.dumps(balance['yes_no'])}. Right letters: {json.dumps(balance['letters'])}. "
            f"Duplicated questions: {len(measured['duplicated_questions'])}. Of {pictures['pictures']} pictures "
            f"of both splits {len(pictures['near_duplicates'])} pairs are near-duplicates within a split, "
            f"{len(pictures['in_two_splits'])} across.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="an empty folder for both splits")
    parser.add_argument("--images", type=int, default=2943)
    parser.add_argument("--questions", type=int, default=14_573)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--card", type=Path)
    args = parser.parse_args()
    builds = {
        split: build(split, args.images, args.questions, args.workers, args.out / split) for split in ("test", "train")
    }
    for split, figures in builds.items():
        print(f"{split}: {figures['seconds']} s, {figures['peak_memory_mib']} MiB", flush=True)
        figures["out"] = str(figures["out"])
    measured = quality.measure(str(args.out / "test"), str(args.out / "train"))
    found = {"builds": builds, "quality": measured, "versions": versions()}
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if args.card:
        head = args.card.read_text(encoding="utf-8").split(f"\n{SECTION}")[0]
        args.card.write_text(f"{head}\n{section(found)}", encoding="utf-8")
    print(section(found))


if __name__ == "__main__":
    run_cli(main)
