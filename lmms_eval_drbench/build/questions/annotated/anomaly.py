"""Anomaly detection: what departs from what is expected, claimed or usual; and pictures where nothing does.

Photographs with something wrong in them are rare and no annotation says so. So most families check a report of the
picture against the picture (an inventory, statements, an order that somebody claims to see), as an inspector would;
one asks what doesn't belong to the place. In each, "nothing is wrong" is right as often as anything else.
"""

import random

from lmms_eval_drbench.build.kinds import GROUPS, INDOORS, OFTEN_PICTURED, OUTDOORS, STATES, are_kin, plural
from lmms_eval_drbench.build.ledger import Cue, bets
from lmms_eval_drbench.build.questions.annotated.craft import (
    OPEN_SHARE,
    SET_SIZES,
    Triple,
    be,
    family,
    in_half,
    say,
    write,
)
from lmms_eval_drbench.build.questions.annotated.spatial import _row, _side_by_side
from lmms_eval_drbench.build.questions.annotated.view import OPPOSITE, Referent, View, examples, is_rank, labels
from lmms_eval_drbench.build.questions.draft import Draft, article, listing
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType

NO_ERROR = "none of them"
NOTHING = "nothing"


def _amount(number: int, kind: str) -> str:
    return f"{number} {kind if number == 1 else plural(kind)}"


def _inventory(view: View, rng: random.Random, size: int) -> tuple[list[str], list[int]] | None:
    """Some kinds that can be counted and how many of each there are."""
    kinds = [kind for kind, things in view.countable.items() if len(things) <= 5]
    if len(kinds) < size:
        return None
    chosen = rng.sample(kinds, size)
    return chosen, [len(view.countable[kind]) for kind in chosen]


def _misstated(rng: random.Random, number: int) -> int:
    """A wrong number that is off by one or two, never below 1."""
    return rng.choice([wrong for wrong in (number - 2, number - 1, number + 1, number + 2) if wrong > 0])


def _all_labels(view: View, kinds: list[str]) -> dict:
    found: dict = {}
    for kind in kinds:
        found |= labels(view, view.countable[kind])
    return found


def _truth(kinds: list[str], numbers: list[int]) -> str:
    return " ".join(f"Number of {plural(kind)}: {number}." for kind, number in zip(kinds, numbers, strict=True))


@family(Category.ANOMALY_DETECTION, Fact.COUNTS, weight=1)
def inventory_error(view: View, rng: random.Random) -> list[Draft]:
    """The entry of an inventory that doesn't fit the picture, or none of them."""
    found = _inventory(view, rng, 2)
    if found is None:
        return []
    kinds, true = found
    claimed = list(true)
    culprit = rng.randrange(-1, 2)
    if culprit >= 0:
        claimed[culprit] = _misstated(rng, true[culprit])
    entries = [_amount(number, kind) for number, kind in zip(claimed, kinds, strict=True)]
    answer = entries[culprit] if culprit >= 0 else NO_ERROR
    question = rng.choice(
        [
            f"An inventory of the picture lists {' and '.join(entries)}. Which entry is wrong?",
            f"Somebody counted {' and '.join(entries)} in this picture. Where did they go wrong?",
        ]
    )
    options = [*entries, NO_ERROR]
    return write(
        view,
        question,
        options,
        [answer],
        labelled=_all_labels(view, kinds),
        relation=_truth(kinds, true),
        logic=f"The entry {answer} doesn't fit." if culprit >= 0 else "Every entry fits.",
        cues=[
            Cue(NO_ERROR, culprit < 0, 1 / 3),
            *[
                Cue(key, index == culprit, 1 / 3)
                for index, (number, kind) in enumerate(zip(claimed, kinds, strict=True))
                for key in (("place", index), ("number", number), kind, (kind, number))
            ],
        ],
    )


@family(Category.ANOMALY_DETECTION, Fact.COUNTS, weight=1, most=OPEN_SHARE / 8, topic="count")
def inventory_error_open(view: View, rng: random.Random) -> list[Draft]:
    """Whether a count is right, and if not what it should be, in the model's own words."""
    found = _inventory(view, rng, 1)
    if found is None:
        return []
    (kind,), (number,) = found
    claimed = number if rng.random() < 0.5 else _misstated(rng, number)
    right = claimed == number
    question = (
        f"A report says that the picture shows {_amount(claimed, kind)}. "
        "If that is right, answer none; otherwise give the right number."
    )
    return write(
        view,
        question,
        [],
        ["none", "none is wrong"] if right else [str(number)],
        labelled=labels(view, view.countable[kind]),
        relation=_truth([kind], [number]),
        logic="The report is right." if right else "The report is wrong.",
        cues=bets(["none"], ["none"] if right else [], 0.5, f"{claimed}", kind),
        type=QuestionType.OPEN_ENDED,
    )


@family(Category.ANOMALY_DETECTION, Fact.COUNTS, weight=1, topic="count")
def count_mistaken(view: View, rng: random.Random) -> list[Draft]:
    """Whether a report gives a wrong number of things."""
    found = _inventory(view, rng, 1)
    if found is None:
        return []
    (kind,), (number,) = found
    claimed = number if rng.random() < 0.5 else _misstated(rng, number)
    answer = "no" if claimed == number else "yes"
    amount = _amount(claimed, kind)
    question = rng.choice(
        [
            f"According to a report, the picture shows {amount}. Is the report mistaken?",
            f"Somebody noted {amount} in this picture. Is there a mistake in the note?",
        ]
    )
    return write(
        view,
        question,
        ["yes", "no"],
        [answer],
        labelled=labels(view, view.countable[kind]),
        relation=_truth([kind], [number]),
        logic="The number is right." if claimed == number else "The number is wrong.",
        cues=bets(["yes", "no"], [answer], 0.5, f"{claimed}", kind, amount),
    )


def _statements(view: View, rng: random.Random) -> list[tuple[Triple, Triple, list[Referent]]]:
    """(what holds, its opposite, the things) for relations between things; one for each pair of things.

    In photographs, where few things can be pointed at, also for the half of the picture that holds a thing.
    """
    found = []
    refs = [ref for ref in view.referents if ref.hops <= 2]
    rng.shuffle(refs)
    for index, one in enumerate(refs):
        for other in refs[index + 1 :]:
            if any(other.words in triple for triple in one.graph) or any(one.words in t for t in other.graph):
                continue
            ranked = one.kind == other.kind and (is_rank(one) or is_rank(other))
            if ranked and not view.scene.distinct:  # the leftmost bus is to the left of any other: no picture needed
                continue
            ways = [view.across(one.thing, other.thing), view.upright(one.thing, other.thing)]
            ways = [way for way in ways if way]
            if ways:
                way = rng.choice(ways)
                found.append(((one.words, way, other.words), (one.words, OPPOSITE[way], other.words), [one, other]))
    for ref in [] if view.scene.distinct else refs:
        half = view.half(ref.thing)
        if half and not ref.graph and not is_rank(ref):
            other_half = "right" if half == "left" else "left"
            found.append((in_half(ref, half), in_half(ref, other_half), [ref]))
    rng.shuffle(found)
    return found


def _claim(triple: Triple) -> str:
    return say(triple)[0].lower() + say(triple)[1:].removesuffix(".")


def _claims(view: View, rng: random.Random, size: int, wrong: set[int]):
    """Some statements of which those numbered in `wrong` don't hold: (claims, truths, things, relations' names)."""
    statements = _statements(view, rng)
    chosen: list = []
    for statement in statements:
        if all({ref.words for ref in statement[2]} != {ref.words for ref in other[2]} for other in chosen):
            chosen.append(statement)
        if len(chosen) == size:
            break
    if len(chosen) < size:
        return None
    claimed = [false if index in wrong else true for index, (true, false, _) in enumerate(chosen)]
    refs = list({ref.words: ref for _, _, pair in chosen for ref in pair}.values())
    return [_claim(triple) for triple in claimed], [true for true, _, _ in chosen], refs, claimed


def _claim_cues(view: View, claimed: list[Triple], refs: list[Referent], wrong: set[int], chance: float) -> list[Cue]:
    bets_of = {ref.words: ref.bets for ref in refs}
    return [
        Cue(key, index in wrong, chance)
        for index, (subject, relation, target) in enumerate(claimed)
        for key in (
            relation,
            *[key for bet in bets_of[subject] for key in (bet, (bet, relation))],
            *[key for bet in bets_of.get(target, ()) for key in (bet, (relation, bet))],
        )
    ]


@family(Category.ANOMALY_DETECTION, Fact.BOXES, weight=4)
def wrong_statement(view: View, rng: random.Random) -> list[Draft]:
    """Which of three statements about the picture is wrong, or none of them."""
    culprit = rng.randrange(-1, 3)
    made = _claims(view, rng, 3, {culprit})
    if made is None:
        return []
    claims, truths, refs, claimed = made
    answer = claims[culprit] if culprit >= 0 else NO_ERROR
    question = rng.choice(
        [
            "Which of these statements about the picture is wrong?",
            "One of these statements may contradict the picture. Which one?",
        ]
    )
    return write(
        view,
        question,
        [*claims, NO_ERROR],
        [answer],
        refs=refs,
        graph=truths,
        logic="One statement says the opposite." if culprit >= 0 else "All three statements say the same.",
        cues=[Cue(NO_ERROR, culprit < 0, 0.25), *_claim_cues(view, claimed, refs, {culprit}, 0.25)],
    )


@family(Category.ANOMALY_DETECTION, Fact.BOXES, weight=3)
def wrong_statements(view: View, rng: random.Random) -> list[Draft]:
    """Which of four statements about the picture are wrong: one to three of them."""
    size = rng.choice(SET_SIZES)
    wrong = set(rng.sample(range(4), size))
    made = _claims(view, rng, 4, wrong)
    if made is None:
        return []
    claims, truths, refs, claimed = made
    right = [claim for index, claim in enumerate(claims) if index in wrong]
    return write(
        view,
        "Which of these statements about the picture are wrong? (multiple answers)",
        claims,
        right,
        refs=refs,
        graph=truths,
        logic=f"{'One statement says' if size == 1 else f'{size} statements say'} the opposite.",
        cues=[
            *_claim_cues(view, claimed, refs, wrong, 0.5),
            *[Cue(("size", other), other == size, SET_SIZES.count(other) / len(SET_SIZES)) for other in {1, 2, 3}],
        ],
        type=QuestionType.MULTIPLE_CHOICE,
    )


@family(Category.ANOMALY_DETECTION, Fact.BOXES, weight=2.5)
def order_mistaken(view: View, rng: random.Random) -> list[Draft]:
    """Whether somebody's account of an order from left to right is mistaken."""
    row = _row(view, rng, 3)
    if not row:
        return []
    mistaken = rng.random() < 0.5
    claimed = list(row)
    while mistaken and claimed == row:
        rng.shuffle(claimed)
    names = [f"the {ref.words}" for ref in claimed]
    question = rng.choice(
        [
            f"A robot reports, from left to right: {listing(names)}. Is there a mistake in its report?",
            f"From left to right, a caption names {listing(names)}. Is the caption mistaken?",
        ]
    )
    answer = "yes" if mistaken else "no"
    return write(
        view,
        question,
        ["yes", "no"],
        [answer],
        refs=row,
        graph=_side_by_side(row),
        logic="The report gives another order." if mistaken else "The report gives this order.",
        cues=[
            Cue(key, option == answer, 0.5)
            for option in ("yes", "no")
            for key in [option, *[(place, ref.kind, option) for place, ref in enumerate(claimed)]]
        ],
    )


@family(Category.ANOMALY_DETECTION, Fact.COUNTS, weight=2)
def forgotten_kind(view: View, rng: random.Random) -> list[Draft]:
    """Which sort of vehicle, animal, ... a list forgot, or nothing."""
    found = []
    for sort, kinds in GROUPS.items():
        there = [kind for kind in kinds if kind in view.present]
        lacking = [kind for kind in kinds if kind in view.absent]
        unsure = [kind for kind in view.kinds if kind in kinds and kind not in view.present]
        if there and len(lacking) >= 2 and not unsure:
            found.append((sort, there, lacking))
    if not found:
        return []
    sort, there, lacking = rng.choice(found)
    forgets = rng.random() < 0.6 and len(there) > 1
    forgotten = rng.choice(there) if forgets else None
    listed = [kind for kind in there if kind != forgotten]
    options = [forgotten] if forgotten else []
    options += rng.sample(lacking, 2 - len(options))
    # nobody knows all that a photograph shows: there the list is only asked for what is among the options
    known = view.scene.distinct
    what, nothing = ("What", NOTHING) if known else ("Which of these", NO_ERROR)
    answer = forgotten or nothing
    names = listing([plural(kind) for kind in listed])
    question = rng.choice(
        [
            f"A list of every sort of {sort} in the picture names only {names}. {what} did it forget?",
            f"Under the heading {sort}, a catalogue of this picture has only {names}. {what} is missing from it?",
        ]
    )
    return write(
        view,
        question,
        [*options, nothing],
        [answer],
        labelled=examples(view, there),
        relation=f"The list names {names}.",
        logic=f"The {forgotten} is not on the list."
        if forgotten
        else ("Nothing of that sort is left out." if known else "The others are not in the picture."),
        cues=bets([*options, nothing], [answer], 1 / 3, sort),
    )


@family(Category.ANOMALY_DETECTION, Fact.ABSENCE, weight=2)
def out_of_place(view: View, rng: random.Random) -> list[Draft]:
    """Which of two kinds doesn't belong where the picture was taken, or nothing.

    One of the two is at home indoors, the other outdoors, so that the answer depends on the place.
    """
    indoors = [ref for ref in view.named if ref.kind in INDOORS]
    outdoors = [ref for ref in view.named if ref.kind in OUTDOORS]
    here, there = (indoors, outdoors) if len(indoors) >= len(outdoors) else (outdoors, indoors)
    if not here or (len(here) < 2 and len(here) == len(there)) or (there and len(here) < len(there) + 2):
        return []
    native, foreign = (INDOORS, OUTDOORS) if here is indoors else (OUTDOORS, INDOORS)
    if len(native.intersection(view.kinds)) <= len(
        foreign.intersection(view.kinds)
    ):  # things with no name of their own
        return []
    free = [ref for ref in here if id(ref.thing) not in view.touched]
    if not free:
        return []
    local = rng.choice(free)
    strangers = [kind for kind in view.absent if kind in foreign]
    if not there and not strangers:
        return []
    if not view.scene.distinct and any(ref.kind in OFTEN_PICTURED for ref in there):  # it may be a toy
        return []
    culprit = rng.choice(there) if there else None
    stranger = culprit.kind if culprit else rng.choice(strangers)
    if are_kin(stranger, local.kind):
        return []
    answer = stranger if culprit else NOTHING
    world = "indoors" if here is indoors else "outdoors"
    refs = [local, *([culprit] if culprit else [])]
    return write(
        view,
        rng.choice(
            [
                "Which of these is out of place in the picture?",
                "Does the picture show one of these where it doesn't belong?",
            ]
        ),
        [local.words, stranger, NOTHING],
        [answer],
        refs=refs,
        relation=f"The picture was taken {world}.",
        logic=f"{article(stranger).capitalize()} does not belong there." if culprit else f"There is no {stranger}.",
        cues=bets([local.words, stranger, NOTHING], [answer], 1 / 3),
    )


@family(Category.ANOMALY_DETECTION, Fact.COLOURS, weight=3, topic="colour")
def wrong_colour_report(view: View, rng: random.Random) -> list[Draft]:
    """Whether a description gives a thing the wrong colour."""
    refs = [ref for ref in view.referents if ref.thing.colour and ref.thing.colour not in ref.words]
    if not refs:
        return []
    ref = rng.choice(refs)
    palette = ("red", "blue", "green", "yellow", "orange", "black", "white", "brown")
    from lmms_eval_drbench.build.questions.annotated.perception import _alike

    wrong = rng.random() < 0.5
    claimed = ref.thing.colour
    if wrong:
        others = [other for other in palette if not _alike(other, claimed) and other not in ref.thing.tints]
        if not others:
            return []
        claimed = rng.choice(others)
    answer = "yes" if wrong else "no"
    return write(
        view,
        f"According to a description, the {ref.words} {be(ref.kind)} {claimed}. Is there a mistake in it?",
        ["yes", "no"],
        [answer],
        refs=[ref],
        relation=f"The {ref.words} {be(ref.kind)} {ref.thing.colour}.",
        logic="The description says something else." if wrong else "The description says the same.",
        cues=[
            Cue(key, option == answer, 0.5)
            for option in ("yes", "no")
            for key in (option, (claimed, option), (ref.kind, option))
        ],
    )


@family(Category.ANOMALY_DETECTION, Fact.ATTRIBUTES, weight=3)
def wrong_state_report(view: View, rng: random.Random) -> list[Draft]:
    """Whether a description gives a thing the wrong state: open for closed, on for off, full for empty."""
    refs = [ref for ref in view.referents if ref.thing.state]
    if not refs:
        return []
    ref = rng.choice(refs)
    pair = next(pair for pair in STATES if ref.thing.state in pair)
    claimed = rng.choice(pair)
    answer = "no" if claimed == ref.thing.state else "yes"
    return write(
        view,
        f"According to a description, the {ref.words} {be(ref.kind)} {claimed}. Is there a mistake in it?",
        ["yes", "no"],
        [answer],
        refs=[ref],
        relation=f"The {ref.words} {be(ref.kind)} {ref.thing.state}.",
        logic="The description says the same." if answer == "no" else "The description says the opposite.",
        cues=bets(["yes", "no"], [answer], 0.5, claimed, ref.kind, f"{claimed} {ref.kind}"),
    )
