"""What the tiny model learns from scratch: to name what it sees, to look facts up, and to speak of both.

A lesson is a conversation about one scene, whose turns come in random order. The scene is shown as a picture or,
in text-only lessons, told in words: looking up told facts carries over to pictures. The turns are questions of plain
perception, lists, plain sentences and arrows, the forms in which a pretrained model already speaks. They state single
facts. No turn asks the benchmark's questions beyond plain perception, and none has the scaffold's fields, tags or
steps: choosing the facts that a question needs and drawing the conclusion is what fine-tuning teaches.
"""

import random
from dataclasses import dataclass

from lmms_eval_drbench import prompts
from lmms_eval_drbench.build.questions.annotated.view import View
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.scaffold import gold_answer
from lmms_eval_drbench.tiny.drills import knowledge_drill, look_up_drill
from lmms_eval_drbench.tiny.questions import QUESTIONS
from lmms_eval_drbench.tiny.sentences import MID_AIR, SENTENCES, WALL, Turn, marks, place_of, with_remarks


@dataclass(frozen=True)
class Lesson:
    """A conversation: turns, and the scene whose picture it shows, if any."""

    turns: list[Turn]
    scene: Scene | None = None


def lesson(scene: Scene, rng: random.Random, shows_picture: bool, looked_up: int = 6, sentences: int = 3) -> Lesson:
    """One short question, `sentences` turns of lists, sentences and arrows, `looked_up` look-ups in one turn, in
    random order and with remarks, and then, of a picture, its description.

    The description is never followed by another turn: its text would answer everything after it.
    """
    view = View(scene)
    question = rng.choice(QUESTIONS)(view, rng)
    turns = [(prompts.direct(question), gold_answer(question))] if question else []
    turns += [rng.choice(SENTENCES)(view, rng) for _ in range(sentences)]
    turns = [(with_remarks(user, rng), assistant) for user, assistant in turns]
    if looked_up:
        turns.append(look_up(view, rng, looked_up))
    rng.shuffle(turns)
    if shows_picture:
        turns.append(("Describe the picture.", told(scene)))
    if not shows_picture:
        user, assistant = turns[0]
        turns[0] = (f"{told(scene)}\n{user}", assistant)
    return Lesson(turns, scene if shows_picture else None)


def drill(rng: random.Random) -> Lesson:
    """A text-only lesson: look-ups in told facts, or what everybody knows."""
    return Lesson(rng.choice((look_up_drill, knowledge_drill))(rng))


def _marked(thing: SceneObject) -> str:
    return "".join(f", {mark}" for mark in marks(thing))


def told(scene: Scene) -> str:
    """The scene in words: surface by surface from the top, left to right, then what hangs."""
    lines = [f"Place: {scene.place}"]
    shown = [thing for thing in scene.objects if thing.clear and thing.name not in scene.surfaces]
    carriers = [thing for thing in scene.objects if thing.clear and thing.name in scene.surfaces and thing.colour]
    lines += [f"- {thing.phrase}{_marked(thing)}" for thing in carriers]
    for place in (*scene.surfaces, WALL, MID_AIR):
        found = [thing for thing in shown if place_of(scene, thing) == place]
        if found:
            lines += [f"{place}:", *(f"- {thing.phrase}{_marked(thing)}" for thing in found)]
    return "\n".join(lines)


def look_up(view: View, rng: random.Random, count: int) -> Turn:
    """Several kinds at once, present and absent ones in random order: colour and place of each, or `no`."""
    names = view.notable + rng.sample(view.absent, min(4, len(view.absent)))
    rng.shuffle(names)
    lines = []
    for name in names[:count]:
        found = [
            f"{thing.colour or 'painted'}, {place_of(view.scene, thing)}{_marked(thing)}"
            for thing in view.scene.named(name)
            if thing.clear
        ]
        lines.append(f"{name}: {'; '.join(found) if found else 'no'}")
    return f"Look up: {', '.join(names[:count])}.", "\n".join(lines)
