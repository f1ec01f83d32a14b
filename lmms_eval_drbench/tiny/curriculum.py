"""What the tiny model learns from scratch: to name what it sees, to look facts up, and to bind answers to letters.

A lesson is a conversation about one scene, whose turns come in random order. The scene is shown as a picture or,
in text-only lessons, told in words: looking up told facts teaches letters and yes/no fast, and carries over to
pictures. Last come lists, plain sentences and arrows, the forms in which a pretrained model already speaks. They
state single facts. No turn asks the benchmark's questions beyond plain perception, and none has the scaffold's
fields, tags or steps: choosing the facts that a question needs and drawing the conclusion is what fine-tuning teaches.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lmms_eval_drbench import prompts
from lmms_eval_drbench.build.questions.procedural_v0.perception import absent_kinds
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import KINDS
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.tiny.drills import letter_drill, look_up_drill
from lmms_eval_drbench.tiny.questions import QUESTIONS
from lmms_eval_drbench.tiny.sentences import AT_LENGTH, SENTENCES, Turn, with_remarks


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
    at_length: bool = False,
) -> Lesson:
    """`count` short questions of these `kinds`, `sentences` turns of lists, sentences and arrows, and the densest
    turns: `looked_up` look-ups and then, of a picture, its description. All but the description are shuffled.
    at_length: answers step by step are among the sentences, and remarks stand behind what the user says.

    The description is never followed by another turn: its text would answer everything after it.
    """
    questions = [rng.choice(kinds or QUESTIONS)(scene, rng) for _ in range(count)]
    turns = [(prompts.direct(question), gold_answer(question)) for question in questions if question]
    turns += [rng.choice(AT_LENGTH if at_length else SENTENCES)(scene, rng) for _ in range(sentences)]
    if at_length:
        turns = _with_remarks(turns, rng)
    if looked_up:
        turns.append(look_up(scene, rng, looked_up))
    rng.shuffle(turns)
    if shows_picture and looked_up:
        turns.append(describe(scene))
    if not shows_picture:
        user, assistant = turns[0]
        turns[0] = (f"{told(scene)}\n{user}", assistant)
    return Lesson(scene, turns, shows_picture)


def drill(rng: random.Random, letters: bool = False, at_length: bool = False) -> Lesson:
    """A text-only lesson: look-ups in told facts, or the letters of all sorts of options; at_length: with remarks."""
    turns = letter_drill(rng) if letters else look_up_drill(rng)
    if at_length:
        turns = _with_remarks(turns, rng)
    return Lesson(None, turns, shows_picture=False)


def _with_remarks(turns: list[Turn], rng: random.Random) -> list[Turn]:
    return [(with_remarks(user, rng), assistant) for user, assistant in turns]


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
