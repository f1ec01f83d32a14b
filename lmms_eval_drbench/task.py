"""lmms-eval's hooks, thin: which records, which prompt, which scores. The YAML in `task_configs/tasks` names them.

`docs_<category>` selects records (`docs_mini_shuffled_<category>` and the like those of a variant), `DATA` and
`BASE_SKILLS` are the tasks' metadata (data name and fingerprint): YAML's `!function` reads any attribute of a module,
and these are made on demand.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import datasets
from loguru import logger
from PIL import Image

from lmms_eval_drbench import controls, data, judge, packaged, prompts, scoring
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.taxonomy import Category

VERSION = "0.1"

DATASET_KWARGS = {"data_files": {"test": sorted(map(str, packaged.TEST.glob("test-*.parquet")))}}
"""What lmms-eval itself loads, with no network; `docs_*` then put DRBENCH_DATA's records in its place."""
BASE_SKILLS_KWARGS = {"data_files": {"test": sorted(map(str, packaged.BASE_SKILLS.glob("test-*.parquet")))}}

_CONTROLS = {"shuffled": controls.is_shufflable, "circular": controls.is_rotatable}
"""Controls that not every record takes part in → which ones do, by category and question type."""
_SELECTOR = re.compile(rf"docs_(mini_)?(?:({'|'.join(_CONTROLS)})_)?({'|'.join(Category)})")


def __getattr__(name: str) -> Any:
    """`DATA`, `BASE_SKILLS` and `docs_[mini_][shuffled_|circular_]<category>`, made when YAML asks for them."""
    if name in ("DATA", "BASE_SKILLS"):
        loaded = _load(str(packaged.BASE_SKILLS) if name == "BASE_SKILLS" else None)
        found = {"version": VERSION, "data": loaded.name, "fingerprint": loaded.fingerprint}
        return found | ({"judge": judge.name()} if judge.name() else {})
    if match := _SELECTOR.fullmatch(name):
        mini, control, category = match.groups()
        return _selector(Category(category), bool(mini), control)
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
def _records(loaded: data.Data, mini: bool, control: str | None) -> datasets.Dataset:
    records = data.mini(loaded.records) if mini else loaded.records
    return records.filter(_CONTROLS[control], input_columns=["category", "question_type"]) if control else records


def _selector(category: Category, mini: bool, control: str | None) -> Callable[[datasets.Dataset], datasets.Dataset]:
    def docs(_: datasets.Dataset) -> datasets.Dataset:
        loaded = _load(None)
        records = _records(loaded, mini, control).filter(lambda value: value == category, input_columns="category")
        if len(records) == 0:
            raise SystemExit(f"error: {_lacks(loaded, [category], mini, control)}")
        return _identified(records, loaded, shuffled=control == "shuffled")

    return docs


def absence(name: str) -> str | None:
    """Why there is nothing to ask under the name of a category or layer, in one sentence; None where there is."""
    categories = [c for c in Category if name.endswith((f"_{c}", f"_{c.layer}"))]
    if not name.startswith("drbench_") or not categories:
        return None
    loaded, mini = _load(None), name.startswith("drbench_mini_")
    control = next((control for control in _CONTROLS if f"_{control}_" in name), None)
    return None if _present(loaded, mini, control) & set(categories) else _lacks(loaded, categories, mini, control)


def _lacks(loaded: data.Data, wanted: Sequence[Category], mini: bool, control: str | None) -> str:
    held = ", ".join(sorted(_present(loaded, mini, control))) or "none"
    fit = f" for the {control} control" if control else ""
    return f"{loaded.name} holds no {' or '.join(wanted)} record{fit}, only {held}"


@cache
def _present(loaded: data.Data, mini: bool, control: str | None) -> frozenset[str]:
    return frozenset(_records(loaded, mini, control)["category"])


def docs_base_skills(_: datasets.Dataset) -> datasets.Dataset:
    """The packaged base skills, whatever DRBENCH_DATA says: they measure the model, not the data."""
    loaded = _load(str(packaged.BASE_SKILLS))
    return _identified(loaded.records, loaded)


def _identified(records: datasets.Dataset, loaded: data.Data, shuffled: bool = False) -> datasets.Dataset:
    """Add the data's name and fingerprint to every record, so that every logged sample carries them.

    shuffled: also which picture is shown instead: its id, and the row of the whole split that has it.
    """
    count = len(records)
    records = records.add_column("data", [loaded.name] * count).add_column("fingerprint", [loaded.fingerprint] * count)
    if not shuffled:
        return records
    exchange = _exchange(loaded)
    shown = [exchange[image_id] for image_id in records["image_id"]]
    return records.add_column("shown_image_id", [image_id for image_id, _ in shown]).add_column(
        "shown_row", [row for _, row in shown]
    )


@cache
def _exchange(loaded: data.Data) -> dict[str, tuple[str, int]]:
    """Image id → (id, row in the whole split) of the picture that the shuffled control shows instead.

    Over the whole split, so that a question meets the same other picture in the mini subset and under every limit.
    """
    rows: dict[str, int] = {}
    for row, image_id in enumerate(loaded.records["image_id"]):
        rows.setdefault(image_id, row)
    try:
        exchange = controls.derangement(rows)
    except ValueError as error:
        raise SystemExit(f"error: {loaded.name} is no data for the shuffled control: {error}") from None
    return {image_id: (other, rows[other]) for image_id, other in exchange.items()}


def doc_to_visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """The record's picture."""
    return [doc["image"].convert("RGB")]


def no_visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """Nothing: the blind control."""
    return []


def shuffled_visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """Another record's picture: the shuffled control."""
    return doc_to_visual(_load(None).records[doc["shown_row"]])


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
    return _logged_scores(doc, scoring.score(doc, results[0], "direct"), "direct")


def process_results_scaffold(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _logged_scores(doc, scoring.score(doc, results[0], "scaffold"), "scaffold")


def process_results_cot(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _logged_scores(doc, scoring.score(doc, results[0], "cot"), "cot")


def process_results_llava_cot(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _logged_scores(doc, scoring.score(doc, results[0], "llava_cot"), "llava_cot")


def process_results_circular_direct(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _logged_scores(doc, _circular(doc, results, "direct"), "direct")


def process_results_circular_scaffold(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    return _logged_scores(doc, _circular(doc, results, "scaffold"), "scaffold")


def _circular(doc: Mapping[str, Any], results: Sequence[str], prompt: str) -> dict[str, Any]:
    records = controls.rotations(doc)
    if len(results) != len(records):
        raise SystemExit(
            f"error: record {doc['id']} was asked {len(results)} times for {len(records)} rotations: circular tasks "
            "need this project's plugin, which this lmms-eval did not load"
        )
    scored = zip(records, results, strict=True)
    return controls.circular([scoring.score(record, output, prompt) for record, output in scored])


def _logged_scores(doc: Mapping[str, Any], scores: dict[str, Any], prompt: str) -> dict[str, Any]:
    """Every metric's item is the whole score dict, which is what upstream's clustered standard errors need."""
    identity = {"data": doc["data"], "fingerprint": doc["fingerprint"], "prompt": prompt}
    if "shown_image_id" in doc:
        identity["shown_image_id"] = doc["shown_image_id"]
    scores = judge.judged(doc, scores) | identity
    return {"acc": scores} | {name: scores[name] for name in METRICS if name in scores}


METRICS = ("unparsed", "rotation_acc", "entity_f1", "relation_f1", "anchored", "consistent", "well_formed")
"""Metrics beside `acc` that lmms-eval's own table shows."""


def mean_acc(items: Sequence[Mapping[str, Any]]) -> float:
    """Mean accuracy, 0 to 1."""
    return sum(item["acc"] for item in items) / len(items)


def mean(items: Sequence[float | None]) -> float:
    """Mean of what is defined; NaN when nothing is."""
    known = [item for item in items if item is not None]
    return sum(known) / len(known) if known else float("nan")
