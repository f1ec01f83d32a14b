"""Spatial reasoning: where things are in the picture, relative to each other and to the picture itself."""

import random
from itertools import pairwise

from lmms_eval_drbench.build.kinds import PEOPLE, PRONOUNS, are_kin, plural
from lmms_eval_drbench.build.ledger import Cue, bets
from lmms_eval_drbench.build.questions.annotated.craft import (
    OPEN_SHARE,
    SET_SIZES,
    be,
    family,
    in_half,
    number_cues,
    numbers,
    say,
    write,
)
from lmms_eval_drbench.build.questions.annotated.view import OPPOSITE, Referent, View, is_rank, labels, mentions
from lmms_eval_drbench.build.questions.draft import Draft, listing
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType

_MAX_HOPS = 3
"""Comparisons that a question may need altogether: its own and those that point at its things."""


def hops(*refs: Referent) -> int:
    """Comparisons needed to find these things and to compare them."""
    return 1 + sum(ref.hops - 1 for ref in refs)


def _either(
    view: View,
    one: Referent,
    other: Referent,
    way: str,
    words: dict[str, str],
    questions: list[str],
    rng: random.Random,
) -> list[Draft]:
    """Which of two opposite relations holds."""
    options = list(words.values())
    return write(
        view,
        rng.choice(questions),
        options,
        [words[way]],
        refs=[one, other],
        graph=[(one.words, way, other.words)],
        logic=f"So seen from the {other.words}, the {one.words} {be(one.kind)} {words[way]}.",
        cues=[
            Cue(key, options.index(option) == list(words).index(way), 0.5)
            for option in options
            for key in (
                option,
                *[(bet, option) for bet in one.bets],
                *[("from", bet, option) for bet in other.bets],
            )
        ],
    )


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=4, topic="direction")
def direction(view: View, rng: random.Random) -> list[Draft]:
    """Left or right of another thing."""
    pairs = [pair for pair in view.pairs if hops(pair[0], pair[1]) <= _MAX_HOPS]
    if not pairs:
        return []
    one, other, way = rng.choice(pairs)
    verb = be(one.kind)
    questions = [
        f"In the picture, {verb} the {one.words} to the left or to the right of the {other.words}?",
        f"On which side of the {other.words} {verb} the {one.words} in the picture?",
    ]
    return _either(view, one, other, way, {"left_of": "left", "right_of": "right"}, questions, rng)


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=3)
def level(view: View, rng: random.Random) -> list[Draft]:
    """Higher up or lower down in the picture than another thing."""
    refs = view.referents
    pairs = [
        (one, other, way)
        for one in refs
        for other in refs
        if one is not other and not mentions(one, other) and not mentions(other, one)
        if (way := view.upright(one.thing, other.thing)) and hops(one, other) <= _MAX_HOPS
        if view.comparable(one.kind, other.kind)
    ]
    if not pairs:
        return []
    one, other, way = rng.choice(pairs)
    verb = be(one.kind)
    questions = [
        f"{verb.capitalize()} the {one.words} higher up or lower down in the picture than the {other.words}?",
        f"Compared with the {other.words}, {verb} the {one.words} higher or lower in the picture?",
    ]
    return _either(view, one, other, way, {"higher_than": "higher", "lower_than": "lower"}, questions, rng)


@family(Category.SPATIAL_REASONING, Fact.DEPTH, weight=4)
def nearness(view: View, rng: random.Random) -> list[Draft]:
    """Nearer to the camera or farther away than another thing."""
    if view.shows_camera:
        return []
    pairs = [
        (one, other, way)
        for one in view.referents
        for other in view.referents
        if one is not other and (way := view.nearness(one.thing, other.thing)) and hops(one, other) <= _MAX_HOPS
        if view.comparable(one.kind, other.kind)
    ]
    if not pairs:
        return []
    one, other, way = rng.choice(pairs)
    questions = [
        f"{be(one.kind).capitalize()} the {one.words} nearer to the camera or farther away than the {other.words}?",
        f"Compared with the {other.words}, {be(one.kind)} the {one.words} nearer to the viewer or farther away?",
    ]
    return _either(view, one, other, way, {"nearer_than": "nearer", "farther_than": "farther away"}, questions, rng)


@family(Category.SPATIAL_REASONING, Fact.RELATIONS, weight=4)
def front_or_behind(view: View, rng: random.Random) -> list[Draft]:
    """In front of or behind another thing, as the scene graph says."""
    of_thing = {id(ref.thing): ref for ref in view.referents}
    pairs = []
    said = {(one, other, relation) for one, relation, other in view.scene.relations}
    for one, relation, other in view.scene.relations:
        flipped = "in_front_of" if relation == "behind" else "behind"
        if (one, other, flipped) in said or (other, one, relation) in said:  # the graph contradicts itself
            continue
        refs = [of_thing.get(id(view.scene.objects[index])) for index in (one, other)]
        if relation in ("behind", "in_front_of") and None not in refs and hops(*refs) <= _MAX_HOPS:
            pairs.append((refs[0], refs[1], relation))
            pairs.append((refs[1], refs[0], flipped))
    pairs = [pair for pair in pairs if not mentions(pair[0], pair[1]) and not mentions(pair[1], pair[0])]
    pairs = [pair for pair in pairs if view.comparable(pair[0].kind, pair[1].kind)]
    if not pairs:
        return []
    one, other, way = rng.choice(pairs)
    pronoun = PRONOUNS.get(other.kind, "them" if be(other.kind) == "are" or other.kind in PEOPLE else "it")
    questions = [f"{be(one.kind).capitalize()} the {one.words} in front of the {other.words} or behind {pronoun}?"]
    return _either(view, one, other, way, {"in_front_of": "in front", "behind": "behind"}, questions, rng)


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=3)
def half(view: View, rng: random.Random) -> list[Draft]:
    """The half of the picture that holds a thing."""
    refs = [ref for ref in view.referents if view.half(ref.thing) and not is_rank(ref)]
    if not refs:
        return []
    ref = rng.choice(refs)
    half = view.half(ref.thing)
    verb = be(ref.kind)
    question = rng.choice(
        [
            f"In which half of the picture {verb} the {ref.words}, the left or the right?",
            f"{verb.capitalize()} the {ref.words} in the left half or in the right half of the picture?",
        ]
    )
    options = ["left half", "right half"]
    return write(
        view,
        question,
        options,
        [f"{half} half"],
        refs=[ref],
        graph=[in_half(ref, half)],
        logic=f"Nothing of the {ref.words} reaches the other half.",
        cues=bets(options, [f"{half} half"], 0.5, *ref.bets),
    )


def _row(view: View, rng: random.Random, size: int) -> list[Referent]:
    """Some things of different kinds that stand clearly apart from left to right, in that order; empty if none do."""
    refs = [ref for ref in view.referents if ref.hops == 1]
    rng.shuffle(refs)
    row: list[Referent] = []
    for ref in refs:
        if all(view.across(ref.thing, other.thing) and not are_kin(ref.kind, other.kind) for other in row):
            row.append(ref)
        if len(row) == size:
            return sorted(row, key=lambda ref: ref.thing.centre[0])
    return []


def _side_by_side(row: list[Referent]) -> list[tuple[str, str, str]]:
    return [(one.words, "left_of", other.words) for one, other in pairwise(row)]


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=2, topic="furthest")
def furthest(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things is furthest to one side."""
    return _furthest(view, rng, _row(view, rng, 3), QuestionType.SINGLE_CHOICE)


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=1, most=OPEN_SHARE / 2, topic="furthest")
def furthest_open(view: View, rng: random.Random) -> list[Draft]:
    """Which of four things is furthest to one side, in the model's own words."""
    return _furthest(view, rng, _row(view, rng, 4), QuestionType.OPEN_ENDED)


def _furthest(view: View, rng: random.Random, row: list[Referent], type: QuestionType) -> list[Draft]:
    if not row:
        return []
    side = rng.choice(["left", "right"])
    right = row[0] if side == "left" else row[-1]
    of_these = "of these"
    if type is QuestionType.OPEN_ENDED:
        of_these = f"of these four, {listing([f'the {ref.words}' for ref in rng.sample(row, len(row))])},"
    wordings = [f"Which {of_these} is furthest to the {side}?"]
    if _reaches_edge_order(view, row, side):
        wordings.append(f"Which {of_these} is closest to the {side} edge of the picture?")
    return write(
        view,
        rng.choice(wordings),
        [] if type is QuestionType.OPEN_ENDED else [ref.words for ref in row],
        [right.words] if type is QuestionType.SINGLE_CHOICE else list(dict.fromkeys((right.words, right.kind))),
        refs=row,
        graph=_side_by_side(row),
        logic=f"The {right.words} {be(right.kind)} furthest to the {side}.",
        cues=[Cue(key, ref is right, 1 / len(row)) for ref in row for key in (*ref.bets, (side, ref.kind))],
        type=type,
    )


def _reaches_edge_order(view: View, row: list[Referent], side: str) -> bool:
    """Whether the order of the boxes' outer edges is that of the things."""
    if side == "left":
        return row[0].thing.box[0] < min(ref.thing.box[0] for ref in row[1:])
    ends = [ref.thing.box[0] + ref.thing.box[2] for ref in row]
    return ends[-1] > max(ends[:-1])


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=2)
def between(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things stands between two others, from left to right: two comparisons a thing."""
    row = _row(view, rng, 5)
    if not row:
        return []
    middle = rng.randrange(1, 4)
    left, right = row[middle - 1], row[middle + 1]
    ends = [left, right]
    rng.shuffle(ends)
    options = [ref for ref in row if ref not in ends]
    question = rng.choice(
        [
            f"From left to right, which of these is between the {ends[0].words} and the {ends[1].words}?",
            f"Going through the picture from left to right, which of these comes between the {ends[0].words} and "
            f"the {ends[1].words}?",
        ]
    )
    answer = row[middle]
    return write(
        view,
        question,
        [ref.words for ref in options],
        [answer.words],
        refs=[left, answer, right],
        graph=_side_by_side([left, answer, right]),
        logic=f"Of the three, only the {answer.words} {be(answer.kind)} between the two.",
        cues=[Cue(ref.kind, ref is answer, 1 / 3) for ref in options],
    )


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=2)
def order(view: View, rng: random.Random) -> list[Draft]:
    """The order of three things from left to right, from four orders."""
    row = _row(view, rng, 3)
    if not row:
        return []
    a, b, c = (ref.words for ref in row)
    right = f"{a} then {b} then {c}"
    wrong = [f"{x} then {y} then {z}" for x, y, z in [(a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)]]
    options = [right, *rng.sample(wrong, 3)]
    question = rng.choice(
        ["In which order do these come from left to right?", "Which is the order of these things from left to right?"]
    )
    kinds = {ref.words: ref.kind for ref in row}
    cues = []
    for option in options:
        words = option.split(" then ")
        cues += [Cue((place, kinds[word]), option == right, 0.25) for place, word in enumerate(words)]
    return write(
        view,
        question,
        options,
        [right],
        refs=row,
        graph=_side_by_side(row),
        logic=f"Furthest to the left {be(row[0].kind)} the {a} and furthest to the right the {c}.",
        cues=cues,
    )


@family(Category.SPATIAL_REASONING, Fact.BOXES, weight=3)
def all_beside(view: View, rng: random.Random) -> list[Draft]:
    """Which of four things are on one side of another: one to three of them."""
    size = rng.choice(SET_SIZES)
    way = rng.choice(["left_of", "right_of"])
    refs = [ref for ref in view.referents if ref.hops == 1]
    rng.shuffle(refs)
    for anchor in refs:
        beside = [ref for ref in refs if ref is not anchor and view.across(ref.thing, anchor.thing) == way]
        beyond = [ref for ref in refs if ref is not anchor and view.across(ref.thing, anchor.thing) == OPPOSITE[way]]
        if len(beside) >= size and len(beyond) >= 4 - size:
            break
    else:
        return []
    side = way.removesuffix("_of")
    right, wrong = rng.sample(beside, size), rng.sample(beyond, 4 - size)
    question = rng.choice(
        [
            f"Which of these are to the {side} of the {anchor.words}? (multiple answers)",
            f"Which of these does the picture show to the {side} of the {anchor.words}? (multiple answers)",
        ]
    )
    return write(
        view,
        question,
        [ref.words for ref in right + wrong],
        [ref.words for ref in right],
        refs=[anchor, *right],
        graph=[(ref.words, way, anchor.words) for ref in right],
        logic=f"The others, {listing([f'the {ref.words}' for ref in wrong])}, {'are' if len(wrong) > 1 else 'is'} on "
        "the other side.",
        cues=[
            *[Cue(key, ref in right, 0.5) for ref in right + wrong for key in (*ref.bets, (way, ref.kind))],
            *[Cue(("size", other), other == size, SET_SIZES.count(other) / len(SET_SIZES)) for other in {1, 2, 3}],
        ],
        type=QuestionType.MULTIPLE_CHOICE,
    )


@family(Category.SPATIAL_REASONING, Fact.COUNTS, weight=2)
def count_beside(view: View, rng: random.Random) -> list[Draft]:
    """How many of a kind are on one side of another thing: find it, compare each, count."""
    found = []
    for kind, things in view.countable.items():
        for anchor in view.referents:
            if len(things) < 2 or are_kin(anchor.kind, kind) or anchor.hops > 2:
                continue
            ways = [view.across(thing, anchor.thing) for thing in things]
            if None not in ways:
                found += [(kind, things, anchor, way, ways) for way in set(ways)]
    if not found:
        return []
    kind, things, anchor, way, ways = rng.choice(sorted(found, key=lambda case: (case[0], case[2].words, case[3])))
    number = ways.count(way)
    names = labels(view, things)
    there = {name: thing for name, thing in names.items() if view.across(thing, anchor.thing) == way}
    side = way.removesuffix("_of")
    many = plural(kind)
    question = rng.choice(
        [
            f"How many {many} are to the {side} of the {anchor.words}?",
            f"Count the {many} to the {side} of the {anchor.words}. How many are there?",
        ]
    )
    options = numbers(rng, number)
    graph = [(name, way, anchor.words) for name in there]
    return write(
        view,
        question,
        options,
        [str(number)],
        refs=[anchor],
        labelled=there,
        graph=graph,
        relation=" ".join(map(say, graph)),
        logic=f"That makes {number}.",
        cues=number_cues(options, number, kind, anchor.kind, side),
    )


@family(Category.SPATIAL_REASONING, Fact.RELATIONS, weight=2)
def resting_on(view: View, rng: random.Random) -> list[Draft]:
    """What a thing is on, from three things in the picture."""
    of_thing = {id(ref.thing): ref for ref in view.referents if ref.hops == 1}
    found = []
    for one, relation, other in view.scene.relations:
        refs = [of_thing.get(id(view.scene.objects[index])) for index in (one, other)]
        if relation == "on" and None not in refs:
            carriers = [o for s, r, o in view.scene.relations if s == one and r in ("on", "in", "hanging_on")]
            if len(carriers) == 1:
                found.append(refs)
    if not found:
        return []
    ref, carrier = rng.choice(found)
    others = [
        other
        for other in view.referents
        if other not in (ref, carrier) and other.hops == 1 and not are_kin(other.kind, carrier.kind)
        if other.kind not in PEOPLE
        # something beside it, and as large as a carrier must be, so that only the picture rules it out
        if other.thing.box[2] * other.thing.box[3] > ref.thing.box[2] * ref.thing.box[3]
        and (view.across(ref.thing, other.thing) or view.upright(ref.thing, other.thing))
    ]
    if len(others) < 2:
        return []
    options = [carrier, *rng.sample(others, 2)]
    return write(
        view,
        rng.choice([f"What {be(ref.kind)} the {ref.words} on?", f"On which of these {be(ref.kind)} the {ref.words}?"]),
        [f"the {other.words}" for other in options],
        [f"the {carrier.words}"],
        refs=[ref, carrier],
        graph=[(ref.words, "on", carrier.words)],
        logic=f"It is the {carrier.words} that carries the {ref.words}.",
        cues=[Cue(key, other is carrier, 1 / 3) for other in options for key in (other.kind, (ref.kind, other.kind))],
    )
