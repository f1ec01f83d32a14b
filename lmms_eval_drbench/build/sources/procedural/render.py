"""Drawing a composition: the backdrop, then every piece with its shadow, from the farthest to the nearest."""

import io
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageFilter

from lmms_eval_drbench.build.sources.procedural.backdrop import backdrop
from lmms_eval_drbench.build.sources.procedural.drawers import load
from lmms_eval_drbench.build.sources.procedural.drawers.street import flames, jets
from lmms_eval_drbench.build.sources.procedural.pen import Pen, finish
from lmms_eval_drbench.build.sources.procedural.pieces import FLAW_ROOM, Piece
from lmms_eval_drbench.build.sources.procedural.world import COLOURS, KINDS, UNITS

_FINE, _COARSE = 3, 2
_LARGE = 24_000
"""Pixels of a thing from which on it is smoothed less, which nobody sees and which saves time."""
_OWN_WIDTH = ("shelf", "counter", "cabinet", "desk", "table", "nightstand")
"""Furniture that is drawn as wide as the composition makes it, not stretched."""
_NEUTRAL = (150, 150, 150)


def sprite(piece: Piece, pixels: tuple[int, int], scale: int | None = None) -> tuple[Image.Image, Image.Image]:
    """A piece alone, as its colours and its opacity, `pixels` wide and high."""
    scale = scale or (_COARSE if pixels[0] * pixels[1] > _LARGE else _FINE)
    upright = pixels[::-1] if piece.fallen else pixels
    design = KINDS[piece.kind].size_in(piece.state)
    if piece.kind in _OWN_WIDTH:
        design = (piece.width, design[1])
    pen = Pen(design, upright, scale, COLOURS.get(piece.colour, _NEUTRAL))
    if piece.flaw in FLAW_ROOM:
        _with_room(pen, piece, design)
    else:
        load()[piece.kind](pen, piece)
    if piece.fallen:
        pen.rgb, pen.alpha = (image.transpose(Image.Transpose.ROTATE_270) for image in (pen.rgb, pen.alpha))
    return finish(pen, scale, pixels)


def _with_room(pen: Pen, piece: Piece, design: tuple[float, float]) -> None:
    """Draw a thing with fire or water coming out of it: it fills the lower part, or the middle, of the box."""
    wider, higher = FLAW_ROOM[piece.flaw]
    size = round(pen.rgb.width / wider), round(pen.rgb.height / higher)
    inner = Pen(design, size, 1, pen.colour)
    load()[piece.kind](inner, piece)
    effect = Pen((100, 100), (round(size[0] * 0.7), round(size[1] * 0.72)), 1, pen.colour)
    left, top = (pen.rgb.width - size[0]) // 2, pen.rgb.height - size[1]
    if piece.flaw == "burning":
        flames(effect)
        spot = round(size[0] * 0.15), 0
    else:
        effect = Pen((100, 64), pen.rgb.size, 1, pen.colour)
        jets(effect)
        spot = 0, 0
    layers = [(inner, (left, top)), (effect, spot)]
    for layer, at in layers if piece.flaw == "burning" else reversed(layers):
        pen.rgb.paste(layer.rgb, at, layer.alpha)
        pen.alpha.paste(255, at, layer.alpha)


def silhouette(piece: Piece, width: int, height: int) -> np.ndarray:
    """The cells that a piece fills, as a boolean array."""
    own = round(piece.width) if piece.kind in _OWN_WIDTH else 0
    return _silhouette(piece.kind, piece.state, piece.fallen, piece.flaw, own, width, height)


@lru_cache(maxsize=20_000)
def _silhouette(kind, state, fallen, flaw, own, width, height) -> np.ndarray:
    like = Piece(kind, 0, 0, own, 0, 0, state=state, fallen=fallen, flaw=flaw)
    _, alpha = sprite(like, (width, height), 1)
    return np.asarray(alpha) > 60


def render(made, size: int = UNITS, only: Piece | None = None) -> Image.Image:
    """The picture of a composition (`layout.arrange`), RGB, `size` x `size`. only: leave all other pieces out."""
    from lmms_eval_drbench.build.sources.procedural.layout import pixels

    factor = size / UNITS
    zebra = next(((piece.x, piece.width) for piece in made.pieces if piece.kind == "crosswalk"), None)
    picture = backdrop(made.seed, made.place.name, made.place.outdoors, zebra, size)
    for piece in made.pieces:
        if piece.ground or (only is not None and piece is not only):
            continue
        x, y, width, height = pixels(piece, factor)
        rgb, alpha = sprite(piece, (width, height))
        if only is None:
            _shade(picture, piece, (x, y, width, height), alpha, factor)
        picture.paste(rgb, (x, y), alpha)
    return picture


def _shade(
    picture: Image.Image, piece: Piece, box: tuple[int, int, int, int], alpha: Image.Image, factor: float
) -> None:
    """The soft shadow of a piece: on the wall behind what hangs there, under the feet of everything else."""
    x, y, width, height = box
    if piece.support is None and piece.shadow is None:
        reach = max(2, round(4 * factor))
        soft = Image.new("L", (width + 4 * reach, height + 4 * reach), 0)
        soft.paste(alpha, (2 * reach, 2 * reach))
        soft = soft.filter(ImageFilter.BoxBlur(reach)).point(lambda value: round(value * 0.3))
        picture.paste((20, 20, 34), (x - reach, y - round(0.6 * reach)), soft)
        return
    if piece.kind == "door":
        return
    foot = round((piece.shadow if piece.shadow is not None else piece.y + piece.height) * factor)
    on_shelf = piece.support == "shelf"
    thick = max(4, round(min(0.16 * width, 13 * factor) * (0.7 if on_shelf else 1.0)))
    lifted = piece.shadow is not None
    cast = (round(x + 0.04 * width), foot - thick // 2 - round(2 * factor), round(1.12 * width), thick)
    if not on_shelf or lifted:
        _blot(picture, cast, 0.42 if lifted else 0.34)
    close = max(3, thick // 2)
    if not lifted:
        _blot(picture, (x + width // 24, foot - close // 2 - round(factor), width - width // 12, close), 0.55)
    if piece.state == "on" and piece.kind in ("lamp", "street light"):
        _glow(picture, piece, box)


def _blot(picture: Image.Image, box: tuple[int, int, int, int], strength: float) -> None:
    x, y, width, height = box
    mask = _disc().resize((max(1, width), max(1, height)), Image.Resampling.BILINEAR)
    picture.paste((16, 14, 26), (x, y), mask.point(lambda value: round(value * strength)))


def _glow(picture: Image.Image, piece: Piece, box: tuple[int, int, int, int]) -> None:
    """The light that a lamp throws on what is behind it."""
    x, y, width, height = box
    cx, cy, radius = (
        (x + width // 2, y + height // 4, round(1.1 * width))
        if piece.kind == "lamp"
        else (x + width // 4, y + 8, width)
    )
    mask = _disc().resize((2 * radius, 2 * radius), Image.Resampling.BILINEAR)
    picture.paste((255, 244, 186), (cx - radius, cy - radius), mask.point(lambda value: round(value * 0.5)))


@cache
def _disc() -> Image.Image:
    """A soft round spot."""
    along = np.linspace(-1, 1, 64)
    x, y = np.meshgrid(along, along)
    return Image.fromarray((np.clip(1.15 - np.hypot(x, y) * 1.15, 0, 1) ** 0.8 * 255).astype(np.uint8), "L")


def encode(picture: Image.Image) -> bytes:
    """A picture as lossless WebP, a quarter smaller than the smallest PNG."""
    stream = io.BytesIO()
    picture.save(stream, "WEBP", lossless=True, quality=40, method=1)
    return stream.getvalue()
