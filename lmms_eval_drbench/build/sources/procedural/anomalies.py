"""Putting something wrong into a composition, so that it can be seen and argued."""

import random

from lmms_eval_drbench.build.sources.procedural.pieces import FLAW_ROOM, Piece, dress
from lmms_eval_drbench.build.sources.procedural.rooms import WALL_FOOT, Place
from lmms_eval_drbench.build.sources.procedural.world import (
    KINDS,
    OBSTACLES,
    ROAD_OBSTACLES,
    STRANGERS_INDOORS,
    STRANGERS_OUTDOORS,
    WRONG_STATES,
)

Fault = tuple[str, Piece, Piece | None]
_MAY_FLY = ("bird", "ball", "tree", "street light", "traffic light", "stop sign", "pillow", "cat", "dog")
"""Kinds that may be in the air, or are rooted in the ground."""
_LAST_RESORT_REFUSED = 0.9
"""Share of the compositions that are given up because only a window or a trash can could be in a wrong state."""
_PAVEMENT = 214
"""y of the pavement's far edge, above which a thing outdoors hangs before houses."""


def inject(rng: random.Random, place: Place, pieces: list[Piece], faults: list[str]) -> list[Fault] | None:
    """Make things wrong; what was done to which piece, and what it blocks. None where it can't be done here."""
    found: list[Fault] = []
    for fault in faults:
        spared = {id(thing) for _, thing, _ in found}
        free = [piece for piece in pieces if id(piece) not in spared and not piece.ground]
        done = _MAKERS[fault](rng, place, pieces, free)
        if done is None:
            return None
        found.append((fault, *done))
    tipped = [piece for piece in pieces if piece.fallen]
    return found if len(tipped) == faults.count("fallen") else None


def _fall(rng, place, pieces, free):
    fallen = [piece for piece in free if piece.fallen]  # the layout has made room for it
    return (fallen[0], None) if fallen else None


def _float(rng, place, pieces, free):
    """Lift a thing from a table or shelf, or from the far pavement, so that the wall shows under it."""
    carriers = {piece.kind for piece in pieces if piece.carries and piece.kind not in ("couch", "bed")} | {"pavement"}
    able = [p for p in free if p.support in carriers and p.order >= 2 and p.kind not in _MAY_FLY and not p.fallen]
    rng.shuffle(able)
    for piece in able:
        foot = piece.y + piece.height
        lift = max(30, 0.5 * piece.height)
        if place.outdoors:
            lift = max(lift, foot - _PAVEMENT + 22)
        raised = Piece(piece.kind, piece.x, piece.y - lift, piece.width, piece.height, piece.order)
        others = [p for p in pieces if p is not piece and not p.ground and p.kind != piece.support]
        if raised.y > 6 and not any(raised.meets(other, 4) for other in others):
            piece.y, piece.shadow, piece.support = raised.y, foot, None
            return piece, None
    return None


def _misplace(rng, place, pieces, free):
    """Turn a thing on the ground into one that belongs elsewhere, where it fits."""
    strangers = [
        kind
        for kind in (STRANGERS_OUTDOORS if place.outdoors else STRANGERS_INDOORS)
        if not any(piece.kind == kind for piece in pieces)
    ]
    grounds = ("pavement", "lawn") if place.outdoors else ("floor",)
    able = [piece for piece in free if piece.support in grounds and piece.order >= 2 and not piece.fallen]
    if not able or not strangers:
        return None
    piece, kind = rng.choice(able), rng.choice(strangers)
    scale = piece.height / KINDS[piece.kind].size_in(piece.state)[1]
    foot, middle = piece.y + piece.height, piece.x + piece.width / 2
    piece.kind, piece.state = kind, None
    if KINDS[kind].states:
        piece.state = "off" if "off" in KINDS[kind].states else "closed"
    dress(piece, rng, set())
    width, height = (side * scale for side in KINDS[kind].size)
    piece.x, piece.y, piece.width, piece.height = middle - width / 2, foot - height, width, height
    piece.depth = (piece.depth[0], piece.depth[0] + KINDS[kind].deep)
    row = [p for p in pieces if p is not piece and p.support == piece.support and abs(p.order - piece.order) < 0.35]
    return None if any(piece.meets(other, 4) for other in row if other.order >= 2) else (piece, None)


def _spoil(rng, place, pieces, free):
    """Put a thing into a wrong state."""
    able = [piece for piece in free if piece.kind in WRONG_STATES and not piece.fallen and piece.support != "shelf"]
    if not able:
        return None
    kinds = sorted({piece.kind for piece in able} - {"window", "trash can"})
    if not kinds or rng.random() < 0.1:  # nearly every place has one of these two: they are the last resort
        if rng.random() < _LAST_RESORT_REFUSED:
            return None
        kinds = sorted({piece.kind for piece in able})
    kind = rng.choice(kinds)
    piece = rng.choice([piece for piece in able if piece.kind == kind])
    flaw = WRONG_STATES[kind][0]
    wider, higher = FLAW_ROOM.get(flaw, (1.0, 1.0))
    if kind == "refrigerator":
        piece.state = flaw
        wider = KINDS[kind].second_size[0] / KINDS[kind].size[0]
    else:
        piece.flaw, piece.state = flaw, None
        if kind == "trash can":
            piece.height = piece.width * KINDS[kind].size[1] / KINDS[kind].size[0]
    foot = piece.y + max(piece.height, 0) if kind != "trash can" else _foot(piece, pieces)
    middle = piece.x + piece.width / 2
    piece.width, piece.height = piece.width * wider, piece.height * higher
    if kind == "refrigerator":  # its door opens to the right, for which it is moved where there is room
        piece.x -= rng.choice((0, 0.5, 1)) * (piece.width - piece.width / wider)
    else:
        piece.x = middle - piece.width / 2
    piece.y = foot - piece.height
    if (wider, higher) != (1.0, 1.0):
        beside = [p for p in pieces if p is not piece and p.kind != piece.support and not p.ground]
        near = [p for p in beside if abs(p.order - piece.order) < 0.35 or p.kind in ("shelf", "door")]
        if any(piece.meets(other) for other in near):
            return None
    return piece, None


def _foot(piece: Piece, pieces: list[Piece]) -> float:
    return piece.y + piece.height


def _block(rng, place, pieces, free):
    """Put an obstacle right before the door, or leave one on the road."""
    target = next((p for p in pieces if p.kind == ("road" if place.outdoors else "door")), None)
    if target is None:
        return None
    kind = rng.choice(ROAD_OBSTACLES if place.outdoors else OBSTACLES)
    state = KINDS[kind].states[0] if KINDS[kind].states else None
    width, height = (side * (0.95 if place.outdoors else 1.22) for side in KINDS[kind].size_in(state))
    if place.outdoors:
        foot, order, metres = 330.0, 3.35, 6.2
        x = rng.uniform(20, 420 - width)
    else:
        foot, order, metres = WALL_FOOT + 20.0, 2.0, 3.0
        x = target.x + (target.width - width) / 2 + rng.uniform(-3, 3)
    depth = (metres, metres + 0.4)
    support = "road" if place.outdoors else "floor"
    piece = Piece(kind, x, foot - height, width, height, order, depth, support, state=state)
    dress(piece, rng, set())
    kept = [other for other in pieces if other.kind == "crosswalk" or not other.ground and other is not target]
    if any(piece.meets(other) for other in kept):
        return None
    pieces.append(piece)
    return piece, target


_MAKERS = {
    "floating": _float,
    "fallen": _fall,
    "out_of_place": _misplace,
    "wrong_state": _spoil,
    "blocking": _block,
}
