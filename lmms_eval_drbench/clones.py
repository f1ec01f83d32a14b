"""The general benchmarks' data sets: local clones instead of the hub, and whether a task can use what it got.

lmms-eval would crash on a damaged data set in the middle of a run, with a stack trace and exit code 0; the checks here
end the program before its first question, with one sentence.
"""

import ast
import hashlib
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet

ENV = "DRBENCH_RETENTION_DATA"
_POINTER = b"version https://git-lfs"
_SHOWN = 60


def _is_list_as_text(value: Any) -> bool:
    try:
        return isinstance(ast.literal_eval(value), list)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


_KINDS: dict[str, Callable[[Any], bool]] = {
    "anything": lambda value: True,
    "a text": lambda value: isinstance(value, str),
    "a whole number": lambda value: str(value).isdecimal(),
    "0 or 1": lambda value: str(value) in ("0", "1"),
    "a list": lambda value: isinstance(value, list),
    "the text of a list": _is_list_as_text,
    "an id such as validation_Art_1": lambda value: bool(re.fullmatch(r"[^_]+_.+_\d+", str(value))),
}
_PICTURE = "a picture"
_COLUMNS = {
    "MMBENCH": {"image": _PICTURE, "index": "a whole number", "question": "a text", "answer": "a text"}
    | dict.fromkeys(("A", "B", "hint", "source", "split", "category", "L2-category"), "anything"),
    "MMMU": {"image_1": _PICTURE, "id": "an id such as validation_Art_1", "options": "the text of a list"}
    | dict.fromkeys(("question", "question_type", "answer"), "a text"),
    "MMSTAR": {"image": _PICTURE, "index": "anything"}
    | dict.fromkeys(("question", "answer", "category", "l2_category"), "a text"),
    "REALWORLDQA": {"image": _PICTURE, "question": "a text", "answer": "a text"},
    "HALLUSION_BENCH": {"image": _PICTURE, "question": "a text", "gt_answer": "0 or 1"}
    | dict.fromkeys(("category", "subcategory", "visual_input", "set_id", "figure_id", "question_id"), "anything")
    | {"gt_answer_details": "anything"},
    "BLINK": {"image_1": _PICTURE, "idx": "anything", "choices": "a list", "prompt": "a text", "answer": "a text"},
}
"""Benchmark → what its task and lmms-eval's code for it read from a record."""


def place(repo: str) -> str:
    """The folder of a data set's local clone, or its name on the hub where no clones are given."""
    root = os.environ.get(ENV)
    if not root:
        return repo
    folder = Path(root).expanduser().resolve() / repo.split("/")[1]
    if not folder.is_dir():
        raise SystemExit(f"error: {ENV} is {root}, which has no folder {folder.name}: clone the data set {repo} there")
    if not _files(folder):
        raise SystemExit(f"error: {folder} holds no parquet file: clone the data set {repo} there")
    for file in _files(folder):
        _check_file(file)
    return str(folder)


def loading(repo: str) -> dict[str, str]:
    """`dataset_kwargs`: for a clone, a cache of its own for every state that its files were ever in.

    `datasets` 5.2 knows a folder whose card lists its files by its name and these patterns alone: of a changed clone,
    or of another one of that name, it would go on to use what it once cached.
    """
    if not os.environ.get(ENV):
        return {}
    folder = Path(place(repo))
    state = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in _files(folder)]
    digest = hashlib.sha256(repr(state).encode()).hexdigest()[:16]
    return {"cache_dir": str(Path(datasets.config.HF_DATASETS_CACHE) / "drbench_retention" / digest)}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def _check_file(file: Path) -> None:
    try:
        if not pyarrow.parquet.read_metadata(file).num_rows:
            raise SystemExit(f"error: {file} holds no row: clone again")
    except (OSError, pyarrow.ArrowException) as error:
        with file.open("rb") as stream:
            is_pointer = stream.read(len(_POINTER)) == _POINTER
        cure = "is a pointer of Git LFS: run git lfs pull there" if is_pointer else f"is damaged ({error}): clone again"
        raise SystemExit(f"error: {file} {cure}") from None


def checked(benchmark: str, repo: str) -> Callable[[datasets.Dataset], datasets.Dataset]:
    """`process_docs`: hands on the records of a split; ends the program where the task could not read them."""
    return partial(_check, benchmark, repo)


def _check(benchmark: str, repo: str, docs: datasets.Dataset) -> datasets.Dataset:
    where, cure = place(repo), f"clone the data set {repo} again"
    columns = _COLUMNS[benchmark]
    missing = [column for column in columns if column not in docs.column_names]
    if missing:
        raise SystemExit(f"error: {where} lacks {', '.join(missing)}: {cure}")
    for column, kind in columns.items():
        fault = _fault(docs, column, kind)
        if fault:
            raise SystemExit(f"error: {where}: {column} {fault}, not {kind}: {cure}")
    return docs


def _fault(docs: datasets.Dataset, column: str, kind: str) -> str:
    """What is wrong with a column; empty when nothing is. Pictures are not decoded."""
    values = docs.data.column(column)
    if kind == _PICTURE:
        if not isinstance(docs.features[column], datasets.Image):
            return f"is of type {str(docs.features[column])[:_SHOWN]}"
        return f"is empty in {values.null_count} of {len(docs)} rows" if values.null_count else ""
    for row, value in enumerate(values.to_pylist(), start=1):
        if not _KINDS[kind](value):
            return f"of row {row} is {repr(value)[:_SHOWN]}"
    return ""
