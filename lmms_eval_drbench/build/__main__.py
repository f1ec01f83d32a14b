"""`python -m lmms_eval_drbench.build --source procedural --images N --questions N --seed N --split S --out DIR`."""

import argparse
from pathlib import Path

from lmms_eval_drbench.build.builder import build, check_free, write
from lmms_eval_drbench.build.sources import procedural
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.record import SPLITS

NAME = "DRBench-Open procedural v0"
SEEDS = {"train": 500_000_000, "validation": 700_000_000, "test": 900_000_000}
"""First scene of each split. The ranges are far apart, so that splits never share a picture."""
SEED_STEP = 1_000_000
"""Scenes set aside for each --seed; 100 seeds fit between two splits."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lmms_eval_drbench.build", description="Build a DRBench-Open split."
    )
    parser.add_argument("--source", choices=["procedural"], default="procedural")
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--questions", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    check_free(args.out)
    if not (0 <= args.seed < 100 and 0 < args.images <= SEED_STEP and args.questions > 0):
        raise UserError(f"--seed must be 0 to 99, --images 1 to {SEED_STEP}, --questions at least 1")
    first = SEEDS[args.split] + args.seed * SEED_STEP
    records = build(procedural.compose, procedural.render, args.images, args.questions, first, args.split)
    made_by = {name: str(value) for name, value in vars(args).items() if name != "out"}
    stats = write(records, args.out, NAME, made_by)
    print(f"{stats['name']}: {stats['questions']} questions over {stats['images']} images in {args.out}, ", end="")
    print(f"fingerprint {stats['fingerprint']}")


if __name__ == "__main__":
    run_cli(main)
