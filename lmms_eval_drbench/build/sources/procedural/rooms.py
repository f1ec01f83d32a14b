"""The places of the procedural world: what furniture each has, and which kinds of things stand where."""

from dataclasses import dataclass

from lmms_eval_drbench.build.sources.procedural.world import KINDS

WALL_FOOT = 304
"""y at which a room's wall meets its floor, in units."""
FURNITURE_FOOT = 324
"""y of the feet of furniture that stands at the wall."""
SHELF_TOP = 112
_TALL = ("refrigerator", "door")
"""Furniture that leaves no room on the wall above it."""


@dataclass(frozen=True)
class Row:
    """Where things of one surface stand side by side.

    base: least and greatest y of their feet. scale, depth (metres): at these. counts: least and most things.
    """

    base: tuple[float, float]
    scale: tuple[float, float]
    depth: tuple[float, float]
    counts: tuple[int, int]


@dataclass(frozen=True)
class Band:
    """A surface between x = left and right that carries rows of things, from the back to the front.

    surface: its name. kinds: what it may carry. low: kinds for the front row, which hide little. headroom: most height.
    """

    surface: str
    left: float
    right: float
    rows: tuple[Row, ...]
    kinds: tuple[str, ...]
    low: tuple[str, ...]
    headroom: float = 1000.0


@dataclass(frozen=True)
class Place:
    """A kind of place. sets: its furniture at the wall, one set of them a scene. carried: surface → kinds on it."""

    name: str
    sets: tuple[tuple[str, ...], ...]
    carried: dict[str, tuple[str, ...]]
    outdoors: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that belongs here."""
        things = {kind for kinds in self.carried.values() for kind in kinds}
        return frozenset(things.union(*self.sets, () if self.outdoors else ("shelf", "window", "painting", "door")))


_LOW = ("mug", "bowl", "apple", "banana", "pan", "toilet paper", "camera", "keyboard", "book", "jar", "towel", "candle")

INDOORS = (
    Place(
        "kitchen",
        (
            ("counter", "refrigerator"),
            ("counter", "refrigerator", "door"),
            ("counter", "refrigerator", "oven"),
            ("counter", "oven", "door"),
            ("counter", "table", "door"),
        ),
        {
            "counter": ("mug", "bowl", "bottle", "wine glass", "teapot", "toaster", "microwave", "pan", "cutting board")
            + ("apple", "banana", "jar", "potted plant", "radio"),
            "table": ("mug", "bowl", "bottle", "wine glass", "teapot", "apple", "banana", "candle", "vase"),
            "shelf": ("mug", "bowl", "bottle", "wine glass", "teapot", "jar", "clock", "book", "vase", "radio"),
            "floor": ("chair", "trash can", "basket", "box", "cat", "dog", "bucket"),
        },
    ),
    Place(
        "living room",
        (("couch", "cabinet", "door"), ("couch", "table", "door"), ("couch", "cabinet"), ("table", "cabinet", "door")),
        {
            "couch": ("pillow", "teddy bear", "cat", "book"),
            "cabinet": ("television", "lamp", "radio", "book", "vase", "potted plant", "clock", "camera"),
            "table": ("mug", "teapot", "book", "bowl", "apple", "candle", "vase", "laptop", "camera", "wine glass"),
            "shelf": ("book", "clock", "candle", "camera", "vase", "teddy bear", "radio", "jar"),
            "floor": ("ball", "basket", "guitar", "dog", "cat", "backpack", "box", "potted plant", "teddy bear")
            + ("umbrella",),
        },
    ),
    Place(
        "bathroom",
        (("sink", "toilet", "bathtub"), ("sink", "toilet", "cabinet", "door"), ("sink", "cabinet", "bathtub")),
        {
            "cabinet": (
                "towel",
                "candle",
                "toothbrush",
                "mug",
                "potted plant",
                "clock",
                "toilet paper",
                "radio",
                "jar",
            ),
            "shelf": ("towel", "candle", "toothbrush", "mug", "toilet paper", "bottle", "jar", "clock", "vase"),
            "floor": ("bucket", "basket", "trash can", "toilet paper", "cat", "chair", "towel", "box"),
        },
    ),
    Place(
        "office",
        (("desk", "cabinet", "door"), ("desk", "door"), ("desk", "cabinet")),
        {
            "desk": (
                "computer monitor",
                "laptop",
                "keyboard",
                "mug",
                "book",
                "lamp",
                "camera",
                "clock",
                "fan",
                "bottle",
            ),
            "cabinet": ("printer", "potted plant", "fan", "book", "lamp", "radio", "clock", "vase"),
            "shelf": ("book", "clock", "camera", "radio", "mug", "vase", "jar", "box"),
            "floor": ("chair", "trash can", "backpack", "box", "suitcase", "umbrella", "potted plant", "dog"),
        },
    ),
    Place(
        "bedroom",
        (("bed", "nightstand", "door"), ("bed", "cabinet"), ("bed", "nightstand", "cabinet")),
        {
            "bed": ("pillow", "teddy bear", "cat", "book", "backpack"),
            "nightstand": ("lamp", "clock", "book", "mug", "candle", "radio", "wine glass"),
            "cabinet": ("lamp", "television", "vase", "fan", "potted plant", "book", "clock", "radio"),
            "shelf": ("book", "teddy bear", "clock", "candle", "camera", "vase", "jar"),
            "floor": ("suitcase", "basket", "guitar", "ball", "chair", "backpack", "teddy bear", "dog", "cat", "box"),
        },
    ),
)
_ALONG = ("tree", "street light", "mailbox", "fire hydrant", "bench", "parking meter", "trash can", "stop sign")
_VEHICLES = ("car", "bus", "truck", "bicycle")
_ON_LAWN = ("dog", "cat", "bird", "ball", "bench", "bicycle", "fire hydrant", "trash can", "backpack", "potted plant")
OUTDOORS = (
    Place(
        "street",
        ((),),
        {
            "pavement": (*_ALONG, "traffic light", "bicycle", "dog", "suitcase"),
            "road": _VEHICLES,
            "lawn": (*_ON_LAWN, "umbrella", "mailbox"),
        },
        True,
    ),
    Place(
        "crossing",
        (("crosswalk",),),
        {
            "pavement": ("traffic light", "traffic light", "stop sign", *_ALONG, "dog", "bicycle"),
            "road": _VEHICLES,
            "lawn": (*_ON_LAWN, "traffic cone", "suitcase"),
        },
        True,
    ),
    Place(
        "parking lot",
        ((),),
        {
            "pavement": (*_ALONG, "traffic cone", "bucket", "ladder"),
            "parking lot": ("car", "car", "truck", "bicycle", "bus"),
            "lawn": (*_ON_LAWN, "traffic cone", "suitcase", "bucket"),
        },
        True,
    ),
)
PLACES = (*INDOORS, *OUTDOORS)
_FLOOR_ROWS = (
    Row((352, 372), (1.0, 1.06), (2.9, 2.6), (1, 3)),
    Row((410, 440), (1.14, 1.22), (2.0, 1.7), (2, 4)),
)
_STREET_ROWS = {
    "pavement": (Row((236, 250), (0.84, 0.88), (10.0, 9.4), (3, 5)),),
    "road": (Row((306, 318), (0.92, 0.95), (7.2, 6.8), (1, 2)), Row((364, 376), (1.04, 1.08), (4.6, 4.3), (0, 2))),
    "parking lot": (
        Row((306, 314), (0.92, 0.94), (7.2, 6.8), (1, 3)),
        Row((366, 376), (1.04, 1.08), (4.6, 4.3), (1, 2)),
    ),
    "lawn": (Row((412, 440), (1.05, 1.16), (2.4, 1.9), (3, 5)),),
}
STREET_GROUNDS = {"pavement": (214, 48), "road": (262, 122), "parking lot": (262, 122), "lawn": (384, 64)}
"""Ground outdoors → y and height."""


def furniture_band(place: Place, kind: str, x: float, y: float, width: float) -> Band | None:
    """The band on top of a piece of furniture at x, y (its upper left corner), or None where it carries nothing."""
    kinds = place.carried.get(kind)
    if kinds is None:
        return None
    if kind == "shelf":
        row = Row((y + 3, y + 4), (0.96, 0.96), (3.9, 3.8), (2, max(2, round(width / 48))))
        return Band(kind, x + 4, x + width - 4, (row,), kinds, (), 70)
    if kind in ("couch", "bed"):
        seat = y + 0.62 * KINDS[kind].size[1]
        row = Row((seat, seat + 4), (1.0, 1.0), (3.4, 3.3), (1, 3))
        return Band(kind, x + 22, x + width - 22, (row,), kinds, (), 90)
    back = Row((y + 4, y + 6), (0.98, 1.0), (3.7, 3.6), (1, max(1, round(width / 52))))
    front = Row((y + 13, y + 15), (1.04, 1.06), (3.35, 3.25), (0, max(1, round(width / 110))))
    low = tuple(name for name in kinds if name in _LOW)
    return Band(kind, x + 4, x + width - 4, (back, front) if low else (back,), kinds, low, 96)


def ground_bands(place: Place) -> list[Band]:
    """The bands of the place's grounds, from the back to the front."""
    if not place.outdoors:
        return [Band("floor", 6, 442, _FLOOR_ROWS, place.carried["floor"], ())]
    return [Band(name, 6, 442, _STREET_ROWS[name], kinds, ()) for name, kinds in place.carried.items()]


def free_wall(furniture: list[tuple[str, float, float]]) -> list[tuple[float, float]]:
    """Stretches of wall (from x, to x) with no tall furniture before them. furniture: kind, x, width."""
    stretches = []
    at = 10.0
    for _, x, width in sorted((entry for entry in furniture if entry[0] in _TALL), key=lambda entry: entry[1]):
        stretches.append((at, x - 8))
        at = x + width + 8
    stretches.append((at, 438.0))
    return [(start, end) for start, end in stretches if end - start >= 60]
