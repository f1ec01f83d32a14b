"""Controls: variants of a question that a model must fail, or must not fail, if it looks at the picture and reads.

`shuffled` shows another picture: what is still answered right was not read from the picture. `circular` asks every
rotation of the options (as MMBench's CircularEval does): what is right under all of them was not a favourite letter.
`blind` needs no function of its own, it is the question without a picture.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmms_eval_drbench.record import option_letters
from lmms_eval_drbench.taxonomy import Category, Layer, QuestionType

SEED = 0

_ALL_OR_NOTHING = ("acc", "always_reject", "never_reject", "always_a")
_ANY = ("unparsed", "truncated")
_IDENTITY = ("record_id", "image_id", "category", "question_type")


def is_shufflable(category: str, question_type: str) -> bool:
    """Whether the gold answer stays the one to count with another picture.

    Not in layer 3, where the premise may well be true of the other picture, and not for open-ended questions, whose
    answer would change with it.
    """
    return Category(category).layer is not Layer.LOGICAL_RIGOR and is_rotatable(category, question_type)


def is_rotatable(category: str, question_type: str) -> bool:
    """Whether there are options to rotate: in every category."""
    return question_type != QuestionType.OPEN_ENDED


def derangement(image_ids: Iterable[str], seed: int = SEED) -> dict[str, str]:
    """Image id → another image's id: one cycle through all of them, the same for any order of the records.

    Raises ValueError with fewer than two images, where there is no other one.
    """
    ids = sorted(set(image_ids))
    if len(ids) < 2:
        raise ValueError("fewer than two images can't be exchanged")
    random.Random(seed).shuffle(ids)
    return dict(zip(ids, ids[1:] + ids[:1], strict=True))


def rotated(record: Mapping[str, Any], turn: int) -> dict[str, Any]:
    """The record with its options moved up by `turn` places; its answer and rejecting letters move along."""
    letters = option_letters(record)
    order = letters[turn:] + letters[:turn]
    renamed = dict(zip(order, letters, strict=True))
    options = dict(zip(letters, record["options"], strict=True))
    return dict(record) | {
        "options": [options[letter] for letter in order],
        "answer": sorted(renamed[letter] for letter in record["answer"]),
        "reject_answers": [renamed.get(letter, letter) for letter in record["reject_answers"]],
    }


def rotations(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every rotation of the record's options, the original first. Raises ValueError for an open-ended question."""
    if not record["options"]:
        raise ValueError(f"record {record['id']} has no options to rotate")
    return [rotated(record, turn) for turn in range(len(record["options"]))]


def circular(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The scores of a question's rotations as one question's score, in the format of `scoring.score`.

    acc and constant policies: 1 only when every rotation is. unparsed, truncated: 1 when any rotation is. chance: that
    of independent uniform guesses. answer and reason: those of all rotations, in order. The rest (partial credit, and
    the grounding scores of scaffolds): means over the rotations. rotation_acc: share of the rotations that are right.
    """
    found = {key: scores[0][key] for key in _IDENTITY}
    for key in scores[0]:
        values = [score[key] for score in scores]
        known = [value for value in values if value is not None]
        if key in _IDENTITY:
            continue
        if key in _ALL_OR_NOTHING:
            found[key] = min(values)
        elif key in _ANY:
            found[key] = 1.0 if 1.0 in values else 0.0 if len(known) == len(values) else None
        elif key == "chance":
            found[key] = math.prod(values)
        elif key in ("answer", "reason"):
            found[key] = " | ".join(values)
        else:
            found[key] = sum(known) / len(known) if known else None
    return found | {"rotation_acc": sum(score["acc"] for score in scores) / len(scores)}
