"""What a composition is made of: pieces with a place in the picture, in units, and how much of each can be seen."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lmms_eval_drbench.build.sources.procedural.world import KINDS, LOOK_NEEDS, UNITS

FLAW_ROOM = {"burning": (1.0, 1.4), "leaking": (2.2, 1.0)}
"""How much wider and higher a thing is drawn with what comes out of it."""
GRAIN = 2
"""Units per cell of the grid on which visibility is measured."""


@dataclass(eq=False)
class Piece:
    """One thing, piece of furniture or ground.

    x, y, width, height: its box in units. order: pieces are drawn from the least on. depth: nearest, farthest metres.
    support: the surface that it rests on. shadow: y of its feet's shadow where that is not its lower edge.
    flaw: the attribute of its wrong state. ground: whether it is a ground, which is part of the backdrop.
    """

    kind: str
    x: float
    y: float
    width: float
    height: float
    order: float
    depth: tuple[float, float] | None = None
    support: str | None = None
    colour: str | None = None
    state: str | None = None
    look: str | None = None
    fallen: bool = False
    flaw: str | None = None
    shadow: float | None = None
    ground: bool = False
    carries: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        return self.x, self.y, self.width, self.height

    @property
    def attributes(self) -> frozenset[str]:
        words = {self.colour, self.look, self.state, self.flaw} - {None, "plain"}
        return frozenset(words)

    def meets(self, other: "Piece", slack: float = 0) -> bool:
        """Whether two boxes overlap, or come nearer than `slack`."""
        return (
            self.x < other.x + other.width + slack
            and other.x < self.x + self.width + slack
            and self.y < other.y + other.height + slack
            and other.y < self.y + self.height + slack
        )


def dress(piece: Piece, rng, taken: set[tuple[str, str]]) -> None:
    """Give a piece a colour, a look and a state; a kind's second thing mostly has another colour than its first."""
    kind = KINDS[piece.kind]
    if kind.colours:
        fresh = [colour for colour in kind.colours if (kind.name, colour) not in taken]
        piece.colour = rng.choice(fresh if fresh and rng.random() < 0.9 else kind.colours)
        taken.add((kind.name, piece.colour))
    looks = [look for look in kind.looks if LOOK_NEEDS.get(look, piece.colour) == piece.colour]
    piece.look = rng.choice(looks) if looks else None


@dataclass(frozen=True)
class Sight:
    """What can be seen of each piece of a composition.

    shares: of each piece's own area, by position. covered: (front, back) → share of the back piece that the front one
    hides, in the absence of others.
    """

    shares: list[float] = field(default_factory=list)
    covered: dict[tuple[int, int], float] = field(default_factory=dict)


def look_at(pieces: list[Piece], silhouette: Callable[[Piece, int, int], np.ndarray]) -> Sight:
    """Measure visibility on a grid. pieces: in the order in which they are drawn; grounds are not measured.

    silhouette: the cells that a piece fills, as a boolean array of the height and width asked for.
    """
    side = UNITS // GRAIN
    masks: list[tuple[int, int, np.ndarray] | None] = []
    for piece in pieces:
        if piece.ground:
            masks.append(None)
            continue
        left, top = round(piece.x / GRAIN), round(piece.y / GRAIN)
        width, height = max(1, round(piece.width / GRAIN)), max(1, round(piece.height / GRAIN))
        masks.append((left, top, silhouette(piece, width, height)))
    hidden = np.zeros((side, side), dtype=bool)
    shares = [1.0] * len(pieces)
    covered: dict[tuple[int, int], float] = {}
    for index in range(len(pieces) - 1, -1, -1):
        if masks[index] is None:
            continue
        left, top, mask = masks[index]
        top0, left0 = max(0, top), max(0, left)
        cut = mask[top0 - top : side - top, left0 - left : side - left]
        window = hidden[top0 : top0 + cut.shape[0], left0 : left0 + cut.shape[1]]
        area = max(1, int(cut.sum()))
        shares[index] = float((cut & ~window).sum()) / area
        window |= cut
        for front in range(index + 1, len(pieces)):
            if masks[front] is not None and pieces[index].meets(pieces[front]):
                share = _shared(masks[index], masks[front]) / area
                if share:
                    covered[front, index] = share
    return Sight(shares, covered)


def _shared(one: tuple[int, int, np.ndarray], other: tuple[int, int, np.ndarray]) -> int:
    """The number of cells that both fill."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right = min(one[0] + one[2].shape[1], other[0] + other[2].shape[1])
    bottom = min(one[1] + one[2].shape[0], other[1] + other[2].shape[0])
    if right <= left or bottom <= top:
        return 0
    cells = [mask[top - y : bottom - y, left - x : right - x] for x, y, mask in (one, other)]
    return int((cells[0] & cells[1]).sum())
