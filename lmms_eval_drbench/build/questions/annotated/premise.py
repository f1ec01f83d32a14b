"""False premise rejection: questions about what is not there, each beside a twin about what is.

Twins share picture, wording, number of options and the kind of the rejecting option, and both offer one answer and one
rejection. So "always reject" and "never reject" are both right half of the time, and every kind, side and rank is asked
about as often where it exists as where it doesn't (the ledger sees to it).
"""

import random

from lmms_eval_drbench.build.kinds import are_kin, plural
from lmms_eval_drbench.build.ledger import Cue
from lmms_eval_drbench.build.questions.annotated.craft import OPEN_SHARE, Triple, be, family, in_half, say, write
from lmms_eval_drbench.build.questions.annotated.perception import _alike
from lmms_eval_drbench.build.questions.annotated.view import OPPOSITE, ORDINALS, RELATION_WORDS, Referent, View, labels
from lmms_eval_drbench.build.questions.draft import Draft, article
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType


def _twin(
    view: View,
    holds: bool,
    question: str,
    offered: str,
    reject: str,
    *,
    refs: list[Referent],
    graph: list[Triple] = (),
    labelled: dict | None = None,
    finding: str,
    cues: list,
    open_ended: bool = False,
    accepted: tuple[str, ...] = (),
) -> list[Draft]:
    """One of two twins. finding: what the picture shows; cues: keys of bets on whether the premise holds."""
    answer = offered if holds else reject
    return write(
        view,
        question,
        [] if open_ended else [offered, reject],
        [answer, *(accepted if holds and open_ended else ())],
        refs=refs,
        labelled=labelled,
        graph=graph,
        relation=" ".join([*map(say, graph), finding]).strip(),
        logic="The question fits the picture." if holds else "The question assumes what is not there.",
        cues=[Cue(key, holds, 0.5) for key in cues],
        type=QuestionType.OPEN_ENDED if open_ended else QuestionType.SINGLE_CHOICE,
        premise_true=holds,
        reject=reject,
    )


def _others(view: View, *but: Referent) -> list[Referent]:
    """Up to four conspicuous things besides: who denies a thing has looked at what is there."""
    rest = [ref for ref in view.referents if ref.hops == 1 and ref not in but]
    return sorted(rest, key=lambda ref: -ref.thing.box[2] * ref.thing.box[3])[:4]


def _present_and_absent(view: View, rng: random.Random) -> tuple[Referent, str] | None:
    """A thing in one half of the picture, named by its kind, and a kind that is not there."""
    there = [ref for ref in view.named if view.half(ref.thing)]
    absent = [kind for kind in view.absent if not any(are_kin(kind, ref.kind) for ref in there)]
    return (rng.choice(there), rng.choice(absent)) if there and absent else None


def _missing(view: View, rng: random.Random, open_ended: bool) -> list[Draft]:
    found = _present_and_absent(view, rng)
    if found is None:
        return []
    ref, missing = found
    half = view.half(ref.thing)
    wording = rng.choice(
        ["Which half of the picture is the {} in?", "In which half of the picture can the {} be seen, left or right?"]
    )
    guess = rng.choice(["left", "right"])
    drafts = []
    for kind, side, holds in [(ref.kind, half, True), (missing, guess, False)]:
        drafts += _twin(
            view,
            holds,
            wording.format(kind),
            f"the {side} half",
            f"there is no {kind}",
            refs=[ref] if holds else _others(view),
            graph=[in_half(ref, half)] if holds else [],
            finding="" if holds else f"None of what I see is {article(kind)}.",
            cues=[kind, ("side", side)],
            open_ended=open_ended,
            accepted=(side, f"{side} half"),
        )
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, Fact.ABSENCE, weight=3, topic="half")
def missing_thing(view: View, rng: random.Random) -> list[Draft]:
    """Where a thing is that is there, or not there at all."""
    return _missing(view, rng, open_ended=False)


@family(Category.FALSE_PREMISE_REJECTION, Fact.ABSENCE, weight=1, most=OPEN_SHARE / 2, topic="half")
def missing_thing_open(view: View, rng: random.Random) -> list[Draft]:
    """The same, in the model's own words."""
    return _missing(view, rng, open_ended=True)


@family(Category.FALSE_PREMISE_REJECTION, Fact.ABSENCE, weight=1.5, topic="direction")
def missing_companion(view: View, rng: random.Random) -> list[Draft]:
    """On which side of a thing another is that is there, or not there at all."""
    pairs = [pair for pair in view.pairs if pair[0].words == pair[0].kind and pair[1].hops == 1]
    absent = view.absent
    if not pairs or not absent:
        return []
    one, other, way = rng.choice(pairs)
    missing = rng.choice(absent)
    wording = rng.choice(
        [
            f"Is the {{}} to the left or to the right of the {other.words}?",
            f"On which side of the {other.words} is the {{}}?",
        ]
    )
    if be(one.kind) == "are":
        return []
    drafts = []
    for kind, side, holds in [
        (one.kind, way.removesuffix("_of"), True),
        (missing, rng.choice(["left", "right"]), False),
    ]:
        drafts += _twin(
            view,
            holds,
            wording.format(kind),
            f"on the {side}",
            f"there is no {kind}",
            refs=[one, other] if holds else [other, *_others(view, other)],
            graph=[(one.words, way, other.words)] if holds else [],
            finding="" if holds else f"None of what I see is {article(kind)}.",
            cues=[kind, ("side", side)],
        )
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, Fact.ABSENCE, Fact.COUNTS, weight=1.3, topic="count")
def missing_kind_count(view: View, rng: random.Random) -> list[Draft]:
    """How many of a kind are in the picture whose presence is presumed, rightly or wrongly."""
    kinds = [kind for kind, things in view.countable.items() if 1 <= len(things) <= 4]
    if not kinds or not view.absent:
        return []
    kind, missing = rng.choice(kinds), rng.choice(view.absent)
    number = len(view.countable[kind])
    wordings = ["How many are the {} in the picture?", "The picture shows some {}. What is their number?"]
    if not view.scene.distinct:  # what is drawn keeps its wordings, so that its data sets stay what they are
        wordings = ["How many {} does the picture show?", "The picture shows one or more {}. What is their number?"]
    wording = rng.choice(wordings)
    drafts = []
    for asked, offered, holds in [(kind, number, True), (missing, rng.randint(1, 3), False)]:
        many = plural(asked)
        drafts += _twin(
            view,
            holds,
            wording.format(many),
            str(offered),
            f"there are no {many}",
            refs=[] if holds else _others(view),
            labelled=labels(view, view.countable[kind]) if holds else None,
            finding=f"Counting the {many} gives {number}." if holds else f"None of what I see is {article(asked)}.",
            cues=[asked, ("number", offered)],
        )
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, Fact.BOXES, weight=4)
def wrong_relation(view: View, rng: random.Random) -> list[Draft]:
    """Whether a thing on one side of another is higher or lower than it, where it is on that side, or on the other."""
    pairs = [
        (one, other, way, view.upright(one.thing, other.thing))
        for one, other, way in view.pairs
        if one.words == one.kind and other.words == other.kind and view.upright(one.thing, other.thing)
    ]
    if not pairs:
        return []
    one, other, way, level = rng.choice(pairs)
    words = {"higher_than": "higher", "lower_than": "lower"}
    wording = rng.choice(
        [
            "Is the {a} {side} the {b} higher up or lower down in the picture than that {b}?",
            "Compared with the {b}, is the {a} {side} it higher or lower in the picture?",
        ]
    )
    if be(one.kind) == "are" or be(other.kind) == "are":
        return []
    drafts = []
    for side, offered, holds in [
        (way, words[level], True),
        (OPPOSITE[way], rng.choice(list(words.values())), False),
    ]:
        phrase = f"{one.kind} {RELATION_WORDS[side]} the {other.kind}"
        graph = [(one.words, way, other.words)]
        graph += [(one.words, level, other.words)] if holds else [(one.words, f"not_{side}", other.words)]
        drafts += _twin(
            view,
            holds,
            wording.format(a=one.kind, b=other.kind, side=RELATION_WORDS[side]),
            offered,
            f"there is no {phrase}",
            refs=[one, other],
            graph=graph,
            finding="",
            cues=[("side", side), ("level", offered), (one.kind, side), (side, other.kind)],
        )
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, Fact.COUNTS, weight=3)
def impossible_rank(view: View, rng: random.Random) -> list[Draft]:
    """The half of the picture with the n-th of a kind from one side, where there are that many, or fewer."""
    found = []
    for kind, things in view.countable.items():
        if not 2 <= len(things) <= 5:
            continue
        row = sorted(things, key=lambda thing: thing.centre[0])
        if any(view.across(one, other) != "left_of" for one, other in zip(row, row[1:], strict=False)):
            continue
        for side in ("left", "right"):
            ranked = row if side == "left" else row[::-1]
            halves = [view.half(thing) for thing in ranked]
            found += [(kind, side, ranked, rank) for rank in range(1, len(row)) if halves[rank]]
    if not found:
        return []
    kind, side, ranked, rank = rng.choice(found)
    beyond = rng.randrange(len(ranked), min(len(ranked) + 2, 6))
    half = view.half(ranked[rank])
    many = plural(kind)
    names = labels(view, ranked)
    name = next(name for name, thing in names.items() if thing is ranked[rank])
    wording = rng.choice(
        [
            "Counted from the {side}, which half of the picture is the {rank} {kind} in?",
            "Is the {rank} {kind} from the {side} in the left or in the right half of the picture?",
        ]
    )
    drafts = []
    for number, offered, holds in [(rank, half, True), (beyond, rng.choice(["left", "right"]), False)]:
        drafts += _twin(
            view,
            holds,
            wording.format(side=side, rank=ORDINALS[number], kind=kind),
            f"the {offered} half",
            f"there is no {ORDINALS[number]} {kind}",
            refs=[],
            labelled=names,
            graph=[(name, f"in_{half}_half_of", "picture")] if holds else [],
            finding=f"Counting the {many} gives {len(ranked)}.",
            cues=[("rank", number), ("side", offered), (kind, number)],
        )
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, Fact.COLOURS, weight=4.5)
def wrong_colour(view: View, rng: random.Random) -> list[Draft]:
    """The half of the picture with a thing of a colour, where the thing has that colour, or another."""
    refs = [ref for ref in view.named if ref.thing.colour and view.half(ref.thing) and be(ref.kind) == "is"]
    if not refs:
        return []
    ref = rng.choice(refs)
    colour, half = ref.thing.colour, view.half(ref.thing)
    others = [c for c in view.deniable(ref.thing) if not _alike(c, colour) and c not in ref.thing.attributes]
    if not others:
        return []
    other = rng.choice(others)
    wording = rng.choice(["Which half of the picture is the {} in?", "Is the {} in the left or the right half?"])
    drafts = []
    for said, offered, holds in [(colour, half, True), (other, rng.choice(["left", "right"]), False)]:
        phrase = f"{said} {ref.kind}"
        drafts += _twin(
            view,
            holds,
            wording.format(phrase),
            f"the {offered} half",
            f"there is no {phrase}",
            refs=[ref],
            graph=[in_half(ref, half)],
            finding=f"The {ref.kind} is {colour}.",
            cues=[("side", offered), said, (ref.kind, said)],
        )
    return drafts


@family(Category.FALSE_PREMISE_REJECTION, Fact.COLOURS, Fact.ABSENCE, weight=1.5)
def missing_colour(view: View, rng: random.Random) -> list[Draft]:
    """The colour of a thing that is there, or not there at all."""
    refs = [ref for ref in view.named if ref.thing.colour and be(ref.kind) == "is"]
    if not refs or not view.absent:
        return []
    ref, missing = rng.choice(refs), rng.choice(view.absent)
    if not view.palette(missing):
        return []
    wording = rng.choice(["Which colour is the {}?", "What is the colour of the {}?"])
    invented = rng.choice(view.palette(missing))
    drafts = []
    for kind, colour, holds in [(ref.kind, ref.thing.colour, True), (missing, invented, False)]:
        drafts += _twin(
            view,
            holds,
            wording.format(kind),
            colour,
            f"there is no {kind}",
            refs=[ref] if holds else _others(view),
            finding=f"The {kind} is {colour}." if holds else f"None of what I see is {article(kind)}.",
            cues=[kind, ("colour", colour)],
        )
    return drafts
