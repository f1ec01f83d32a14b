"""What the pixels of a thing say against what its annotation says: that its colour is another, or that it is too dark.

Pixels never name a colour here. They confirm the annotated one, and they tell which others may not be denied, since a
part of the thing (or of what its box shows besides) could go by them.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from lmms_eval_drbench.data import MAX_PIXELS

_SIDE = 160
"""Least side at which a picture is read: colours of a thing need no detail."""
_BASIC = {
    "red": ((335, 20), (0.30, 1.0), (0.20, 1.0)),
    "orange": ((10, 48), (0.40, 1.0), (0.40, 1.0)),
    "brown": ((340, 50), (0.20, 1.0), (0.10, 0.70)),
    "yellow": ((40, 70), (0.25, 1.0), (0.45, 1.0)),
    "green": ((65, 175), (0.15, 1.0), (0.10, 1.0)),
    "blue": ((170, 260), (0.15, 1.0), (0.12, 1.0)),
    "purple": ((250, 330), (0.15, 1.0), (0.12, 1.0)),
    "pink": ((300, 20), (0.12, 0.65), (0.50, 1.0)),
    "black": ((0, 360), (0.00, 1.0), (0.00, 0.28)),
    "white": ((0, 360), (0.00, 0.25), (0.60, 1.0)),
    "gray": ((0, 360), (0.00, 0.25), (0.15, 0.90)),
}
"""Colour → hues in degrees (from, to, over 360 where from > to), saturations, values that may go by it. They overlap:
where two people may give two names, both are among them."""
_SHADES = {
    "teal": ("blue", "green"),
    "cream": ("white", "yellow", "gray"),
    "maroon": ("red", "brown"),
    "silver": ("gray", "white"),
    "gold": ("yellow", "orange", "brown"),
    "beige": ("white", "brown", "orange", "gray"),
    "tan": ("brown", "orange", "yellow"),
}
"""Colours without a range of their own → those that their pixels go by."""
NAMES = frozenset((*_BASIC, *_SHADES))
"""Every colour that pixels can confirm."""
_SOME = 0.08
"""Share of a box from which a colour may not be denied."""
_ENOUGH = 0.15
"""Share of a box that must go by the annotated colour; the rest may be background, windows, lettering."""
_PLAINLY = 1.3
"""How much larger its share must be than that of any other colour for nobody to name another."""
_DARK, _BLACK = 45, 14
"""Brightness (of 255) that a tenth of the pixels must exceed for a thing to be seen, and half of them."""


def read(path: Path) -> np.ndarray | None:
    """A picture as an array [H, W, 3] of bytes, made smaller; None where there is none that can be read."""
    try:
        with Image.open(path) as opened:
            if opened.size[0] * opened.size[1] > MAX_PIXELS:
                return None
            opened.draft("RGB", (_SIDE, _SIDE))  # decodes a JPEG at a half, a quarter or an eighth of its size
            return np.asarray(opened.convert("RGB"))
    except Exception:  # what is wrong with it, `pictures.fault` says
        return None


def within(picture: np.ndarray, box: tuple[int, int, int, int], width: int, height: int) -> np.ndarray:
    """The pixels [N, 3] of a box that is given in the coordinates of a picture of width x height."""
    down, across = picture.shape[0] / height, picture.shape[1] / width
    x, y, w, h = box
    left, top = int(x * across), int(y * down)
    right, bottom = max(left + 1, round((x + w) * across)), max(top + 1, round((y + h) * down))
    return picture[top:bottom, left:right].reshape(-1, 3)


def is_dark(pixels: np.ndarray) -> bool:
    """Whether a thing with these pixels [N, 3] is lost in the dark."""
    middle, high = np.percentile(pixels.max(axis=1), [50, 90])
    return bool(high < _DARK or middle < _BLACK)


def shares(pixels: np.ndarray) -> dict[str, float]:
    """Basic colour → share of the pixels [N, 3] that may go by it."""
    rgb = pixels.astype(np.float32) / 255
    value, low = rgb.max(axis=1), rgb.min(axis=1)
    span = value - low
    safe = np.maximum(span, 1e-6)
    red, green, blue = rgb.T
    hue = np.where(
        value == red,
        (green - blue) / safe % 6,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue, saturation = hue * 60, span / np.maximum(value, 1e-6)
    found = {}
    for colour, ((start, end), (pale, full), (dim, bright)) in _BASIC.items():
        of_hue = (start <= hue) & (hue <= end) if start <= end else (start <= hue) | (hue <= end)
        vivid = (pale <= saturation) & (saturation <= full)
        found[colour] = float((of_hue & vivid & (dim <= value) & (value <= bright)).mean())
    return found


def verdict(colour: str, pixels: np.ndarray) -> tuple[bool, bool, frozenset[str]]:
    """(whether the pixels [N, 3] confirm a colour, whether nobody would name another, colours not to be denied)."""
    found = shares(pixels)
    names = _SHADES.get(colour, (colour,))
    share = max(found[name] for name in names)
    rest = max(other for name, other in found.items() if name not in names)
    tints = frozenset(name for name, other in found.items() if other >= _SOME)
    return share >= _ENOUGH, len(names) == 1 and share >= _PLAINLY * rest, tints
