"""Anomaly detection where the source knows all that is wrong: what is wrong, with which thing, or with nothing at all.

A thing whose state or place somebody might call odd although the source doesn't is no party to these questions.
"""

import random

from lmms_eval_drbench.build.kinds import GROUNDS
from lmms_eval_drbench.build.ledger import Cue, bets
from lmms_eval_drbench.build.questions.annotated.craft import OPEN_SHARE, family, whereabouts, write
from lmms_eval_drbench.build.questions.annotated.view import Referent, View
from lmms_eval_drbench.build.questions.draft import Draft, article, listing
from lmms_eval_drbench.build.scene import Anomaly
from lmms_eval_drbench.build.sources.base import Fact
from lmms_eval_drbench.taxonomy import Category, QuestionType

NONE = "none of them"
NOTHING = "nothing"
STATES_GONE_WRONG = {
    "open": "it was left open",
    "overflowing": "it is overflowing",
    "burning": "it is on fire",
    "broken": "it is broken",
    "contradictory": "it shows red and green at once",
    "leaking": "it is spraying water",
}
"""Attribute of a thing in a wrong state → what is wrong with it."""
FAULTS = {
    "floating": "it hangs in mid-air",
    "fallen": "it has fallen over",
    "out_of_place": "it does not belong in such a place",
    "blocking": "it stands in the way",
}
_ODD_ON_GROUND = ("towel", "toilet paper", "cat", "umbrella", "suitcase", "box", "backpack", "potted plant")
"""Kinds that one may find out of place where they stand, on the floor or outdoors."""


def fault_text(view: View, anomaly: Anomaly) -> str:
    """What is wrong with a thing, as a clause about `it`."""
    if anomaly.kind != "wrong_state":
        return FAULTS[anomaly.kind]
    attributes = view.scene.objects[anomaly.thing].attributes
    return next(text for attribute, text in STATES_GONE_WRONG.items() if attribute in attributes)


def wrong(view: View) -> list[tuple[Referent, Anomaly]]:
    """What is wrong and can be pointed at."""
    of_thing = {id(ref.thing): ref for ref in view.referents}
    things = view.scene.objects
    return [(of_thing[id(things[a.thing])], a) for a in view.scene.anomalies if id(things[a.thing]) in of_thing]


def sound(view: View) -> list[Referent]:
    """Things with which certainly nothing is wrong."""
    return [
        ref
        for ref in view.referents
        if id(ref.thing) not in view.touched
        and ref.kind not in GROUNDS
        and ref.thing.state not in ("open", "full", "on")
        and not (ref.kind in _ODD_ON_GROUND and ref.thing.support in GROUNDS)
        and ref.kind not in ("cat", "bird")
    ]


def _say(ref: Referent, text: str) -> str:
    return f"The {ref.words}: {text}."


def _fault_or_none(view: View, rng: random.Random) -> tuple[Referent, Anomaly | None] | None:
    """A thing with its fault, or a sound one, each about half of the time."""
    bad, good = wrong(view), sound(view)
    if bad and rng.random() < 0.7:
        return rng.choice(bad)
    alike = [ref for ref in good if ref.kind in {b.kind for b, _ in bad}] or good
    return (rng.choice(alike), None) if alike else None


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=6, topic="fault")
def fault_of(view: View, rng: random.Random) -> list[Draft]:
    """What is wrong with a thing, or nothing, from four."""
    found = _fault_or_none(view, rng)
    if found is None:
        return []
    ref, anomaly = found
    texts = [*FAULTS.values(), *STATES_GONE_WRONG.values()]
    answer = fault_text(view, anomaly) if anomaly else NOTHING
    # a thing in the way may be said not to belong there, one in mid-air neither stands nor belongs there
    rivals = {FAULTS["out_of_place"], FAULTS["blocking"]}
    others = [text for text in texts if text != answer and not (anomaly and text in rivals)]
    options = [NOTHING] if anomaly else []
    options = [answer, *options, *rng.sample(others, 3 - len(options))]
    question = rng.choice(
        [
            f"What, if anything, is wrong with the {ref.words}?",
            f"Look at the {ref.words}. What is the matter with it?",
        ]
    )
    return write(
        view,
        question,
        options,
        [answer],
        refs=[ref],
        graph=whereabouts(view, ref),
        relation=_say(ref, answer) if anomaly else f"The {ref.words} is as it should be.",
        logic="No such thing is in order like that." if anomaly else "None of the faults can be seen.",
        cues=bets(options, [answer], 0.25, *ref.bets, ref.kind),
    )


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=3.5, topic="fault")
def is_anything_wrong(view: View, rng: random.Random) -> list[Draft]:
    """Whether something is wrong with a thing."""
    found = _fault_or_none(view, rng)
    if found is None:
        return []
    ref, anomaly = found
    answer = "yes" if anomaly else "no"
    return write(
        view,
        rng.choice([f"Is anything wrong with the {ref.words}?", f"Does anything seem wrong with the {ref.words}?"]),
        ["yes", "no"],
        [answer],
        refs=[ref],
        graph=whereabouts(view, ref),
        relation=_say(ref, fault_text(view, anomaly)) if anomaly else f"The {ref.words} is as it should be.",
        logic="So something is wrong with it." if anomaly else "So nothing is wrong with it.",
        cues=bets(["yes", "no"], [answer], 0.5, *ref.bets, ref.kind),
    )


def _choose(view: View, rng: random.Random, kinds: tuple[str, ...], size: int) -> tuple | None:
    """(culprit or None, its fault, all things to choose from): sound things and mostly one that is wrong."""
    bad = [(ref, a) for ref, a in wrong(view) if a.kind in kinds]
    if len([a for a in view.scene.anomalies if a.kind in kinds]) != len(bad):
        return None
    good = sound(view)
    culprit = rng.choice(bad) if bad and rng.random() < 0.85 else None
    need = size - (culprit is not None)
    if len(good) < need:
        return None
    refs = rng.sample(good, need) + ([culprit[0]] if culprit else [])
    if len({ref.words for ref in refs}) < size:
        return None
    rng.shuffle(refs)
    return (culprit[0] if culprit else None), (culprit[1] if culprit else None), refs


def _which(view: View, rng: random.Random, kinds: tuple[str, ...], wordings: list[str], fine: str) -> list[Draft]:
    chosen = _choose(view, rng, kinds, 3)
    if chosen is None:
        return []
    culprit, anomaly, refs = chosen
    answer = culprit.words if culprit else NONE
    options = [*[ref.words for ref in refs], NONE]
    return write(
        view,
        rng.choice(wordings),
        options,
        [answer],
        refs=refs,
        relation=_say(culprit, fault_text(view, anomaly)) if culprit else fine,
        logic="The two others are in order." if culprit else "All three are in order.",
        cues=[
            Cue(NONE, culprit is None, 0.25),
            *[Cue(key, ref is culprit, 0.25) for ref in refs for key in (*ref.bets, ref.kind)],
        ],
    )


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=4)
def which_is_wrong(view: View, rng: random.Random) -> list[Draft]:
    """With which of three things something is wrong, or none of them."""
    wordings = ["With which of these is something wrong?", "Which of these is not as it should be?"]
    every = (*FAULTS, "wrong_state")
    return _which(view, rng, every, wordings, "Each of them is in a usual place and state.")


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=4)
def impossible_thing(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things hangs in the air, which is physically impossible, or none of them."""
    wordings = ["Which of these is held up by nothing?", "Which of these hangs in the air against the laws of physics?"]
    return _which(view, rng, ("floating",), wordings, "Each of them rests on something or is fixed to it.")


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=4)
def stranger_here(view: View, rng: random.Random) -> list[Draft]:
    """Which of three things doesn't belong in such a place, or none of them."""
    if any(a.kind == "blocking" for a in view.scene.anomalies):
        return []
    place = f"{'at' if view.scene.place == 'crossing' else 'in'} {article(view.scene.place)}"
    wordings = [f"Which of these does not belong {place}?", f"Which of these would one not expect to find {place}?"]
    return _which(view, rng, ("out_of_place",), wordings, f"Each of them may be found {place}.")


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=6)
def way_blocked(view: View, rng: random.Random) -> list[Draft]:
    """Whether something stands in the way: before the door, or on the road."""
    name = "road" if view.scene.outdoors else "door"
    targets = [ref for ref in view.referents if ref.words == name]
    blockers = [(ref, a) for ref, a in wrong(view) if a.kind == "blocking"]
    if len(targets) != 1 or len(blockers) != sum(a.kind == "blocking" for a in view.scene.anomalies):
        return []
    answer = "yes" if blockers else "no"
    wordings = (
        ["Has something been left on the road that blocks a lane?", "Does an obstacle lie in the way of the traffic?"]
        if view.scene.outdoors
        else ["Is anything standing in the way of the door?", "Does something block the door?"]
    )
    return write(
        view,
        rng.choice(wordings),
        ["yes", "no"],
        [answer],
        refs=[targets[0], *[ref for ref, _ in blockers]],
        graph=[(ref.words, "blocking", name) for ref, _ in blockers],
        relation=None if blockers else f"Nothing but what belongs there is close to the {name}.",
        logic=f"So the {name} is blocked." if blockers else f"So the {name} is free.",
        cues=bets(["yes", "no"], [answer], 0.5, name, view.scene.place),
    )


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=3)
def wrong_things(view: View, rng: random.Random) -> list[Draft]:
    """Which of four things are wrong: one or two of them."""
    bad, good = wrong(view), sound(view)
    size = 1 if rng.random() < 0.4 else 2  # 4 sets of one, 6 of two
    if len(bad) < size or len(good) < 4 - size:
        return []
    culprits, others = rng.sample(bad, size), rng.sample(good, 4 - size)
    refs = [ref for ref, _ in culprits]
    shown = refs + others
    return write(
        view,
        rng.choice(
            [
                "With which of these is something wrong? (multiple answers)",
                "Which of these are not as they should be? (multiple answers)",
            ]
        ),
        [ref.words for ref in shown],
        [ref.words for ref in refs],
        refs=shown,
        relation=" ".join(_say(ref, fault_text(view, a)) for ref, a in culprits),
        logic=f"The others, {listing([f'the {ref.words}' for ref in others])}, are in order.",
        cues=[
            *[Cue(key, ref in refs, 0.5) for ref in shown for key in ref.bets],
            *[Cue(("size", other), other == size, share) for other, share in ((1, 0.4), (2, 0.6))],
        ],
        type=QuestionType.MULTIPLE_CHOICE,
    )


@family(Category.ANOMALY_DETECTION, Fact.ANOMALIES, weight=2, most=OPEN_SHARE / 2)
def wrong_kind_open(view: View, rng: random.Random) -> list[Draft]:
    """What kind of thing something is wrong with, or none, in the model's own words."""
    bad = wrong(view)
    if len(view.scene.anomalies) > 1 or len(bad) != len(view.scene.anomalies):
        return []
    questions = [
        "With what in this picture is something wrong? Answer none if all is as it should be.",
        "Name the one thing that is not as it should be, or answer none.",
    ]
    seen = [ref for ref, _ in bad] or sorted(sound(view), key=lambda ref: ref.words)[:4]
    if not seen:
        return []
    answers = [bad[0][0].kind, bad[0][0].words] if bad else ["none", NOTHING]
    return write(
        view,
        rng.choice(questions),
        [],
        list(dict.fromkeys(answers)),
        refs=seen,
        relation=_say(seen[0], fault_text(view, bad[0][1])) if bad else "Each of them is as it should be.",
        logic="Everything else is in order." if bad else "So is all the rest.",
        cues=[Cue("none", not bad, 0.3)],
        type=QuestionType.OPEN_ENDED,
    )
