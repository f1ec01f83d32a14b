"""What the procedural world contains: its colours and kinds of things, how large they are, what can be wrong with them.

Sizes are in units of a picture that is 448 wide and high, at scale 1 (a table some three metres away).
"""

from dataclasses import dataclass

UNITS = 448
"""Width and height of every picture in units, whatever its size in pixels."""

COLOURS = {
    "red": (206, 46, 42),
    "blue": (44, 96, 204),
    "green": (58, 148, 68),
    "yellow": (244, 204, 52),
    "orange": (240, 128, 34),
    "purple": (130, 66, 172),
    "pink": (242, 140, 178),
    "brown": (132, 86, 50),
    "black": (46, 46, 50),
    "white": (240, 240, 236),
    "gray": (146, 150, 156),
}
_BRIGHT = ("red", "blue", "green", "yellow", "orange", "purple", "pink")
_STRONG = ("red", "blue", "green", "yellow", "purple", "orange")
_METALLIC = ("red", "blue", "green", "black", "white", "gray")
_WOOD = ("brown",)


@dataclass(frozen=True)
class Kind:
    """A kind of thing.

    size: width and height in units at scale 1. colours: those it comes in; () for a painting.
    looks: patterns or a material, one of which each thing has, as far as its colour allows (`LOOK_NEEDS`).
    states: those it can be in, the usual one first.
    second_size: its size in its second state, where it differs. deep: how far it reaches back, in metres.
    """

    name: str
    size: tuple[int, int]
    colours: tuple[str, ...]
    looks: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    second_size: tuple[int, int] | None = None
    deep: float = 0.2

    def size_in(self, state: str | None) -> tuple[int, int]:
        """Its width and height in a state."""
        return self.second_size if self.second_size and state == self.states[1] else self.size


LOOK_NEEDS = {"wooden": "brown", "metal": "gray"}
"""Materials that show only in one colour: a painted chair looks neither wooden nor otherwise."""
_PATTERNS = ("plain", "striped", "dotted")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # what stands on tables, counters and shelves
        Kind("mug", (44, 40), (*_BRIGHT, "white"), _PATTERNS, deep=0.1),
        Kind("bowl", (58, 46), (*_BRIGHT, "white"), (), ("full", "empty"), (58, 32), 0.15),
        Kind("bottle", (24, 66), ("green", "blue", "orange"), ("glass",), deep=0.1),
        Kind("wine glass", (32, 60), (), ("glass",), ("full", "empty"), deep=0.1),
        Kind("teapot", (64, 50), (*_BRIGHT, "white"), ("plain", "dotted"), deep=0.15),
        Kind("toaster", (64, 46), ("red", "black", "gray", "blue"), ("metal",), deep=0.2),
        Kind("microwave", (88, 54), ("white", "black", "gray"), ("metal",), ("closed", "open"), deep=0.3),
        Kind("pan", (80, 30), ("red", "black", "blue"), ("metal",), deep=0.2),
        Kind("cutting board", (42, 58), _WOOD, ("wooden",), deep=0.05),
        Kind("apple", (32, 34), ("red", "green", "yellow"), deep=0.08),
        Kind("banana", (50, 32), ("yellow",), deep=0.08),
        Kind("jar", (38, 52), (*_STRONG, "pink"), (), ("closed", "open"), deep=0.1),
        Kind("potted plant", (52, 76), ("green",), deep=0.2),
        Kind("candle", (26, 58), ("red", "white", "purple", "pink", "blue"), deep=0.07),
        Kind("clock", (50, 54), ("red", "blue", "green", "yellow", "pink", "black"), deep=0.1),
        Kind("lamp", (54, 80), _BRIGHT, ("plain", "striped"), ("off", "on"), deep=0.2),
        Kind("book", (42, 56), _STRONG, deep=0.1),
        Kind("laptop", (76, 54), ("gray", "black", "white"), (), ("open", "closed"), (76, 22), 0.25),
        Kind("radio", (68, 48), ("red", "blue", "green", "brown", "black"), deep=0.12),
        Kind("camera", (54, 40), ("black", "red", "gray"), deep=0.1),
        Kind("fan", (56, 72), ("white", "blue", "green", "pink"), (), deep=0.15),
        Kind("computer monitor", (86, 72), ("black", "white", "gray"), (), ("on", "off"), deep=0.2),
        Kind("keyboard", (82, 22), ("black", "white", "gray"), (), deep=0.15),
        Kind("printer", (84, 54), ("white", "black", "gray"), (), deep=0.3),
        Kind("television", (98, 70), ("black", "gray"), (), ("on", "off"), deep=0.15),
        Kind("teddy bear", (54, 62), ("brown", "white", "pink"), deep=0.2),
        Kind("pillow", (66, 44), (*_BRIGHT, "white"), _PATTERNS, deep=0.2),
        Kind("towel", (56, 34), (*_BRIGHT, "white"), ("plain", "striped"), deep=0.2),
        Kind("toilet paper", (34, 34), ("white",), deep=0.1),
        Kind("toothbrush", (22, 56), ("red", "blue", "green", "purple", "orange"), (), deep=0.05),
        Kind("vase", (38, 60), (*_BRIGHT, "white"), ("plain", "striped", "dotted"), deep=0.12),
        # what stands on floors and grounds
        Kind("ball", (50, 50), _STRONG, _PATTERNS, deep=0.3),
        Kind("box", (68, 54), _WOOD, (), ("closed", "open"), (92, 70), 0.4),
        Kind("basket", (68, 46), ("brown", "white"), (), ("empty", "full"), (68, 60), 0.4),
        Kind("bucket", (54, 58), _METALLIC, ("metal",), deep=0.3),
        Kind("backpack", (58, 70), _STRONG, deep=0.25),
        Kind("suitcase", (60, 86), (*_STRONG, "black"), deep=0.25),
        Kind("umbrella", (24, 88), (*_STRONG, "black", "pink"), (), ("closed", "open"), (104, 84), 0.3),
        Kind("guitar", (48, 124), ("brown", "red", "black", "blue"), ("wooden",), deep=0.15),
        Kind("chair", (64, 112), ("brown", "red", "white", "blue", "green"), ("wooden",), deep=0.5),
        Kind("trash can", (56, 72), ("gray", "green", "blue", "black"), ("metal",), ("empty", "full"), (56, 86), 0.4),
        Kind("ladder", (62, 132), ("gray", "yellow", "orange"), ("metal",), deep=0.3),
        Kind("dog", (86, 66), ("brown", "black", "white"), deep=0.3),
        Kind("cat", (56, 62), ("black", "gray", "orange", "white"), deep=0.2),
        # outdoors
        Kind("car", (158, 74), (*_STRONG, "white", "black"), ("metal",), deep=1.6),
        Kind("bus", (226, 112), ("red", "blue", "green", "yellow", "orange"), ("metal",), deep=2.2),
        Kind("truck", (188, 98), ("red", "blue", "green", "white", "orange"), ("metal",), deep=2.0),
        Kind("bicycle", (116, 76), ("red", "blue", "green", "black", "orange"), ("metal",), deep=0.4),
        Kind("fire hydrant", (44, 64), ("red", "yellow", "blue"), ("metal",), deep=0.3),
        Kind("traffic light", (40, 138), ("black", "yellow"), ("showing red", "showing green"), deep=0.3),
        Kind("stop sign", (54, 126), ("red",), ("metal",), deep=0.1),
        Kind("traffic cone", (46, 58), ("orange",), (), deep=0.3),
        Kind("bench", (118, 62), ("brown", "green", "red"), ("wooden",), deep=0.6),
        Kind("mailbox", (48, 78), ("red", "blue", "yellow", "green"), ("metal",), deep=0.4),
        Kind("street light", (60, 190), ("black", "gray", "green"), ("metal",), ("off", "on"), deep=0.3),
        Kind("parking meter", (30, 98), ("gray", "blue", "black"), ("metal",), deep=0.2),
        Kind("tree", (104, 180), ("green",), deep=0.9),
        Kind("bird", (46, 38), ("gray", "blue", "red", "yellow"), deep=0.15),
        # furniture and fixtures; sizes of those that carry things are the rooms' affair
        Kind("table", (130, 84), ("brown", "white", "black"), ("wooden",), deep=0.7),
        Kind("desk", (214, 100), ("brown", "white", "black"), ("wooden",), deep=0.7),
        Kind("counter", (208, 102), ("blue", "green", "white", "brown", "gray"), ("wooden",), deep=0.6),
        Kind("shelf", (190, 24), ("brown", "white", "black"), ("wooden",), deep=0.3),
        Kind("cabinet", (124, 94), ("brown", "white", "green", "blue", "gray"), ("wooden",), deep=0.5),
        Kind("nightstand", (82, 86), ("brown", "white", "blue"), ("wooden",), deep=0.4),
        Kind("couch", (196, 108), ("blue", "green", "red", "gray", "purple", "orange"), deep=0.8),
        Kind("bed", (216, 122), ("blue", "green", "red", "purple", "pink", "yellow"), ("plain", "striped"), deep=0.9),
        Kind(
            "refrigerator", (94, 222), ("white", "gray", "red", "blue"), ("metal",), ("closed", "open"), (156, 222), 0.6
        ),
        Kind("oven", (78, 106), ("white", "black", "gray"), ("metal",), ("off", "on"), deep=0.6),
        Kind("sink", (96, 132), ("white",), deep=0.4),
        Kind("toilet", (74, 116), ("white", "pink", "blue"), (), ("closed", "open"), (74, 132), 0.6),
        Kind("bathtub", (192, 88), ("white", "pink", "green"), deep=0.7),
        Kind("door", (86, 214), ("brown", "white", "green", "blue", "red"), ("wooden",), ("closed", "open"), deep=0.05),
        Kind("window", (96, 104), ("white", "brown"), (), ("closed", "open"), deep=0.05),
        Kind("painting", (70, 56), (), deep=0.05),
    )
}
"""name → kind. A colour is that of the larger part: the leaves of a tree, the cover of a bed."""

GROUNDS = ("floor", "pavement", "road", "parking lot", "lawn", "crosswalk")
"""What everything stands on in the end. Objects of the scene as well, but nobody counts them or misses one."""

TIPPABLE = frozenset(
    ("mug", "bottle", "wine glass", "teapot", "jar", "potted plant", "candle", "lamp", "fan", "vase", "bucket", "chair")
    + ("trash can", "ladder", "fire hydrant", "traffic cone", "mailbox", "stop sign", "parking meter", "bench")
    + ("traffic light", "computer monitor")
)
"""The kinds that look clearly fallen when they lie on their side."""

WRONG_STATES = {
    "refrigerator": ("open", "its door was left open"),
    "sink": ("overflowing", "it is overflowing"),
    "bathtub": ("overflowing", "it is overflowing"),
    "toaster": ("burning", "it is on fire"),
    "window": ("broken", "its pane is broken"),
    "television": ("broken", "its screen is broken"),
    "computer monitor": ("broken", "its screen is broken"),
    "traffic light": ("contradictory", "it shows red and green at once"),
    "fire hydrant": ("leaking", "it is spraying water"),
    "trash can": ("burning", "it is on fire"),
    "car": ("burning", "it is on fire"),
}
"""kind → (the attribute that a thing in this wrong state has, what is wrong, as a clause after "because").

The refrigerator's is also its state; a thing in one of the others has no state.
"""

STRANGERS_INDOORS = ("fire hydrant", "traffic cone", "stop sign", "parking meter", "mailbox", "traffic light")
"""Kinds that belong into no room, and are put there when a thing is out of place."""
STRANGERS_OUTDOORS = ("toilet", "oven", "television", "printer", "computer monitor", "microwave")
"""Kinds that belong into no street."""
OBSTACLES = ("box", "suitcase", "trash can", "ladder", "basket")
"""Kinds that block a door when they stand before it."""
ROAD_OBSTACLES = ("box", "trash can", "bench", "suitcase", "ladder")
"""Kinds that block a road when they are left on it."""
