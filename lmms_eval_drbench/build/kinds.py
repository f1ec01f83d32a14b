"""Common knowledge about kinds of things: their plurals and relatives, where they are at home, what they are for.

Written by hand for COCO's 80 categories and the commonest names of scene graphs. A kind that is in no table is simply
never used where the table is needed.
"""

from dataclasses import dataclass
from functools import cache

from lmms_eval_drbench.answers.phrases import vocabulary

_PLURALS = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "knife": "knives",
    "sheep": "sheep",
    "shelf": "shelves",
    "toilet paper": "rolls of toilet paper",
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

NAMED_APART = (
    frozenset(("bus", "car", "train", "bicycle")),
    frozenset(("bicycle", "motorcycle")),
    frozenset(("toilet", "sink", "bathtub")),
    frozenset(("giraffe", "elephant", "zebra", "bear", "dog", "cat", "cow", "bird")),
    frozenset(("man", "woman")),
)
"""Relatives that nobody mixes up where both are in plain sight: beside cars a bus is still the bus."""

EASILY_OVERLOOKED = frozenset(
    ("book", "bottle", "cup", "bowl", "chair", "table", "potted plant", "handbag", "tie", "backpack", "spoon", "fork")
    + ("knife", "remote control", "cell phone", "vase", "sports ball", "baseball glove", "clock", "computer mouse")
    + ("toothbrush", "scissors", "hair drier", "carrot", "apple", "orange", "bird", "wine glass", "traffic light")
    + ("stop sign", "kite", "suitcase", "bench", "umbrella", "screen", "car", "frisbee", "banana", "broccoli")
)
"""COCO categories whose small or far instances often go unlabelled: a photograph without the label may show one."""
RELIABLY_COUNTED = frozenset(("car",))
"""Kinds that are overlooked in the distance, but not close by: where all that are labelled are large, they are all."""
OFTEN_MISSED_IN_PART = frozenset(
    ("skateboard", "surfboard", "snowboard", "skis", "baseball bat", "tennis racket", "teddy bear", "donut", "cake")
    + ("sandwich", "hot dog", "laptop", "keyboard")
)
"""Kinds that are labelled where they catch the eye, while another leans in a corner or is cut off by the edge: a
photograph without the label shows none, but one with it may show more."""

OFTEN_MISNAMED = frozenset(
    ("truck", "handbag", "sheep", "bench", "suitcase", "potted plant", "kite", "remote control", "teddy bear")
    + ("parking meter", "bowl", "vase", "sandwich", "hot dog", "cake", "donut", "book", "bottle", "cup")
)
"""COCO categories that hold what people call otherwise, for want of a category of its own: vans, plastic bags, goats,
rows of books, seats of a train, briefcases, vines, parachutes, game controllers, soft toys, ticket machines, jars."""

ANIMALS = frozenset(
    ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "goat", "fish", "animal")
)
PRONOUNS = {"man": "him", "boy": "him", "guy": "him", "woman": "her", "girl": "her", "lady": "her"}
PEOPLE = frozenset(vocabulary("person man woman boy girl child people guy lady kid baby rider driver player"))
OFTEN_PICTURED = (
    ANIMALS
    | PEOPLE
    | frozenset(("car", "truck", "bus", "train", "airplane", "plane", "boat", "ship", "motorcycle", "bicycle"))
)
"""What prints, posters, screens and toys show. Indoors one of these may be pictured without being labelled."""
PICTURES = frozenset(
    ("television", "tv", "screen", "monitor", "computer monitor", "laptop", "cell phone", "phone", "poster", "picture")
    + ("painting", "photo", "photograph", "drawing", "print", "billboard", "sign", "banner", "advertisement", "mural")
    + ("graffiti", "magazine", "newspaper", "book", "card", "mirror", "t-shirt", "shirt")
)
"""What shows pictures, or reflections."""
ENCLOSURES = frozenset(("bus", "train", "car", "truck", "van", "refrigerator"))
"""What people and animals are seen in through a window, or on as a print."""
FOOD = frozenset(("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake"))
TABLEWARE = frozenset(
    ("table", "bowl", "cup", "wine glass", "bottle", "knife", "fork", "spoon", "plate", "oven", "microwave", "toaster")
    + ("refrigerator",)
)
"""Where a meal is made or eaten, food of any sort may stand about."""

SELDOM_ALONE = frozenset(
    ("building", "house", "tree", "bush", "flower", "leaf", "rock", "cloud", "pole", "sign", "light", "wheel", "window")
    + ("painting", "picture", "poster", "photo", "cabinet", "drawer", "shelf", "car", "plant")
    + ("manhole cover", "books", "papers", "computer monitor", "monitor", "screen", "headlight", "tire", "bird")
)
"""Kinds that come in several, of which a scene graph often names one: its name alone points at nothing."""
COMES_IN_SEVERAL = (EASILY_OVERLOOKED - {"bird"}) | frozenset(
    ("books", "papers", "monitor", "computer monitor", "lamp", "door", "pillow", "cushion", "curtain", "towel", "bag")
    + ("plate", "glass", "mug", "pot", "pan", "jar", "box", "basket", "mirror", "man", "woman", "person", "boy", "girl")
    + ("child", "bicycle", "motorcycle", "boat", "umbrella", "orange", "stool", "rug", "fence", "street light", "wheel")
)
"""Kinds of which a photograph may show a second one that nobody labelled: only a large one goes by its kind alone."""

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
GROUNDS = frozenset(("floor", "pavement", "road", "parking lot", "lawn", "crosswalk"))
"""What things stand on. Where such a place is, so is its ground: showing it tells nothing."""
OUTDOOR_PLACES = frozenset(("street", "park", "beach", "road", "field", "skate park", "city", "farm", "zoo", "forest"))


def is_outdoors(names: set[str], least: int = 1) -> bool | None:
    """Whether these kinds are those of a picture taken outdoors, or indoors; None where they tell nothing.

    So many kinds of one world must be there and none of the other. Animals tell nothing: they may be toys.
    """
    indoors, outdoors = len(names & INDOORS), len((names & OUTDOORS) - ANIMALS)
    if min(indoors, outdoors) == 0 and max(indoors, outdoors) >= least:
        return outdoors > 0
    return None


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


WELL_KNOWN = (
    COMES_IN_SEVERAL
    | ANIMALS
    | PEOPLE
    | INDOORS
    | OUTDOORS
    | frozenset(kind for group in GROUPS.values() for kind in group)
    | frozenset(kind for purpose in PURPOSES for kind in purpose.kinds)
)
"""Kinds of which these tables would say that they come in several. Of any other kind (a ledge, a grate) a photograph
may show more than its scene graph names."""

STATES = (("open", "closed"), ("on", "off"), ("full", "empty"))
COLOURS = (
    *vocabulary("red blue green yellow orange purple pink brown black white gray"),
    *vocabulary("teal cream maroon silver gold beige tan"),
)
"""Colours that scene graphs name."""
MATERIALS = ("wooden", "metal", "plastic", "glass", "stone", "brick", "leather", "rubber", "concrete")
ACTIVITIES = ("sitting", "standing", "walking", "running", "lying", "sleeping", "kneeling")
ALIKE_ACTIVITIES = (("standing", "walking", "running"), ("lying", "sleeping"), ("sitting", "kneeling"))
"""Activities that a still picture hardly tells apart."""
NOT_ALWAYS_SERVING = frozenset(("umbrella", "traffic light", "sink"))
"""Kinds that photographs show in forms that don't serve (parasols, signals for pedestrians), or for which much else
serves as well (a tap, a hose)."""


@cache
def are_kin(one: str, other: str) -> bool:
    """Whether a thing of one kind may also be called by the other: equal, relatives, or the same last word."""
    if one == other or one.split()[-1] == other.split()[-1] or singular(one) == singular(other):
        return True
    return any(one in group and other in group for group in RELATIVES)


@cache
def are_mixed_up(one: str, other: str) -> bool:
    """Whether things of two kinds in one picture may be taken for each other."""
    apart = one != other and any(one in group and other in group for group in NAMED_APART)
    return are_kin(one, other) and not apart


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
