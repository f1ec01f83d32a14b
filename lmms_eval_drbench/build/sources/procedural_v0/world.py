"""What the procedural world contains: colours, kinds of things, places, and what things are for."""

from dataclasses import dataclass

COLOURS = {
    "red": (214, 40, 40),
    "blue": (38, 84, 205),
    "green": (40, 150, 62),
    "yellow": (246, 205, 40),
    "purple": (138, 56, 172),
    "orange": (244, 130, 28),
    "white": (246, 246, 246),
}

INDOOR_ONLY = ("mug", "bowl", "lamp", "clock", "laptop", "cushion", "book", "teapot")
OUTDOOR_ONLY = ("car", "bicycle", "cone", "hydrant", "bench", "bin", "sign")
ANYWHERE = ("ball", "box", "bottle", "flowerpot", "chair")
KINDS = INDOOR_ONLY + OUTDOOR_ONLY + ANYWHERE

TIPPABLE = frozenset(
    ("mug", "bowl", "lamp", "teapot", "cone", "hydrant", "bin", "bottle", "flowerpot", "chair", "sign", "bench", "car")
)
"""The kinds that look clearly fallen when they lie on their side. A ball or a clock doesn't."""

STATES = {"lamp": ("on", "off"), "laptop": ("open", "closed"), "box": ("open", "closed")}
"""The kinds that have a state, and its values. The first value is the usable one."""


@dataclass(frozen=True)
class Place:
    """A kind of place: its surfaces from the top down and its background colours (wall or sky, then per surface)."""

    name: str
    surfaces: tuple[str, str, str]
    wall: tuple[int, int, int]
    tops: tuple[tuple[int, int, int], ...]
    outdoors: bool = False

    @property
    def usual_kinds(self) -> tuple[str, ...]:
        return (OUTDOOR_ONLY if self.outdoors else INDOOR_ONLY) + ANYWHERE

    @property
    def odd_kinds(self) -> tuple[str, ...]:
        """The kinds that do not belong here."""
        return INDOOR_ONLY if self.outdoors else OUTDOOR_ONLY


PLACES = (
    Place(
        "kitchen", ("shelf", "counter", "floor"), (222, 226, 210), ((150, 110, 72), (176, 176, 170), (196, 180, 158))
    ),
    Place(
        "living room", ("shelf", "table", "floor"), (232, 214, 196), ((120, 84, 56), (146, 100, 62), (170, 140, 108))
    ),
    Place("office", ("shelf", "desk", "floor"), (208, 216, 226), ((128, 128, 132), (168, 136, 98), (140, 146, 156))),
    Place(
        "street",
        ("pavement", "road", "verge"),
        (178, 200, 222),
        ((188, 184, 178), (104, 106, 110), (150, 168, 118)),
        outdoors=True,
    ),
    Place(
        "park",
        ("hill", "path", "lawn"),
        (196, 220, 236),
        ((152, 178, 120), (206, 190, 156), (138, 172, 104)),
        outdoors=True,
    ),
)

PURPOSES = {
    "drink tea": ("mug",),
    "eat soup": ("bowl",),
    "read a story": ("book",),
    "brew tea": ("teapot",),
    "tell the time": ("clock",),
    "rest your head": ("cushion",),
    "sit down": ("chair", "bench"),
    "play catch": ("ball",),
    "carry water": ("bottle",),
    "light the room": ("lamp",),
    "write an email": ("laptop",),
    "pack things away": ("box",),
    "drive across town": ("car",),
    "pedal to school": ("bicycle",),
    "put out a fire": ("hydrant",),
    "throw rubbish away": ("bin",),
    "read a traffic rule": ("sign",),
}
"""Purpose → the kinds that serve it. A kind of STATES serves only in its first state."""


def serves(kind: str, state: str | None, purpose: str) -> bool:
    """Whether a thing of this kind in this state serves the purpose right now."""
    return kind in PURPOSES[purpose] and (kind not in STATES or state == STATES[kind][0])
