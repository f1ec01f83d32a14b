"""Options that are named by their place: `the second option`, `option 2`, `the first two options`."""

import re

from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import tokens

_RANKS = {
    rank: place
    for place, ranks in enumerate(
        ("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th", "eighth 8th")
    )
    for rank in ranks.split()
} | {"last": -1}
_RANK = rf"(?:the\s)?\b(?:{'|'.join(_RANKS)})\b"
_RANKED_LIST = rf"{_RANK}(?:(?:\sand\s|,\sand\s|,\s?|\s&\s){_RANK}){{0,5}}"
_RANKED = re.compile(
    rf"(?<!my )(?<!our )\b(?P<ranks>{_RANKED_LIST})\s(?:(?:listed|given|answer)\s)?(?:option|choice|answer|"
    rf"alternative)s?\b"
    rf"(?:\s(?:in|on|of)\s(?:the|this)\s(?:list|options?|choices?))?",
    re.IGNORECASE,
)
_RANKED_ALONE = re.compile(
    rf"\W*(?:(?:it's|it is|i'd (?:say|pick)|i (?:choose|pick)|probably|"
    rf"option)\s)?(?P<ranks>{_RANKED_LIST})(?:\sones?)?\W*",
    re.IGNORECASE,
)
_NUMBER = r"(?:[1-8]|one|two|three|four|five|six)"
_NUMBERED = re.compile(
    r"\b(?:option|choice)s?\s(?:number\s|no\.?\s?|#)?"
    rf"(?P<numbers>{_NUMBER}(?:(?:,\s?|\sand\s|,\sand\s|\s&\s){_NUMBER}){{0,5}})\b(?![.:]?\d)",
    re.IGNORECASE,
)
_RANKED_DECLARED = re.compile(
    rf"(?P<before>\b(?:is|are|choose|pick|select|with|say|for|be)\s)(?P<ranks>{_RANKED_LIST})\s(?:one|ones)\b",
    re.IGNORECASE,
)
_FIRST_FEW = re.compile(
    r"\b(?:the\s)?(?P<end>first|last)\s(?P<count>two|three|2|3)\s(?:options?|choices?|answers?)\b", re.IGNORECASE
)
_MAX_TEXT = 2000


def lettered(text: str, options: Options) -> str:
    """`text` with options that are named by their place named by their letter: `the second option`, `option 2`.

    Unless the options themselves speak of places or numbers.
    """
    own = {word for own in options.texts.values() for word in own}
    if not own & _RANKS.keys():
        text = _RANKED.sub(lambda match: f"option {_places(match.group('ranks'), options)}", text)
        text = _RANKED_DECLARED.sub(lambda match: match.group("before") + _places(match.group("ranks"), options), text)
        text = _FIRST_FEW.sub(lambda match: _few(match, options), text)
        alone = _RANKED_ALONE.fullmatch(text[:_MAX_TEXT])
        text = _places(alone.group("ranks"), options) if alone else text
    if not any(word[0].isdigit() for word in own):
        text = _NUMBERED.sub(lambda match: f"option {_numbers(match.group('numbers'), options)}", text)
    return text


def _places(ranks: str, options: Options) -> str:
    return re.sub(
        _RANK, lambda match: _at(_RANKS[match.group().split()[-1].lower()], options), ranks, flags=re.IGNORECASE
    )


def _numbers(numbers: str, options: Options) -> str:
    return re.sub(
        r"\b(?!and\b)\w+", lambda match: _at(int(tokens(match.group())[0]) - 1, options), numbers, flags=re.IGNORECASE
    )


def _few(match: re.Match[str], options: Options) -> str:
    count = int(tokens(match.group("count"))[0])
    return "options " + ", ".join(
        options.letters[:count] if match.group("end").lower() == "first" else options.letters[-count:]
    )


def _at(place: int, options: Options) -> str:
    return options.letters[place] if place < len(options.letters) else "none"
