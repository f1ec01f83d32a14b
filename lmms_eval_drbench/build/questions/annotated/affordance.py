"""Affordance reasoning: what the things in the picture are for, where they are, and whether they can be used.

Knowing what a thing is for is never enough: every question also needs the picture.
"""

import random

from lmms_eval_drbench.build.kinds import NOT_ALWAYS_SERVING, PURPOSES, Purpose
from lmms_eval_drbench.build.ledger import Cue, bets
from lmms_eval_drbench.build.questions.annotated.craft import (
    OPEN_SHARE,
    SET_SIZES,
    be,
    family,
    in_half,
    number_cues,
    numbers,
    write,
)
from lmms_eval_drbench.build.questions.annotated.view import Referent, View, examples, labels
from lmms_eval_drbench.build.questions.draft import Draft, article, listing
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType

_READY = {
    ("door", "open"): ("walk through the door without opening it", True),
    ("door", "closed"): ("walk through the door without opening it", False),
    ("laptop", "open"): ("type on the laptop without opening it", True),
    ("laptop", "closed"): ("type on the laptop without opening it", False),
    ("refrigerator", "closed"): ("take milk from the refrigerator without opening it", False),
    ("refrigerator", "open"): ("take milk from the refrigerator without opening it", True),
    ("cabinet", "closed"): ("reach into the cabinet without opening it", False),
    ("cabinet", "open"): ("reach into the cabinet without opening it", True),
    ("jar", "open"): ("reach into the jar without opening it", True),
    ("jar", "closed"): ("reach into the jar without opening it", False),
    ("window", "open"): ("throw a ball through the window without opening it", True),
    ("window", "closed"): ("throw a ball through the window without opening it", False),
    ("umbrella", "open"): ("keep dry under the umbrella without opening it", True),
    ("umbrella", "closed"): ("keep dry under the umbrella without opening it", False),
    ("television", "on"): ("watch the television without switching it on", True),
    ("television", "off"): ("watch the television without switching it on", False),
    ("lamp", "on"): ("read by the light of the lamp without switching it on", True),
    ("lamp", "off"): ("read by the light of the lamp without switching it on", False),
    ("lantern", "on"): ("read by the light of the lantern without lighting it", True),
    ("lantern", "off"): ("read by the light of the lantern without lighting it", False),
    ("bowl", "empty"): ("eat something out of the bowl without filling it", False),
    ("bowl", "full"): ("eat something out of the bowl without filling it", True),
    ("cup", "empty"): ("drink from the cup without filling it", False),
    ("cup", "full"): ("drink from the cup without filling it", True),
}
"""(kind, state) → what somebody may want to do with it, and whether that state allows it."""


def ready_or_not(view: View) -> list[Referent]:
    """Things that only their state can keep from being used: none is fallen, broken, in mid-air or blocked."""
    return [
        ref
        for ref in view.referents
        if (ref.kind, ref.thing.state) in _READY and not ref.thing.fallen and id(ref.thing) not in view.touched
    ]


def _purposes(view: View) -> list[Purpose]:
    """What may be asked: in a photograph not what a thing of the kind may fail to do, or another do as well."""
    return [purpose for purpose in PURPOSES if view.scene.distinct or not NOT_ALWAYS_SERVING & set(purpose.kinds)]


def servers(view: View) -> list[tuple[Purpose, Referent]]:
    """(purpose, thing) where one thing in the picture serves, and nothing else might."""
    found = []
    for purpose in _purposes(view):
        there = [kind for kind in view.kinds if kind in purpose.kinds + purpose.maybe]
        refs = [ref for ref in view.named if ref.kind in purpose.kinds]
        if len(there) == 1 and len(refs) == 1 and id(refs[0].thing) not in view.touched:
            found.append((purpose, refs[0]))
    return found


def _served(view: View) -> dict[Purpose, str]:
    """Purpose → the one kind in plain sight that serves it; a thing with which something is wrong may not."""
    found = {}
    for purpose in _purposes(view):
        there = [kind for kind in view.kinds if kind in purpose.kinds + purpose.maybe]
        sound = all(id(thing) not in view.touched for kind in there for thing in view.scene.named(kind))
        if len(there) == 1 and there[0] in purpose.kinds and there[0] in view.present and sound:
            found[purpose] = there[0]
    return found


def _idle(view: View) -> list[Purpose]:
    """Purposes that nothing in the picture serves: the typical kind is known to be absent, no other is there."""
    return [
        purpose
        for purpose in _purposes(view)
        if purpose.kinds[0] in view.absent and not set(purpose.kinds + purpose.maybe) & set(view.kinds)
    ]


def _use(purpose: Purpose, kind: str) -> str:
    verb = "is" if be(kind) == "is" else "are"
    return f"The {kind} {verb} made for {purpose.made}."


@family(Category.AFFORDANCE_REASONING, Fact.BOXES, weight=3, topic="half")
def serving_half(view: View, rng: random.Random) -> list[Draft]:
    """The half of the picture that holds the thing made for a purpose."""
    found = [(purpose, ref, view.half(ref.thing)) for purpose, ref in servers(view) if view.half(ref.thing)]
    if not found:
        return []
    purpose, ref, half = rng.choice(found)
    question = rng.choice(
        [
            f"In which half of the picture is the thing that is made for {purpose.made}?",
            f"Somebody looks for the thing made for {purpose.made}. Which half of the picture is it in?",
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
        logic=_use(purpose, ref.kind),
        cues=bets(options, [f"{half} half"], 0.5, ref.kind),
    )


@family(Category.AFFORDANCE_REASONING, Fact.BOXES, weight=3, topic="direction")
def serving_direction(view: View, rng: random.Random) -> list[Draft]:
    """On which side of another thing the thing made for a purpose is: find it by its use, then compare."""
    of_words = {ref.words: purpose for purpose, ref in servers(view)}
    found = [pair for pair in view.pairs if pair[0].words in of_words and pair[1].hops <= 2]
    if not found:
        return []
    one, other, way = rng.choice(found)
    purpose = of_words[one.words]
    side = way.removesuffix("_of")
    question = rng.choice(
        [
            f"Is the thing made for {purpose.made} to the left or to the right of the {other.words}?",
            f"On which side of the {other.words} is the thing that is made for {purpose.made}?",
        ]
    )
    return write(
        view,
        question,
        ["left", "right"],
        [side],
        refs=[one, other],
        graph=[(one.words, way, other.words)],
        logic=_use(purpose, one.kind),
        cues=[
            Cue(key, option == side, 0.5)
            for option in ("left", "right")
            for key in (option, (one.kind, option), *[("from", bet, option) for bet in other.bets])
        ],
    )


@family(Category.AFFORDANCE_REASONING, Fact.ABSENCE, weight=2)
def possible_here(view: View, rng: random.Random) -> list[Draft]:
    """Which of four things one could do with what is in the picture: one to three of them."""
    served, idle = _served(view), _idle(view)
    size = rng.choice(SET_SIZES)
    if len(served) < size or len(idle) < 4 - size:
        return []
    right, wrong = rng.sample(list(served), size), rng.sample(idle, 4 - size)
    if len({served[purpose] for purpose in right}) < size:
        return []
    question = rng.choice(
        [
            "Which of these could one do with the things in the picture? (multiple answers)",
            "For which of these is the fitting thing in the picture? (multiple answers)",
        ]
    )
    labelled = {}
    for purpose in right:
        labelled |= examples(view, [served[purpose]])
    kinds = [served[purpose] for purpose in right]
    return write(
        view,
        question,
        [purpose.can for purpose in right + wrong],
        [purpose.can for purpose in right],
        labelled=labelled,
        relation=" ".join(_use(purpose, served[purpose]) for purpose in right),
        logic=f"There {be(kinds[0])} {listing([f'the {kind}' for kind in kinds])}, and nothing for the other purposes.",
        cues=[
            *bets([p.can for p in right + wrong], [p.can for p in right], 0.5),
            *[Cue(("size", other), other == size, SET_SIZES.count(other) / len(SET_SIZES)) for other in {1, 2, 3}],
        ],
        type=QuestionType.MULTIPLE_CHOICE,
    )


def _one_of(view: View, rng: random.Random, possible: bool) -> list[Draft]:
    served, idle = _served(view), _idle(view)
    few, many = (list(served), idle) if possible else (idle, list(served))
    if not few or len(many) < 2:
        return []
    right, wrong = rng.choice(few), rng.sample(many, 2)
    shown = [right] if possible else wrong
    if possible:
        wording = ["Which of these could one do with the things in the picture?"]
        wording += ["The thing for one of these is in the picture. Which one?"]
    else:
        wording = ["For which of these is there nothing in the picture?"]
        wording += ["Which of these could one not do with the things in the picture?"]
    labelled = {}
    for purpose in shown:
        labelled |= examples(view, [served[purpose]])
    if not possible and len({served[purpose] for purpose in shown}) < 2:
        return []
    options = [purpose.can for purpose in (right, *wrong)]
    logic = (
        "For the others the fitting thing is missing."
        if possible
        else f"Nothing in the picture is made for {right.made}."
    )
    return write(
        view,
        rng.choice(wording),
        options,
        [right.can],
        labelled=labelled,
        relation=" ".join(_use(purpose, served[purpose]) for purpose in shown),
        logic=logic,
        cues=bets(options, [right.can], 1 / 3),
    )


@family(Category.AFFORDANCE_REASONING, Fact.ABSENCE, weight=2)
def one_possible(view: View, rng: random.Random) -> list[Draft]:
    """The one of three things that one could do here."""
    return _one_of(view, rng, possible=True)


@family(Category.AFFORDANCE_REASONING, Fact.ABSENCE, weight=2)
def one_impossible(view: View, rng: random.Random) -> list[Draft]:
    """The one of three things that one could not do here."""
    return _one_of(view, rng, possible=False)


@family(Category.AFFORDANCE_REASONING, Fact.ABSENCE, weight=2)
def anything_for(view: View, rng: random.Random) -> list[Draft]:
    """Whether something in the picture is made for a purpose."""
    served, idle = _served(view), _idle(view)
    is_there = rng.random() < 0.5
    if not (served if is_there else idle):
        return []
    purpose = rng.choice(list(served) if is_there else idle)
    answer = "yes" if is_there else "no"
    question = rng.choice(
        [
            f"Is anything in the picture made for {purpose.made}?",
            f"Does the picture show something that is made for {purpose.made}?",
        ]
    )
    return write(
        view,
        question,
        ["yes", "no"],
        [answer],
        labelled=examples(view, [served[purpose]]) if is_there else _witnesses(view),
        relation=_use(purpose, served[purpose]) if is_there else "None of them is made for it.",
        logic="So there is." if is_there else f"Nothing else in the picture is made for {purpose.made}.",
        cues=bets(["yes", "no"], [answer], 0.5, purpose.made),
    )


def _witnesses(view: View) -> dict:
    """The most conspicuous kinds that are there: who says that something is not there has looked at these."""
    return examples(view, view.present[:4])


def _serving_count(view: View, rng: random.Random, open_ended: bool) -> list[Draft]:
    found = [
        (purpose, kind)
        for purpose, kind in _served(view).items()
        if kind in view.countable and len(view.countable[kind]) <= 6
    ]
    if not found:
        return []
    purpose, kind = rng.choice(found)
    things = view.countable[kind]
    number = len(things)
    options = numbers(rng, number)
    question = rng.choice(
        [
            f"How many things in the picture are made for {purpose.made}?",
            f"Count the things that are made for {purpose.made}. How many does the picture show?",
        ]
    )
    labelled = labels(view, things)
    return write(
        view,
        question,
        [] if open_ended else options,
        [str(number)],
        labelled=labelled,
        relation=f"Each {kind} is made for {purpose.made}.",
        logic=f"Counting them gives {number}.",
        cues=number_cues(options, number, kind),
        type=QuestionType.OPEN_ENDED if open_ended else QuestionType.SINGLE_CHOICE,
    )


@family(Category.AFFORDANCE_REASONING, Fact.COUNTS, weight=1, topic="count")
def serving_count(view: View, rng: random.Random) -> list[Draft]:
    """How many things are made for a purpose."""
    return _serving_count(view, rng, open_ended=False)


@family(Category.AFFORDANCE_REASONING, Fact.COUNTS, weight=1, most=OPEN_SHARE / 4, topic="count")
def serving_count_open(view: View, rng: random.Random) -> list[Draft]:
    """How many things are made for a purpose, as a number of the model's own."""
    return _serving_count(view, rng, open_ended=True)


@family(Category.AFFORDANCE_REASONING, Fact.COLOURS, weight=2, most=OPEN_SHARE, topic="colour")
def serving_colour(view: View, rng: random.Random) -> list[Draft]:
    """The colour of the thing made for a purpose, in the model's own words."""
    found = [(purpose, ref) for purpose, ref in servers(view) if ref.thing.colour and not ref.thing.shaded]
    if not found:
        return []
    purpose, ref = rng.choice(found)
    colour = ref.thing.colour
    return write(
        view,
        rng.choice(
            [
                f"What colour is the thing that is made for {purpose.made}?",
                f"Which colour does the thing made for {purpose.made} have?",
            ]
        ),
        [],
        [colour],
        refs=[ref],
        relation=_use(purpose, ref.kind),
        logic=f"The {ref.words} {be(ref.kind)} {colour}.",
        cues=[Cue(colour, True, 0.5)],
        type=QuestionType.OPEN_ENDED,
    )


@family(Category.AFFORDANCE_REASONING, Fact.ATTRIBUTES, weight=3)
def ready_to_use(view: View, rng: random.Random) -> list[Draft]:
    """Whether a thing can be used as it is: its state may prevent it."""
    found = ready_or_not(view)
    if not found:
        return []
    ref = rng.choice(found)
    wish, allowed = _READY[ref.kind, ref.thing.state]
    wish = wish.replace(f"the {ref.kind}", f"the {ref.words}")
    answer = "yes" if allowed else "no"
    return write(
        view,
        rng.choice([f"Could somebody {wish}?", f"Is it possible to {wish}?"]),
        ["yes", "no"],
        [answer],
        refs=[ref],
        relation=f"The {ref.words} is {ref.thing.state}.",
        logic=f"{article(ref.kind).capitalize()} that is {ref.thing.state} {'allows' if allowed else 'prevents'} it.",
        cues=bets(["yes", "no"], [answer], 0.5, ref.kind),
    )


_REMEDY = {"closed": "open it", "off": "switch it on", "empty": "fill it"}
"""State that prevents a use → what to do about it."""
_READY_AS_IT_IS = "it can be used as it is"


@family(Category.AFFORDANCE_REASONING, Fact.ATTRIBUTES, Fact.ANOMALIES, weight=3)
def first_step(view: View, rng: random.Random) -> list[Draft]:
    """What has to be done before a thing can be used: change its state, or move what blocks it, or nothing."""
    blocked = {a.target: a.thing for a in view.scene.anomalies if a.kind == "blocking"}
    of_thing = {id(ref.thing): ref for ref in view.referents}
    cases = [(ref, None) for ref in ready_or_not(view)]
    cases += [
        (of_thing[id(view.scene.objects[target])], of_thing[id(view.scene.objects[thing])])
        for target, thing in blocked.items()
        if id(view.scene.objects[target]) in of_thing and id(view.scene.objects[thing]) in of_thing
    ]
    cases = [case for case in cases if (case[0].kind, case[0].thing.state) in _READY]
    if not cases:
        return []
    ref, obstacle = rng.choice(cases)
    wish, allowed = _READY[ref.kind, ref.thing.state]
    wish = wish.split(" without ")[0].replace(f"the {ref.kind}", f"the {ref.words}")
    step = next(_REMEDY[state] for state in ("closed", "off", "empty") if (ref.kind, state) in _READY)
    options = [step, _READY_AS_IT_IS]
    clear = "move away what stands before it"
    if ref.kind == "door":
        options.append(clear)
    answer = clear if obstacle else _READY_AS_IT_IS if allowed else step
    state = f"The {ref.words} is {ref.thing.state}."
    return write(
        view,
        rng.choice(
            [
                f"Somebody wants to {wish}. What has to be done first?",
                f"What must one do first to {wish}?",
            ]
        ),
        options,
        [answer],
        refs=[ref, *([obstacle] if obstacle else [])],
        graph=[(obstacle.words, "blocking", ref.words)] if obstacle else [],
        relation=f"The {obstacle.words} is blocking the {ref.words}." if obstacle else state,
        logic=f"So the first step is: {answer}." if answer != _READY_AS_IT_IS else "Nothing prevents its use.",
        cues=bets(options, [answer], 1 / len(options), *ref.bets, ref.kind),
    )


@family(Category.AFFORDANCE_REASONING, Fact.ATTRIBUTES, Fact.ANOMALIES, weight=3)
def usable_now(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things can be used without being opened, filled or switched on first."""
    found = ready_or_not(view)
    ready = [ref for ref in found if _READY[ref.kind, ref.thing.state][1]]
    blocked = [ref for ref in found if ref not in ready]
    if not ready or len(blocked) < 2:
        return []
    right, others = rng.choice(ready), rng.sample(blocked, 2)
    shown = [right, *others]
    return write(
        view,
        rng.choice(
            [
                "Which of these can be used without opening, filling or switching it on first?",
                "Which of these is ready for use, with no need to open, fill or switch it on?",
            ]
        ),
        [ref.words for ref in shown],
        [right.words],
        refs=shown,
        relation=" ".join(f"The {ref.words} is {ref.thing.state}." for ref in shown),
        logic=f"Only the {right.words} is ready.",
        cues=[Cue(key, ref is right, 1 / 3) for ref in shown for key in (*ref.bets, ref.kind)],
    )
