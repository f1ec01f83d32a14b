"""The tiny model's short questions about a scene: plain perception, in words or by letter."""

import random
from typing import Any

from lmms_eval_drbench.build.questions.procedural_v0.perception import absent_kinds
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import COLOURS
from lmms_eval_drbench.taxonomy import QuestionType

Question = dict[str, Any]
"""The part of a record that a prompt needs: question, question_type, options, answer."""


def choice(question: str, options: list[str], right: str, rng: random.Random) -> Question:
    """A single-choice question, options shuffled."""
    options = list(options)
    rng.shuffle(options)
    answer = ["ABCD"[options.index(right)]]
    return {"question": question, "question_type": QuestionType.SINGLE_CHOICE, "options": options, "answer": answer}


def is_there(scene: Scene, rng: random.Random) -> Question | None:
    """Whether a kind is in the picture: yes half of the time."""
    present = rng.random() < 0.5
    names = [thing.name for thing in scene.objects] if present else absent_kinds(scene)
    if not names:
        return None
    answer = "yes" if present else "no"
    return choice(f"Can you see a {rng.choice(names)}?", ["yes", "no"], answer, rng)


def which_colour(scene: Scene, rng: random.Random) -> Question | None:
    """The colour of a thing, from four."""
    return colour_of(scene, rng.choice(scene.unique()), rng) if scene.unique() else None


def colour_of(scene: Scene, thing: SceneObject, rng: random.Random) -> Question | None:
    """The colour of that thing, from four; None where there are several of its kind."""
    if len(scene.named(thing.name)) > 1:
        return None
    others = rng.sample([colour for colour in COLOURS if colour != thing.colour], 3)
    return choice(f"What colour is the {thing.name}?", [thing.colour, *others], thing.colour, rng)


def which_colour_open(scene: Scene, rng: random.Random) -> Question | None:
    """The colour of a thing, in words."""
    if not scene.unique():
        return None
    thing = rng.choice(scene.unique())
    return _open(f"What colour is the {thing.name}?", thing.colour)


def which_object(scene: Scene, rng: random.Random) -> Question | None:
    """The thing of a colour, from two to four that are all there."""
    thing = _alone_in_colour(scene, rng)
    return thing and object_like(scene, thing, rng)


def object_like(scene: Scene, thing: SceneObject, rng: random.Random) -> Question | None:
    """The thing of that thing's colour, from two to four; None where several have it, or there is nothing else."""
    if sum(other.colour == thing.colour for other in scene.objects) > 1:
        return None
    others = [other.name for other in scene.unique() if other.name != thing.name]
    if not others:
        return None
    options = [thing.name, *rng.sample(others, min(len(others), rng.randint(1, 3)))]
    return choice(f"Which object is {thing.colour}?", options, thing.name, rng)


def is_there_open(scene: Scene, rng: random.Random) -> Question | None:
    """Whether a kind is in the picture, in words: yes half of the time."""
    question = is_there(scene, rng)
    return question and _open(question["question"], question["options"]["AB".index(question["answer"][0])])


def which_object_open(scene: Scene, rng: random.Random) -> Question | None:
    """The thing of a colour, in words."""
    thing = _alone_in_colour(scene, rng)
    return thing and _open(f"Which object is {thing.colour}?", thing.name)


def _alone_in_colour(scene: Scene, rng: random.Random) -> SceneObject | None:
    alone = [thing for thing in scene.unique() if sum(o.colour == thing.colour for o in scene.objects) == 1]
    return rng.choice(alone) if alone else None


def _open(question: str, answer: str) -> Question:
    return {"question": question, "question_type": QuestionType.OPEN_ENDED, "options": [], "answer": [answer]}


LETTERED_FIRST = (is_there, which_colour, which_colour_open, which_object)
"""The questions of the first part of the run, nearly all answered by letter."""
BASE_SKILLS = (is_there_open, which_colour_open, which_object_open)
"""The plain perception questions that the tiny model answers after it, in words: its base skills."""
QUESTIONS = (*BASE_SKILLS, *BASE_SKILLS, which_colour, which_object)
"""The questions of the rest of the run: mostly in words, some still by letter."""
