"""What is behind all things: walls and floors of rooms; sky, houses, pavements, roads and lawns outdoors."""

import random

from PIL import Image, ImageDraw

from lmms_eval_drbench.build.sources.procedural.pen import Colour, dark, light, mix
from lmms_eval_drbench.build.sources.procedural.rooms import STREET_GROUNDS, WALL_FOOT
from lmms_eval_drbench.build.sources.procedural.world import UNITS

_WALLS = ((226, 214, 194), (206, 218, 222), (222, 208, 212), (208, 218, 200), (230, 224, 206), (212, 208, 222))
_FLOORS = ((196, 164, 126), (178, 144, 110), (208, 186, 152))
_TILES = ((214, 214, 208), (206, 212, 214), (216, 206, 194))
_HOUSES = ((212, 176, 150), (196, 200, 208), (222, 204, 168), (188, 164, 156), (206, 214, 198))
_SMOOTHING = 2


class _Sheet:
    """A drawing surface in units."""

    def __init__(self, size: int) -> None:
        self.image = Image.new("RGB", (size * _SMOOTHING,) * 2)
        self._draw = ImageDraw.Draw(self.image)
        self._factor = size * _SMOOTHING / UNITS

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        f = self._factor
        if x1 > x0 and y1 > y0:
            self._draw.rectangle([x0 * f, y0 * f, x1 * f - 1, y1 * f - 1], fill=colour)

    def poly(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self._draw.polygon([(x * self._factor, y * self._factor) for x, y in points], fill=colour)

    def oval(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        self._draw.ellipse([side * self._factor for side in (x0, y0, x1, y1)], fill=colour)

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float = 1.0) -> None:
        at = [(x * self._factor, y * self._factor) for x, y in points]
        self._draw.line(at, fill=colour, width=max(1, round(width * self._factor)))

    def gradient(self, y0: float, y1: float, top: Colour, bottom: Colour) -> None:
        steps = max(2, round((y1 - y0) / 4))
        for index in range(steps):
            y = y0 + (y1 - y0) * index / steps
            self.rect(0, y, UNITS, y1, mix(top, bottom, index / (steps - 1)))


def backdrop(seed: int, place: str, outdoors: bool, crosswalk: tuple[float, float] | None, size: int) -> Image.Image:
    """The picture of an empty place, `size` x `size`. crosswalk: x and width of the zebra crossing, if there is one."""
    rng = random.Random(f"backdrop {seed}")
    sheet = _Sheet(size)
    if outdoors:
        _street(sheet, rng, place, crosswalk)
    else:
        _room(sheet, rng, place)
    return sheet.image.resize((size, size), Image.Resampling.BOX)


def _room(sheet: _Sheet, rng: random.Random, place: str) -> None:
    wall = rng.choice(_WALLS)
    sheet.gradient(0, WALL_FOOT, light(wall, 0.18), dark(wall, 0.05))
    if place in ("kitchen", "bathroom"):
        size = rng.choice((28, 32))
        top = 0 if place == "bathroom" else 96
        for y in range(top, WALL_FOOT, size):
            sheet.rect(0, y, UNITS, y + 1.2, dark(wall, 0.1))
        for x in range(rng.randint(0, 20), UNITS, size):
            sheet.rect(x, top, x + 1.2, WALL_FOOT, dark(wall, 0.1))
    elif rng.random() < 0.5:
        step = rng.choice((36, 44))
        for x in range(rng.randint(0, 20), UNITS, step):
            sheet.rect(x, 0, x + step * 0.4, WALL_FOOT, mix(wall, dark(wall, 0.08), 0.6))
    else:
        sheet.rect(0, 214, UNITS, WALL_FOOT, light(wall, 0.25))
        sheet.rect(0, 211, UNITS, 216, light(wall, 0.5))
        for x in range(rng.randint(10, 50), UNITS, 72):
            sheet.rect(x, 222, x + 1.4, WALL_FOOT, dark(wall, 0.08))
    if place in ("kitchen", "bathroom"):
        _tiles(sheet, rng.choice(_TILES))
    else:
        _parquet(sheet, rng, rng.choice(_FLOORS))
    sheet.rect(0, WALL_FOOT - 9, UNITS, WALL_FOOT, light(wall, 0.55))
    sheet.rect(0, WALL_FOOT - 1, UNITS, WALL_FOOT + 1, dark(wall, 0.4))


def _tiles(sheet: _Sheet, colour: Colour) -> None:
    middle = UNITS / 2
    rows = [WALL_FOOT + 144 * share for share in (0, 0.16, 0.36, 0.62, 1.0)]
    sheet.gradient(WALL_FOOT, UNITS, dark(colour, 0.12), light(colour, 0.1))
    for row, (top, bottom) in enumerate(zip(rows, rows[1:], strict=False)):
        for column in range(-7, 7):
            if (row + column) % 2:
                spread = [44 + 44 * (y - WALL_FOOT) / 144 for y in (top, bottom)]
                points = [
                    (middle + column * spread[0], top),
                    (middle + (column + 1) * spread[0], top),
                    (middle + (column + 1) * spread[1], bottom),
                    (middle + column * spread[1], bottom),
                ]
                sheet.poly(points, dark(colour, 0.16 - 0.03 * row))


def _parquet(sheet: _Sheet, rng: random.Random, colour: Colour) -> None:
    rows = [WALL_FOOT + 144 * share for share in (0, 0.08, 0.17, 0.28, 0.41, 0.57, 0.76, 1.0)]
    for row, (top, bottom) in enumerate(zip(rows, rows[1:], strict=False)):
        x = -rng.randint(0, 90)
        while x < UNITS:
            width = rng.choice((96, 128, 150)) * (0.8 + 0.06 * row)
            sheet.rect(x, top, x + width, bottom, mix(dark(colour, 0.1), light(colour, 0.12), rng.random()))
            sheet.line([(x, top), (x, bottom)], dark(colour, 0.25))
            x += width
        sheet.line([(0, top), (UNITS, top)], dark(colour, 0.25))


def _street(sheet: _Sheet, rng: random.Random, place: str, crosswalk: tuple[float, float] | None) -> None:
    pavement = STREET_GROUNDS["pavement"][0]
    sheet.gradient(0, pavement, (128, 186, 234), (226, 238, 246))
    for _ in range(3):
        x, y = rng.randint(0, 380), rng.randint(8, 50)
        sheet.oval(x, y, x + 70, y + 16, (248, 250, 252))
        sheet.oval(x + 14, y - 8, x + 48, y + 12, (252, 253, 254))
    if place == "parking lot":
        for x in range(-40, UNITS, 90):
            sheet.oval(x, 136 + rng.randint(0, 14), x + 150, 290, (156, 186, 140))
        sheet.rect(0, 186, UNITS, pavement, (120, 158, 104))
        for x in range(4, UNITS, 22):
            sheet.rect(x, 166, x + 4, pavement, (206, 200, 188))
        for y in (174, 194):
            sheet.rect(0, y, UNITS, y + 4, (214, 208, 196))
    else:
        _houses(sheet, rng, pavement)
    sheet.gradient(pavement, 262, (184, 180, 174), (206, 202, 194))
    for x in range(rng.randint(0, 30), UNITS + 60, 38):
        sheet.line([(x, pavement), (x - 14, 262)], (168, 164, 158))
    sheet.line([(0, pavement + 20), (UNITS, pavement + 20)], (172, 168, 162))
    sheet.rect(0, 257, UNITS, 264, (222, 220, 214))
    sheet.rect(0, 263, UNITS, 266, (150, 148, 146))
    sheet.gradient(266, 384, (98, 100, 106), (116, 118, 124))
    if place == "parking lot":
        for x in range(rng.randint(-20, 20), UNITS + 120, 112):
            sheet.poly([(x, 274), (x + 4, 274), (x - 20, 322), (x - 26, 322)], (232, 232, 226))
            sheet.poly([(x - 26, 334), (x - 20, 334), (x - 44, 382), (x - 52, 382)], (232, 232, 226))
    else:
        for x in range(rng.randint(-40, 0), UNITS, 72):
            sheet.poly([(x + 3, 326), (x + 41, 326), (x + 38, 332), (x, 332)], (236, 234, 224))
    if crosswalk:
        left, width = crosswalk
        sheet.rect(left - 6, 318, left + width + 6, 340, (107, 109, 115))
        for index in range(5):
            x = left + index * width / 5
            sheet.rect(x + 2, 266, x + width / 5 - 7, 384, (240, 240, 236))
    sheet.rect(0, 380, UNITS, 384, (206, 204, 198))
    sheet.gradient(384, UNITS, (116, 166, 92), (98, 148, 78))
    for _ in range(90):
        x, y = rng.uniform(0, UNITS), rng.uniform(388, 446)
        sheet.line([(x, y), (x + 1.5, y - 5)], (126, 178, 100) if rng.random() < 0.5 else (84, 134, 68))


def _houses(sheet: _Sheet, rng: random.Random, foot: float) -> None:
    x = -rng.randint(0, 50)
    while x < UNITS:
        width, top = rng.randint(92, 132), rng.randint(44, 92)
        wall = mix(rng.choice(_HOUSES), (226, 234, 240), 0.3)
        sheet.rect(x, top, x + width, foot, wall)
        sheet.rect(x + width - 8, top, x + width, foot, dark(wall, 0.1))
        if rng.random() < 0.5:
            sheet.poly([(x - 4, top), (x + width / 2, top - 30), (x + width + 4, top)], mix((168, 106, 88), wall, 0.3))
        else:
            sheet.rect(x - 3, top - 6, x + width + 3, top, dark(wall, 0.22))
        columns = width // 32
        for row in range(int((foot - top) // 44)):
            for column in range(columns):
                left = x + 12 + column * (width - 14) / columns
                y = top + 12 + row * 44
                sheet.rect(left - 2, y - 2, left + 18, y + 26, light(wall, 0.4))
                sheet.rect(left, y, left + 16, y + 24, (150, 176, 196))
                sheet.rect(left, y, left + 16, y + 8, (178, 200, 216))
        x += width
