"""What `--mix` names: DRBench records, which are asked directly, or general instruction data, taught as it is.

Instruction data is JSONL, one picture and one turn a line, images relative to the file, as ms-swift and LLaMA-Factory
read it and `sft.export` writes it:

    {"messages": [{"role": "user", "content": "<image>What is this?"}, {"role": "assistant", "content": "A cup."}],
     "images": ["images/1.png"]}
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from lmms_eval_drbench import data
from lmms_eval_drbench.record import CHAIN_STEPS, FEATURES
from sft.targets import Method, method

_PLACEHOLDER = "<image>"
_EMPTY = {name: [] if isinstance(kind, datasets.List) else None for name, kind in FEATURES.items()}
_EMPTY |= {"reasoning_chain": dict.fromkeys(CHAIN_STEPS, "")}


class _AsItIs(Method):
    """The question without instructions of ours, the first answer as the whole target."""

    def ask(self, record: Mapping[str, Any]) -> str:
        return record["question"]


INSTRUCTION = _AsItIs("instruction", "", lambda record: [("answer", record["answer"][0])], lambda record: None, "")


def load(spec: str, split: str) -> tuple[data.Data, Method]:
    """The records to mix in, and how they are taught. Raises UserError."""
    path = os.path.expanduser(spec)
    if path.endswith(".jsonl") and os.path.isfile(path) and _has_messages(Path(path)):
        return _read(Path(path), split), INSTRUCTION
    return data.load(spec, split), method("answer")


def _has_messages(path: Path) -> bool:
    first = next(data.numbered_lines(path), (0, ""))[1]
    try:
        return "messages" in json.loads(first)
    except (ValueError, RecursionError, TypeError):
        return False


def _read(path: Path, split: str) -> data.Data:
    records, problems, checker = [], [], data.ImageChecker()
    lines = list(data.numbered_lines(path))
    for number, line in lines:
        try:
            content = json.loads(line)
            found = _faults(content) or data.encoding_faults(content)
        except (ValueError, RecursionError) as error:
            found = [f"not JSON ({error})"]
        image = None
        if not found:
            image, found = data.resolve_image(path.parent.resolve(), content["images"][0])
        if image:
            found = checker.file_faults(image["path"])
        problems += [f"{path}:{number}: {fault}" for fault in found]
        if found:
            continue
        asked, told = (message["content"].replace(_PLACEHOLDER, "").strip() for message in content["messages"])
        own = {"id": f"{path.stem}-{number}", "image": image, "split": split, "question": asked, "answer": [told]}
        records.append(_EMPTY | own)
    data.raise_all(problems, len(lines))
    columns = {name: [record[name] for record in records] for name in FEATURES}
    dataset = datasets.Dataset.from_dict(columns, features=FEATURES)
    return data.Data(f"custom: {path}", data.fingerprint(dataset), split, dataset)


def _faults(content: Any) -> list[str]:
    if not isinstance(content, dict):
        return ["a line must be a JSON object"]
    images, turns = content.get("images"), content.get("messages")
    if not isinstance(images, list) or len(images) != 1:
        return ["`images` must list one picture: leave lines with none or several out"]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return ["`messages` must list turns with role and content"]
    if [turn.get("role") for turn in turns] != ["user", "assistant"]:
        return ["`messages` must be one user's turn and one assistant's: split longer conversations"]
    texts = [turn.get("content") for turn in turns]
    if not all(isinstance(text, str) and text.replace(_PLACEHOLDER, "").strip() for text in texts):
        return ["every turn's content must be a non-empty text"]
    if _PLACEHOLDER in texts[1] or texts[0].count(_PLACEHOLDER) > 1:
        return [f"{_PLACEHOLDER} may stand once, in the user's turn"]
    return []
