"""What stands along streets."""

from math import cos, pi, sin

from PIL import ImageFont

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, PAPER, STEEL, WATER, WOOD, dark, light

_LAMPS = (((226, 44, 40), (86, 30, 32)), ((250, 200, 50), (92, 76, 30)), ((56, 214, 96), (26, 72, 42)))
"""Red, yellow and green of a traffic light: lit and not."""


@draws("fire hydrant")
def fire_hydrant(p, t):
    c = p.colour
    p.rect(10, 22, 34, 60, c)
    p.dome(7, 6, 37, 26, c)
    p.round(7, 6, 37, 60)
    p.rect(18, 0, 26, 8, dark(c, 0.2), 2)
    p.rect(6, 24, 38, 29, dark(c, 0.2), 2)
    p.rect(0, 31, 11, 44, dark(c, 0.1), 3)
    p.rect(33, 31, 44, 44, dark(c, 0.2), 3)
    p.rect(0, 33, 3, 42, STEEL)
    p.rect(41, 33, 44, 42, STEEL)
    p.oval(14, 32, 30, 48, dark(c, 0.25))
    p.oval(17, 35, 27, 45, STEEL)
    p.rect(4, 57, 40, 64, dark(c, 0.25), 2)


@draws("traffic light")
def traffic_light(p, t):
    c = p.colour
    p.rect(16, 80, 24, 134, (112, 116, 124))
    p.round(16, 80, 24, 134)
    p.rect(8, 131, 32, 138, (92, 96, 104), 2)
    for y in (4, 31, 58):
        p.poly([(0, y + 3), (8, y), (8, y + 20), (0, y + 12)], dark(c, 0.3))
        p.poly([(40, y + 3), (32, y), (32, y + 20), (40, y + 12)], dark(c, 0.3))
    p.rect(5, 0, 35, 85, c, 5)
    lit = {"showing red": (0,), "showing green": (2,)}.get(t.look, (0,))
    lit = (0, 2) if t.flaw else lit
    for index, y in enumerate((4, 31, 58)):
        p.oval(9, y, 31, y + 23, dark(c, 0.55))
        p.oval(10, y + 1, 30, y + 22, _LAMPS[index][0 if index in lit else 1])
        if index in lit:
            p.oval(14, y + 4, 21, y + 11, light(_LAMPS[index][0], 0.7))


@draws("stop sign")
def stop_sign(p, t):
    p.rect(24, 50, 30, 126, STEEL)
    p.round(24, 50, 30, 126)

    def octagon(radius):
        return [
            (27 + radius * 1.0824 * cos(pi * (k + 0.5) / 4), 27 + radius * 1.0824 * sin(pi * (k + 0.5) / 4))
            for k in range(8)
        ]

    p.poly(octagon(27), PAPER)
    p.poly(octagon(24.2), p.colour)
    font = ImageFont.load_default(size=max(5, round(17.5 * p._fx)))
    middle = 27 * p._fx, 27.5 * p._fy
    p._draw[0].text(middle, "STOP", fill=PAPER, font=font, anchor="mm", stroke_width=max(1, round(0.5 * p._fx)))


@draws("traffic cone")
def traffic_cone(p, t):
    c = p.colour
    p.rect(0, 50, 46, 58, dark(c, 0.3), 2)
    p.poly([(19, 2), (27, 2), (40, 52), (6, 52)], c)
    p.rect(19, 0, 27, 4, dark(c, 0.2), 1)
    p.ink("polygon", [(16.2, 13), (29.8, 13), (32, 22), (14, 22)], PAPER)
    p.ink("polygon", [(11.4, 32), (34.6, 32), (36.6, 40), (9.4, 40)], PAPER)
    p.round(6, 0, 40, 52)


@draws("bench")
def bench(p, t):
    c = WOOD if t.colour == "brown" else p.colour
    for x in (12, 100):
        p.rect(x, 4, x + 6, 40, DARK)
        p.rect(x - 2, 36, x + 4, 62, DARK)
        p.rect(x + 4, 36, x + 8, 58, (40, 40, 44))
    for y in (0, 10, 20):
        p.rect(0, y, 118, y + 8, light(c, 0.06), 2)
        if t.look == "wooden":
            p.grain(0, y, 118, y + 8, c)
    p.poly([(5, 32), (113, 32), (118, 40), (0, 40)], light(c, 0.18))
    p.rect(0, 39, 118, 45, dark(c, 0.12), 1)


@draws("mailbox")
def mailbox(p, t):
    c = p.colour
    p.rect(19, 46, 29, 78, (120, 90, 60))
    p.round(19, 46, 29, 78)
    p.dome(0, 0, 48, 26, c)
    p.rect(0, 24, 48, 52, c, 2)
    p.round(0, 0, 48, 52)
    p.ink("rectangle", (9, 20, 39, 24), (28, 28, 32))
    p.ink("polygon", [(14, 32), (34, 32), (34, 45), (14, 45)], PAPER)
    p.ink("line", [(14, 32), (24, 40), (34, 32)], DARK)


@draws("street light")
def street_light(p, t):
    c = p.colour
    p.rect(44, 22, 50, 184, c)
    p.round(44, 22, 50, 184)
    p.arc(6, 4, 50, 50, 262, 360, c, 4)
    p.rect(36, 180, 58, 190, dark(c, 0.2), 2)
    p.rect(34, 184, 60, 190, dark(c, 0.2), 1)
    p.poly([(4, 2), (30, 0), (32, 9), (0, 9)], dark(c, 0.1))
    p.oval(2, 5, 30, 15, (255, 244, 160) if t.state == "on" else (150, 156, 164))
    p.rect(0, 6, 33, 9, dark(c, 0.2))


@draws("parking meter")
def parking_meter(p, t):
    c = p.colour
    p.rect(11, 42, 19, 94, STEEL)
    p.round(11, 42, 19, 94)
    p.rect(5, 92, 25, 98, (110, 114, 122), 1)
    p.dome(0, 0, 30, 18, c)
    p.rect(0, 17, 30, 48, c, 4)
    p.round(0, 0, 30, 48)
    p.ink("rectangle", (6, 9, 24, 21), (214, 232, 220))
    p.ink("line", [(9, 18), (15, 11), (20, 17)], (200, 50, 46))
    p.ink("rectangle", (12, 27, 18, 29), (24, 24, 28))
    p.ink("ellipse", (11, 34, 19, 42), light(c, 0.45))


@draws("tree")
def tree(p, t):
    c = p.colour
    p.poly([(46, 96), (58, 96), (60, 168), (66, 180), (38, 180), (44, 168)], (116, 80, 52))
    p.round(44, 96, 62, 180)
    p.line([(52, 118), (70, 96)], (116, 80, 52), 5)
    for x, y, r, ink in (
        (0, 46, 46, dark(c, 0.18)),
        (56, 42, 48, dark(c, 0.24)),
        (24, 66, 54, dark(c, 0.2)),
        (10, 16, 54, c),
        (46, 14, 50, dark(c, 0.06)),
        (26, 0, 52, light(c, 0.06)),
    ):
        p.oval(x, y, x + r, y + r, ink)
        p.sheen(x, y, x + r, y + r, 0.45)
    for x, y in ((22, 40), (40, 22), (62, 46), (34, 64), (76, 62), (56, 78)):
        p.ink("ellipse", (x, y, x + 12, y + 7), light(c, 0.16))


def flames(p) -> None:
    """Fire over the whole grid of the pen."""
    w, h = p.w, p.h
    for scale, ink in ((1.0, (232, 80, 30)), (0.72, (250, 150, 36)), (0.42, (255, 226, 110))):
        points = [(0.5 * w - 0.5 * w * scale, h)]
        for x, y in (
            (0.0, 0.5),
            (0.14, 0.62),
            (0.26, 0.16),
            (0.38, 0.42),
            (0.54, 0.0),
            (0.66, 0.36),
            (0.8, 0.2),
            (0.88, 0.6),
            (1.0, 0.46),
        ):
            points.append((0.5 * w + (x - 0.5) * w * scale, h - (1 - y) * h * scale))
        points.append((0.5 * w + 0.5 * w * scale, h))
        p.poly(points, ink)


def jets(p) -> None:
    """Water that shoots out of the middle to both sides."""
    w, h = p.w, p.h
    for side in (-1, 1):
        for reach, top in ((0.5, 0.30), (0.42, 0.10), (0.34, 0.44)):
            points = []
            for index in range(13):
                s = index / 12
                points.append(
                    (
                        0.5 * w + side * (0.1 + s * (reach - 0.1)) * w * 0.985,
                        h * (0.52 - (0.52 - top) * 4 * s * (1 - s) + 0.44 * s * s),
                    )
                )
            p.line(points, light(WATER, 0.15 if reach == 0.42 else 0.4), 4.5)
        p.oval(0.5 * w + side * 0.37 * w - 0.13 * w, 0.9 * h, 0.5 * w + side * 0.37 * w + 0.13 * w, h, WATER)
