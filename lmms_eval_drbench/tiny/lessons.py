"""Lessons as tensors: conversations tokenised with their supervised tokens marked, pictures as patches."""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import IterableDataset
from transformers import Qwen2_5_VLProcessor

from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural import compose
from lmms_eval_drbench.build.sources.procedural.world import COLOURS, GROUNDS, KINDS, WRONG_STATES
from lmms_eval_drbench.tiny.architecture import IMAGE_SIZE, SYSTEM_PROMPT
from lmms_eval_drbench.tiny.curriculum import Lesson, drill, lesson
from lmms_eval_drbench.tiny.drills import SURFACES
from lmms_eval_drbench.tiny.pictures import Album
from lmms_eval_drbench.tiny.sentences import MID_AIR, WALL, marks, place_of

IGNORED = -100
PATCHES = (IMAGE_SIZE // 14) ** 2
VISUAL_TOKENS = PATCHES // 4


def seed_of(scene: Scene) -> int:
    """The seed of a scene, which its id ends with."""
    return int(scene.id.rsplit("-", 1)[1])


def encode(item: Lesson, processor: Qwen2_5_VLProcessor) -> tuple[list[int], list[int]]:
    """Token ids and labels of a lesson in the chat layout; labels are IGNORED but for the assistant's words."""
    tokenizer = processor.tokenizer
    ids: list[int] = []
    labels: list[int] = []

    def add(text: str, supervised: bool) -> None:
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids.extend(tokens)
        labels.extend(tokens if supervised else [IGNORED] * len(tokens))

    picture = f"<|vision_start|>{'<|image_pad|>' * VISUAL_TOKENS}<|vision_end|>" if item.scene else ""
    add(f"<|im_start|>system\n{SYSTEM_PROMPT}<|im_end|>\n", supervised=False)
    for index, (user, assistant) in enumerate(item.turns):
        add(f"<|im_start|>user\n{picture if index == 0 else ''}{user}<|im_end|>\n<|im_start|>assistant\n", False)
        add(f"{assistant}<|im_end|>", supervised=True)
        add("\n", supervised=False)
    return ids, labels


def patches(seeds: list[int], album: Album, processor: Qwen2_5_VLProcessor) -> dict[str, torch.Tensor]:
    """The pictures of scenes: pixel_values [S * PATCHES, 3 * 2 * 14 * 14] and image_grid_thw [S, 3]."""
    images = [Image.fromarray(np.array(album(seed))) for seed in seeds]
    made = processor.image_processor(images=images, return_tensors="pt")
    return {name: made[name] for name in ("pixel_values", "image_grid_thw")}


def collate(items: list[Lesson], album: Album, processor: Qwen2_5_VLProcessor) -> dict[str, Any]:
    """Right-padded: input_ids, attention_mask, mm_token_type_ids, labels [B, L]; and the `patches` of what is shown."""
    tokenizer = processor.tokenizer
    encoded = [encode(item, processor) for item in items]
    length = max(len(ids) for ids, _ in encoded)
    ids = torch.full((len(items), length), tokenizer.pad_token_id)
    labels = torch.full((len(items), length), IGNORED)
    mask = torch.zeros((len(items), length), dtype=torch.long)
    for row, (tokens, targets) in enumerate(encoded):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, : len(tokens)] = torch.tensor(targets)
        mask[row, : len(tokens)] = 1
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    shown = [seed_of(item.scene) for item in items if item.scene]
    if shown:
        batch |= patches(shown, album, processor)
        batch["mm_token_type_ids"] = (ids == tokenizer.convert_tokens_to_ids("<|image_pad|>")).long()
    return batch


NOTHING = "nothing"
"""The word for a cell of the picture in which no thing stands."""

_MARKS = sorted(
    {"fallen", "striped", "dotted", "wooden", "metal"}
    | {state for kind in KINDS.values() for state in kind.states}
    | {wrong for wrong, _ in WRONG_STATES.values()}
)
CELL_WORDS = {
    "kinds": tuple(KINDS),
    "colours": tuple(COLOURS),
    "places": (*SURFACES, WALL, MID_AIR),
    "conditions": tuple(_MARKS),
}
"""What a cell's words tell, and the words; every one of them can also be NOTHING."""


def cells(scene: Scene) -> dict[str, list[int]]:
    """For each of CELL_WORDS the number of the word (0 is NOTHING) of every visual token's cell, rows from the top.

    A cell belongs to the thing that covers most of it, if that is at least a seventh; the smaller of two boxes that
    cover it alike is the thing in front. Other cells are NOTHING.
    """
    side = math.isqrt(VISUAL_TOKENS)
    width, height = scene.width / side, scene.height / side
    found: list[SceneObject | None] = []
    for row, column in itertools.product(range(side), repeat=2):
        best, score = None, 0.0
        for thing in scene.objects:
            if thing.name in GROUNDS or not thing.clear:
                continue
            x, y, w, h = thing.box
            across = min(x + w, (column + 1) * width) - max(x, column * width)
            down = min(y + h, (row + 1) * height) - max(y, row * height)
            if across <= 0 or down <= 0 or across * down < width * height / 7:
                continue
            covered = across * down / (width * height) / math.sqrt(w * h)  # what is small stands in front
            if covered > score:
                best, score = thing, covered
        found.append(best)
    return {
        "kinds": [_number("kinds", thing and thing.name) for thing in found],
        "colours": [_number("colours", thing and thing.colour) for thing in found],
        "places": [_number("places", thing and place_of(scene, thing)) for thing in found],
        "conditions": [_number("conditions", thing and next(iter(reversed(marks(thing))), None)) for thing in found],
    }


def _number(name: str, word: str | None) -> int:
    return CELL_WORDS[name].index(word) + 1 if word in CELL_WORDS[name] else 0


def word_ids(word: str, processor: Qwen2_5_VLProcessor) -> list[int]:
    """The ids of a word's tokens, behind a space."""
    return processor.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]


def grounding_batch(seeds: list[int], album: Album, processor: Qwen2_5_VLProcessor) -> dict[str, Any]:
    """Pictures and what fills every cell: `patches`, and CELL_WORDS' keys, each [B, VISUAL_TOKENS]."""
    words = [cells(compose(seed)) for seed in seeds]
    targets = {name: torch.tensor([of_scene[name] for of_scene in words]) for name in CELL_WORDS}
    return patches(seeds, album, processor) | targets


class LessonStream(IterableDataset):
    """Batches for steps `first`, `first + 1`, ...: what a step sees depends on its number alone, so it resumes exactly.

    plan(step, rng) says what a step shows, "drill" (twice as many, they are short), "grounding" (four times as many),
    "told" or "picture", and further arguments of `lesson`.
    """

    def __init__(
        self,
        processor: Qwen2_5_VLProcessor,
        album: Album,
        first: int,
        last: int,
        batch_size: int,
        plan: Callable[[int, random.Random], tuple[str, dict[str, Any]]],
    ) -> None:
        self._processor, self._album, self._first, self._last = processor, album, first, last
        self._batch_size, self._plan = batch_size, plan

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for step in range(self._first, self._last):
            rng = random.Random(step)
            kind, options = self._plan(step, rng)
            if kind == "drill":
                lessons = [drill(rng) for _ in range(2 * self._batch_size)]
                yield collate(lessons, self._album, self._processor)
                continue
            count = (4 if kind == "grounding" else 1) * self._batch_size
            seeds = rng.sample(range(self._album.count), count)
            if kind == "grounding":
                yield grounding_batch(seeds, self._album, self._processor)
            else:
                lessons = [lesson(compose(seed), rng, kind == "picture", **options) for seed in seeds]
                yield collate(lessons, self._album, self._processor)
