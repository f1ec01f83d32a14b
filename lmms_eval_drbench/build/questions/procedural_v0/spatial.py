"""Spatial reasoning: where things are, relative to each other and to what carries them."""

import random

from lmms_eval_drbench.build.questions.draft import Draft, conclude, family, listing, place_of, resting, seen
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.taxonomy import Category, QuestionType

DIRECTIONS = {"left_of": "left of", "right_of": "right of", "above": "above", "below": "below"}
"""Relation → its words."""


def _settled(scene: Scene) -> list[SceneObject]:
    """Things whose name is enough and whose position is beyond doubt: resting and upright."""
    return [thing for thing in scene.unique() if thing.support and not thing.fallen]


def direction(scene: Scene, one: SceneObject, other: SceneObject) -> str | None:
    """How `one` lies relative to `other`, or None where a careful person would hesitate.

    On one surface it is left or right. On different surfaces it is above or below, if they overlap sideways.
    """
    if one.support == other.support:
        return "left_of" if one.centre[0] < other.centre[0] else "right_of"
    overlap = min(one.box[0] + one.box[2], other.box[0] + other.box[2]) - max(one.box[0], other.box[0])
    if overlap < min(one.box[2], other.box[2]) / 2:
        return None
    order = list(scene.surfaces)
    return "above" if order.index(one.support) < order.index(other.support) else "below"


@family(Category.SPATIAL_REASONING, weight=3)
def relative_position(scene: Scene, rng: random.Random) -> list[Draft]:
    """Left, right, above or below."""
    things = _settled(scene)
    pairs = [(a, b, way) for a in things for b in things if a is not b and (way := direction(scene, a, b))]
    if not pairs:
        return []
    wanted = rng.choice(sorted({way for _, _, way in pairs}))
    one, other, way = rng.choice([pair for pair in pairs if pair[2] == wanted])
    words = DIRECTIONS[way]
    return [
        Draft(
            question=f"Where is the {one.name} relative to the {other.name}?",
            options=list(DIRECTIONS.values()),
            right=[words],
            things=[one, other],
            graph=[(one.phrase, way, other.phrase)],
            chain=(
                seen([one, other]),
                f"The {place_of(one)} and the {place_of(other)}.",
                f"The {one.name} is {words} the {other.name}.",
                conclude([words]),
            ),
            blind_class=way,
        )
    ]


@family(Category.SPATIAL_REASONING, weight=2)
def support(scene: Scene, rng: random.Random) -> list[Draft]:
    """What a thing rests on, from the three surfaces."""
    things = [thing for thing in scene.unique() if thing.support]
    if not things:
        return []
    thing = rng.choice(things)
    return [
        Draft(
            question=f"What is the {thing.name} on?",
            options=[f"the {surface}" for surface in scene.surfaces],
            right=[f"the {thing.support}"],
            things=[thing],
            graph=resting([thing]),
            chain=(
                seen([thing]),
                f"The {place_of(thing)}.",
                f"Only the {thing.support} carries the {thing.name}.",
                conclude([f"the {thing.support}"]),
            ),
            blind_class=str(list(scene.surfaces).index(thing.support)),
        )
    ]


@family(Category.SPATIAL_REASONING, weight=2)
def neighbour(scene: Scene, rng: random.Random) -> list[Draft]:
    """The next thing to the left or right on the same surface, from four things in the picture."""
    names = {thing.name for thing in _settled(scene)}
    pairs = []
    for surface in scene.surfaces:
        row = scene.on(surface)
        pairs += [(a, b, "left_of") for a, b in zip(row, row[1:], strict=False)]
        pairs += [(b, a, "right_of") for a, b in zip(row, row[1:], strict=False)]
    pairs = [pair for pair in pairs if pair[0].name in names and pair[1].name in names]
    if not pairs or len(names) < 5:
        return []
    one, anchor, way = rng.choice(pairs)
    side = "left" if way == "left_of" else "right"
    others = sorted(names - {one.name, anchor.name})
    return [
        Draft(
            question=f"Which object is directly to the {side} of the {anchor.name}?",
            options=[one.name, *rng.sample(others, 3)],
            right=[one.name],
            things=[anchor, one],
            graph=[(one.phrase, way, anchor.phrase)],
            chain=(
                seen([anchor, one]),
                f"Both are on the {anchor.support}.",
                f"The next object on the {side} of the {anchor.name} is the {one.name}.",
                conclude([one.name]),
            ),
            blind_class=way,
        )
    ]


@family(Category.SPATIAL_REASONING, weight=2)
def on_surface(scene: Scene, rng: random.Random) -> list[Draft]:
    """Which of four things rest on a surface: one to three of them."""
    things = _settled(scene)
    surface = rng.choice(list(scene.surfaces))
    there = [thing for thing in things if thing.support == surface]
    elsewhere = [thing for thing in things if thing.support != surface]
    count = rng.randint(1, 3)
    if len(there) < count or len(elsewhere) < 4 - count:
        return []
    chosen = {thing.name for thing in rng.sample(there, count)}
    on = [thing for thing in there if thing.name in chosen]
    off = rng.sample(elsewhere, 4 - count)
    names = [thing.name for thing in on]
    return [
        Draft(
            question=f"Which of these objects are on the {surface}?",
            options=[*names, *(thing.name for thing in off)],
            right=names,
            things=on,
            graph=resting(on),
            chain=(
                seen(on),
                f"On the {surface}: {listing(names)}.",
                "The others are elsewhere.",
                conclude(names),
            ),
            blind_class=str(count),
            type=QuestionType.MULTIPLE_CHOICE,
        )
    ]
