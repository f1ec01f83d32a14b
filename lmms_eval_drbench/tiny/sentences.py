"""The tiny model's turns in lists, sentences and arrows: the forms in which a pretrained model already speaks.

They state what is there, where, in which condition, how many there are, and how two things lie to each other. What a
thing is for and where it belongs is in `drills`. Putting such statements together into an answer is left to
fine-tuning.
"""

import random

from lmms_eval_drbench import prompts
from lmms_eval_drbench.build.kinds import plural
from lmms_eval_drbench.build.questions.annotated.craft import say
from lmms_eval_drbench.build.questions.annotated.view import RELATION_WORDS, Referent, View, labels
from lmms_eval_drbench.build.questions.draft import listing
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.tiny.questions import colour_of, coloured, object_like, things

Turn = tuple[str, str]
"""What the user says and what the assistant answers."""
WALL, MID_AIR = "wall", "mid-air"


def place_of(scene: Scene, thing: SceneObject) -> str:
    """The name of what carries a thing; WALL for what hangs on it, MID_AIR for what floats."""
    if thing.support:
        return thing.support
    return MID_AIR if _floats(scene, thing) else WALL


def _floats(scene: Scene, thing: SceneObject) -> bool:
    return any(a.kind == "floating" and scene.objects[a.thing] is thing for a in scene.anomalies)


def marks(thing: SceneObject) -> list[str]:
    """What else there is to say of a thing beside its colour and place: its look, its state, what is wrong with it."""
    return sorted(thing.attributes - {thing.colour}) + (["fallen"] if thing.fallen else [])


def seen(phrases: list[str]) -> str:
    """`I see the red mug and the lamp.`"""
    return f"I see {listing([f'the {phrase}' for phrase in phrases])}."


def _some(view: View, rng: random.Random, most: int = 4) -> list[Referent]:
    """One to four things, in the picture's order; one that is marked is among them more often than not."""
    refs = things(view)
    chosen = rng.sample(refs, min(len(refs), rng.randint(1, most)))
    marked = _marked(view)
    if marked and rng.random() < 0.5:
        chosen = [rng.choice(marked), *chosen[1:]]
    return _in_order(chosen, refs)


def _marked(view: View) -> list[Referent]:
    return [ref for ref in things(view) if marks(ref.thing) or _floats(view.scene, ref.thing)]


def _in_order(chosen: list[Referent], refs: list[Referent]) -> list[Referent]:
    """Those chosen, each once, as `refs` has them."""
    return [ref for ref in refs if ref in chosen]


def _words(refs: list[Referent], rng: random.Random) -> str:
    """Their words, in the picture's order or in any other."""
    words = [ref.words for ref in refs]
    return ", ".join(words if rng.random() < 0.5 else rng.sample(words, len(words)))


def list_surface(view: View, rng: random.Random) -> Turn:
    """What rests on one surface, as a list from left to right, and how many that is."""
    surface = rng.choice(list(view.scene.surfaces))
    found = [thing for thing in view.scene.on(surface) if thing.clear]
    lines = "\n".join(f"- {thing.phrase}" for thing in found) or "- none"
    return f"List what is on the {surface}.", f"{lines}\nCounting them gives {len(found)}."


def tell_some(view: View, rng: random.Random) -> Turn:
    """The named things in sentences: that they are there, and where."""
    refs = _some(view, rng)
    places = " ".join(_place(view.scene, ref) for ref in refs)
    return f"Tell me about: {_words(refs, rng)}.", f"{seen([ref.words for ref in refs])}\n{places}"


def _place(scene: Scene, ref: Referent) -> str:
    place = place_of(scene, ref.thing)
    return f"The {ref.words} hangs in mid-air." if place == MID_AIR else f"The {ref.words} is on the {place}."


def colours(view: View, rng: random.Random) -> Turn:
    """The colours of the named things, in sentences."""
    refs = coloured(view)
    refs = sorted(rng.sample(refs, min(len(refs), rng.randint(1, 4))), key=refs.index)
    if not refs:
        return list_surface(view, rng)
    told = " ".join(f"The {ref.words} is {ref.thing.colour}." for ref in refs)
    return f"Tell me the colours of: {_words(refs, rng)}.", f"{seen([ref.words for ref in refs])}\n{told}"


def look_for(view: View, rng: random.Random) -> Turn:
    """Which of some kinds are there, and which are not."""
    present = rng.sample(view.notable, min(len(view.notable), rng.randint(0, 3)))
    missing = rng.sample(view.absent, min(len(view.absent), rng.randint(0 if present else 1, 3)))
    names = present + missing
    there = f"{seen(present)}\n" if present else ""
    gone = f"There is no {' or '.join(missing)}." if missing else "There is nothing else."
    return f"Look for: {', '.join(rng.sample(names, len(names)))}.", there + gone


def condition(view: View, rng: random.Random) -> Turn:
    """How the named things are: their state and look, fallen over, in mid-air, or simply where they are."""
    marked = _marked(view)
    refs = _in_order(rng.sample(marked, min(len(marked), 2)) + _some(view, rng, 2), things(view))
    return f"How are these: {_words(refs, rng)}.", "\n".join(_condition(view.scene, ref) for ref in refs)


def _condition(scene: Scene, ref: Referent) -> str:
    said = [mark for mark in marks(ref.thing) if mark != "fallen"]
    if ref.thing.fallen:
        return f"The {ref.words} has fallen over."
    if said and not _floats(scene, ref.thing):
        return f"The {ref.words} is {listing(said)}."
    return _place(scene, ref)


def count(view: View, rng: random.Random) -> Turn:
    """How many things of a kind there are, one by one from the left; kinds of which there are several come first."""
    several = [kind for kind, found in view.countable.items() if len(found) > 1]
    kinds = several if several and rng.random() < 0.7 else list(view.countable)
    if not kinds:
        return list_surface(view, rng)
    kind = rng.choice(kinds)
    found = labels(view, view.countable[kind])
    tints = [f"The {phrase} is {thing.colour}." for phrase, thing in found.items() if thing.colour]
    more = " ".join(tints) + "\n" if rng.random() < 0.5 else ""
    return f"Count: {plural(kind)}.", f"{seen(list(found))}\n{more}Counting the {plural(kind)} gives {len(found)}."


def in_order(view: View, rng: random.Random) -> Turn:
    """Two to four things from left to right, as sentences or as arrows."""
    refs = things(view)
    chosen = rng.sample(refs, min(len(refs), rng.randint(2, 4)))
    chosen.sort(key=lambda ref: ref.thing.centre[0])
    row = chosen[:1]
    for ref in chosen[1:]:
        if view.across(row[-1].thing, ref.thing) == "left_of":
            row.append(ref)
    if len(row) < 2:
        return tell_some(view, rng)
    triples = [(one.words, "left_of", other.words) for one, other in zip(row, row[1:], strict=False)]
    if rng.random() < 0.5:
        return f"Draw arrows from left to right: {_words(row, rng)}.", "\n".join(map(_arrow, triples))
    return f"Tell me from left to right: {_words(row, rng)}.", " ".join(map(say, triples))


def _arrow(triple: tuple[str, str, str]) -> str:
    return f"{triple[0]} --{triple[1]}--> {triple[2]}"


def compare_two(view: View, rng: random.Random) -> Turn:
    """How one thing lies to another (beside it, above it, nearer, on the same surface), as an arrow or a sentence."""
    refs = things(view)
    found: dict[str, list[tuple[Referent, Referent]]] = {}
    for one in refs:
        for other in refs:
            if one is not other:
                for way in (view.across, view.upright, view.nearness):
                    if name := way(one.thing, other.thing):
                        found.setdefault(name, []).append((one, other))
    if not found:
        return tell_some(view, rng)
    way = rng.choice(sorted(found))
    one, other = rng.choice(found[way])
    if rng.random() < 0.5:
        return f"Draw an arrow: {one.words} to {other.words}.", _arrow((one.words, way, other.words))
    axis = RELATION_WORDS[way].split()[0]  # which comparison is meant: to the left, higher, nearer
    hint = {"to": "beside", "higher": "up or down", "lower": "up or down"}.get(axis, "in depth")
    return f"Tell me: {one.words} relative to {other.words}, {hint}.", say((one.words, way, other.words))


def arrows(view: View, rng: random.Random) -> Turn:
    """What carries the named things, as arrows."""
    refs = _some(view, rng)
    lines = [_arrow((ref.words, "on", ref.thing.support)) for ref in refs if ref.thing.support]
    return f"Draw arrows: {_words(refs, rng)}.", "\n".join(lines) or "nothing"


def halves(view: View, rng: random.Random) -> Turn:
    """In which half of the picture the named things are."""
    refs = [ref for ref in things(view) if view.half(ref.thing)]
    refs = sorted(rng.sample(refs, min(len(refs), rng.randint(1, 3))), key=refs.index)
    if not refs:
        return tell_some(view, rng)
    told = " ".join(say((ref.words, f"in_{view.half(ref.thing)}_half_of", "picture")) for ref in refs)
    return f"Tell me the halves of: {_words(refs, rng)}.", told


def anything_wrong(view: View, rng: random.Random) -> Turn:
    """Everything in an odd condition that catches the eye: fallen, in mid-air, broken, burning."""
    scene = view.scene
    odd = [scene.objects[a.thing] for a in scene.anomalies if a.kind in ("floating", "fallen", "wrong_state")]
    lines = [f"- {thing.phrase}: {_oddity(scene, thing)}" for thing in odd]
    return "List what looks odd.", "\n".join(lines) or "- nothing"


def _oddity(scene: Scene, thing: SceneObject) -> str:
    if _floats(scene, thing):
        return "hangs in mid-air"
    return "has fallen over" if thing.fallen else listing(marks(thing) or ["odd"])


def step_by_step(view: View, rng: random.Random) -> Turn:
    """A perception question with options: what there is to see, then the answer in a sentence, then its letter."""
    refs = coloured(view)
    if not refs:
        return list_surface(view, rng)
    ref = rng.choice(refs)
    question = (rng.random() < 0.6 and object_like(view, ref, rng)) or colour_of(ref, rng)
    letter = question["answer"][0]
    said = question["options"]["ABCD".index(letter)]
    more = [other for other in rng.sample(refs, min(len(refs), rng.randint(0, 3))) if other is not ref]
    shown = sorted([ref, *more], key=refs.index)
    tints = " ".join(f"The {one.words} is {one.thing.colour}." for one in shown)
    looked = f"{seen([one.words for one in shown])}\n{tints}" if rng.random() < 0.7 else tints
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
    """What the user says, and up to four remarks behind it: the answer must reach back over any of them.

    Without them a small model learns to look a few words back, and is lost behind the longer prompts that people write.
    """
    remarks = " ".join(rng.sample(_REMARKS, rng.choice((0, 0, 0, 1, 2, 4))))
    return f"{text}\n{remarks}" if remarks else text


SENTENCES = (
    *(list_surface, tell_some, tell_some, colours, colours, look_for, look_for, condition, condition, count),
    *(in_order, in_order, compare_two, compare_two, arrows, halves, anything_wrong, step_by_step, step_by_step),
)
"""The turns, each as often as it is named."""
