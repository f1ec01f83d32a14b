"""The same targets in the layouts that other trainers read, stage by stage.

trl: prompt and completion as plain text, the chat template applied, so that the prompt can end within the model's turn:
every schedule is exact. ms-swift and llama-factory: chat messages. Their readers supervise whole turns, so a stage's
turn is what it sees (F1 to Fk), all of it supervised, which is `cumulative` or `joint`; `current`, where the earlier
fields are context without a loss, has no form there and is refused. Both end every turn with the model's end-of-turn
token, supervised, also in the early stages, where `sft` stops before it.

Schemas: TRL's dataset formats (prompt-completion, `images`), ms-swift's `messages` with `<image>` and `images`,
LLaMA-Factory's `dataset_info.json` with `formatting: sharegpt` and OpenAI-style tags, as documented mid-2026.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import datasets
from PIL import Image
from transformers import ProcessorMixin

from lmms_eval_drbench.data import image_bytes
from lmms_eval_drbench.errors import UserError
from sft.encode import prompt_text
from sft.families import Family
from sft.stages import Stage, stages
from sft.targets import SEPARATOR, Method

_PLACEHOLDER = "<image>"
"""Marks the image's place in ms-swift's and LLaMA-Factory's texts."""


@dataclass(frozen=True)
class Chat:
    """What turns a question into the text that a model sees; only trl's layout needs it."""

    family: Family
    processor: ProcessorMixin


def write(
    records: datasets.Dataset, taught: Method, schedule: str, layout: str, out: Path, chat: Chat | None
) -> tuple[list[Path], int]:
    """Write one JSONL file a stage, the images and a README into `out`; returns the stages' files and how many records
    each holds.

    layout: a name in `LAYOUTS`. Raises UserError when the layout can't express the schedule, when no record can be
    used, or when a text would be read as a placeholder.
    """
    make = LAYOUTS[layout]
    usable = [row for row, record in enumerate(records.remove_columns("image")) if taught.lacks(record) is None]
    if not usable:
        raise UserError(f"none of the {len(records)} records can be used for --method {taught.name}")
    names = [name for name, _ in taught.target(records.remove_columns("image")[usable[0]])]
    stage_list = stages(schedule, names)
    if make is not _trl and any(len(stage.active) != stage.last + 1 for stage in stage_list):
        raise UserError(
            f"--format {layout} supervises whole turns: use --schedule cumulative or joint, or --format trl"
        )
    images, contents = _named_images(records.select(usable))
    folder = out.resolve() / "images"
    texts = records.remove_columns("image").select(usable)
    stage_rows = [  # all of them before anything is written
        [make(record, taught, stage, folder / image, chat) for record, image in zip(texts, images, strict=True)]
        for stage in stage_list
    ]
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    files = [out / f"stage_{stage.number}_{stage.name.replace('+', '_')}.jsonl" for stage in stage_list]
    for file, rows in zip(files, stage_rows, strict=True):
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    if layout == "llama-factory":
        info = json.dumps({file.stem: _llama_factory_entry(file) for file in files}, indent=2)
        (out / "dataset_info.json").write_text(info + "\n", encoding="utf-8")
    (out / "README.md").write_text(_readme(layout, taught, schedule, files, len(usable)), encoding="utf-8")
    return files, len(usable)


def _trl(record: Mapping[str, Any], taught: Method, stage: Stage, image: Path, chat: Chat) -> dict[str, Any]:
    """The fields before the first supervised one stand at the end of the prompt, where no loss runs."""
    fields = [text for _, text in taught.target(record)]
    first, last = min(stage.active), stage.last
    # A separator belongs to the field before it; the end of the turn to the last field.
    pieces = [text + SEPARATOR for text in fields[:-1]] + [fields[-1] + chat.family.turn_end]
    prompt = prompt_text(taught.ask(record), chat.family, chat.processor)
    return {
        "prompt": prompt + "".join(pieces[:first]),
        "completion": "".join(pieces[first : last + 1]),
        "images": [str(image)],
    }


def _messages(record: Mapping[str, Any], taught: Method, stage: Stage, image: Path, _: Chat | None) -> dict[str, Any]:
    question = taught.ask(record)
    answer = SEPARATOR.join(text for _, text in taught.target(record)[: stage.last + 1])
    if _PLACEHOLDER in question + answer:
        raise UserError(
            f"record {record['id']} has {_PLACEHOLDER} in its text, which would be read as a picture: remove it"
        )
    return {
        "messages": [
            {"role": "user", "content": f"{_PLACEHOLDER}{question}"},
            {"role": "assistant", "content": answer},
        ],
        "images": [str(image)],
    }


Layout = Callable[[Mapping[str, Any], Method, Stage, Path, Any], dict[str, Any]]

LAYOUTS: dict[str, Layout] = {"trl": _trl, "ms-swift": _messages, "llama-factory": _messages}
"""Layout name → one record of one stage as that trainer's row."""


def _llama_factory_entry(file: Path) -> dict[str, Any]:
    return {
        "file_name": file.name,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }


def _named_images(records: datasets.Dataset) -> tuple[list[str], dict[str, bytes]]:
    """(every row's file name, each distinct file's bytes as they are)."""
    names, contents = [], {}
    for item in records.select_columns("image").cast_column("image", datasets.Image(decode=False)):
        content = image_bytes(item["image"])
        with Image.open(BytesIO(content)) as opened:
            names.append(f"{hashlib.sha256(content).hexdigest()[:24]}.{(opened.format or 'png').lower()}")
        contents.setdefault(names[-1], content)
    return names, contents


_USE = {
    "trl": (
        "from datasets import Image, List, load_dataset\n"
        'dataset = load_dataset("json", data_files="{first}", split="train").cast_column("images", List(Image()))\n'
        "# SFTTrainer(..., processing_class=processor, train_dataset=dataset, args=SFTConfig(max_length=None, ...))"
    ),
    "ms-swift": "swift sft --model MODEL --dataset {first} ...",
    "llama-factory": "llamafactory-cli train ... dataset_dir=. dataset={stem}",
}


def _readme(layout: str, taught: Method, schedule: str, files: list[Path], count: int) -> str:
    listed = "\n".join(f"{number}. `{file.name}`" for number, file in enumerate(files, 1))
    use = _USE[layout].format(first=files[0].name, stem=files[0].stem)
    ends = (
        ""
        if layout == "trl"
        else "\nThis trainer ends every turn with a supervised end-of-turn token, also in the early stages, where "
        "`sft` stops before it.\n"
    )
    return (
        f"# Targets of `{taught.name}` for {layout}\n\n{count} records, schedule `{schedule}`. One file a stage, to be "
        f"trained in this order, each stage from the weights of the one before:\n\n{listed}\n\n```\n{use}\n```\n{ends}"
    )
