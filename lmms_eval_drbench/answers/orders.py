"""Options that are orders of the same things: `window then candle then basket`, told as a sentence of any wording.

`First you see the window, next to it the candle, and the basket comes last` names the things in the order that it
states, unless it goes the other way ("from right to left" where the question goes from left to right).
"""

import re

from lmms_eval_drbench.answers.naming import Letters
from lmms_eval_drbench.answers.options import Options
from lmms_eval_drbench.answers.phrases import tokens
from lmms_eval_drbench.answers.statements import is_cut_off, sentences

_THEN = re.compile(r",?\s(?:and\s)?then\s|,\s(?:and\s)?|\s?(?:->|→|>|-)\s?|;\s")
_DIRECTION = re.compile(
    r"\b(?:from\s)?(left|right|top|bottom|front|back|near\w*|far\w*)\sto\s(?:the\s)?(left|right|top|bottom|front|back|near\w*|far\w*)\b",
    re.IGNORECASE,
)
_UNTOLD = re.compile(
    r"\bnot\b|n't\b|\bno\b|\?|\b(?:whether|unclear|unsure|might|maybe|perhaps|all|both|middle|left|right)\b",
    re.IGNORECASE,
)
"""What tells of no order, or of each thing's place."""
_LAST_FIRST = re.compile(r"\b(?:last|lastly)\b.*\bfirst\b|\b(?:behind|after|preceded by|right of)\b", re.IGNORECASE)


def ordered(body: str, options: Options) -> Letters | None:
    """The one option whose order is that in which the last sentence with all its things names them."""
    orders = {letter: tuple(filter(None, map(tokens, _THEN.split(text)))) for letter, text in options.written.items()}
    things = set(next(iter(orders.values())))
    if len(things) < 2 or any(set(order) != things or len(order) != len(things) for order in orders.values()):
        return None
    if not options.single or is_cut_off(body):
        return None
    for sentence in reversed(sentences(body)):
        given = tokens(sentence)
        places = {thing: _find(given, thing) for thing in things}
        if None in places.values() or _LAST_FIRST.search(sentence) or _is_turned(sentence, options.asking):
            continue
        if _UNTOLD.search(_DIRECTION.sub("", sentence)):
            return None
        said = tuple(sorted(things, key=lambda thing: places[thing]))
        return frozenset(letter for letter, order in orders.items() if order == said) or None
    return None


def _find(given: tuple[str, ...], thing: tuple[str, ...]) -> int | None:
    """Where a thing is named; None where it isn't, or more than once."""
    found = [start for start in range(len(given)) if given[start : start + len(thing)] == thing]
    return found[0] if len(found) == 1 else None


def _is_turned(sentence: str, question: str) -> bool:
    """Whether a sentence goes the other way than the question."""
    said, asked = _DIRECTION.search(sentence), _DIRECTION.search(question)
    return bool(said and asked and said.group(1).lower() != asked.group(1).lower())
