"""What the tiny model learns from scratch: to name what it sees, to look facts up, and to bind answers to letters.

A lesson is a conversation about one scene, whose turns come in random order. The scene is shown as a picture or,
in text-only lessons, told in words: looking up told facts teaches letters and yes/no fast, and carries over to
pictures. Last come lists, plain sentences and arrows, the forms in which a pretrained model already speaks. Nothing
here asks for directions, uses, anomalies or false premises, and no turn has the scaffold's fields, tags or steps: that
is what the benchmark tests and fine-tuning teaches.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lmms_eval_drbench import prompts
from lmms_eval_drbench.build.questions.draft import place_of, seen
from lmms_eval_drbench.build.questions.perception import absent_kinds
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural.world import COLOURS, KINDS
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.taxonomy import QuestionType

Turn = tuple[str, str]
"""What the user says and what the assistant answers."""


@dataclass(frozen=True)
class Lesson:
    """A conversation: turns, and whether the picture is shown (otherwise the first turn tells the scene)."""

    scene: Scene | None
    turns: list[Turn]
    shows_picture: bool


def lesson(
    scene: Scene,
    rng: random.Random,
    shows_picture: bool,
    kinds: Sequence[Callable] | None = None,
    count: int = 2,
    looked_up: int = 7,
    sentences: int = 0,
) -> Lesson:
    """Dense turns (a description, `looked_up` look-ups), `count` short questions of these `kinds`, and `sentences`
    turns of lists, sentences and arrows, shuffled.

    The description is never followed by another turn: its text would answer everything after it.
    """
    questions = [rng.choice(kinds or QUESTIONS)(scene, rng) for _ in range(count)]
    turns = [(prompts.direct(question), gold_answer(question)) for question in questions if question]
    turns += [rng.choice(SENTENCES)(scene, rng) for _ in range(sentences)]
    if looked_up:
        turns.append(look_up(scene, rng, looked_up))
    rng.shuffle(turns)
    if shows_picture:
        turns.append(describe(scene))
    else:
        user, assistant = turns[0]
        turns[0] = (f"{told(scene)}\n{user}", assistant)
    return Lesson(scene, turns, shows_picture)


def drill(rng: random.Random, sentences: bool = False) -> Lesson:
    """The first thing to learn: look a colour up by name, and a letter by option, in two to four told facts."""
    names = rng.sample(KINDS, rng.randint(2, 4))
    facts = dict(zip(names, rng.sample(list(COLOURS), len(names)), strict=True))
    asked = rng.sample(names, len(names))
    told_facts = "\n".join(f"- {colour} {name}" for name, colour in facts.items())
    options = rng.sample(list(COLOURS), rng.randint(2, 4))
    lettered = [f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=False)]
    sought = rng.sample(options, len(options))
    turns = [
        ("Look up.", "\n".join(f"{name}: {facts[name]}" for name in asked)),
        ("\n".join(lettered), "\n".join(f"{option}: {'ABCD'[options.index(option)]}" for option in sought)),
    ]
    if sentences:
        option = rng.choice(options)
        turns.append((f"{chr(10).join(lettered)}\nThe answer is {option}.", "ABCD"[options.index(option)]))
    for name in rng.sample(names, 2):
        others = [colour for colour in COLOURS if colour != facts[name]]
        choices = [facts[name], *rng.sample(others, rng.randint(1, 3))]
        question = _choice(f"What colour is the {name}?", choices, facts[name], rng)
        turns.append((prompts.direct(question), gold_answer(question)))
    rng.shuffle(turns)
    turns[0] = (f"{told_facts}\n{turns[0][0]}", turns[0][1])
    return Lesson(None, turns, shows_picture=False)


def _marks(thing: SceneObject) -> str:
    marks = [thing.state] if thing.state else []
    marks += ["fallen"] if thing.fallen else []
    return "".join(f", {mark}" for mark in marks)


def told(scene: Scene) -> str:
    """The scene in words, surface by surface in reading order."""
    lines = [f"Place: {scene.place}"]
    for surface in scene.surfaces:
        lines.append(f"{surface}:")
        lines += [f"- {thing.phrase}{_marks(thing)}" for thing in scene.on(surface)]
    floating = [thing for thing in scene.objects if thing.support is None]
    if floating:
        lines += ["mid-air:", *(f"- {thing.phrase}{_marks(thing)}" for thing in floating)]
    return "\n".join(lines)


def describe(scene: Scene) -> Turn:
    """The densest turn: everything, in reading order."""
    return "Describe the picture.", told(scene)


def look_up(scene: Scene, rng: random.Random, count: int) -> Turn:
    """Many kinds at once, present and absent ones in random order: colour and place of each, or `no`."""
    names = list(dict.fromkeys(thing.name for thing in scene.objects))
    absent = absent_kinds(scene) + [kind for kind in KINDS if not scene.named(kind)]
    names += rng.sample(sorted(set(absent)), min(4, len(set(absent))))
    rng.shuffle(names)
    lines = []
    for name in names[:count]:
        found = [f"{thing.colour}, {thing.support or 'mid-air'}{_marks(thing)}" for thing in scene.named(name)]
        lines.append(f"{name}: {'; '.join(found) if found else 'no'}")
    return f"Look up: {', '.join(names[:count])}.", "\n".join(lines)


def _some(scene: Scene, rng: random.Random) -> list[SceneObject]:
    """One to five things of one kind each, in reading order."""
    things = [thing for thing in scene.unique() if thing.support] or list(scene.objects[:1])
    chosen = rng.sample(things, min(len(things), rng.randint(1, 5)))
    return sorted(chosen, key=scene.objects.index)


def _named(things: list[SceneObject], rng: random.Random) -> str:
    return ", ".join(rng.sample([thing.name for thing in things], len(things)))


def list_some(scene: Scene, rng: random.Random) -> Turn:
    """The named things as a list with their colours, in reading order."""
    things = _some(scene, rng)
    return f"List these: {_named(things, rng)}.", "\n".join(f"- {thing.phrase}" for thing in things)


def list_all(scene: Scene, rng: random.Random) -> Turn:
    """Everything as a list."""
    return "List all objects.", "\n".join(f"- {thing.phrase}" for thing in scene.objects)


def list_surface(scene: Scene, rng: random.Random) -> Turn:
    """What rests on one surface, as a list."""
    surface = rng.choice(list(scene.surfaces))
    things = scene.on(surface)
    return f"List what is on the {surface}.", "\n".join(f"- {thing.phrase}" for thing in things) or "- nothing"


def tell_some(scene: Scene, rng: random.Random) -> Turn:
    """The named things in sentences: that they are there, and where."""
    things = _some(scene, rng)
    return f"Tell me about: {_named(things, rng)}.", f"{seen(things)}\n" + " ".join(
        f"The {place_of(thing)}." for thing in things
    )


def arrows(scene: Scene, rng: random.Random) -> Turn:
    """What carries the named things, as arrows."""
    things = [thing for thing in _some(scene, rng) if thing.support]
    lines = [f"{thing.phrase} --on--> {thing.support}" for thing in things]
    return f"Draw arrows: {_named(things, rng)}.", "\n".join(lines) or "nothing"


SENTENCES = (list_some, list_some, list_all, list_surface, tell_some, tell_some, arrows, arrows)
"""Turns in lists, sentences and arrows."""

Question = dict[str, Any]
"""The part of a record that a prompt needs: question, question_type, options, answer."""


def _choice(question: str, options: list[str], right: str, rng: random.Random) -> Question:
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
    return _choice(f"Can you see a {rng.choice(names)}?", ["yes", "no"], answer, rng)


def which_colour(scene: Scene, rng: random.Random) -> Question | None:
    """The colour of a thing, from four."""
    if not scene.unique():
        return None
    thing = rng.choice(scene.unique())
    others = rng.sample([colour for colour in COLOURS if colour != thing.colour], 3)
    return _choice(f"What colour is the {thing.name}?", [thing.colour, *others], thing.colour, rng)


def which_colour_open(scene: Scene, rng: random.Random) -> Question | None:
    """The colour of a thing, in words."""
    if not scene.unique():
        return None
    thing = rng.choice(scene.unique())
    return _open(f"What colour is the {thing.name}?", thing.colour)


def which_object(scene: Scene, rng: random.Random) -> Question | None:
    """The thing of a colour, from two to four that are all there."""
    thing = _alone_in_colour(scene, rng)
    if not thing:
        return None
    others = [other.name for other in scene.unique() if other.name != thing.name]
    if not others:
        return None
    options = [thing.name, *rng.sample(others, min(len(others), rng.randint(1, 3)))]
    return _choice(f"Which object is {thing.colour}?", options, thing.name, rng)


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
