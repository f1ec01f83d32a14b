"""False premise rejection: questions about what is not there, each beside a twin about what is.

Twins share picture, wording and the kind of rejecting option, so that neither "always reject" nor "never reject"
scores better than chance.
"""

import random

from lmms_eval_drbench.build.questions.draft import Draft, article, conclude, family, place_of, resting, seen
from lmms_eval_drbench.build.questions.procedural_v0.perception import absent_kinds
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import COLOURS
from lmms_eval_drbench.taxonomy import Category, QuestionType


def _draft(
    scene: Scene, holds: bool, question: str, offered: str, reject: str, kind: str, near: SceneObject | None, **kwargs
) -> Draft:
    """One of two twins. kind: what is asked about; near: the one such thing in the picture, None if there is none.

    Both list everything in the picture as key objects, because to deny a thing one has to look at all of them.
    """
    answer = offered if holds else reject
    is_open = kwargs.get("type") is QuestionType.OPEN_ENDED
    return Draft(
        question=question,
        options=[] if is_open else [offered, reject],
        right=[answer],
        things=scene.objects,
        graph=resting([near] if near else []),
        chain=(
            seen([near]) if near else f"I see no {kind}.",
            f"The {place_of(near)}." if near else f"None of the objects is {article(kind)}.",
            "The question fits the picture." if holds else "The question assumes what is not there.",
            conclude([answer]),
        ),
        blind_class=str(holds),
        premise_true=holds,
        reject=reject,
        **kwargs,
    )


@family(Category.FALSE_PREMISE_REJECTION, weight=4)
def missing_object(scene: Scene, rng: random.Random) -> list[Draft]:
    """The colour of a thing that is, or is not, in the picture."""
    present = [thing for thing in scene.unique() if thing.name != scene.misplaced]
    absent = absent_kinds(scene)
    if not present or not absent:
        return []
    thing, missing = rng.choice(present), rng.choice(absent)
    cases = [(thing.name, thing.colour, thing), (missing, rng.choice(list(COLOURS)), None)]
    return [
        _draft(scene, near is not None, f"What colour is the {kind}?", offered, f"there is no {kind}", kind, near)
        for kind, offered, near in cases
    ]


@family(Category.FALSE_PREMISE_REJECTION, weight=4)
def wrong_attribute(scene: Scene, rng: random.Random) -> list[Draft]:
    """What a thing of a colour is on, where the colour is right or wrong."""
    things = [thing for thing in scene.unique() if thing.support]
    if not things:
        return []
    thing = rng.choice(things)
    other = rng.choice([colour for colour in COLOURS if colour != thing.colour])
    cases = [(thing.colour, thing.support), (other, rng.choice(list(scene.surfaces)))]
    drafts = []
    for colour, surface in cases:
        phrase = f"{colour} {thing.name}"
        question, reject = f"What is the {phrase} on?", f"there is no {phrase}"
        drafts.append(_draft(scene, colour == thing.colour, question, f"the {surface}", reject, thing.name, thing))
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, weight=3)
def wrong_relation(scene: Scene, rng: random.Random) -> list[Draft]:
    """The colour of a thing on a surface, where it is, or is not, on that surface."""
    things = [thing for thing in scene.unique() if thing.support]
    if not things:
        return []
    thing = rng.choice(things)
    elsewhere = rng.choice([surface for surface in scene.surfaces if surface != thing.support])
    cases = [(thing.support, thing.colour), (elsewhere, rng.choice(list(COLOURS)))]
    drafts = []
    for surface, offered in cases:
        phrase = f"{thing.name} on the {surface}"
        question, reject = f"What colour is the {phrase}?", f"there is no {phrase}"
        drafts.append(_draft(scene, surface == thing.support, question, offered, reject, thing.name, thing))
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, weight=1)
def missing_object_open(scene: Scene, rng: random.Random) -> list[Draft]:
    """Where a thing is that is, or is not, in the picture, in the model's own words."""
    present = [thing for thing in scene.unique() if thing.support and thing.name != scene.misplaced]
    absent = absent_kinds(scene)
    if not present or not absent:
        return []
    thing, missing = rng.choice(present), rng.choice(absent)
    cases = [(thing.name, f"on the {thing.support}", thing), (missing, "", None)]
    return [
        _draft(
            scene,
            near is not None,
            f"Where is the {kind}?",
            offered,
            f"there is no {kind}",
            kind,
            near,
            type=QuestionType.OPEN_ENDED,
        )
        for kind, offered, near in cases
    ]
