"""Perception: what is there, how many, how large, in which colour and state."""

import random
from collections.abc import Sequence

from lmms_eval_drbench.build.kinds import ACTIVITIES, ALIKE_ACTIVITIES, MATERIALS, STATES, plural
from lmms_eval_drbench.build.ledger import Cue, bets
from lmms_eval_drbench.build.questions.annotated.craft import (
    OPEN_SHARE,
    SET_SIZES,
    be,
    family,
    number_cues,
    numbers,
    whereabouts,
    write,
)
from lmms_eval_drbench.build.questions.annotated.view import View, examples, is_of_size, labels
from lmms_eval_drbench.build.questions.draft import Draft, article, listing
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType

_MOST = 6
"""More than this many things are not asked to be counted."""


def _count(view: View, rng: random.Random, open_ended: bool) -> list[Draft]:
    kinds = [kind for kind, things in view.countable.items() if len(things) <= _MOST]
    if not kinds:
        return []
    kind = rng.choice(kinds)
    things = view.countable[kind]
    many = plural(kind)
    question = rng.choice(
        [
            f"How many {many} are there in the picture?",
            f"How many {many} can be seen?",
            f"What is the number of {many} in the picture?",
        ]
    )
    number = len(things)
    options = numbers(rng, number)
    cues = number_cues(options, number, kind)
    labelled = labels(view, things)
    return write(
        view,
        question,
        [] if open_ended else options,
        [str(number)],
        labelled=labelled,
        relation=f"There is one {kind}."
        if number == 1
        else f"From left to right I find the {listing(list(labelled))}.",
        logic=f"Counting the {many} gives {number}.",
        cues=cues,
        type=QuestionType.OPEN_ENDED if open_ended else QuestionType.SINGLE_CHOICE,
    )


@family(Category.PERCEPTION, Fact.COUNTS, weight=2, topic="count")
def count(view: View, rng: random.Random) -> list[Draft]:
    """How many of a kind there are, from four numbers."""
    return _count(view, rng, open_ended=False)


@family(Category.PERCEPTION, Fact.COUNTS, weight=1, most=OPEN_SHARE / 2, topic="count")
def count_open(view: View, rng: random.Random) -> list[Draft]:
    """How many of a kind there are, as a number of the model's own."""
    return _count(view, rng, open_ended=True)


@family(Category.PERCEPTION, Fact.ABSENCE, weight=2)
def visible_kind(view: View, rng: random.Random) -> list[Draft]:
    """The one of four kinds that is in the picture."""
    if not view.notable or len(view.absent) < 3:
        return []
    kind, others = rng.choice(view.notable), rng.sample(view.absent, 3)
    question = rng.choice(
        [
            "Which of these can be seen in the picture?",
            "One of these is in the picture. Which one?",
            "Which of these does the picture show?",
        ]
    )
    return write(
        view,
        question,
        [kind, *others],
        [kind],
        labelled=examples(view, [kind]),
        relation=f"There is no {', no '.join(others)}.",
        logic=f"Only the {kind} is there.",
        cues=bets([kind, *others], [kind], 0.25),
    )


@family(Category.PERCEPTION, Fact.ABSENCE, weight=1)
def hidden_kind(view: View, rng: random.Random) -> list[Draft]:
    """The one of four kinds that is not in the picture."""
    if len(view.notable) < 3 or not view.absent:
        return []
    kinds, missing = rng.sample(view.notable, 3), rng.choice(view.absent)
    question = rng.choice(["Which of these is missing from the picture?", "Which of these does the picture not show?"])
    return write(
        view,
        question,
        [*kinds, missing],
        [missing],
        labelled=examples(view, kinds),
        relation=f"I see no {missing}.",
        logic=f"All but the {missing} are there.",
        cues=bets([*kinds, missing], [missing], 0.25),
    )


@family(Category.PERCEPTION, Fact.ABSENCE, weight=2)
def visible_kinds(view: View, rng: random.Random) -> list[Draft]:
    """Which of four kinds are in the picture: one to three of them."""
    size = rng.choice(SET_SIZES)
    if len(view.notable) < size or len(view.absent) < 4 - size:
        return []
    kinds, others = rng.sample(view.notable, size), rng.sample(view.absent, 4 - size)
    question = rng.choice(
        [
            "Which of these can be seen in the picture? (multiple answers)",
            "Which of these are in the picture? (multiple answers)",
        ]
    )
    return write(
        view,
        question,
        [*kinds, *others],
        kinds,
        labelled=examples(view, kinds),
        relation=f"There is no {', no '.join(others)}.",
        logic=f"Of the four, only {listing(kinds)} can be seen.",
        cues=[*bets([*kinds, *others], kinds, 0.5), *_sizes(size)],
        type=QuestionType.MULTIPLE_CHOICE,
    )


def _sizes(size: int) -> list[Cue]:
    return [Cue(("size", other), other == size, SET_SIZES.count(other) / len(SET_SIZES)) for other in {1, 2, 3}]


@family(Category.PERCEPTION, Fact.COUNTS, weight=2)
def more_of(view: View, rng: random.Random) -> list[Draft]:
    """Of which of two kinds there are more, or as many of both."""
    kinds = [kind for kind, things in view.countable.items() if len(things) <= _MOST]
    if len(kinds) < 2:
        return []
    one, other = rng.sample(kinds, 2)
    numbers_of = {kind: len(view.countable[kind]) for kind in (one, other)}
    many = {kind: plural(kind) for kind in (one, other)}
    equal = "as many of both"
    answer = equal if numbers_of[one] == numbers_of[other] else many[max(numbers_of, key=numbers_of.get)]
    question = rng.choice(
        [
            f"Are there more {many[one]} or more {many[other]} in the picture?",
            f"What does the picture show more of, {many[one]} or {many[other]}?",
        ]
    )
    options = [many[one], many[other], equal]
    return write(
        view,
        question,
        options,
        [answer],
        labelled=labels(view, view.countable[one]) | labels(view, view.countable[other]),
        relation=f"Number of {many[one]}: {numbers_of[one]}. Number of {many[other]}: {numbers_of[other]}.",
        logic="The two numbers are equal." if answer == equal else f"There are more {answer}.",
        cues=[
            *bets(options, [answer], 1 / 3),
            *[Cue((kind, equal), answer == equal, 1 / 3) for kind in (one, other)],
        ],
    )


@family(Category.PERCEPTION, Fact.BOXES, Fact.SIZES, weight=2)
def largest(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things takes up the most of the picture."""
    if len(view.referents) < 3:
        return []
    refs = rng.sample(view.referents, 3)
    if len({ref.kind for ref in refs}) < 3 or any(" of the " in ref.words or is_of_size(ref) for ref in refs):
        return []
    for most in refs:
        rest = [ref for ref in refs if ref is not most]
        if all(view.larger(most.thing, ref.thing) for ref in rest):
            break
    else:
        return []
    question = rng.choice(
        [
            "Which of these takes up the most room in the picture?",
            "Which of these covers the largest part of the picture?",
        ]
    )
    return write(
        view,
        question,
        [ref.words for ref in refs],
        [most.words],
        refs=refs,
        graph=[(most.words, "larger_than", ref.words) for ref in rest],
        relation=f"The {most.words} covers more of the picture than the {rest[0].words} and the {rest[1].words}.",
        logic=f"So the {most.words} takes up the most room.",
        cues=[
            *[Cue(bet, ref is most, 1 / 3) for ref in refs for bet in ref.bets],
            # of two kinds, not always the same one may be the larger
            *[Cue((*sorted((most.kind, ref.kind)),), most.kind < ref.kind, 0.5) for ref in rest],
        ],
    )


def _coloured(view: View) -> list:
    """Things of one plain colour that can be pointed at without it."""
    return [ref for ref in view.referents if ref.thing.colour and ref.thing.colour not in ref.words]


def _colour(view: View, rng: random.Random, open_ended: bool) -> list[Draft]:
    refs = [ref for ref in _coloured(view) if not (open_ended and ref.thing.shaded)]
    if not refs:
        return []
    ref = rng.choice(refs)
    colour = ref.thing.colour
    others = _unlike(view.deniable(ref.thing), colour, rng)
    if len(others) < 3:
        return []
    verb = be(ref.kind)
    question = rng.choice([f"What colour {verb} the {ref.words}?", f"Which colour does the {ref.words} have?"])
    if verb == "are":
        question = f"What colour are the {ref.words}?"
    options = [colour, *others]
    return write(
        view,
        question,
        [] if open_ended else options,
        [colour],
        refs=[ref],
        graph=whereabouts(view, ref),
        logic=f"The {ref.words} {verb} {colour}.",
        cues=bets(options, [colour], 0.25, ref.kind),
        type=QuestionType.OPEN_ENDED if open_ended else QuestionType.SINGLE_CHOICE,
    )


def _unlike(palette: Sequence[str], colour: str, rng: random.Random) -> list[str]:
    """Three other colours, or as many as there are, no two of all of them alike: had only the right one no double
    among the options, that would give it away.
    """
    chosen = [colour]
    for other in rng.sample(palette, len(palette)):
        if not any(_alike(other, one) for one in chosen):
            chosen.append(other)
    return chosen[1:4]


def _alike(one: str, other: str) -> bool:
    """Colours that two people may call by each other's name."""
    groups = ("white cream beige gray silver", "brown tan maroon beige", "orange gold yellow tan", "red maroon pink")
    groups += ("blue teal green", "black gray brown", "purple pink maroon blue")
    return one == other or any(one in group.split() and other in group.split() for group in groups)


@family(Category.PERCEPTION, Fact.COLOURS, weight=3, topic="colour")
def colour_of(view: View, rng: random.Random) -> list[Draft]:
    """The colour of a thing, from four."""
    return _colour(view, rng, open_ended=False)


@family(Category.PERCEPTION, Fact.COLOURS, weight=1, most=OPEN_SHARE / 2, topic="colour")
def colour_of_open(view: View, rng: random.Random) -> list[Draft]:
    """The colour of a thing, in the model's own words."""
    return _colour(view, rng, open_ended=True)


@family(Category.PERCEPTION, Fact.COLOURS, weight=2)
def thing_of_colour(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things has a colour; the others are known to have another."""
    refs = _coloured(view)
    if len(refs) < 3:
        return []
    chosen = rng.sample(refs, 3)
    right = chosen[0]
    wanted = right.thing.colour
    if any(_alike(wanted, ref.thing.colour) or wanted in ref.thing.tints for ref in chosen[1:]):
        return []
    if len({ref.kind for ref in chosen}) < 3:
        return []
    if any(wanted not in view.palette(ref.kind) for ref in chosen):
        return []
    question = rng.choice([f"Which of these is {wanted}?", f"Which of these things has the colour {wanted}?"])
    options = [ref.words for ref in chosen]
    return write(
        view,
        question,
        options,
        [right.words],
        refs=chosen,
        relation=" ".join(f"The {ref.words} {be(ref.kind)} {ref.thing.colour}." for ref in chosen),
        logic=f"Only the {right.words} {be(right.kind)} {wanted}.",
        cues=[
            cue
            for ref in chosen
            for cue in (Cue(ref.kind, ref is right, 1 / 3), Cue((ref.kind, wanted), ref is right, 1 / 3))
        ],
    )


def _among(view: View, words: tuple[str, ...]) -> list[tuple]:
    """(thing, the one of these words that describes it)."""
    found = []
    for ref in view.referents:
        said = ref.thing.attributes & set(words)
        if len(said) == 1:
            found.append((ref, next(iter(said))))
    return found


@family(Category.PERCEPTION, Fact.ATTRIBUTES, weight=2)
def material_of(view: View, rng: random.Random) -> list[Draft]:
    """What a thing is made of, from three materials."""
    pairs = _among(view, MATERIALS)
    if not pairs or view.scene.palettes:  # a drawn kind has one material at most, which its name gives away
        return []
    ref, material = rng.choice(pairs)
    options = [material, *rng.sample([other for other in MATERIALS if other not in ref.thing.attributes], 2)]
    shown = sorted(options)
    question = f"{be(ref.kind).capitalize()} the {ref.words} {shown[0]}, {shown[1]} or {shown[2]}?"
    return write(
        view,
        question,
        options,
        [material],
        refs=[ref],
        graph=whereabouts(view, ref),
        logic=f"The {ref.words} {be(ref.kind)} {material}.",
        cues=bets(options, [material], 1 / 3, ref.kind),
    )


@family(Category.PERCEPTION, Fact.ATTRIBUTES, weight=2)
def state_of(view: View, rng: random.Random) -> list[Draft]:
    """Whether a thing is open or closed, on or off, full or empty."""
    refs = [ref for ref in view.referents if ref.thing.state]
    if not refs:
        return []
    ref = rng.choice(refs)
    options = next(list(pair) for pair in STATES if ref.thing.state in pair)
    question = f"{be(ref.kind).capitalize()} the {ref.words} {options[0]} or {options[1]}?"
    return write(
        view,
        question,
        options,
        [ref.thing.state],
        refs=[ref],
        graph=whereabouts(view, ref),
        logic=f"The {ref.words} {be(ref.kind)} {ref.thing.state}.",
        cues=bets(options, [ref.thing.state], 0.5, ref.kind),
    )


@family(Category.PERCEPTION, Fact.ATTRIBUTES, weight=2)
def activity_of(view: View, rng: random.Random) -> list[Draft]:
    """What somebody is doing, from three activities."""
    pairs = _among(view, ACTIVITIES)
    if not pairs:
        return []
    ref, activity = rng.choice(pairs)
    alike = next((pair for pair in ALIKE_ACTIVITIES if activity in pair), ())
    others = [other for other in ACTIVITIES[:5] if other != activity and other not in alike]
    options = [activity, *rng.sample(others, 2)]
    question = rng.choice([f"What is the {ref.words} doing?", f"What is the {ref.words} doing in the picture?"])
    return write(
        view,
        question,
        options,
        [activity],
        refs=[ref],
        graph=whereabouts(view, ref),
        logic=f"The {ref.words} is {activity}.",
        cues=bets(options, [activity], 1 / 3, ref.kind),
    )


@family(Category.PERCEPTION, Fact.RELATIONS, weight=1, most=OPEN_SHARE)
def held_open(view: View, rng: random.Random) -> list[Draft]:
    """What somebody holds, in the model's own words. (What people wear is never all annotated, so it is not asked.)"""
    found = []
    for ref in view.referents:
        index = next(number for number, thing in enumerate(view.scene.objects) if thing is ref.thing)
        held = {target for one, name, target in view.scene.relations if (one, name) == (index, "holding")}
        if len(held) == 1:
            found.append((ref, view.scene.objects[held.pop()]))
    found = [(ref, thing) for ref, thing in found if thing.name != ref.kind and thing.clear]
    if not found:
        return []
    ref, thing = rng.choice(found)
    label = f"{thing.name} of the {ref.words}"
    return write(
        view,
        rng.choice([f"What is the {ref.words} holding?", f"What does the {ref.words} hold?"]),
        [],
        [thing.name, article(thing.name)],
        refs=[ref],
        labelled={label: thing},
        graph=[(ref.words, "holding", label)],
        logic=f"What is held is {article(thing.name)}.",
        cues=[Cue((thing.name,), True, 0.5)],
        type=QuestionType.OPEN_ENDED,
    )
