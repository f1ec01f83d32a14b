"""The tiny model's short questions about a scene: plain perception, in words or by letter."""

import random
from typing import Any

from lmms_eval_drbench.build.questions.annotated.view import Referent, View
from lmms_eval_drbench.build.questions.draft import article
from lmms_eval_drbench.build.sources.procedural.world import COLOURS, GROUNDS
from lmms_eval_drbench.taxonomy import QuestionType

Question = dict[str, Any]
"""The part of a record that a prompt needs: question, question_type, options, answer."""


def things(view: View) -> list[Referent]:
    """What can be pointed at by its kind or its colour and kind, but for the ground."""
    return [ref for ref in view.referents if ref.hops == 1 and ref.kind not in GROUNDS]


def coloured(view: View) -> list[Referent]:
    """Those of one plain colour that the words don't give away."""
    return [ref for ref in things(view) if ref.thing.colour and ref.words == ref.kind]


def choice(question: str, options: list[str], right: str, rng: random.Random) -> Question:
    """A single-choice question, options shuffled."""
    options = list(options)
    rng.shuffle(options)
    answer = ["ABCD"[options.index(right)]]
    return {"question": question, "question_type": QuestionType.SINGLE_CHOICE, "options": options, "answer": answer}


def is_there(view: View, rng: random.Random) -> Question | None:
    """Whether a kind is in the picture: yes half of the time."""
    present = rng.random() < 0.5
    names = view.notable if present else view.absent
    if not names:
        return None
    return choice(f"Can you see {article(rng.choice(names))}?", ["yes", "no"], "yes" if present else "no", rng)


def which_colour(view: View, rng: random.Random) -> Question | None:
    """The colour of a thing, from four."""
    refs = coloured(view)
    return colour_of(rng.choice(refs), rng) if refs else None


def colour_of(ref: Referent, rng: random.Random) -> Question:
    """The colour of that thing, from four."""
    others = rng.sample([colour for colour in COLOURS if colour != ref.thing.colour], 3)
    return choice(f"What colour is the {ref.words}?", [ref.thing.colour, *others], ref.thing.colour, rng)


def which_object(view: View, rng: random.Random) -> Question | None:
    """The thing of a colour, from two to four that are all there."""
    alone = _alone_in_colour(view)
    return object_like(view, rng.choice(alone), rng) if alone else None


def object_like(view: View, ref: Referent, rng: random.Random) -> Question | None:
    """The thing of that thing's colour, from two to four; None where several have it, or there is nothing else."""
    others = [other.words for other in coloured(view) if other.words != ref.words]
    if not others or ref not in _alone_in_colour(view):
        return None
    options = [ref.words, *rng.sample(others, min(len(others), rng.randint(1, 3)))]
    return choice(f"Which object is {ref.thing.colour}?", options, ref.words, rng)


def is_there_open(view: View, rng: random.Random) -> Question | None:
    """Whether a kind is in the picture, in words: yes half of the time."""
    question = is_there(view, rng)
    return question and _open(question["question"], question["options"]["AB".index(question["answer"][0])])


def which_colour_open(view: View, rng: random.Random) -> Question | None:
    """The colour of a thing, in words."""
    refs = coloured(view)
    if not refs:
        return None
    ref = rng.choice(refs)
    return _open(f"What colour is the {ref.words}?", ref.thing.colour)


def which_object_open(view: View, rng: random.Random) -> Question | None:
    """The thing of a colour, in words."""
    alone = _alone_in_colour(view)
    if not alone:
        return None
    ref = rng.choice(alone)
    return _open(f"Which object is {ref.thing.colour}?", ref.words)


def _alone_in_colour(view: View) -> list[Referent]:
    """What nothing else in the picture shares its colour with, not even in part."""
    everything = view.scene.objects
    return [
        ref
        for ref in coloured(view)
        if not any(ref.thing.colour in {other.colour, *other.tints} for other in everything if other is not ref.thing)
    ]


def _open(question: str, answer: str) -> Question:
    return {"question": question, "question_type": QuestionType.OPEN_ENDED, "options": [], "answer": [answer]}


BASE_SKILLS = (is_there_open, which_colour_open, which_object_open)
"""The plain perception questions that the tiny model answers in words: its base skills."""
QUESTIONS = (*BASE_SKILLS, *BASE_SKILLS, is_there, which_colour, which_object)
"""The questions of its lessons: mostly in words, some by letter."""
