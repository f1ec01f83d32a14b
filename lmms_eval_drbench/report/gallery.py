"""Question by question: the picture, the gold annotation, and what each run made of it, as plain values for the page.

The pictures come from the data that the runs were made on, found again by its name and checked by its fingerprint;
logged samples carry neither picture nor question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lmms_eval_drbench import data, scaffold, webpage
from lmms_eval_drbench.answers.phrases import tokens
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.grounding import fact
from lmms_eval_drbench.report.comparison import Comparison, SuiteComparison, Variant
from lmms_eval_drbench.taxonomy import Category

MOST = 400
"""Questions that a page shows; flipped ones come first."""
_SIDE = 480
"""Longest side of an embedded picture, in pixels."""
_LONGEST = 4000
"""Characters of an output that a page shows."""
_NAME = 200
"""Characters of a name in it, such as an entity's."""
_MOST_NAMES = 40


@dataclass(frozen=True)
class Gallery:
    """questions: JSON-able, see `_question`. pictures: image id → data URI, width and height of the original.

    runs: what stands at each position of a question's outputs. note: what is missing and why; empty when all is there.
    """

    runs: list[dict[str, Any]]
    questions: list[dict[str, Any]]
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)
    note: str = ""


def build(comparison: Comparison, spec: str | None = None, most: int = MOST) -> Gallery | None:
    """The gallery of the first suite that is no control; None when no run logged samples.

    spec: the data the runs were made on (as DRBENCH_DATA). Raises UserError when a given spec is not that data.
    """
    suite = main_suite(comparison)
    if suite is None:
        return None
    records, note = _records(suite, spec)
    order = _order(suite)
    chosen = order[:most]
    if len(order) > most:
        note = " ".join(filter(None, [note, f"{most} of {len(order)} questions are shown, those that flipped first."]))
    samples = [{sample["record_id"]: sample for sample in variant.suite.samples} for variant in suite.variants]
    runs = [
        {"name": variant.entry.name, "prompt": variant.prompt, "compared": variant.change is not None}
        for variant in suite.variants
    ]
    questions = [_question(record_id, records.get(record_id), samples, suite.variants) for record_id in chosen]
    pictures = {}
    for record_id in chosen:
        record = records.get(record_id)
        if record is not None and record["image_id"] not in pictures:
            pictures[record["image_id"]] = webpage.picture(record["image"], _SIDE)
    return Gallery(runs, questions, pictures, note)


def main_suite(comparison: Comparison) -> SuiteComparison | None:
    """The suite that the page is about: the first with categories that is no control, else the first."""
    layered = [suite for suite in comparison.suites if suite.is_layered and not suite.is_control]
    return next(iter(layered or comparison.suites), None)


def _records(suite: SuiteComparison, spec: str | None) -> tuple[dict[str, Mapping[str, Any]], str]:
    """(records by id, why there are none)."""
    wanted = suite.variants[0].suite.data
    try:
        loaded = data.load(spec or _spec_of(wanted.name))
    except UserError as error:
        if spec:
            raise
        return {}, f"The pictures are not here: {error}. Give the data with --data."
    if loaded.fingerprint != wanted.fingerprint:
        reason = (
            f"the runs were made on {wanted.name} ({wanted.fingerprint}), not on {loaded.name} ({loaded.fingerprint})"
        )
        if spec:
            raise UserError(f"--data {spec}: {reason}")
        return {}, f"The pictures are not here: {reason}. Give the data with --data."
    shown = {sample["record_id"] for variant in suite.variants for sample in variant.suite.samples}
    rows = [index for index, record_id in enumerate(loaded.records["id"]) if record_id in shown]
    return {record["id"]: record for record in loaded.records.select(rows)}, ""


def _spec_of(name: str) -> str | None:
    """Data of one's own was logged as `custom: <path or hub id>`; None is what DRBENCH_DATA says, or the packaged."""
    return name.removeprefix("custom: ") if name.startswith("custom: ") else None


def _order(suite: SuiteComparison) -> list[str]:
    """Every question, those that flipped under any run first, else as they were asked."""
    asked = dict.fromkeys(sample["record_id"] for variant in suite.variants for sample in variant.suite.samples)
    flipped = {record for variant in suite.variants if variant.change for record in _flipped(variant)}
    return [*(record for record in asked if record in flipped), *(record for record in asked if record not in flipped)]


def _flipped(variant: Variant) -> list[str]:
    return [*variant.change.flips.gained, *variant.change.flips.lost]


def _question(
    record_id: str, record: Mapping[str, Any] | None, samples: Sequence[Mapping[str, Any]], variants: Sequence[Variant]
) -> dict[str, Any]:
    """One question: id, category, layer, gold (where the record is there), and `outputs`, one for each run or None."""
    own = [found.get(record_id) for found in samples]
    first = next(sample for sample in own if sample is not None)
    found: dict[str, Any] = {
        "id": record_id,
        "image": first["image_id"],
        "category": first["category"],
        "layer": str(Category(first["category"]).layer),
        "outputs": [_output(sample, record, variant) for sample, variant in zip(own, variants, strict=True)],
    }
    if record is None:
        return found | {"target": str(first.get("target", ""))}
    return found | webpage.gold(record)


def _output(sample: Mapping[str, Any] | None, record: Mapping[str, Any] | None, variant: Variant) -> dict | None:
    if sample is None:
        return None
    text = sample["output"]
    found = {key: _short(str(sample.get(key, "")), _NAME) for key in ("answer", "reason")} | {"acc": sample["acc"]}
    found |= {"unparsed": bool(sample["unparsed"]), "truncated": bool(sample.get("truncated"))}
    found["text"] = _short(text)
    if variant.change:
        flips = variant.change.flips
        found["flip"] = "gained" if sample["record_id"] in set(flips.gained) else ""
        found["flip"] = found["flip"] or ("lost" if sample["record_id"] in set(flips.lost) else "")
    parsed = scaffold.parse(text)
    if not parsed.is_empty:  # under the direct prompt too: a model may write what it was trained for
        names = {tokens(name) for name in record["key_objects"]} if record else set()
        facts = {fact(*triple) for triple in record["scene_graph"]} if record else set()
        entities = [_short(name, _NAME) for name in parsed.entities[:_MOST_NAMES]]
        relations = [[_short(name, _NAME) for name in triple] for triple in parsed.relations[:_MOST_NAMES]]
        found["fields"] = {
            "entities": [[name, tokens(name) in names] for name in entities],
            "relations": [[triple, fact(*triple) in facts] for triple in relations],
            "reasoning": {step: _short(body) for step, body in parsed.reasoning.items()},
            "answer": _short(parsed.answer or ""),
            "problems": parsed.problems,
        }
    return found


def _short(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[:most]} …"
