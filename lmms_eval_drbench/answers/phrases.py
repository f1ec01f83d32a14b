"""Phrases made comparable: case, articles, punctuation, number words and simple plurals don't count.

Answers, option texts, entities and relations are all compared through `tokens`, so a "red mug" is the same thing in
every score.
"""

import functools
import re
import unicodedata

from lmms_eval_drbench.answers import chinese

ARTICLES = frozenset({"a", "an", "the"})

NEGATIONS = (
    frozenset({"not", "no", "never", "without", "neither", "nor", "none", "cannot", "except"}) | chinese.NEGATIONS
)


def negates(word: str) -> bool:
    """Whether a word denies what it stands with: `not`, `none`, `isn't`."""
    return word in NEGATIONS or word.endswith("n't")


def vocabulary(text: str) -> list[str]:
    """The words of a word list written as running text."""
    return text.split()


FUNCTION_WORDS = frozenset(vocabulary("on in at of to with by from for and or is are it its that this there no not"))
ATTRIBUTES = frozenset(
    vocabulary("color brand size shape number material type kind direction position text word name logo pattern")
)
"""What a question asks about a thing, not the thing."""
PLACES = {
    **{"beside": "next", "alongside": "next", "adjacent": "next", "underneath": "under", "beneath": "under"},
    **{
        "lower": "bottom",
        "upper": "top",
        "below": "under",
        "above": "over",
        "inside": "in",
        "within": "in",
        "atop": "on",
        "near": "next",
        "by": "next",
    },
}
"""Prepositions of place that say the same."""
_OPPOSITES = (
    ("open", "closed shut"),
    ("full", "empty"),
    ("lit", "unlit dark"),
    ("on", "off"),
    ("large larger largest big bigger biggest", "small smaller smallest"),
    ("tall taller tallest", "short shorter shortest"),
    ("near nearer nearest close closer closest", "far farther farthest further furthest"),
    ("moving", "stationary still parked"),
    ("safe safer safest", "dangerous risky hazardous"),
    ("sit sitting", "stand standing lie lying walk walking"),
    ("asleep sleeping", "awake"),
    ("wet", "dry"),
    ("front", "behind"),
    ("above", "below under beneath"),
    ("clean", "dirty"),
)
ANTONYMS = {
    word: frozenset(vocabulary(others))
    for one, other in _OPPOSITES
    for own, others in ((one, other), (other, one))
    for word in vocabulary(own)
}
"""Word → words that say the opposite of it."""


_NUMBER_WORDS = vocabulary(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_NUMBERS = {word: str(value) for value, word in enumerate(_NUMBER_WORDS)}
_ORDINALS = {
    "1st": "first", "2nd": "second", "3rd": "third",
    **{f"{place}th": name for place, name in enumerate(vocabulary("fourth fifth sixth seventh eighth ninth tenth"), 4)},
}  # fmt: skip
_TENS = {
    word: 10 * value
    for value, word in enumerate(vocabulary("twenty thirty forty fifty sixty seventy eighty ninety"), 2)
}
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})(?:[-\s]({'|'.join(_NUMBER_WORDS[1:10])}))?\b")
"""`eighty-five`, `eighty`."""
_ONES = "|".join(_NUMBER_WORDS[1:])
_LARGE = re.compile(
    rf"\b(a|{_ONES}|\d{{1,3}})\s(hundred|thousand)\b"
    rf"(?:\s(?:and\s)?(?:({'|'.join(_TENS)})(?:[-\s]({_ONES}))?|({_ONES}))\b)?"
)
"""`three hundred`, `a hundred and twenty-one`."""
_SPELLINGS = {
    **{
        "colour": "color",
        "grey": "gray",
        "centre": "center",
        "coloured": "colored",
        "tyre": "tire",
        "doe": "do",
        "closer": "nearer",
        "closest": "nearest",
        "further": "farther",
        "furthest": "farthest",
        "single": "1",
        "seated": "sitting",
        "asleep": "sleeping",
        "wooden": "wood",
        "metallic": "metal",
        "woolen": "wool",
    },
    **{"meter": "m", "metre": "m", "centimeter": "cm", "centimetre": "cm", "millimeter": "mm", "millimetre": "mm"},
    **{"kilometer": "km", "kilometre": "km", "kilogram": "kg", "kilo": "kg", "gram": "g", "litre": "l", "liter": "l"},
    **{"minute": "min", "hour": "h", "hr": "h", "foot": "ft", "feet": "ft", "celsius": "c"},
    **{"mile": "mi", "pound": "lb", "lbs": "lb", "degree": "deg", "percent": "pct"},
}
"""One spelling for each word and unit that has several, after plurals are dropped."""
_SYNONYMS = {
    name: one
    for one, others in {
        "motorcycle": "motorbike, motor bike, motor cycle",
        "pavement": "sidewalk",
        "lawn": "grass",
        "television": "tv, tv set, television set, telly",
        "refrigerator": "fridge",
        "truck": "lorry",
        "airplane": "aeroplane, plane",
        "trash can": "trash bin, garbage can, garbage bin, rubbish bin, litter bin, waste bin, dustbin, trashcan",
        "crosswalk": "zebra crossing, pedestrian crossing",
        "mailbox": "post box, postbox, letter box, letterbox, mail box",
        "traffic light": "stoplight, stop light, traffic signal",
        "street light": "streetlight, street lamp, streetlamp, lamppost, lamp post",
        "cell phone": "mobile phone, cellphone, smartphone, smart phone",
        "potted plant": "pot plant, houseplant, house plant",
        "bookshelf": "bookcase",
        "donut": "doughnut",
        "faucet": "tap, water tap",
        "suitcase": "trolley case",
        "bicycle": "bike",
        "taxi": "taxi cab, taxicab",
        "glasses": "eyeglasses, spectacles, reading glasses",
        "as many of both": "the same number of each, the same number of both, the same number, equal numbers, "
        "an equal number, equally many, same number of each, same number",
        "fallen over": "tipped over, toppled over, knocked over, fallen down, tipped, toppled, overturned",
        "hanging in mid-air": "floating in mid-air, floating in midair, floating in the air, floating in air, "
        "floating above, float above, floats above, float in the air, floats in the air, hovering in the air, "
        "hovering in mid-air, suspended in mid-air, suspended in the air",
    }.items()
    for name in others.split(", ")
}
"""Name → another that means the same thing: of several, British and American, one."""
_SYNONYM = re.compile(rf"\b({'|'.join(sorted(_SYNONYMS, key=len, reverse=True))})(?:s|es)?\b")
_UNITS = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\bk(?:m|ilomet(?:er|re)s?)\s?(?:/|per|an)\s?h(?:ours?|r)?\b|(?<![a-z])km/?h\b|\bkph\b|公里每小时", " km h "),
        (r"\bmi(?:les?)?\s?(?:/|per|an)\s?h(?:our|r)?\b|\bmph\b", " mi h "),
        (r"%|\bper cent\b", " percent "),
        (r"(?<![\d:])0(?=\d:\d\d\b)", ""),
        (r"(?<=:\d\d)\s?[ap]\.?m\b\.?", ""),
        (r"(?<=\bleft)[- ]hand(?= side)|(?<=\bright)[- ]hand(?= side)", ""),
        (r"\bturn(?=(?:s|ed|ing)?(?:\s(?:it|them|the (?:light|lamp)s?))?\s(?:on|off)\b)", "switch"),
        (r"\bas many (?!of both)[\w ]{1,40}? as (?:there are )?[\w ]{1,40}", " as many of both "),
        (
            r"\bnumbers? of [\w ]{1,40}? and (?:the )?(?:number of )?[\w ]{1,40}? (?:in the picture )?(?:is|are) "
            r"(?:the same|equal)\b",
            " as many of both ",
        ),
        (r"\bminutes? (?=(?:past|to) )", ""),
        (r"厘米", " cm "),
        (r"公里|千米", " km "),
        (r"公斤|千克", " kg "),
        (r"(?<=\d)(cm|mm|km|kg|m|g|l|ml|ft|min|h)\b", r" \1 "),
        (rf"(?<=[\d零〇一二两三四五六七八九十百])[{chinese.MEASURE}]", " "),
    )
]
_TOKEN = re.compile(
    rf"{chinese.NUMERAL}|[{chinese.CHARACTER}]|\d+(?:[.,]\d+)+|[^\W_{chinese.CHARACTER}]+(?:'[^\W_{chinese.CHARACTER}]+)*"
)
"""A number, a word, or one Chinese character."""
_NUMERAL = re.compile(chinese.NUMERAL)
_BRITISH = re.compile(r"(?<=\w{3})is(e|er|ed|ing|ation)$")
"""`sanitiser` is a sanitizer."""
_ENDING = re.compile(r"(?:ies|ied|ier|iest|y|est|er|ing|ed|es|e|s)$")
_DOUBLED = re.compile(r"(.)\1$")
_MAX_WORD = 100
_SHORT = 200


_CONTRACTED = re.compile(r"(?<=\w)n['\u2019]t\b", re.IGNORECASE)


def expanded(text: str) -> str:
    """`does not` for `doesn't`."""
    return _CONTRACTED.sub(" not", text) if "'" in text or "\u2019" in text else text


def words(text: str) -> list[str]:
    """Lower-case words of `text` without punctuation; `can't` stays one word, `3.5` and `1,200` one number."""
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    if not folded.isascii():  # "cafe" for "café"
        bare = (char for char in unicodedata.normalize("NFD", folded) if unicodedata.category(char) != "Mn")
        folded = unicodedata.normalize("NFC", "".join(bare))
    return _TOKEN.findall(folded)


@functools.lru_cache(maxsize=1 << 14)
def root(word: str) -> str:
    """A crude stem in which `tallest` and `taller`, `crossing` and `crosses` are the same."""
    return word if len(word) < 4 or not word.isascii() else (_DOUBLED.sub(r"\1", _ENDING.sub("", word))[:6] or word)


def tokens(text: str) -> tuple[str, ...]:
    """The normal form of a phrase: `words` without articles, numbers as digits, plurals as singulars, US spelling."""
    return _short_tokens(text) if len(text) <= _SHORT else _tokens(text)


@functools.lru_cache(maxsize=1 << 16)
def _short_tokens(text: str) -> tuple[str, ...]:
    """A record's question and options are compared many times over."""
    return _tokens(text)


def _tokens(text: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", text).lower()
    if "hundred" in text or "thousand" in text:
        text = _LARGE.sub(_large, text)
    text = _COMPOUND.sub(lambda match: str(_TENS[match[1]] + int(_NUMBERS.get(match[2], 0))), text)
    for unit, name in _UNITS:
        text = unit.sub(name, text)
    text = _SYNONYM.sub(lambda match: _SYNONYMS[match[1]], text)
    return tuple(_stem(word) for word in words(text) if word not in ARTICLES)


def _large(match: re.Match[str]) -> str:
    count, scale, tens, *ones = match.groups()
    value = 1 if count == "a" else int(_NUMBERS.get(count, count))
    rest = _TENS.get(tens, 0) + sum(int(_NUMBERS.get(one, 0)) for one in ones)
    return str(value * {"hundred": 100, "thousand": 1000}[scale] + rest)


def _stem(word: str) -> str:
    word = _ORDINALS.get(word, word)
    if word in _NUMBERS:
        return _NUMBERS[word]
    if word[0].isdigit():
        return re.sub(r"^(\d+)\.0+$|^(\d+\.\d*[1-9])0+$", r"\1\2", word.replace(",", ""))
    if _NUMERAL.fullmatch(word):
        return chinese.number(word)
    word = _BRITISH.sub(r"iz\1", _singular(word.removesuffix("'s")))
    return _SPELLINGS.get(word, word)


def _singular(word: str) -> str:
    """Drop a regular English plural ending. Crude on purpose: both sides of a comparison go through it."""
    if len(word) < 4 or len(word) > _MAX_WORD or word.endswith(("ss", "us", "is")) or not word.endswith("s"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def holds(given: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Whether a phrase stands in a text as it is."""
    return any(given[start : start + len(phrase)] == phrase for start in range(len(given)))


def token_f1(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    """F1 of two phrases as bags of tokens, 0 to 1; 0 when either is empty."""
    rest = list(right)
    common = 0
    for token in left[:_MAX_WORD]:
        if token in rest:
            rest.remove(token)
            common += 1
    return 2 * common / (len(left) + len(right)) if common else 0.0
