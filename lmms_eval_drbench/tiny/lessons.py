"""Lessons as tensors: conversations tokenised with their supervised tokens marked, pictures as patches."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch.utils.data import IterableDataset
from transformers import Qwen2_5_VLProcessor

from lmms_eval_drbench.build.sources.procedural import compose, render
from lmms_eval_drbench.tiny.architecture import IMAGE_SIZE, SYSTEM_PROMPT
from lmms_eval_drbench.tiny.curriculum import Lesson, drill, lesson

IGNORED = -100
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


def picture_of(item: Lesson, processor: Qwen2_5_VLProcessor) -> torch.Tensor:
    """The patches of the lesson's picture: [PATCHES, 3 * 2 * 14 * 14]."""
    image = render(item.scene).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
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
    pictures = [picture_of(item, processor) for item in items if item.shows_picture]
    if pictures:
        side = IMAGE_SIZE // 14
        batch["pixel_values"] = torch.cat(pictures)
        batch["image_grid_thw"] = torch.tensor([[1, side, side]] * len(pictures))
        batch["mm_token_type_ids"] = (ids == tokenizer.convert_tokens_to_ids("<|image_pad|>")).long()
    return batch


class LessonStream(IterableDataset):
    """Batches for steps `first`, `first + 1`, ...: what a step sees depends on its number alone, so it resumes exactly.

    plan(step, rng) says what a step shows, "drill" (twice as many, they are short), "told" or "picture", and
    further arguments of `lesson`.
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
            if kind == "drill":
                lessons = [drill(rng) for _ in range(2 * self._batch_size)]
            else:
                scenes = [compose(step * self._batch_size + index) for index in range(self._batch_size)]
                lessons = [lesson(scene, rng, kind == "picture", **options) for scene in scenes]
            yield collate(lessons, self._processor)
