"""The base skills: plain perception questions on unseen scenes, the kind that the tiny model learned from scratch.

What fine-tuning costs is measured on them, so they have the record format and are a task of their own. Rebuild the
packaged split with `python -m lmms_eval_drbench.tiny.base_skills --out DIR`.
"""

import argparse
import random
from pathlib import Path
from typing import Any

from lmms_eval_drbench.build.builder import embed, write
from lmms_eval_drbench.build.scene import Scene
from lmms_eval_drbench.build.sources.procedural import compose, render
from lmms_eval_drbench.errors import run_cli
from lmms_eval_drbench.record import CHAIN_STEPS
from lmms_eval_drbench.taxonomy import Category
from lmms_eval_drbench.tiny.curriculum import BASE_SKILLS

NAME = "base skills procedural v0"
SEED = 950_000_000
IMAGES = 120
"""Scenes; each is asked one question of every kind in BASE_SKILLS that it can carry."""


def records(seed: int = SEED, images: int = IMAGES) -> list[dict[str, Any]]:
    """About three records an image, without grounding fields: nothing but the answer is scored."""
    rng = random.Random(seed)
    return [record for index in range(images) for record in _of_scene(compose(seed + index), rng)]


def _of_scene(scene: Scene, rng: random.Random) -> list[dict[str, Any]]:
    found = []
    for ask in BASE_SKILLS:
        question = ask(scene, rng)
        if question:
            found.append(
                question
                | {
                    "id": f"{scene.id}-{ask.__name__}",
                    "image_id": scene.id,
                    "source": "procedural",
                    "split": "test",
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
    return embed(found, scene, render)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the base-skills split.")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write(records(), args.out, NAME, {"seed": SEED, "images": IMAGES})


if __name__ == "__main__":
    run_cli(main)
