"""Anomaly detection: what floats, what has fallen over, what doesn't belong here; and scenes where nothing is wrong."""

import random
from collections.abc import Collection

from lmms_eval_drbench.build.questions.draft import (
    NONE_OF_THEM,
    Draft,
    article,
    conclude,
    family,
    place_of,
    resting,
    seen,
)
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import INDOOR_ONLY, KINDS, OUTDOOR_ONLY, TIPPABLE
from lmms_eval_drbench.taxonomy import Category


def _culprit_among(
    scene: Scene,
    rng: random.Random,
    culprits: list[SceneObject],
    kinds: Collection[str],
    relation: str,
    question: str,
    finding: str,
) -> list[Draft]:
    """Which of three things in the picture is wrong, or none of them: each answer a quarter of the time.

    kinds: what can be wrong in this way; the other options come from them, or their kind would tell.
    """
    normal = [thing for thing in scene.unique() if thing not in culprits and thing.support and thing.name in kinds]
    culprit = next((thing for thing in culprits if thing in scene.unique()), None)
    wanted = 2 if culprit else 3
    if len(normal) < wanted or (culprits and not culprit):
        return []
    shown = rng.sample(normal, wanted) + ([culprit] if culprit else [])
    shown.sort(key=scene.objects.index)
    answer = culprit.name if culprit else NONE_OF_THEM
    graph = resting([thing for thing in shown if thing is not culprit])
    if culprit:
        graph.append((culprit.phrase, relation, culprit.support or _below(scene, culprit)))
    return [
        Draft(
            question=question,
            options=[*(thing.name for thing in shown), NONE_OF_THEM],
            right=[answer],
            things=shown,
            graph=graph,
            chain=(
                seen(shown),
                " ".join(f"The {place_of(thing)}." for thing in shown),
                f"The {culprit.name} {finding}." if culprit else f"None of them {finding}.",
                conclude([answer]),
            ),
            blind_class=f"object {rng.randrange(3)}" if culprit else "none",
        )
    ]


def _below(scene: Scene, thing: SceneObject) -> str:
    """The surface that a floating thing hangs over."""
    bottom = thing.box[1] + thing.box[3]
    return next(name for name, box in scene.surfaces.items() if box[1] >= bottom - 5)


@family(Category.ANOMALY_DETECTION, weight=3)
def floating(scene: Scene, rng: random.Random) -> list[Draft]:
    """What hangs in mid-air."""
    culprits = [thing for thing in scene.objects if thing.support is None]
    return _culprit_among(
        scene, rng, culprits, KINDS, "not_on", "Which of these objects hangs in mid-air?", "hangs in mid-air"
    )


@family(Category.ANOMALY_DETECTION, weight=3)
def fallen(scene: Scene, rng: random.Random) -> list[Draft]:
    """What has fallen over."""
    culprits = [thing for thing in scene.objects if thing.fallen]
    return _culprit_among(
        scene, rng, culprits, TIPPABLE, "lying_on", "Which of these objects has fallen over?", "has fallen over"
    )


@family(Category.ANOMALY_DETECTION, weight=3)
def misplaced(scene: Scene, rng: random.Random) -> list[Draft]:
    """What doesn't belong here.

    Always an indoor and an outdoor kind to choose from, so that the answer depends on where the picture was taken.
    """
    usual = INDOOR_ONLY if not scene.outdoors else OUTDOOR_ONLY
    odd = OUTDOOR_ONLY if not scene.outdoors else INDOOR_ONLY
    if scene.misplaced:
        candidates = [thing for thing in scene.unique() if thing.name == scene.misplaced]
        if not candidates:
            return []
        culprit, stranger = candidates[0], scene.misplaced
    else:
        culprit, stranger = None, rng.choice(odd)
    local = [thing for thing in scene.unique() if thing.name in usual and thing.support]
    if not local:
        return []
    normal = rng.choice(local)
    answer = culprit.name if culprit else "nothing"
    shown = sorted([normal, *([culprit] if culprit else [])], key=scene.objects.index)
    graph = [(normal.phrase, "belongs_in", scene.place)]
    if culprit:
        graph.append((culprit.phrase, "not_belongs_in", scene.place))
    return [
        Draft(
            question="Which of these objects is out of place in the picture?",
            options=[normal.name, stranger, "nothing"],
            right=[answer],
            things=shown,
            graph=graph,
            chain=(
                seen(shown),
                f"The place is {article(scene.place)}.",
                f"The {culprit.name} does not belong in {article(scene.place)}."
                if culprit
                else "Everything belongs there.",
                conclude([answer]),
            ),
            blind_class="nothing" if not culprit else ("outdoors" if scene.outdoors else "indoors"),
        )
    ]


@family(Category.ANOMALY_DETECTION, weight=2)
def is_it_wrong(scene: Scene, rng: random.Random) -> list[Draft]:
    """Whether one named thing has fallen over or hangs in mid-air."""
    wrong = [thing for thing in scene.unique() if thing.fallen or thing.support is None]
    if not wrong:
        return []
    fell = wrong[0].fallen
    # a ball never falls over, so asking whether it did would tell the answer by its kind
    fine = [thing for thing in scene.unique() if thing not in wrong and (not fell or thing.name in TIPPABLE)]
    if not fine:
        return []
    is_wrong = rng.random() < 0.5
    thing = wrong[0] if is_wrong else rng.choice(fine)
    state = "fallen over" if fell else "in mid-air"
    answer = "yes" if is_wrong else "no"
    relation = "on" if not is_wrong else ("lying_on" if fell else "not_on")
    return [
        Draft(
            question=f"{'Has' if fell else 'Is'} the {thing.name} {state}?",
            options=["yes", "no"],
            right=[answer],
            things=[thing],
            graph=[(thing.phrase, relation, thing.support or _below(scene, thing))],
            chain=(
                seen([thing]),
                f"The {place_of(thing)}.",
                f"The {thing.name} {'has' if fell else 'is'} {'' if is_wrong else 'not '}{state}.",
                conclude([answer]),
            ),
            blind_class=answer,
        )
    ]
