"""The record: one question about one image, with everything needed to ask, score and teach it.

A data set is rows of this record: parquet with embedded images, or JSONL with image paths (DESIGN section 5).
The fields carry what the paper shows of a DRBench sample: question, options, answer, key objects,
scene graph and a four-step reasoning chain.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import datasets

from lmms_eval_drbench.taxonomy import Category, QuestionType

CHAIN_STEPS = ("perception", "relation", "logic", "conclusion")
"""The labelled steps of a reasoning chain, in order."""

MAX_OPTIONS = 8
"""The paper's questions have 2 to 4 options; hand-written ones with a few more are accepted."""

SPLITS = ("train", "validation", "test")

FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "image": datasets.Image(),
        "image_id": datasets.Value("string"),
        "source": datasets.Value("string"),
        "split": datasets.Value("string"),
        "category": datasets.Value("string"),
        "family": datasets.Value("string"),
        "question_type": datasets.Value("string"),
        "question": datasets.Value("string"),
        "options": datasets.List(datasets.Value("string")),
        "answer": datasets.List(datasets.Value("string")),
        "key_objects": datasets.List(datasets.Value("string")),
        "key_object_boxes": datasets.List(datasets.List(datasets.Value("float32"))),
        "scene_graph": datasets.List(datasets.List(datasets.Value("string"))),
        "reasoning_chain": {step: datasets.Value("string") for step in CHAIN_STEPS},
        "premise_true": datasets.Value("bool"),
        "reject_answers": datasets.List(datasets.Value("string")),
        "twin_id": datasets.Value("string"),
    }
)

_RELATION = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SCAFFOLD_MARK = re.compile(r"<\s{0,4}/?\s{0,4}(entities|relations|reasoning|answer)\s{0,4}>|-->", re.IGNORECASE)
"""What the scaffold's text form sets apart its fields and relations by (`scaffold.py`)."""


def option_letters(record: Mapping[str, Any]) -> list[str]:
    """The letters of a record's options: `["A", "B", ...]`, empty for an open-ended question."""
    return [chr(ord("A") + index) for index in range(len(record["options"]))]


def chance(record: Mapping[str, Any]) -> float:
    """Probability that a uniform guess is right: 1/options, 1/(2^options - 1) for sets, 0 for open-ended.

    A single choice on a false premise is right with any of its rejecting letters (`scoring.is_right`).
    """
    count = len(record["options"])
    if record["question_type"] == QuestionType.SINGLE_CHOICE:
        rejecting = record["reject_answers"] if record["premise_true"] is False else ()
        return len({*record["answer"], *rejecting}) / count
    if record["question_type"] == QuestionType.MULTIPLE_CHOICE:
        return 1 / (2**count - 1)
    return 0.0


def faults(record: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with one record (not its image), each as a phrase with its cure; empty when valid."""
    found = _shape_faults(record)
    if found:  # the checks of meaning need every field to have its type
        return found
    return [*_answer_faults(record), *_premise_faults(record), *_grounding_faults(record)]


def _shape_faults(record: Mapping[str, Any]) -> list[str]:
    found = []
    for name in ("id", "image_id", "source", "split", "category", "family", "question_type", "question"):
        value = record.get(name)
        if not isinstance(value, str) or not value.strip():
            found.append(f"`{name}` must be a non-empty string, not {value!r}")
    for name in ("options", "answer", "key_objects", "reject_answers"):
        value = record.get(name)
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item.strip() for item in value):
            found.append(f"`{name}` must be a list of non-empty strings, not {value!r}")
    boxes = record.get("key_object_boxes")
    if not isinstance(boxes, (list, tuple)) or not all(_is_box(box) for box in boxes):
        found.append(f"`key_object_boxes` must be a list of [x, y, width, height] in pixels, not {boxes!r}")
    graph = record.get("scene_graph")
    if not isinstance(graph, (list, tuple)) or not all(_is_triple(triple) for triple in graph):
        found.append(f"`scene_graph` must be a list of [subject, relation, object], not {graph!r}")
    chain = record.get("reasoning_chain")
    if not isinstance(chain, Mapping) or not all(isinstance(chain.get(step), str) for step in CHAIN_STEPS):
        found.append(f"`reasoning_chain` must hold the four texts {', '.join(CHAIN_STEPS)}, not {chain!r}")
    found += _vocabulary_faults(record, "category", list(Category))
    found += _vocabulary_faults(record, "question_type", list(QuestionType))
    found += _vocabulary_faults(record, "split", SPLITS)
    if not isinstance(record.get("premise_true"), (bool, type(None))):
        found.append(f"`premise_true` must be true, false or null, not {record.get('premise_true')!r}")
    if not isinstance(record.get("twin_id"), (str, type(None))):
        found.append(f"`twin_id` must be an id or null, not {record.get('twin_id')!r}")
    return found


def _vocabulary_faults(record: Mapping[str, Any], name: str, allowed: Iterable[str]) -> list[str]:
    value = record.get(name)
    if isinstance(value, str) and value.strip() and value not in list(allowed):
        return [f"unknown {name} {value!r}: use one of {', '.join(allowed)}"]
    return []


_MAX_LENGTH = 1_000_000
"""Pixels; a number that no picture has is a mistake, and one that no float holds would crash what reads it."""


def _is_box(box: Any) -> bool:
    return isinstance(box, (list, tuple)) and len(box) == 4 and all(_is_length(side) for side in box)


def _is_length(side: Any) -> bool:
    return isinstance(side, (int, float)) and not isinstance(side, bool) and abs(side) <= _MAX_LENGTH  # NaN fails too


def _is_triple(triple: Any) -> bool:
    return isinstance(triple, (list, tuple)) and len(triple) == 3 and all(isinstance(part, str) for part in triple)


_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]{1,30}\|>")


def _answer_faults(record: Mapping[str, Any]) -> list[str]:
    found = []
    options, answer = record["options"], record["answer"]
    for text in (record["question"], *options):
        if mark := _SPECIAL_TOKEN.search(text):
            found.append(f"{mark.group()} is a special token of models: remove it from the question and its options")
    if not answer:
        found.append("`answer` is empty: give at least one letter or accepted string")
    if record["question_type"] == QuestionType.OPEN_ENDED:
        if options:
            found.append(f"an open_ended question has {len(options)} options: remove them or change question_type")
        return found
    if not 2 <= len(options) <= MAX_OPTIONS:
        found.append(f"{len(options)} options: a choice question has 2 to {MAX_OPTIONS}")
    if len(set(options)) < len(options):
        found.append(f"options repeat: {options}")
    letters = option_letters(record)
    for letter in answer:
        if letter not in letters:
            found.append(f"answer {letter!r} is beyond the options: use letters {', '.join(letters)}")
    if len(set(answer)) < len(answer):
        found.append(f"answer letters repeat: {answer}")
    if record["question_type"] == QuestionType.SINGLE_CHOICE and len(answer) > 1:
        found.append(f"a single_choice question has {len(answer)} answers: keep one or use multiple_choice")
    return found


def _premise_faults(record: Mapping[str, Any]) -> list[str]:
    is_premise_category = record["category"] == Category.FALSE_PREMISE_REJECTION
    if is_premise_category and record["premise_true"] is None:
        return ["`premise_true` must be true or false in false_premise_rejection"]
    if not is_premise_category and record["premise_true"] is not None:
        return ["`premise_true` must be null outside false_premise_rejection"]
    found = []
    if record["premise_true"] is False and not record["reject_answers"]:
        found.append("a false premise needs `reject_answers`: the letters or strings that reject it")
    if record["question_type"] != QuestionType.OPEN_ENDED:
        letters = option_letters(record)
        found += [
            f"reject answer {letter!r} is beyond the options: use letters {', '.join(letters)}"
            for letter in record["reject_answers"]
            if letter not in letters
        ]
    return found


def _grounding_faults(record: Mapping[str, Any]) -> list[str]:
    found = []
    objects = set(record["key_objects"])
    if len(objects) < len(record["key_objects"]):
        found.append(f"key_objects repeat: {list(record['key_objects'])}")
    boxes = record["key_object_boxes"]
    if boxes and len(boxes) != len(record["key_objects"]):
        found.append(f"{len(boxes)} boxes for {len(record['key_objects'])} key objects: give one each, or none")
    for subject, relation, target in record["scene_graph"]:
        found += [
            f"scene graph names {end!r}, which is no key object: add it to key_objects"
            for end in (subject, target)
            if end not in objects
        ]
        if not _RELATION.fullmatch(relation):
            found.append(f"relation {relation!r} is not snake_case")
    found += [f"key object {name!r} spans lines: write it in one" for name in record["key_objects"] if "\n" in name]
    for text in (*record["key_objects"], *(record["reasoning_chain"][step] for step in CHAIN_STEPS)):
        if mark := _SCAFFOLD_MARK.search(text):
            found.append(f"{mark.group()} in {text!r} is a mark of the scaffold: remove it from the annotation")
    return found
