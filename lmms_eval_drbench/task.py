"""lmms-eval's hooks, thin: which records, which prompt, which scores. The YAML in `task_configs/tasks` names them.

`docs_<category>` and `docs_mini_<category>` select records, `DATA` and `BASE_SKILLS` are the tasks' metadata (data
name and fingerprint): YAML's `!function` reads any attribute of a module, and these are made on demand.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import datasets
from loguru import logger
from PIL import Image

from lmms_eval_drbench import data, prompts, scoring
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.taxonomy import Category

VERSION = "0.1"
_BASE_SKILLS = Path(__file__).parent / "assets" / "base_skills_v0"

DATASET_KWARGS = {"data_files": {"test": sorted(map(str, data.PACKAGED.glob("test-*.parquet")))}}
"""What lmms-eval itself loads, with no network; `docs_*` then put DRBENCH_DATA's records in its place."""
BASE_SKILLS_KWARGS = {"data_files": {"test": sorted(map(str, _BASE_SKILLS.glob("test-*.parquet")))}}


def __getattr__(name: str) -> Any:
    """`DATA`, `BASE_SKILLS`, `docs_<category>` and `docs_mini_<category>`, made when YAML asks for them."""
    if name in ("DATA", "BASE_SKILLS"):
        loaded = _load(str(_BASE_SKILLS) if name == "BASE_SKILLS" else None)
        return {"version": VERSION, "data": loaded.name, "fingerprint": loaded.fingerprint}
    for prefix, mini in (("docs_mini_", True), ("docs_", False)):
        if name.startswith(prefix) and name.removeprefix(prefix) in list(Category):
            return _selector(Category(name.removeprefix(prefix)), mini)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _load(spec: str | None) -> data.Data:
    """`data.load`, ending the program with one sentence on bad input: upstream would print a trace and exit with 0."""
    try:
        return _logged(data.load(spec, "test"))
    except UserError as error:
        raise SystemExit(f"error: {error}") from None


@cache
def _logged(loaded: data.Data) -> data.Data:
    logger.info(f"DRBench data: {loaded.name}, fingerprint {loaded.fingerprint}, {len(loaded.records)} records")
    return loaded


@cache
def _records(loaded: data.Data, mini: bool) -> datasets.Dataset:
    return data.mini(loaded.records) if mini else loaded.records


def _selector(category: Category, mini: bool) -> Callable[[datasets.Dataset], datasets.Dataset]:
    def docs(_: datasets.Dataset) -> datasets.Dataset:
        loaded = _load(None)
        records = _records(loaded, mini).filter(lambda value: value == category, input_columns="category")
        if len(records) == 0:
            raise SystemExit(f"error: {_lacks(loaded, [category], mini)}")
        return _identified(records, loaded)

    return docs


def absence(name: str) -> str | None:
    """Why there is nothing to ask under the name of a category or layer, in one sentence; None where there is."""
    categories = [c for c in Category if name.endswith((f"_{c}", f"_{c.layer}"))]
    if not name.startswith("drbench_") or not categories:
        return None
    loaded, mini = _load(None), name.startswith("drbench_mini_")
    return None if _present(loaded, mini) & set(categories) else _lacks(loaded, categories, mini)


def _lacks(loaded: data.Data, wanted: Sequence[Category], mini: bool) -> str:
    held = ", ".join(sorted(_present(loaded, mini)))
    return f"{loaded.name} holds no {' or '.join(wanted)} record, only {held}"


@cache
def _present(loaded: data.Data, mini: bool) -> frozenset[str]:
    return frozenset(_records(loaded, mini)["category"])


def docs_base_skills(_: datasets.Dataset) -> datasets.Dataset:
    """The packaged base skills, whatever DRBENCH_DATA says: they measure the model, not the data."""
    loaded = _load(str(_BASE_SKILLS))
    return _identified(loaded.records, loaded)


def _identified(records: datasets.Dataset, loaded: data.Data) -> datasets.Dataset:
    """Add the data's name and fingerprint to every record, so that every logged sample carries them."""
    count = len(records)
    return records.add_column("data", [loaded.name] * count).add_column("fingerprint", [loaded.fingerprint] * count)


def doc_to_visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """The record's picture."""
    return [doc["image"].convert("RGB")]


def no_visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """Nothing: the blind control."""
    return []


def doc_to_text_direct(doc: Mapping[str, Any]) -> str:
    return prompts.direct(doc)


def doc_to_text_scaffold(doc: Mapping[str, Any]) -> str:
    return prompts.scaffold(doc)


def doc_to_text_cot(doc: Mapping[str, Any]) -> str:
    return prompts.cot(doc)


def doc_to_text_llava_cot(doc: Mapping[str, Any]) -> str:
    return prompts.llava_cot(doc)


def doc_to_target(doc: Mapping[str, Any]) -> str:
    """The answer as a model should write it."""
    return gold_answer(doc)


def process_results_direct(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _process(doc, results, "direct")


def process_results_scaffold(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _process(doc, results, "scaffold")


def process_results_cot(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _process(doc, results, "cot")


def process_results_llava_cot(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _process(doc, results, "llava_cot")


def _process(doc: Mapping[str, Any], results: Sequence[str], prompt: str) -> dict[str, Any]:
    """Every metric's item is the whole score dict, which is what upstream's clustered standard errors need."""
    scores = scoring.score(doc, results[0], prompt)
    scores |= {"data": doc["data"], "fingerprint": doc["fingerprint"], "prompt": prompt}
    return {"acc": scores} | {name: scores[name] for name in METRICS if name in scores}


METRICS = ("unparsed", "entity_f1", "relation_f1", "anchored", "consistent", "well_formed")
"""Metrics beside `acc` that lmms-eval's own table shows."""


def mean_acc(items: Sequence[Mapping[str, Any]]) -> float:
    """Mean accuracy, 0 to 1."""
    return sum(item["acc"] for item in items) / len(items)


def mean(items: Sequence[float | None]) -> float:
    """Mean of what is defined; NaN when nothing is."""
    known = [item for item in items if item is not None]
    return sum(known) / len(known) if known else float("nan")
