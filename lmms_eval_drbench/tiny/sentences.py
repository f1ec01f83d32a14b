"""The tiny model's turns in lists, sentences and arrows: the forms in which a pretrained model already speaks.

They state what is there, where, in which condition, and how two things lie to each other. What a thing is for and
where it belongs is in `drills`. Putting such statements together into an answer is left to fine-tuning.
"""

import random

from lmms_eval_drbench import prompts
from lmms_eval_drbench.build.questions.draft import place_of, seen
from lmms_eval_drbench.build.questions.procedural_v0.perception import absent_kinds
from lmms_eval_drbench.build.questions.procedural_v0.spatial import DIRECTIONS, direction
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.tiny.questions import colour_of, is_there, object_like, which_colour, which_object

Turn = tuple[str, str]
"""What the user says and what the assistant answers."""


def _some(scene: Scene, rng: random.Random) -> list[SceneObject]:
    """One to four things of one kind each, in reading order; a thing in an odd condition is among them more often."""
    things = scene.unique() or list(scene.objects[:1])
    chosen = rng.sample(things, min(len(things), rng.randint(1, 4)))
    odd = [thing for thing in things if thing.fallen or thing.support is None]
    if odd and rng.random() < 0.5:
        chosen = [odd[0], *(thing for thing in chosen[1:] if thing is not odd[0])]
    return sorted(chosen, key=scene.objects.index)


def _named(things: list[SceneObject], rng: random.Random) -> str:
    """Their kinds, in the picture's order or in any other."""
    names = [thing.name for thing in things]
    return ", ".join(names if rng.random() < 0.5 else rng.sample(names, len(names)))


def list_some(scene: Scene, rng: random.Random) -> Turn:
    """The named things as a list with their colours, in reading order."""
    things = _some(scene, rng)
    return f"List these: {_named(things, rng)}.", "\n".join(f"- {thing.phrase}" for thing in things)


def list_all(scene: Scene, rng: random.Random) -> Turn:
    """Everything as a list."""
    return "List all objects.", "\n".join(f"- {thing.phrase}" for thing in scene.objects)


def list_surface(scene: Scene, rng: random.Random) -> Turn:
    """What rests on one surface, as a list from left to right, and how many that is."""
    surface = rng.choice(list(scene.surfaces))
    things = scene.on(surface)
    count = f"\nCounting them gives {len(things)}."
    return f"List what is on the {surface}.", ("\n".join(f"- {thing.phrase}" for thing in things) or "- none") + count


def tell_some(scene: Scene, rng: random.Random) -> Turn:
    """The named things in sentences: that they are there, and where."""
    things = _some(scene, rng)
    return f"Tell me about: {_named(things, rng)}.", f"{seen(things)}\n" + " ".join(
        f"The {place_of(thing)}." for thing in things
    )


def look_for(scene: Scene, rng: random.Random) -> Turn:
    """Which of some kinds are there, and which are not."""
    things = rng.sample(scene.unique(), min(len(scene.unique()), rng.randint(0, 3)))
    things.sort(key=scene.objects.index)
    absent = absent_kinds(scene)
    missing = rng.sample(absent, min(len(absent), rng.randint(0 if things else 1, 3)))
    names = [thing.name for thing in things] + missing
    there = f"{seen(things)}\n" if things else ""
    gone = f"There is no {' or '.join(missing)}." if missing else "There is nothing else."
    return f"Look for: {', '.join(rng.sample(names, len(names)))}.", there + gone


def condition(scene: Scene, rng: random.Random) -> Turn:
    """How the named things are: their state, fallen over, in mid-air, or simply where they are."""
    things = [thing for thing in scene.unique() if thing.fallen or thing.support is None or thing.state]
    things = rng.sample(things, min(len(things), 2)) + _some(scene, rng)[:2]
    things = sorted(set(things), key=scene.objects.index)
    return f"How are these: {_named(things, rng)}.", "\n".join(_condition_of(thing) for thing in things)


def _condition_of(thing: SceneObject) -> str:
    if thing.fallen:
        return f"The {thing.name} has fallen over."
    if thing.support is None:
        return f"The {thing.name} is in mid-air."
    return f"The {thing.name} is {thing.state or f'on the {thing.support}'}."


def arrows(scene: Scene, rng: random.Random) -> Turn:
    """What carries the named things, as arrows."""
    things = _some(scene, rng)
    lines = [f"{thing.phrase} --on--> {thing.support}" for thing in things if thing.support]
    return f"Draw arrows: {_named(things, rng)}.", "\n".join(lines) or "nothing"


def compare_two(scene: Scene, rng: random.Random) -> Turn:
    """How one thing lies to another, as an arrow or as a sentence."""
    things = [thing for thing in scene.unique() if thing.support and not thing.fallen]
    pairs = [(a, b, way) for a in things for b in things if a is not b and (way := direction(scene, a, b))]
    if not pairs:
        return list_some(scene, rng)
    wanted = rng.choice(sorted({way for _, _, way in pairs}))
    one, other, way = rng.choice([pair for pair in pairs if pair[2] == wanted])
    if rng.random() < 0.5:
        return f"Draw an arrow: {one.name} to {other.name}.", f"{one.phrase} --{way}--> {other.phrase}"
    return f"Tell me: {one.name} relative to {other.name}.", f"The {one.name} is {DIRECTIONS[way]} the {other.name}."


def neighbours(scene: Scene, rng: random.Random) -> Turn:
    """What stands next to a thing on either side."""
    rows = [row for surface in scene.surfaces if (row := scene.on(surface))]
    unique = set(scene.unique())
    places = [(row, index) for row in rows for index, thing in enumerate(row) if thing in unique]
    if not places:
        return list_some(scene, rng)
    row, index = rng.choice(places)
    left = f"the {row[index - 1].phrase}" if index else "nothing"
    right = f"the {row[index + 1].phrase}" if index + 1 < len(row) else "nothing"
    return f"Tell me what is next to the {row[index].name}.", f"On the left: {left}. On the right: {right}."


def by_letter(scene: Scene, rng: random.Random) -> Turn:
    """A perception question with options: the answer in a sentence, then its letter."""
    question = rng.choice((is_there, which_colour, which_object, which_object))(scene, rng)
    if question is None:
        return list_some(scene, rng)
    letter = question["answer"][0]
    said = question["options"]["ABCD".index(letter)]
    return f"{prompts.question_block(question)}\nSay it, then the letter.", f"The answer is {said}.\n{letter}"


def step_by_step(scene: Scene, rng: random.Random) -> Turn:
    """A perception question with options: what there is to see, then the answer in a sentence, then its letter."""
    thing = rng.choice(scene.unique() or list(scene.objects))
    question = rng.choice((colour_of, object_like))(scene, thing, rng)
    if question is None:
        return by_letter(scene, rng)
    letter = question["answer"][0]
    said = question["options"]["ABCD".index(letter)]
    others = rng.sample(list(scene.objects), rng.randint(0, min(3, len(scene.objects))))
    things = [thing, *(other for other in others if other is not thing)]
    looked = rng.choice(
        (
            "\n".join(f"- {one.phrase}" for one in things),
            f"{seen([thing])}\nThe {place_of(thing)}.",
            f"{seen(things)}\n" + " ".join(f"The {place_of(one)}." for one in things),
        )
    )
    ask = f"{prompts.question_block(question)}\nSay what you see, then the answer, then the letter."
    return ask, f"{looked}\nThe answer is {said}.\n{letter}"


_REMARKS = (
    "Look at the whole picture first.",
    "Keep it short.",
    "Say only what can be seen in the picture.",
    "Do not guess.",
    "Write one object a line.",
    "First say what is there, then what follows, then the answer.",
    "Close with the answer.",
    "The order does not matter, but every part of the question does.",
    "Name each thing with its colour and its kind, as the question does.",
    "Use plain words and whole sentences where you can, and lists where that is shorter.",
    "Read the question twice, and answer that question and no other.",
    "Where there are options, choose among them, separated by commas where several are right.",
)


def with_remarks(text: str, rng: random.Random) -> str:
    """What the user says, and up to five remarks behind it: the answer must reach back over any of them.

    Without them a small model learns to look a few words back, and is lost behind the longer prompts that people write.
    """
    remarks = " ".join(rng.sample(_REMARKS, rng.choice((0, 0, 1, 2, 5))))
    return f"{text}\n{remarks}" if remarks else text


SENTENCES = (
    *(list_some, list_all, list_surface, tell_some, tell_some, look_for, look_for, condition, condition),
    *(arrows, compare_two, compare_two, neighbours, by_letter, by_letter),
)
AT_LENGTH = (*SENTENCES, step_by_step, step_by_step, step_by_step, step_by_step, step_by_step)
"""The turns of the last two parts of the run, each as often as it is named."""
