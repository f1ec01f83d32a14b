"""Lessons as tensors: conversations tokenised with their supervised tokens marked, pictures as patches."""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch.utils.data import IterableDataset
from transformers import Qwen2_5_VLProcessor

from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0 import compose, render
from lmms_eval_drbench.build.sources.procedural_v0.world import COLOURS, KINDS, STATES
from lmms_eval_drbench.tiny.architecture import IMAGE_SIZE, SYSTEM_PROMPT
from lmms_eval_drbench.tiny.curriculum import Lesson, drill, lesson
from lmms_eval_drbench.tiny.drills import SURFACES

IGNORED = -100
GROUNDING_SEED = 100_000_000
"""Scenes of the grounding batches; lessons start from 0."""
PATCHES = (IMAGE_SIZE // 14) ** 2
VISUAL_TOKENS = PATCHES // 4


def encode(item: Lesson, processor: Qwen2_5_VLProcessor) -> tuple[list[int], list[int]]:
    """Token ids and labels of a lesson in the chat layout; labels are IGNORED but for the assistant's words."""
    tokenizer = processor.tokenizer
    ids: list[int] = []
    labels: list[int] = []

    def add(text: str, supervised: bool) -> None:
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids.extend(tokens)
        labels.extend(tokens if supervised else [IGNORED] * len(tokens))

    picture = f"<|vision_start|>{'<|image_pad|>' * VISUAL_TOKENS}<|vision_end|>" if item.shows_picture else ""
    add(f"<|im_start|>system\n{SYSTEM_PROMPT}<|im_end|>\n", supervised=False)
    for index, (user, assistant) in enumerate(item.turns):
        add(f"<|im_start|>user\n{picture if index == 0 else ''}{user}<|im_end|>\n<|im_start|>assistant\n", False)
        add(f"{assistant}<|im_end|>", supervised=True)
        add("\n", supervised=False)
    return ids, labels


def picture_of(scene: Scene, processor: Qwen2_5_VLProcessor) -> torch.Tensor:
    """The patches of a scene's picture: [PATCHES, 3 * 2 * 14 * 14]."""
    image = render(scene).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    return processor.image_processor(images=[image], return_tensors="pt")["pixel_values"]


def collate(items: list[Lesson], processor: Qwen2_5_VLProcessor) -> dict[str, Any]:
    """Right-padded: input_ids, attention_mask, mm_token_type_ids, labels [B, L]; pixel_values [B * PATCHES, 1176]."""
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
    pictures = [picture_of(item.scene, processor) for item in items if item.shows_picture]
    if pictures:
        side = IMAGE_SIZE // 14
        batch["pixel_values"] = torch.cat(pictures)
        batch["image_grid_thw"] = torch.tensor([[1, side, side]] * len(pictures))
        batch["mm_token_type_ids"] = (ids == tokenizer.convert_tokens_to_ids("<|image_pad|>")).long()
    return batch


NOTHING = "nothing"
"""The word for a cell of the picture in which no thing stands."""


CELL_WORDS = {
    "kinds": KINDS,
    "colours": tuple(COLOURS),
    "places": ("mid", *SURFACES),
    "conditions": ("fallen", *(state for states in STATES.values() for state in states)),
}
"""What a cell's words tell, and the words; every one of them can also be NOTHING. `mid` begins `mid-air`."""


def cells(scene: Scene) -> dict[str, list[str]]:
    """For each of CELL_WORDS the word of the 36 visual tokens' cells, in their order (rows from the top).

    A cell belongs to the thing that covers most of it, if that is at least a fifth; other cells are NOTHING.
    """
    side = math.isqrt(VISUAL_TOKENS)
    width, height = scene.width / side, scene.height / side
    things: list[SceneObject | None] = []
    for row, column in itertools.product(range(side), repeat=2):
        best, covered = None, width * height / 5
        for thing in scene.objects:
            x, y, w, h = thing.box
            across = min(x + w, (column + 1) * width) - max(x, column * width)
            down = min(y + h, (row + 1) * height) - max(y, row * height)
            if across > 0 and down > 0 and across * down >= covered:
                best, covered = thing, across * down
        things.append(best)
    return {
        "kinds": [thing.name if thing else NOTHING for thing in things],
        "colours": [thing.colour if thing else NOTHING for thing in things],
        "places": [(thing.support or "mid") if thing else NOTHING for thing in things],
        "conditions": [
            ("fallen" if thing.fallen else thing.state or NOTHING) if thing else NOTHING for thing in things
        ],
    }


def grounding_batch(scenes: list[Scene], processor: Qwen2_5_VLProcessor) -> dict[str, Any]:
    """Pictures and the word of every cell: pixel_values, image_grid_thw, and CELL_WORDS' keys [B, 36] (token ids)."""
    side = IMAGE_SIZE // 14
    batch = {
        "pixel_values": torch.cat([picture_of(scene, processor) for scene in scenes]),
        "image_grid_thw": torch.tensor([[1, side, side]] * len(scenes)),
    }
    words = [cells(scene) for scene in scenes]
    for name in CELL_WORDS:
        batch[name] = torch.tensor([[word_id(word, processor) for word in of_scene[name]] for of_scene in words])
    return batch


def word_id(word: str, processor: Qwen2_5_VLProcessor) -> int:
    """The id of the token for a word behind a space; of its first piece where it has several."""
    return processor.tokenizer(f" {word}", add_special_tokens=False)["input_ids"][0]


class LessonStream(IterableDataset):
    """Batches for steps `first`, `first + 1`, ...: what a step sees depends on its number alone, so it resumes exactly.

    plan(step, rng) says what a step shows, "drill" or "letters" (twice as many, they are short), "grounding" (four
    times as many), "told" or "picture", and further arguments of `lesson`.
    """

    def __init__(
        self,
        processor: Qwen2_5_VLProcessor,
        first: int,
        last: int,
        batch_size: int,
        plan: Callable[[int, random.Random], tuple[str, dict[str, Any]]],
    ) -> None:
        self._processor, self._first, self._last = processor, first, last
        self._batch_size, self._plan = batch_size, plan

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for step in range(self._first, self._last):
            rng = random.Random(step)
            kind, options = self._plan(step, rng)
            if kind in ("drill", "letters"):
                drills = [drill(rng, letters=kind == "letters", **options) for _ in range(2 * self._batch_size)]
                yield collate(drills, self._processor)
            elif kind == "grounding":
                seeds = range(4 * self._batch_size)
                scenes = [compose(GROUNDING_SEED + step * len(seeds) + index) for index in seeds]
                yield grounding_batch(scenes, self._processor)
            else:
                scenes = [compose(step * self._batch_size + index) for index in range(self._batch_size)]
                lessons = [lesson(scene, rng, kind == "picture", **options) for scene in scenes]
                yield collate(lessons, self._processor)
