"""Composing a scene: which things stand where, what is wrong, and what of it can be seen. Nothing is drawn here."""

import random
from collections import Counter
from dataclasses import dataclass, replace

from lmms_eval_drbench.build.kinds import are_kin
from lmms_eval_drbench.build.scene import Anomaly, Scene, SceneObject
from lmms_eval_drbench.build.sources.base import is_clear
from lmms_eval_drbench.build.sources.procedural.anomalies import inject
from lmms_eval_drbench.build.sources.procedural.pieces import Piece, Sight, dress, look_at
from lmms_eval_drbench.build.sources.procedural.render import silhouette
from lmms_eval_drbench.build.sources.procedural.rooms import (
    FURNITURE_FOOT,
    PLACES,
    SHELF_TOP,
    STREET_GROUNDS,
    WALL_FOOT,
    Band,
    Place,
    free_wall,
    furniture_band,
    ground_bands,
)
from lmms_eval_drbench.build.sources.procedural.world import GROUNDS, KINDS, TIPPABLE, UNITS

LEAST, MOST = 8, 16
"""Things in a scene, furniture not counted."""
_SEEN = 0.6
"""Share of a thing that must be visible for it to be asked about."""
_GLIMPSE = 0.25
"""Share of a thing below which it is not left in a scene."""
_COVERS = 0.04
"""Share of a thing from which on another that covers it is said to be in front of it."""
_GAP = 6
_HUNG = 0.7
"""Share of the free stretches of wall that get a window, and of those that get a painting."""
_SHORTEST_SHELF, _LONGEST_SHELF = 116, 196
_TRIES = 4000
_SHUFFLES = 12
_SINGLE = frozenset(
    ("television", "microwave", "toaster", "printer", "laptop", "keyboard", "guitar", "fan", "radio", "ladder", "bus")
    + ("pan", "cutting board", "camera")
)
"""Kinds of which a scene shows one."""
_AT_MOST = 4
_FAULTS = ("floating", "fallen", "out_of_place", "wrong_state", "blocking")


@dataclass(frozen=True)
class Composition:
    """A scene before it is drawn. pieces: in the order in which they are drawn. anomalies: by piece."""

    seed: int
    place: Place
    pieces: list[Piece]
    anomalies: list[tuple[str, Piece, Piece | None]]
    sight: Sight


def arrange(seed: int) -> Composition:
    """The composition of a seed. About half of them have nothing wrong, the others one thing or two."""
    rng = random.Random(seed)
    place = rng.choice(PLACES)
    faults = _faults(rng, place)
    for attempt in range(_TRIES):
        found = _attempt(random.Random(f"{seed} {attempt}"), place, faults)
        if found is not None:
            return Composition(seed, place, *found)
    raise AssertionError(f"no {place.name} with {faults} came about from seed {seed}")


def _faults(rng: random.Random, place: Place) -> list[str]:
    if rng.random() < 0.5:
        return []
    possible = [fault for fault in _FAULTS if fault != "blocking" or place.name != "parking lot"]
    return rng.sample(possible, 1 if rng.random() < 0.75 else 2)


def _attempt(rng: random.Random, place: Place, faults: list[str]):
    taken: set[tuple[str, str]] = set()
    furniture, bands = _street(rng, place) if place.outdoors else _room(rng, place)
    for piece in furniture:
        if not piece.ground:
            dress(piece, rng, taken)
            piece.state = _state(rng, piece.kind)
    doors = [piece for piece in furniture if piece.kind == "door"]
    things: list[Piece] = []
    counts: Counter[str] = Counter()
    for number, band in enumerate(bands):
        filled = _fill(rng, band, number, counts, taken, "fallen" in faults, doors)
        if filled is None:
            return None
        things += filled
    pieces = sorted(furniture + things, key=lambda piece: piece.order)
    anomalies = inject(rng, place, pieces, faults)
    if anomalies is None or not _is_sound(pieces, anomalies):
        return None
    pieces.sort(key=lambda piece: piece.order)
    sight = look_at(pieces, silhouette)
    return (pieces, anomalies, sight) if _is_visible(pieces, anomalies, sight) else None


def _state(rng: random.Random, kind: str) -> str | None:
    states = KINDS[kind].states
    if not states:
        return None
    return states[0] if kind == "refrigerator" else rng.choice(states)


def _ground(name: str, x: float, y: float, width: float, height: float, order: float) -> Piece:
    return Piece(name, x, y, width, height, order, ground=True)


def _street(rng: random.Random, place: Place) -> tuple[list[Piece], list[Band]]:
    grounds = [_ground(name, 0, STREET_GROUNDS[name][0], UNITS, STREET_GROUNDS[name][1], -1) for name in place.carried]
    bands = ground_bands(place)
    if place.sets[0]:  # the zebra crossing, at one side, which vehicles keep free
        y, height = STREET_GROUNDS["road"]
        left = rng.random() < 0.5
        grounds.append(_ground("crosswalk", 12 if left else 320, y, 116, height, -0.5))
        kept = {"left": 134} if left else {"right": 314}
        bands = [replace(band, **kept) if band.surface == "road" else band for band in bands]
    return grounds, bands


def _room(rng: random.Random, place: Place) -> tuple[list[Piece], list[Band]]:
    """The floor, furniture along the wall and what hangs on it, with the bands of what carries things."""
    pieces = [_ground("floor", 0, WALL_FOOT, UNITS, UNITS - WALL_FOOT, -1)]
    names = list(rng.choice(place.sets))
    rng.shuffle(names)
    spots = []
    for name, x in zip(names, _spread(rng, [KINDS[name].size[0] for name in names], 4, 444), strict=True):
        width, height = KINDS[name].size
        foot = WALL_FOOT + 2 if name == "door" else FURNITURE_FOOT
        near = 3.9 if name == "door" else 3.2
        depth = near, near + KINDS[name].deep
        order = 0.5 if name == "door" else 1
        pieces.append(Piece(name, x, foot - height, width, height, order, depth, "floor"))
        spots.append((name, x, width))
    pieces += _hang(rng, free_wall(spots))
    furniture = [piece for piece in pieces if not piece.ground]
    bands = [furniture_band(place, piece.kind, piece.x, piece.y, piece.width) for piece in furniture]
    for piece, band in zip(furniture, bands, strict=True):
        piece.carries = band is not None
    return pieces, [band for band in bands if band is not None] + ground_bands(place)


def _hang(rng: random.Random, stretches: list[tuple[float, float]]) -> list[Piece]:
    """A shelf, and a window or a painting where there is room for them."""
    found: list[Piece] = []
    for start, end in sorted(stretches, key=lambda stretch: stretch[0] - stretch[1]):
        widths: dict[str, float] = {}
        left = end - start
        for name in ("shelf", "window", "painting"):
            width = _SHORTEST_SHELF if name == "shelf" else KINDS[name].size[0]
            hung = not found if name == "shelf" else rng.random() < _HUNG
            if left >= width + _GAP and hung:
                widths[name] = width
                left -= width + _GAP
        if "shelf" in widths:
            widths["shelf"] += min(left, _LONGEST_SHELF - _SHORTEST_SHELF)
        names = list(widths)
        rng.shuffle(names)
        for name, x in zip(names, _spread(rng, [widths[name] for name in names], start, end), strict=True):
            y = {"shelf": SHELF_TOP, "window": 34, "painting": 52}[name]
            found.append(Piece(name, x, y, widths[name], KINDS[name].size[1], 0, (3.95, 4.0)))
    return found


def _spread(rng: random.Random, widths: list[float], start: float, end: float, gap: float = _GAP) -> list[float] | None:
    """X of each of several things side by side, with the free room dealt at random; None where they don't fit."""
    free = end - start - sum(widths) - gap * (len(widths) - 1)
    if free < 0:
        return None
    cuts = sorted(rng.random() * free for _ in widths)
    found, at = [], start
    for width, cut in zip(widths, cuts, strict=True):
        found.append(at + cut)
        at += width + gap
    return found


def _fill(
    rng: random.Random,
    band: Band,
    number: int,
    counts: Counter,
    taken: set[tuple[str, str]],
    tip: bool,
    doors: list[Piece],
) -> list[Piece] | None:
    """The things on one band, row by row."""
    found: list[Piece] = []
    for index, row in enumerate(band.rows):
        kinds = band.low if index and band.low else band.kinds
        pieces: list[Piece] = []
        for _ in range(rng.randint(*row.counts)):
            kind = _kind(rng, kinds, counts)
            share = rng.random()
            scale, base, metres = (low + share * (high - low) for low, high in (row.scale, row.base, row.depth))
            piece = Piece(kind, 0, base, 0, 0, 2 + number + index * 0.4 + share * 0.3, support=band.surface)
            dress(piece, rng, taken)
            piece.state = _state(rng, kind)
            width, height = KINDS[kind].size_in(piece.state)
            piece.fallen = tip and kind in TIPPABLE and band.surface not in ("road", "parking lot", "couch", "bed")
            tip = tip and not piece.fallen
            if piece.fallen:
                width, height = height, width
            grown = scale * rng.uniform(0.94, 1.06)
            piece.width, piece.height = width * grown, height * grown
            piece.y = base - piece.height
            piece.depth = (metres, metres + KINDS[kind].deep)
            if piece.height > band.headroom:
                continue
            counts[kind] += 1
            pieces.append(piece)
        while pieces and not _line_up(rng, pieces, band, doors):
            dropped = pieces.pop(rng.randrange(len(pieces)))
            counts[dropped.kind] -= 1
        found += pieces
    return found


def _line_up(rng: random.Random, pieces: list[Piece], band: Band, doors: list[Piece]) -> bool:
    """Place a row's things side by side, none of them before a door; whether that worked."""
    for _ in range(_SHUFFLES):
        xs = _spread(rng, [piece.width for piece in pieces], band.left, band.right)
        if xs is None:
            return False
        for piece, x in zip(pieces, xs, strict=True):
            piece.x = x
        if not any(piece.meets(door, 4) for piece in pieces for door in doors):
            return True
        rng.shuffle(pieces)
    return False


def _kind(rng: random.Random, kinds: tuple[str, ...], counts: Counter) -> str:
    """A kind for the next thing, often one that is there already."""
    free = [kind for kind in kinds if counts[kind] < (1 if kind in _SINGLE else _AT_MOST)] or list(kinds)
    known = [kind for kind in free if counts[kind]]
    return rng.choice(known if known and rng.random() < 0.3 else free)


def _things(pieces: list[Piece]) -> list[Piece]:
    """The pieces that are neither ground nor furniture."""
    return [piece for piece in pieces if not piece.ground and piece.order >= 2]


def _is_sound(pieces: list[Piece], anomalies: list[tuple[str, Piece, Piece | None]]) -> bool:
    """Whether the number of things is right and nothing seems wrong that is not among the anomalies."""
    things = _things(pieces)
    if not LEAST <= len(things) <= MOST:
        return False
    if any(piece.x < 2 or piece.y < 2 or piece.x + piece.width > UNITS - 2 for piece in pieces if not piece.ground):
        return False
    blocking = {id(thing) for kind, thing, _ in anomalies if kind == "blocking"}
    doors = [piece for piece in pieces if piece.kind == "door"]
    return not any(thing.meets(door, 4) for thing in things if id(thing) not in blocking for door in doors)


def _is_visible(pieces: list[Piece], anomalies: list[tuple[str, Piece, Piece | None]], sight: Sight) -> bool:
    """Whether nearly everything can be seen well, and all that is wrong."""
    shares = dict(zip(map(id, pieces), sight.shares, strict=True))
    hidden = [piece for piece in pieces if not piece.ground and shares[id(piece)] < _SEEN]
    if len(hidden) > 2 or any(shares[id(piece)] < _GLIMPSE for piece in pieces if not piece.ground):
        return False
    if any(piece.order < 2 for piece in hidden):  # furniture
        return False
    return all(shares[id(thing)] > 0.8 for _, thing, _ in anomalies)


def compose(seed: int, size: int = UNITS) -> Scene:
    """The scene of a seed in a picture of `size` x `size` pixels."""
    return scene_of(arrange(seed), size)


def scene_of(made: Composition, size: int) -> Scene:
    """The ground truth of a composition, for a picture of `size` x `size` pixels."""
    factor = size / UNITS
    order = sorted(range(len(made.pieces)), key=lambda index: _reading(made.pieces, index))
    numbers = {id(made.pieces[index]): number for number, index in enumerate(order)}
    kinds = {piece.kind for piece in made.pieces}
    shown = {kind for piece in made.pieces for kind in _SHOWN_WITH.get((piece.kind, piece.state), ())}
    objects = tuple(
        _object(made.pieces[index], made.sight.shares[index], size, made.pieces[index].kind in shown) for index in order
    )
    names = {piece.kind: piece for piece in made.pieces}
    relations = [
        (numbers[id(piece)], "on", numbers[id(names[piece.support])])
        for piece in made.pieces
        if piece.support is not None
    ]
    for (front, back), share in sorted(made.sight.covered.items()):
        one, other = made.pieces[front], made.pieces[back]
        if share >= _COVERS and one.support != other.kind and one.depth[0] < other.depth[0]:
            relations.append((numbers[id(one)], "in_front_of", numbers[id(other)]))
            relations.append((numbers[id(other)], "behind", numbers[id(one)]))
    shown.update(("window", "door") if made.place.outdoors else ("tree",))  # houses have them; gardens may
    return Scene(
        id=f"procedural-v1-{made.seed:09d}",
        place=made.place.name,
        surfaces={
            piece.kind: pixels(piece, factor)
            for piece in sorted(made.pieces, key=lambda piece: piece.y)
            if piece.ground or piece.carries
        },
        objects=objects,
        width=size,
        height=size,
        outdoors=made.place.outdoors,
        misplaced=next((thing.kind for kind, thing, _ in made.anomalies if kind == "out_of_place"), None),
        source="procedural",
        relations=tuple(relations),
        countable=frozenset(kinds.difference(GROUNDS, shown)),
        absent=frozenset(
            kind  # of those that may be in such a place: the others nobody would look for there
            for kind in sorted(made.place.kinds)
            if kind in KINDS and kind not in shown and not any(are_kin(kind, name) for name in kinds)
        ),
        anomalies=tuple(
            Anomaly(kind, numbers[id(thing)], None if target is None else numbers[id(target)])
            for kind, thing, target in made.anomalies
        ),
        distinct=True,
        palettes=_PALETTES,
    )


_SHOWN_WITH = {
    ("bed", None): ("pillow",),
    ("bowl", "full"): ("apple", "ball"),
    ("basket", "full"): ("ball", "apple"),
    ("refrigerator", "open"): ("bottle", "jar", "apple"),
}
"""(kind, state) → kinds that its drawing shows as well: nobody knows how many of them there are, or whether any."""
_PALETTES = {kind.name: kind.colours for kind in KINDS.values()}


def _reading(pieces: list[Piece], index: int) -> tuple[float, float]:
    """Where a piece comes in reading order: grounds and furniture first, by the y of the surface; then by x."""
    piece = pieces[index]
    if piece.support is None or piece.order < 2:
        return (piece.y, piece.x)
    carrier = next(other for other in pieces if other.kind == piece.support)
    return (carrier.y + 0.5, piece.x)


def pixels(piece: Piece, factor: float) -> tuple[int, int, int, int]:
    """The box of a piece in pixels."""
    left, top = round(piece.x * factor), round(piece.y * factor)
    right, bottom = round((piece.x + piece.width) * factor), round((piece.y + piece.height) * factor)
    return left, top, max(1, right - left), max(1, bottom - top)


def _object(piece: Piece, share: float, size: int, has_double: bool) -> SceneObject:
    box = pixels(piece, size / UNITS)
    return SceneObject(
        name=piece.kind,
        colour=piece.colour,
        box=box,
        support=piece.support,
        state=piece.state,
        fallen=piece.fallen,
        attributes=piece.attributes,
        clear=share >= _SEEN and not has_double and is_clear(box, size, size),
        depth=piece.depth,
    )
