"""A pen that draws one thing: flat shapes on a design grid, with light from the upper left laid over them."""

from collections.abc import Iterable, Sequence
from functools import cache
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]

DARK = (58, 58, 64)
STEEL = (176, 182, 190)
GLASS = (186, 216, 232)
PAPER = (250, 249, 244)
WOOD = (150, 100, 60)
WATER = (96, 176, 228)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour `share` of the way from one to the other."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def dark(colour: Colour, share: float = 0.25) -> Colour:
    return mix(colour, (10, 10, 24), share)


def light(colour: Colour, share: float = 0.3) -> Colour:
    return mix(colour, (255, 255, 255), share)


class Pen:
    """Draws on a grid of `design` units, which is spread over `pixels`; `scale` grid pixels a picture's pixel."""

    def __init__(self, design: tuple[float, float], pixels: tuple[int, int], scale: int, colour: Colour) -> None:
        self.w, self.h = design
        size = max(1, pixels[0] * scale), max(1, pixels[1] * scale)
        self._fx, self._fy = size[0] / self.w, size[1] / self.h
        self.rgb = Image.new("RGB", size, colour)
        self.alpha = Image.new("L", size, 0)
        self._draw = ImageDraw.Draw(self.rgb), ImageDraw.Draw(self.alpha)
        self.colour = colour

    def _at(self, points: Iterable[Sequence[float]]) -> list[tuple[float, float]]:
        return [(x * self._fx, y * self._fy) for x, y in points]

    def _box(self, x0: float, y0: float, x1: float, y1: float) -> list[float]:
        left, top = x0 * self._fx, y0 * self._fy
        return [left, top, max(left, x1 * self._fx - 1), max(top, y1 * self._fy - 1)]

    def _width(self, width: float) -> int:
        return max(1, round(width * (self._fx + self._fy) / 2))

    def _both(self, shape: str, where, colour: Colour, opacity: int = 255, **more) -> None:
        for draw, ink in zip(self._draw, (colour, opacity), strict=True):
            getattr(draw, shape)(where, fill=ink, **more)

    def rect(self, x0, y0, x1, y1, colour: Colour, r: float = 0, opacity: int = 255) -> None:
        if r:
            self._both("rounded_rectangle", self._box(x0, y0, x1, y1), colour, opacity, radius=r * self._fx)
        else:
            self._both("rectangle", self._box(x0, y0, x1, y1), colour, opacity)

    def oval(self, x0, y0, x1, y1, colour: Colour, opacity: int = 255) -> None:
        self._both("ellipse", self._box(x0, y0, x1, y1), colour, opacity)

    def bowl(self, x0, y0, x1, y1, colour: Colour, opacity: int = 255) -> None:
        """The lower half of an ellipse; y0 is its straight upper edge."""
        self._both("pieslice", self._box(x0, 2 * y0 - y1, x1, y1), colour, opacity, start=0, end=180)

    def dome(self, x0, y0, x1, y1, colour: Colour, opacity: int = 255) -> None:
        """The upper half of an ellipse; y1 is its straight lower edge."""
        self._both("pieslice", self._box(x0, y0, x1, 2 * y1 - y0), colour, opacity, start=180, end=360)

    def poly(self, points, colour: Colour, opacity: int = 255) -> None:
        edge_x, edge_y = self.rgb.width - 1, self.rgb.height - 1
        self._both("polygon", [(min(x, edge_x), min(y, edge_y)) for x, y in self._at(points)], colour, opacity)

    def line(self, points, colour: Colour, width: float, opacity: int = 255) -> None:
        """A line with round ends."""
        at = self._at(points)
        thick = self._width(width)
        self._both("line", at, colour, opacity, width=thick, joint="curve")
        radius = thick / 2
        for x, y in (at[0], at[-1]):
            self._both("ellipse", [x - radius, y - radius, x + radius, y + radius], colour, opacity)

    def arc(self, x0, y0, x1, y1, start: float, end: float, colour: Colour, width: float) -> None:
        """Part of an ellipse's line, in degrees clockwise from the right."""
        self._both("arc", self._box(x0, y0, x1, y1), colour, start=start, end=end, width=self._width(width))

    def ink(self, shape: str, where, colour: Colour) -> None:
        """Draw on what is there already, without making the thing any larger: `rectangle`, `ellipse`, `line` ..."""
        at = self._at(where) if shape in ("polygon", "line") else self._box(*where)
        more = {"width": self._width(1.4)} if shape == "line" else {}
        getattr(self._draw[0], shape)(at, fill=colour, **more)

    def clear(self, x0, y0, x1, y1) -> None:
        """Make a hole, an ellipse."""
        self._draw[1].ellipse(self._box(x0, y0, x1, y1), fill=0)

    def pattern(self, look: str | None, x0, y0, x1, y1) -> None:
        """Stripes or dots on what is there already."""
        pale = sum(self.colour) > 600
        ink = mix(self.colour, (40, 60, 120), 0.55) if pale else mix(self.colour, (255, 255, 250), 0.85)
        if look == "striped":
            step = max(7.0, (y1 - y0) / 5)
            y = y0 + step * 0.45
            while y < y1:
                self.ink("rectangle", (x0, y, x1, y + step * 0.3), ink)
                y += step
        elif look == "dotted":
            step = max(8.0, (x1 - x0) / 5)
            radius = step * 0.23
            for row in range(int((y1 - y0) / step) + 1):
                for column in range(int((x1 - x0) / step) + 2):
                    x, y = x0 + (column + 0.5 * (row % 2)) * step, y0 + (row + 0.5) * step
                    self.ink("ellipse", (x - radius, y - radius, x + radius, y + radius), ink)

    def grain(self, x0, y0, x1, y1, colour: Colour | None = None) -> None:
        """Wood grain on what is there already."""
        ink = dark(colour or self.colour, 0.14)
        for index in range(int((y1 - y0) / 5) + 1):
            y = y0 + 2.5 + 5 * index
            bend = 1.2 * (-1) ** index
            middle = x0 + (x1 - x0) * (0.35 + 0.13 * (index % 3))
            if y < y1:
                self.ink("line", [(x0 + 1, y), (middle, y + bend), (x1 - 1, y)], ink)

    def round(self, x0, y0, x1, y1, strength: float = 1.0) -> None:
        """Light as on an upright cylinder."""
        self._light("cylinder", (x0, y0, x1, y1), strength)

    def sheen(self, x0, y0, x1, y1, strength: float = 1.0) -> None:
        """Light as on a ball."""
        self._light("ball", (x0, y0, x1, y1), strength)

    def fade(self, x0, y0, x1, y1, strength: float = 1.0) -> None:
        """Light that falls off downwards."""
        self._light("down", (x0, y0, x1, y1), strength)

    def _light(self, name: str, where, strength: float) -> None:
        left, top, right, bottom = (round(side) for side in self._box(*where))
        size = right - left + 1, bottom - top + 1
        for ink, mask in zip(((255, 255, 255), (8, 8, 24)), _profile(name), strict=True):
            soft = mask.resize(size, Image.Resampling.BILINEAR)
            if strength != 1.0:
                soft = soft.point(lambda value: round(value * strength))
            self.rgb.paste(ink, (left, top), soft)


def crescent(cx: float, cy: float, outer: tuple[float, float], inner: tuple[float, float], start: float, end: float):
    """Points around a crescent between two ellipses with one centre, from `start` to `end` degrees clockwise."""
    steps = [start + (end - start) * index / 16 for index in range(17)]
    rim = [(cx + outer[0] * cos(radians(a)), cy + outer[1] * sin(radians(a))) for a in steps]
    return rim + [(cx + inner[0] * cos(radians(a)), cy + inner[1] * sin(radians(a))) for a in reversed(steps[1:-1])]


@cache
def _profile(name: str) -> tuple[Image.Image, Image.Image]:
    """Opacity of the white and of the black that lay a form's light over it."""
    along = np.linspace(0, 1, 64)
    if name == "cylinder":
        white = 0.34 * np.exp(-(((along - 0.26) / 0.16) ** 2))
        black = 0.36 * np.clip((along - 0.5) / 0.5, 0, 1) ** 1.4 + 0.12 * np.clip((0.1 - along) / 0.1, 0, 1)
        white, black = (np.tile(row, (2, 1)) for row in (white, black))
    elif name == "down":
        white = np.tile(0.16 * np.clip(0.5 - along, 0, 1)[:, None] * 2, (1, 2))
        black = np.tile(0.22 * np.clip(along - 0.4, 0, 1)[:, None] / 0.6, (1, 2))
    else:
        x, y = np.meshgrid(along, along)
        from_light = np.hypot(x - 0.34, y - 0.3)
        white = 0.5 * np.exp(-((from_light / 0.2) ** 2))
        black = 0.42 * np.clip((from_light - 0.32) / 0.5, 0, 1) ** 1.3
    return tuple(Image.fromarray((array * 255).astype(np.uint8), "L") for array in (white, black))


def finish(pen: Pen, scale: int, pixels: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """The drawn thing and its opacity in the picture's pixels, with its edges lit from the upper left."""
    alpha, rgb = pen.alpha, pen.rgb
    edge = round(1.3 * scale)
    solid = alpha.point(lambda value: 255 if value > 60 else 0)
    for ink, shift, strength in (((8, 8, 24), -edge, 0.34), ((255, 255, 255), edge, 0.22)):
        moved = Image.new("L", solid.size, 0)
        moved.paste(solid, (shift, shift))
        rgb.paste(ink, (0, 0), ImageChops.subtract(solid, moved).point(lambda value, s=strength: round(value * s)))
    if scale == 1:
        return rgb, alpha
    # colours outside the thing must not bleed into its edge, so they are reduced weighted by opacity
    return rgb.resize(pixels, Image.Resampling.BOX), alpha.resize(pixels, Image.Resampling.BOX)
