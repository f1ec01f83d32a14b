"""Affordance reasoning: what the things in the picture let a person do, and which state prevents it."""

import random

from lmms_eval_drbench.build.questions.draft import Draft, conclude, family, listing, place_of, resting, seen
from lmms_eval_drbench.build.questions.procedural_v0.perception import absent_kinds
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import COLOURS, PURPOSES, STATES, serves
from lmms_eval_drbench.taxonomy import Category, QuestionType


def _only_servers(scene: Scene) -> list[tuple[str, SceneObject]]:
    """(purpose, thing) where exactly one thing in the picture serves, and nothing else would in another state."""
    found = []
    for purpose, kinds in PURPOSES.items():
        candidates = [thing for thing in scene.objects if thing.name in kinds]
        if (
            len(candidates) == 1
            and not candidates[0].fallen
            and serves(candidates[0].name, candidates[0].state, purpose)
        ):
            found.append((purpose, candidates[0]))
    return found


def _serving_chain(thing: SceneObject, purpose: str, answer: str) -> tuple[str, str, str, str]:
    return (
        seen([thing]),
        f"The {place_of(thing)}.",
        f"The {thing.name} lets you {purpose}.",
        conclude([answer]),
    )


@family(Category.AFFORDANCE_REASONING, weight=3)
def serving_colour(scene: Scene, rng: random.Random) -> list[Draft]:
    """The colour of the one thing that serves a purpose: the text alone doesn't show which colour it has here."""
    pairs = _only_servers(scene)
    if not pairs:
        return []
    purpose, thing = rng.choice(pairs)
    others = rng.sample([colour for colour in COLOURS if colour != thing.colour], 3)
    return [
        Draft(
            question=f"What colour is the object that lets you {purpose}?",
            options=[thing.colour, *others],
            right=[thing.colour],
            things=[thing],
            graph=resting([thing]),
            chain=_serving_chain(thing, purpose, thing.colour),
            blind_class=thing.colour,
        )
    ]


@family(Category.AFFORDANCE_REASONING, weight=3)
def serving_place(scene: Scene, rng: random.Random) -> list[Draft]:
    """Where the one thing is that serves a purpose."""
    pairs = [(purpose, thing) for purpose, thing in _only_servers(scene) if thing.support]
    if not pairs:
        return []
    purpose, thing = rng.choice(pairs)
    answer = f"on the {thing.support}"
    return [
        Draft(
            question=f"Where is the object that lets you {purpose}?",
            options=[f"on the {surface}" for surface in scene.surfaces],
            right=[answer],
            things=[thing],
            graph=resting([thing]),
            chain=_serving_chain(thing, purpose, answer),
            blind_class=str(list(scene.surfaces).index(thing.support)),
        )
    ]


@family(Category.AFFORDANCE_REASONING, weight=2)
def ready_to_use(scene: Scene, rng: random.Random) -> list[Draft]:
    """Whether a thing with a state serves right now: a lamp that is off gives no light."""
    things = [thing for thing in scene.unique() if thing.state]
    if not things:
        return []
    thing = rng.choice(things)
    purpose = next(purpose for purpose, kinds in PURPOSES.items() if thing.name in kinds)
    ready = thing.state == STATES[thing.name][0]
    answer = "yes" if ready else "no"
    return [
        Draft(
            question=f"Can the {thing.name} be used right now to {purpose}?",
            options=["yes", "no"],
            right=[answer],
            things=[thing],
            graph=resting([thing]),
            chain=(
                seen([thing]),
                f"The {thing.name} is {thing.state}.",
                f"A {thing.name} that is {thing.state} {'can' if ready else 'cannot'} {purpose}.",
                conclude([answer]),
            ),
            blind_class=answer,
        )
    ]


@family(Category.AFFORDANCE_REASONING, weight=2)
def possible_here(scene: Scene, rng: random.Random) -> list[Draft]:
    """Which of four purposes something in the picture serves: one to three of them."""
    servers = {purpose: thing for purpose, thing in _only_servers(scene) if thing.name != scene.misplaced}
    absent = set(absent_kinds(scene))
    idle = [purpose for purpose, kinds in PURPOSES.items() if absent & set(kinds) and not _any_of(scene, kinds)]
    count = rng.randint(1, 3)
    if len(servers) < count or len(idle) < 4 - count:
        return []
    chosen = set(rng.sample(sorted(servers), count))
    possible = sorted(chosen, key=lambda purpose: scene.objects.index(servers[purpose]))
    things = list(dict.fromkeys(servers[purpose] for purpose in possible))
    return [
        Draft(
            question="Which of these can you do with the objects in the picture?",
            options=[*possible, *rng.sample(idle, 4 - count)],
            right=possible,
            things=things,
            graph=resting(things),
            chain=(
                seen(things),
                " ".join(f"The {place_of(thing)}." for thing in things),
                f"They let you {listing(possible)}.",
                conclude(possible),
            ),
            blind_class=str(count),
            type=QuestionType.MULTIPLE_CHOICE,
        )
    ]


def _any_of(scene: Scene, kinds: tuple[str, ...]) -> bool:
    return any(thing.name in kinds for thing in scene.objects)
