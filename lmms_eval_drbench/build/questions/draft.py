"""A draft: a question before its options are ordered and lettered; and what a family of them is."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lmms_eval_drbench.build.ledger import Cue
from lmms_eval_drbench.build.scene import Scene
from lmms_eval_drbench.taxonomy import Category, QuestionType

NONE_OF_THEM = "none of them"


@dataclass
class Draft:
    """One question with its ground truth.

    options: texts, empty for an open question. right: the right option texts, or the accepted strings.
    boxes: the key objects by phrase.
    graph: (subject, relation, object) by phrase.
    chain: perception, relation, logic, conclusion.
    cues: single bets that the text offers, for the builder's ledger.
    """

    question: str
    options: list[str]
    right: list[str]
    boxes: dict[str, tuple[int, int, int, int]]
    graph: list[tuple[str, str, str]]
    chain: tuple[str, str, str, str]
    type: QuestionType = QuestionType.SINGLE_CHOICE
    premise_true: bool | None = None
    reject: str | None = None
    cues: Sequence[Cue] = ()


@dataclass(frozen=True)
class Family:
    """A way of asking. `draft` returns one draft, a pair of twins, or nothing where the scene can't carry it.

    needs: the facts without which it is never asked. most: its greatest share of its category's questions.
    topic: families of one topic ask the same in other words, and never do so twice about the same things.
    """

    name: str
    category: Category
    weight: float
    draft: Callable[[Any, random.Random], list[Draft]]
    needs: frozenset[str] = frozenset()
    most: float = 1.0
    topic: str = ""


def listing(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def article(noun: str) -> str:
    """`a kitchen`, `an office`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def conclude(names: Sequence[str]) -> str:
    """The chain's last step. One wording for every family, so that it can be read back and checked."""
    return f"The answer is {listing(names)}."


def finish(
    draft: Draft, family: Family, scene: Scene, split: str, number: int, first: int, rng: random.Random
) -> dict[str, Any]:
    """A draft as a record without its image.

    first: where a single right option goes (the builder balances positions); the others are shuffled.
    """
    options = list(draft.options)
    rng.shuffle(options)
    if draft.type is QuestionType.SINGLE_CHOICE:
        options.remove(draft.right[0])
        options.insert(first % (len(options) + 1), draft.right[0])
    letters = {option: chr(ord("A") + index) for index, option in enumerate(options)}
    reject = [] if draft.reject is None else [letters.get(draft.reject, draft.reject)]
    return {
        "id": f"{scene.id}-{number}",
        "image_id": scene.id,
        "source": scene.source,
        "split": split,
        "category": str(family.category),
        "family": family.name,
        "question_type": str(draft.type),
        "question": draft.question,
        "options": options,
        "answer": sorted(letters[text] for text in draft.right) if options else list(draft.right),
        "key_objects": list(draft.boxes),
        "key_object_boxes": [list(map(float, box)) for box in draft.boxes.values()],
        "scene_graph": [list(triple) for triple in draft.graph],
        "reasoning_chain": dict(zip(("perception", "relation", "logic", "conclusion"), draft.chain, strict=True)),
        "premise_true": draft.premise_true,
        "reject_answers": reject,
        "twin_id": None,
    }
