"""Numbers with units: `0.3 km` is 300 m, `21.0` is 21, and 50 mph is not 50 km/h."""

import math
from typing import NamedTuple

from lmms_eval_drbench.answers.phrases import tokens

_BASE = {
    **{"mm": ("m", 0.001), "cm": ("m", 0.01), "m": ("m", 1.0), "km": ("m", 1000.0)},
    **{"g": ("g", 1.0), "kg": ("g", 1000.0), "ml": ("l", 0.001), "l": ("l", 1.0)},
    **{"s": ("s", 1.0), "min": ("s", 60.0), "h": ("s", 3600.0)},
}
_UNITS = _BASE.keys() | {"km h", "mi h", "mi", "ft", "lb", "pct", "c", "f", "usd", "eur"}
_LEAD = frozenset(tokens("it it's is about around approximately exactly roughly over at just that's they they're"))


class Quantity(NamedTuple):
    """A value and its unit as written; None where no unit is given."""

    value: float
    unit: str | None


def quantity(text: str) -> Quantity | None:
    """The quantity that a text is, and nothing else; None for any other text."""
    given = tokens(text)
    while given and given[0] in _LEAD:
        given = given[1:]
    if not given or len(given) > 3:
        return None
    try:
        value = float(given[0])
    except ValueError:
        return None
    unit = " ".join(given[1:]).removeprefix("deg").strip()
    if not math.isfinite(value) or (unit and unit not in _UNITS):
        return None
    return Quantity(value, unit or None)


def agree(given: Quantity, accepted: Quantity) -> bool:
    """Whether two quantities are the same; a unit that only one of them has is taken to be meant by the other."""
    if given.unit and accepted.unit:
        (one, factor), (other, times) = (_BASE.get(unit, (unit, 1.0)) for unit in (given.unit, accepted.unit))
        return one == other and math.isclose(given.value * factor, accepted.value * times, rel_tol=1e-9)
    return math.isclose(given.value, accepted.value, rel_tol=1e-9)
