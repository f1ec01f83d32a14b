"""Composing a scene: which things stand where. Nothing is drawn here."""

import random

from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.world import COLOURS, PLACES, STATES, TIPPABLE, Place

SIZE = 336
"""Width and height of a picture in pixels."""
BASELINES = (108, 212, 320)
"""y of the three surfaces, top down: where things stand."""
_SLOTS = 4
_SLOT_WIDTH = SIZE // _SLOTS
_LIFT = 26
"""How far a floating thing hangs above its surface, in pixels: a third of its height, so that nobody misses it."""


def compose(seed: int) -> Scene:
    """A random scene: a place, three surfaces with one to four things each, at most one thing wrong.

    A third of the scenes has nothing wrong; in the others a thing floats, has fallen over, or doesn't belong here.
    """
    rng = random.Random(seed)
    place = rng.choice(PLACES)
    counts = [rng.randint(1, _SLOTS) for _ in place.surfaces]
    anomaly = rng.choice(["none", "none", "floating", "fallen", "misplaced", "misplaced"])
    kinds = _kinds(rng, place, sum(counts), anomaly == "misplaced")
    cells = [(row, slot) for row, count in enumerate(counts) for slot in sorted(rng.sample(range(_SLOTS), count))]
    victims = {
        "floating": range(len(cells)),
        "fallen": [index for index, kind in enumerate(kinds) if kind in TIPPABLE],
    }.get(anomaly)
    victim = rng.choice(victims) if victims else None
    if victim is None and anomaly != "misplaced":
        anomaly = "none"
    taken: set[tuple[str, str]] = set()
    objects = []
    for index, ((row, slot), kind) in enumerate(zip(cells, kinds, strict=True)):
        colour = rng.choice([colour for colour in COLOURS if (kind, colour) not in taken])
        taken.add((kind, colour))
        wrong = anomaly if index == victim else None
        objects.append(_place(rng, place, row, slot, kind, colour, wrong))
    surfaces = {name: (0, base - 3, SIZE, 12) for name, base in zip(place.surfaces, BASELINES, strict=True)}
    misplaced = next((kind for kind in kinds if kind in place.odd_kinds), None)
    return Scene(f"procedural-{seed:08d}", place.name, surfaces, tuple(objects), SIZE, SIZE, place.outdoors, misplaced)


def _kinds(rng: random.Random, place: Place, count: int, misplaced: bool) -> list[str]:
    """`count` kinds, mostly distinct; up to two come twice, so that a kind's name is not always enough."""
    usual = rng.sample(place.usual_kinds, min(count, len(place.usual_kinds)))
    doubles = rng.choice([0, 0, 1, 2])
    for index in range(min(doubles, count // 4)):
        usual[-1 - index] = usual[index]
    if misplaced:
        usual[-1] = rng.choice(place.odd_kinds)
    rng.shuffle(usual)
    return usual


def _place(
    rng: random.Random, place: Place, row: int, slot: int, kind: str, colour: str, wrong: str | None
) -> SceneObject:
    height = rng.randint(62, 76)
    width = min(height, _SLOT_WIDTH - 6)
    x = slot * _SLOT_WIDTH + rng.randint(2, _SLOT_WIDTH - width - 2)
    y = BASELINES[row] - height - (_LIFT if wrong == "floating" else 0)
    state = rng.choice(STATES[kind]) if kind in STATES else None
    support = None if wrong == "floating" else place.surfaces[row]
    return SceneObject(kind, colour, (x, y, width, height), support, state, wrong == "fallen")
