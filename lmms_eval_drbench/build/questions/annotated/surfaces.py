"""Spatial reasoning about what rests on what, what hides what, and how far away things are."""

import random

from lmms_eval_drbench.build.kinds import are_kin, plural
from lmms_eval_drbench.build.ledger import Cue, bets
from lmms_eval_drbench.build.questions.annotated.craft import (
    OPEN_SHARE,
    SET_SIZES,
    be,
    family,
    number_cues,
    numbers,
    write,
)
from lmms_eval_drbench.build.questions.annotated.view import Referent, View, labels
from lmms_eval_drbench.build.questions.draft import Draft, listing
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType


def _carried(view: View) -> dict[str, tuple[Referent, list[Referent]]]:
    """Surface → its referent and what on it can be pointed at without a comparison."""
    surfaces = {ref.kind: ref for ref in view.referents if ref.words == ref.kind}
    found: dict[str, tuple[Referent, list[Referent]]] = {}
    for ref in view.referents:
        if ref.hops == 1 and ref.thing.support in surfaces:
            found.setdefault(ref.thing.support, (surfaces[ref.thing.support], []))[1].append(ref)
    return found


@family(Category.SPATIAL_REASONING, Fact.SUPPORT, weight=4)
def all_on(view: View, rng: random.Random) -> list[Draft]:
    """Which of four things are on a surface: one to three of them."""
    carried = _carried(view)
    size = rng.choice(SET_SIZES)
    for surface in rng.sample(sorted(carried), len(carried)):
        carrier, there = carried[surface]
        elsewhere = [ref for name, (_, refs) in carried.items() if name != surface for ref in refs if ref != carrier]
        if len(there) >= size and len(elsewhere) >= 4 - size:
            break
    else:
        return []
    right, other = rng.sample(there, size), rng.sample(elsewhere, 4 - size)
    return write(
        view,
        rng.choice(
            [
                f"Which of these are on the {surface}? (multiple answers)",
                f"Which of these rest on the {surface}? (multiple answers)",
            ]
        ),
        [ref.words for ref in right + other],
        [ref.words for ref in right],
        refs=[carrier, *right],
        graph=[(ref.words, "on", surface) for ref in right],
        logic=f"Something else carries {listing([f'the {ref.words}' for ref in other])}.",
        cues=[
            *[Cue(key, ref in right, 0.5) for ref in right + other for key in (*ref.bets, (surface, ref.kind))],
            *[Cue(("size", n), n == size, SET_SIZES.count(n) / len(SET_SIZES)) for n in {1, 2, 3}],
        ],
        type=QuestionType.MULTIPLE_CHOICE,
    )


@family(Category.SPATIAL_REASONING, Fact.SUPPORT, weight=2)
def same_surface(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things is on the same surface as a fourth: find the surface, then compare."""
    carried = _carried(view)
    full = [name for name, (_, refs) in carried.items() if len(refs) >= 2]
    if not full:
        return []
    surface = rng.choice(full)
    carrier, there = carried[surface]
    one, right = rng.sample(there, 2)
    elsewhere = [ref for name, (_, refs) in carried.items() if name != surface for ref in refs if ref != carrier]
    if len(elsewhere) < 2:
        return []
    others = rng.sample(elsewhere, 2)
    return write(
        view,
        rng.choice(
            [
                f"Which of these is on the same surface as the {one.words}?",
                f"Which of these shares its support with the {one.words}?",
            ]
        ),
        [ref.words for ref in (right, *others)],
        [right.words],
        refs=[one, right, carrier],
        graph=[(one.words, "on", surface), (right.words, "on", surface)],
        logic=f"Neither the {others[0].words} nor the {others[1].words} is on the {surface}.",
        cues=[Cue(key, ref is right, 1 / 3) for ref in (right, *others) for key in (*ref.bets, (one.kind, ref.kind))],
    )


@family(Category.SPATIAL_REASONING, Fact.SUPPORT, Fact.COUNTS, weight=3, topic="count")
def count_on(view: View, rng: random.Random) -> list[Draft]:
    """How many of a kind are on a surface."""
    surfaces = _carried(view)
    found = []
    for kind, things in view.countable.items():
        for surface in sorted({thing.support for thing in things if thing.support in surfaces}):
            if len(things) >= 2:
                found.append((kind, surface, things))
    if not found:
        return []
    kind, surface, things = rng.choice(found)
    there = {name: thing for name, thing in labels(view, things).items() if thing.support == surface}
    number, many = len(there), plural(kind)
    options = numbers(rng, number)
    return write(
        view,
        rng.choice(
            [f"How many {many} are on the {surface}?", f"Count the {many} on the {surface}. How many are there?"]
        ),
        options,
        [str(number)],
        refs=[surfaces[surface][0]],
        labelled=there,
        graph=[(name, "on", surface) for name in there],
        logic=f"That makes {number}.",
        cues=number_cues(options, number, kind, surface),
    )


@family(Category.SPATIAL_REASONING, Fact.SUPPORT, weight=1, most=OPEN_SHARE)
def surface_open(view: View, rng: random.Random) -> list[Draft]:
    """What a thing rests on, in the model's own words."""
    cases = [(ref, carrier) for carrier, refs in _carried(view).values() for ref in refs]
    if not cases:
        return []
    ref, carrier = rng.choice(cases)
    return write(
        view,
        rng.choice([f"What does the {ref.words} rest on?", f"On what does the {ref.words} rest?"]),
        [],
        [carrier.kind, f"the {carrier.kind}"],
        refs=[ref, carrier],
        graph=[(ref.words, "on", carrier.words)],
        logic=f"It is the {carrier.words} that carries the {ref.words}.",
        cues=[Cue(carrier.kind, True, 0.2)],
        type=QuestionType.OPEN_ENDED,
    )


@family(Category.SPATIAL_REASONING, Fact.DEPTH, weight=4)
def nearest(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things is nearest to the camera, or farthest from it."""
    refs = [ref for ref in view.referents if ref.thing.depth]
    if len(refs) < 3 or view.shows_camera:
        return []
    chosen = rng.sample(refs, 3)
    if not all(view.comparable(chosen[0].kind, ref.kind) for ref in chosen):
        return []
    way, word = rng.choice([("nearer_than", "nearest to"), ("farther_than", "farthest from")])
    for right in chosen:
        rest = [ref for ref in chosen if ref is not right]
        if all(view.nearness(right.thing, ref.thing) == way for ref in rest):
            break
    else:
        return []
    return write(
        view,
        rng.choice([f"Which of these is {word} the camera?", f"Which of these things is {word} the viewer?"]),
        [ref.words for ref in chosen],
        [right.words],
        refs=chosen,
        graph=[(right.words, way, ref.words) for ref in rest],
        logic=f"So the {right.words} {be(right.kind)} {word} the camera.",
        cues=[Cue(key, ref is right, 1 / 3) for ref in chosen for key in (*ref.bets, (word, ref.kind))],
    )


@family(Category.SPATIAL_REASONING, Fact.SUPPORT, Fact.RELATIONS, weight=2)
def hidden_behind(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things is partly hidden behind another."""
    of_thing = {id(ref.thing): ref for ref in view.referents if ref.hops == 1}
    things = view.scene.objects
    found = []
    for one, relation, other in view.scene.relations:
        refs = [of_thing.get(id(things[index])) for index in (one, other)]
        if relation == "behind" and None not in refs:
            found.append(refs)
    if not found:
        return []
    right, front = rng.choice(found)
    others = [
        ref
        for ref in of_thing.values()
        if ref not in (right, front) and not are_kin(ref.kind, right.kind) and view.across(ref.thing, front.thing)
    ]
    if len(others) < 2:
        return []
    options = [right, *rng.sample(others, 2)]
    return write(
        view,
        rng.choice(
            [
                f"Which of these is partly hidden behind the {front.words}?",
                f"Which of these does the {front.words} cover in part?",
            ]
        ),
        [ref.words for ref in options],
        [right.words],
        refs=[right, front],
        graph=[(right.words, "behind", front.words)],
        logic=f"The others are beside the {front.words}.",
        cues=[Cue(key, ref is right, 1 / 3) for ref in options for key in (*ref.bets, (front.kind, ref.kind))],
    )


@family(Category.PERCEPTION, Fact.COUNTS, Fact.COLOURS, Fact.SUPPORT, weight=3)
def count_of_colour(view: View, rng: random.Random) -> list[Draft]:
    """How many of a kind have a colour, where every one has a known colour."""
    found = []
    for kind, things in view.countable.items():
        if len(things) >= 2 and all(thing.colour for thing in things):
            found += [(kind, colour, things) for colour in sorted({thing.colour for thing in things})]
    if not found:
        return []
    kind, colour, things = rng.choice(found)
    there = {name: thing for name, thing in labels(view, things).items() if thing.colour == colour}
    number, many = len(there), plural(kind)
    options = numbers(rng, number)
    return write(
        view,
        rng.choice([f"How many {colour} {many} are there in the picture?", f"How many of the {many} are {colour}?"]),
        options,
        [str(number)],
        labelled=there,
        relation=f"Of {len(things)} {many}, these are {colour}: {listing(list(there))}.",
        logic=f"Counting the {colour} {many} gives {number}.",
        cues=number_cues(options, number, kind, colour),
    )


@family(Category.PERCEPTION, Fact.ATTRIBUTES, Fact.SUPPORT, weight=2)
def pattern_of(view: View, rng: random.Random) -> list[Draft]:
    """Whether a thing is striped or dotted."""
    patterns = ("striped", "dotted")
    refs = [ref for ref in view.referents if len(ref.thing.attributes & set(patterns)) == 1]
    if not refs:
        return []
    ref = rng.choice(refs)
    (answer,) = ref.thing.attributes & set(patterns)
    return write(
        view,
        rng.choice([f"Is the {ref.words} striped or dotted?", f"Does the {ref.words} have stripes or dots?"]),
        list(patterns),
        [answer],
        refs=[ref],
        relation=f"The {ref.words} is {answer}.",
        logic=f"So of the two patterns it has the {answer} one.",
        cues=bets(patterns, [answer], 0.5, *ref.bets, ref.kind),
    )
