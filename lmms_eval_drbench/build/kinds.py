"""Common knowledge about kinds of things: their plurals and relatives, where they are at home, what they are for.

Written by hand for COCO's 80 categories and the commonest names of scene graphs. A kind that is in no table is simply
never used where the table is needed.
"""

from dataclasses import dataclass
from functools import cache

from lmms_eval_drbench.phrases import vocabulary

_PLURALS = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "knife": "knives",
    "sheep": "sheep",
    "bus": "buses",
    "computer mouse": "computer mice",
    "scissors": "pairs of scissors",
    "skis": "pairs of skis",
}
_SINGULAR_IN_S = ("bus", "ss", "us", "is")

RELATIVES = (
    frozenset(vocabulary("person man woman boy girl child people guy lady kid baby rider driver player skier surfer")),
    frozenset(("car", "truck", "bus", "van", "train", "vehicle", "taxi", "suv", "caravan", "trailer")),
    frozenset(("bicycle", "motorcycle", "bike", "scooter", "moped")),
    frozenset(("chair", "couch", "bench", "bed", "stool", "armchair", "sofa", "ottoman", "seat")),
    frozenset(("cup", "wine glass", "mug", "glass", "bottle", "bowl", "vase", "jar", "container", "pot")),
    frozenset(("television", "laptop", "computer monitor", "monitor", "screen", "tv", "computer")),
    frozenset(("screen", "cell phone")),
    frozenset(("keyboard", "laptop")),
    frozenset(("oven", "microwave", "stove", "toaster")),
    frozenset(("backpack", "handbag", "suitcase", "bag", "purse", "luggage")),
    frozenset(("cow", "horse", "sheep", "goat", "dog", "cat", "bear", "zebra", "giraffe", "elephant", "animal")),
    frozenset(("apple", "orange", "fruit")),
    frozenset(("banana", "fruit", "bananas")),
    frozenset(("donut", "cake", "sandwich", "hot dog", "pizza", "bread", "food", "pastry")),
    frozenset(("broccoli", "carrot", "vegetable", "food")),
    frozenset(("sports ball", "orange", "apple", "ball")),
    frozenset(("surfboard", "snowboard", "skis", "skateboard")),
    frozenset(("potted plant", "vase", "plant", "flower", "flowers", "tree")),
    frozenset(("table", "desk", "counter", "dining table", "bench")),
    frozenset(("fork", "spoon", "knife")),
    frozenset(("cell phone", "remote control", "telephone", "phone")),
    frozenset(("traffic light", "parking meter", "stop sign", "street light")),
    frozenset(("tie", "scarf")),
    frozenset(("kite", "airplane", "bird", "umbrella", "plane")),
    frozenset(("boat", "surfboard", "ship")),
    frozenset(("sink", "toilet", "bathtub")),
    frozenset(("cabinet", "dresser", "bookshelf", "shelf", "wardrobe", "drawer", "refrigerator")),
    frozenset(("building", "house", "tower")),
    frozenset(("cap", "hat", "helmet")),
    frozenset(("curtain", "curtains", "curtain rod")),
    frozenset(("pillow", "cushion")),
    frozenset(("banner", "sign", "billboard", "poster", "painting", "picture")),
    frozenset(("book", "books", "papers", "paper")),
    frozenset(("pan", "pot", "bucket")),
)
"""Kinds that people (and labels) mix up or that include one another: a "car" is not unique beside a "van"."""

EASILY_OVERLOOKED = frozenset(
    ("book", "bottle", "cup", "bowl", "chair", "table", "potted plant", "handbag", "tie", "backpack", "spoon", "fork")
    + ("knife", "remote control", "cell phone", "vase", "sports ball", "baseball glove", "clock", "computer mouse")
    + ("toothbrush", "scissors", "hair drier", "carrot", "apple", "orange", "bird", "wine glass", "traffic light")
    + ("stop sign", "kite", "suitcase")
)
"""COCO categories whose small or far instances often go unlabelled: a photograph without the label may show one."""

OFTEN_MISNAMED = frozenset(("truck", "handbag"))
"""COCO categories that hold what most people call otherwise: vans and jeeps, plastic bags."""
RELIABLY_COUNTED = frozenset(("bird", "clock"))
"""Kinds that are overlooked as a whole, but seldom in part: where one is labelled, all are."""

SELDOM_ALONE = frozenset(
    ("building", "house", "tree", "bush", "flower", "leaf", "rock", "cloud", "pole", "sign", "light", "wheel", "window")
    + ("painting", "picture", "poster", "photo", "cabinet", "drawer", "shelf", "car", "person", "plant")
    + ("manhole cover",)
)
"""Kinds that come in several, of which a scene graph often names one: its name alone points at nothing."""

INDOORS = frozenset(
    ("bed", "toilet", "sink", "refrigerator", "oven", "stove", "microwave", "television", "bathtub", "couch")
    + (
        "keyboard",
        "computer monitor",
        "dresser",
        "bookshelf",
        "toaster",
        "dishwasher",
        "nightstand",
        "computer mouse",
        "desk",
    )
    + ("cutting board", "shower", "fireplace", "wardrobe")
)
OUTDOORS = frozenset(
    ("bus", "truck", "train", "airplane", "boat", "traffic light", "fire hydrant", "parking meter", "giraffe", "zebra")
    + ("elephant", "cow", "sheep", "horse", "surfboard", "skis", "snowboard", "bear", "motorcycle", "car", "road")
    + ("street", "sidewalk", "crosswalk", "stop sign", "kite", "traffic sign")
)
INDOOR_PLACES = frozenset(("kitchen", "living room", "bathroom", "bedroom", "office", "dining room", "hotel room"))
OUTDOOR_PLACES = frozenset(("street", "park", "beach", "road", "field", "skate park", "city", "farm", "zoo", "forest"))

GROUPS = {
    "vehicle": ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    "piece of furniture": ("chair", "couch", "bed", "bench", "table"),
    "household appliance": ("microwave", "oven", "toaster", "refrigerator"),
    "sports article": ("frisbee", "skis", "snowboard", "kite", "baseball bat", "skateboard", "surfboard"),
    "piece of luggage": ("backpack", "handbag", "suitcase"),
    "dish of food": ("sandwich", "hot dog", "pizza", "donut", "cake"),
}
"""Kinds of one sort; every name is one of COCO's."""


@dataclass(frozen=True)
class Purpose:
    """What a kind of thing is for. made: after "made for"; can: after "can". maybe: kinds that arguably serve too."""

    made: str
    can: str
    kinds: tuple[str, ...]
    maybe: tuple[str, ...] = ()


_SEATS = ("chair", "couch", "bench", "sofa", "stool", "armchair")
PURPOSES = (
    Purpose(
        "people to sit on at rest", "take a seat on furniture", _SEATS, ("bed", "toilet", "table", "ledge", "pillow")
    ),
    Purpose("sleeping a whole night in", "lie down in a bed", ("bed",), ("couch", "sofa", "boat", "train")),
    Purpose(
        "carrying many passengers along a road", "ride as one of many along a road", ("bus",), ("truck", "train", "van")
    ),
    Purpose("flying passengers through the air", "fly to another country", ("airplane",)),
    Purpose("travelling on water", "cross a lake without swimming", ("boat", "ship"), ("surfboard",)),
    Purpose("travelling on rails", "travel on rails", ("train", "tram")),
    Purpose("riding on two wheels", "ride on two wheels", ("motorcycle", "bicycle"), ("scooter", "bike", "skateboard")),
    Purpose("keeping rain off a person who walks", "keep dry while walking in the rain", ("umbrella",)),
    Purpose("keeping food cold", "chill a drink", ("refrigerator",)),
    Purpose("baking", "bake a loaf", ("oven", "stove"), ("microwave", "toaster")),
    Purpose("heating a meal within a minute", "heat a meal within a minute", ("microwave",), ("oven", "stove")),
    Purpose("washing one's hands in", "rinse one's hands", ("sink",), ("bathtub", "toilet", "bucket")),
    Purpose("relieving oneself", "use a lavatory", ("toilet", "urinal")),
    Purpose("telling the time", "read the time off a dial", ("clock",), ("cell phone", "watch")),
    Purpose("typing", "type a letter", ("keyboard", "laptop")),
    Purpose("calling somebody far away", "call a friend far away", ("cell phone", "telephone")),
    Purpose(
        "watching broadcasts", "watch the evening news", ("television",), ("laptop", "computer monitor", "cell phone")
    ),
    Purpose(
        "telling drivers to stop or go", "see whether traffic has to stop", ("traffic light",), ("stop sign", "sign")
    ),
    Purpose("supplying water to firefighters", "connect a fire hose", ("fire hydrant",)),
    Purpose("paying to park", "pay for a parking space", ("parking meter",)),
    Purpose(
        "carrying clothes on a journey",
        "pack clothes for a journey",
        ("suitcase", "backpack"),
        ("handbag", "bag", "luggage"),
    ),
    Purpose("brushing teeth", "brush one's teeth", ("toothbrush",)),
    Purpose("riding on waves", "ride a wave", ("surfboard",)),
    Purpose("gliding over snow", "glide down a snowy slope", ("skis", "snowboard")),
    Purpose("rolling on while standing", "roll along while standing", ("skateboard",), ("scooter",)),
    Purpose("hitting a tennis ball", "return a serve", ("tennis racket",)),
    Purpose("hitting a baseball", "hit a home run", ("baseball bat",)),
    Purpose("flying on a string", "fly something on a string", ("kite",)),
    Purpose("throwing and catching as a disc", "throw a disc", ("frisbee",)),
    Purpose("drinking wine from", "sip wine", ("wine glass",), ("cup", "glass", "bottle")),
    Purpose("eating soup with", "spoon up soup", ("spoon",)),
    Purpose("reading", "read a story", ("book", "books"), ("papers", "newspaper", "magazine", "laptop")),
    Purpose("lighting a room", "light up a dark room", ("lamp",), ("light", "lantern", "candle", "window")),
    Purpose("climbing up", "climb up to a roof", ("ladder",), ("stairs",)),
    Purpose("protecting a rider's head", "protect one's head in a fall", ("helmet",), ("cap", "hat")),
    Purpose("flattening dough", "flatten dough", ("rolling pin",)),
    Purpose("resting one's head on", "rest one's head softly", ("pillow", "cushion"), ("bed", "couch")),
    Purpose("throwing rubbish into", "throw away rubbish", ("trash can",), ("basket", "bucket", "box", "bin")),
    Purpose("brewing tea", "brew a pot of tea", ("teapot",), ("kettle", "pot", "mug", "cup")),
    Purpose("browning slices of bread", "brown a slice of bread", ("toaster",), ("oven", "stove", "pan", "microwave")),
    Purpose("frying eggs", "fry an egg", ("pan",), ("pot", "skillet")),
    Purpose("lying in warm water", "take a bath", ("bathtub",), ("tub",)),
    Purpose("posting letters", "post a letter", ("mailbox",)),
    Purpose("taking photographs", "take a photograph", ("camera",), ("cell phone", "laptop", "phone")),
    Purpose("drying one's hands", "dry one's wet hands", ("towel",), ("toilet paper", "napkin", "cloth")),
    Purpose("playing songs on strings", "play a song on strings", ("guitar",), ("violin",)),
    Purpose("blowing a cool breeze", "cool oneself in a breeze", ("fan",), ("window",)),
    Purpose("printing pages", "print a page", ("printer",)),
    Purpose("warning drivers of road works", "warn drivers of road works", ("traffic cone",), ("sign", "barrier")),
)
"""A kind serves one purpose as far as these questions go; where a `maybe` kind is there too, nothing is asked."""


STATES = (("open", "closed"), ("on", "off"), ("full", "empty"))
COLOURS = (
    *vocabulary("red blue green yellow orange purple pink brown black white gray"),
    *vocabulary("teal cream maroon silver gold beige tan"),
)
"""Colours that scene graphs name."""
MATERIALS = ("wooden", "metal", "plastic", "glass", "stone", "brick", "leather", "rubber", "concrete")
ACTIVITIES = ("sitting", "standing", "walking", "running", "lying", "sleeping", "kneeling")


@cache
def are_kin(one: str, other: str) -> bool:
    """Whether a thing of one kind may also be called by the other: equal, relatives, or the same last word."""
    if one == other or one.split()[-1] == other.split()[-1] or singular(one) == singular(other):
        return True
    return any(one in group and other in group for group in RELATIVES)


@cache
def is_plural(name: str) -> bool:
    """Whether a name is grammatically plural ("curtains", but not "bus")."""
    return name.endswith("s") and not name.endswith(_SINGULAR_IN_S) or name in ("people", "men", "women", "skis")


@cache
def plural(name: str) -> str:
    """`people`, `buses`, `benches`, `cars`."""
    if name in _PLURALS:
        return _PLURALS[name]
    if is_plural(name):
        return name
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    return name[:-1] + "ies" if name.endswith("y") and name[-2] not in "aeiou" else name + "s"


def singular(name: str) -> str:
    return name[:-1] if is_plural(name) and name.endswith("s") else name


def purpose_of(made: str) -> Purpose:
    """The purpose with this wording."""
    return next(purpose for purpose in PURPOSES if purpose.made == made)
