"""The base skills: plain perception questions on unseen scenes, the kind that the tiny model learned from scratch.

What fine-tuning costs is measured on them, so they have the record format and are a task of their own. Rebuild the
packaged split with `python -m lmms_eval_drbench.tiny.base_skills --out DIR`.
"""

import argparse
import random
from pathlib import Path
from typing import Any

from lmms_eval_drbench.build.builder import check_free, embed, write
from lmms_eval_drbench.build.questions.annotated import View
from lmms_eval_drbench.build.sources.procedural.source import ProceduralSource
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.record import CHAIN_STEPS
from lmms_eval_drbench.taxonomy import Category
from lmms_eval_drbench.tiny.questions import BASE_SKILLS

NAME = "base skills procedural v1"
SEEDS = {"train": 600_000_000, "test": 850_000_000}
"""First scene of each split: apart from each other and from every other scene of the project."""
IMAGES = 120
"""Scenes of the packaged test split; each is asked one question of every kind in BASE_SKILLS that it can carry."""


def records(split: str = "test", images: int = IMAGES) -> list[dict[str, Any]]:
    """About three records an image, without grounding fields: nothing but the answer is scored."""
    source, rng = ProceduralSource(), random.Random(SEEDS[split])
    found = []
    for image_id in map(str, range(SEEDS[split], SEEDS[split] + images)):
        found += embed(_asked(View(source.scene(image_id)), split, rng), source.open(image_id))
    return found


def _asked(view: View, split: str, rng: random.Random) -> list[dict[str, Any]]:
    found = []
    for ask in BASE_SKILLS:
        question = ask(view, rng)
        if question:
            found.append(
                question
                | {
                    "id": f"{view.id}-{ask.__name__}",
                    "image_id": view.id,
                    "source": view.source,
                    "split": split,
                    "category": str(Category.PERCEPTION),
                    "family": ask.__name__,
                    "key_objects": [],
                    "key_object_boxes": [],
                    "scene_graph": [],
                    "reasoning_chain": dict.fromkeys(CHAIN_STEPS, ""),
                    "premise_true": None,
                    "reject_answers": [],
                    "twin_id": None,
                }
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a split of the base skills: test to measure, train to mix in.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", choices=list(SEEDS), default="test")
    parser.add_argument("--images", type=int, default=IMAGES)
    args = parser.parse_args()
    check_free(args.out)
    if args.images < 1:
        raise UserError("--images must be at least 1")
    made_by = {"seed": SEEDS[args.split], "split": args.split, "images": args.images}
    write(records(args.split, args.images), args.out, NAME, made_by)


if __name__ == "__main__":
    run_cli(main)
