"""Perception: what is there, in which colour, and how many."""

import random

from lmms_eval_drbench.build.questions.draft import Draft, conclude, family, listing, place_of, resting, seen
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import COLOURS, PLACES
from lmms_eval_drbench.taxonomy import Category, QuestionType


def _other_colours(rng: random.Random, colour: str) -> list[str]:
    return rng.sample([other for other in COLOURS if other != colour], 3)


def absent_kinds(scene: Scene) -> list[str]:
    """Kinds that would be usual in this place but are not in the picture: distractors that text can't rule out."""
    usual = next(place for place in PLACES if place.name == scene.place).usual_kinds
    return [kind for kind in usual if not scene.named(kind)]


def _colour_draft(thing: SceneObject, options: list[str], question_type: QuestionType) -> Draft:
    return Draft(
        question=f"What colour is the {thing.name}?",
        options=options,
        right=[thing.colour],
        things=[thing],
        graph=resting([thing]),
        chain=(
            seen([thing]),
            f"The {place_of(thing)}.",
            f"The only {thing.name} is {thing.colour}.",
            conclude([thing.colour]),
        ),
        blind_class=thing.colour,
        type=question_type,
    )


@family(Category.PERCEPTION, weight=3)
def colour(scene: Scene, rng: random.Random) -> list[Draft]:
    """The colour of a thing, from four."""
    if not scene.unique():
        return []
    thing = rng.choice(scene.unique())
    return [_colour_draft(thing, [thing.colour, *_other_colours(rng, thing.colour)], QuestionType.SINGLE_CHOICE)]


@family(Category.PERCEPTION, weight=1)
def colour_open(scene: Scene, rng: random.Random) -> list[Draft]:
    """The colour of a thing, in the model's own words."""
    if not scene.unique():
        return []
    return [_colour_draft(rng.choice(scene.unique()), [], QuestionType.OPEN_ENDED)]


@family(Category.PERCEPTION, weight=3)
def object_of_colour(scene: Scene, rng: random.Random) -> list[Draft]:
    """The one thing of a colour, from four things that are all in the picture."""
    alone = [thing for thing in scene.unique() if sum(o.colour == thing.colour for o in scene.objects) == 1]
    if not alone:
        return []
    thing = rng.choice(alone)
    others = [other.name for other in scene.unique() if other.name != thing.name]
    if len(others) < 3:
        return []
    return [
        Draft(
            question=f"Which object is {thing.colour}?",
            options=[thing.name, *rng.sample(others, 3)],
            right=[thing.name],
            things=[thing],
            graph=resting([thing]),
            chain=(
                seen([thing]),
                f"The {place_of(thing)}.",
                f"The only {thing.colour} object is the {thing.name}.",
                conclude([thing.name]),
            ),
            blind_class=thing.colour,
        )
    ]


@family(Category.PERCEPTION, weight=2)
def visible(scene: Scene, rng: random.Random) -> list[Draft]:
    """Which of four kinds are in the picture: one to three of them."""
    present = [thing for thing in scene.unique() if thing.name != scene.misplaced]
    absent = absent_kinds(scene)
    count = rng.randint(1, 3)
    if len(present) < count or len(absent) < 4 - count:
        return []
    chosen = set(rng.sample([thing.name for thing in present], count))
    things = [thing for thing in present if thing.name in chosen]
    missing = rng.sample(absent, 4 - count)
    names = [thing.name for thing in things]
    return [
        Draft(
            question="Which of these objects can be seen in the picture?",
            options=[*names, *missing],
            right=names,
            things=things,
            graph=resting(things),
            chain=(
                seen(things),
                " ".join(f"The {place_of(thing)}." for thing in things),
                f"There is no {listing(missing).replace(' and ', ' or ')}.",
                conclude(names),
            ),
            blind_class=str(count),
            type=QuestionType.MULTIPLE_CHOICE,
        )
    ]


@family(Category.PERCEPTION, weight=2)
def count_on_surface(scene: Scene, rng: random.Random) -> list[Draft]:
    """How many things rest on a surface: one to four, each equally frequent by the way scenes are composed."""
    if any(thing.support is None for thing in scene.objects):
        return []
    surface = rng.choice(list(scene.surfaces))
    things = scene.on(surface)
    number = str(len(things))
    return [
        Draft(
            question=f"How many objects are on the {surface}?",
            options=["1", "2", "3", "4"],
            right=[number],
            things=things,
            graph=resting(things),
            chain=(
                seen(things),
                f"All of them are on the {surface}.",
                f"Counting them gives {number}.",
                conclude([number]),
            ),
            blind_class=number,
        )
    ]
