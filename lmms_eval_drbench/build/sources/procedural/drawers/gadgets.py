"""Lamps, clocks, books and what runs on electricity."""

from math import cos, pi, sin

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, PAPER, STEEL, dark, light, mix


def shown(p, x0, y0, x1, y1, on: bool, broken: bool) -> None:
    """A screen: a bright landscape, or dark glass; or dark glass that is shattered."""
    w, h = x1 - x0, y1 - y0
    if on:
        p.ink("rectangle", (x0, y0, x1, y1), (110, 186, 244))
        p.ink(
            "polygon",
            [(x0, y0 + 0.62 * h), (x0 + 0.3 * w, y0 + 0.3 * h), (x0 + 0.6 * w, y0 + 0.68 * h), (x0, y1)],
            (86, 130, 190),
        )
        p.ink(
            "polygon",
            [(x0, y1), (x0, y0 + 0.72 * h), (x0 + 0.5 * w, y0 + 0.6 * h), (x1, y0 + 0.76 * h), (x1, y1)],
            (96, 184, 92),
        )
        p.ink("ellipse", (x0 + 0.7 * w, y0 + 0.12 * h, x0 + 0.85 * w, y0 + 0.34 * h), (255, 232, 120))
        return
    p.ink("rectangle", (x0, y0, x1, y1), (30, 34, 42))
    p.ink("polygon", [(x0 + 0.1 * w, y0), (x0 + 0.4 * w, y0), (x0 + 0.1 * w, y0 + 0.7 * h)], (58, 64, 76))
    if broken:
        cx, cy = x0 + 0.54 * w, y0 + 0.48 * h
        ends = []
        for index in range(10):
            angle = 2 * pi * index / 10 + 0.3
            reach = 0.5 if index % 2 else 0.36
            ends.append((cx + reach * w * cos(angle), cy + reach * 1.0 * h * sin(angle)))
            p.ink("line", [(cx, cy), ends[-1]], (232, 238, 244))
        for size in (0.35, 0.7):
            ring = [(cx + (x - cx) * size, cy + (y - cy) * size) for x, y in ends]
            p.ink("line", [*ring, ring[0]], (214, 222, 232))
        p.ink("ellipse", (cx - 0.05 * w, cy - 0.06 * h, cx + 0.05 * w, cy + 0.06 * h), (245, 248, 250))


@draws("clock")
def clock(p, t):
    c = p.colour
    p.oval(4, 0, 20, 14, dark(c, 0.15))
    p.oval(30, 0, 46, 14, dark(c, 0.15))
    p.line([(10, 44), (5, 52)], DARK, 4)
    p.line([(40, 44), (45, 52)], DARK, 4)
    p.oval(0, 4, 50, 54, c)
    p.sheen(0, 4, 50, 54, 0.8)
    p.oval(9, 13, 41, 45, PAPER)
    for index in range(12):
        x, y = 25 + 13.5 * sin(pi * index / 6), 29 - 13.5 * cos(pi * index / 6)
        p.ink("ellipse", (x - 1, y - 1, x + 1, y + 1), DARK)
    p.line([(25, 29), (25, 19)], DARK, 2)
    p.line([(25, 29), (32, 33)], DARK, 2)


@draws("lamp")
def lamp(p, t):
    c = light(p.colour, 0.32) if t.state == "on" else p.colour
    p.rect(24, 36, 30, 72, STEEL)
    p.oval(9, 68, 45, 80, (120, 124, 132))
    p.oval(9, 66, 45, 76, STEEL)
    p.poly([(13, 0), (41, 0), (54, 40), (0, 40)], c)
    p.pattern(t.look, 0, 4, 54, 40)
    p.round(4, 0, 50, 40, 0.6 if t.state == "on" else 1.0)
    if t.state == "on":
        p.oval(6, 33, 48, 46, (255, 244, 170))
        p.ink("polygon", [(17, 12), (37, 12), (46, 38), (8, 38)], mix(c, (255, 246, 180), 0.55))


@draws("book")
def book(p, t):
    c = p.colour
    p.rect(4, 2, 42, 56, PAPER)
    p.rect(0, 0, 39, 54, c, 2)
    p.fade(0, 0, 39, 54)
    p.ink("rectangle", (0, 0, 6, 54), dark(c, 0.3))
    p.ink("rectangle", (11, 9, 33, 21), PAPER)
    p.ink("rectangle", (14, 13, 30, 14.5), DARK)
    p.ink("rectangle", (14, 17, 26, 18.5), DARK)
    p.ink("ellipse", (15, 30, 29, 44), light(c, 0.4))


@draws("laptop")
def laptop(p, t):
    c = p.colour
    if t.state == "closed":
        p.poly([(8, 0), (68, 0), (76, 14), (0, 14)], light(c, 0.15))
        p.rect(0, 13, 76, 22, dark(c, 0.25), 3)
        p.ink("ellipse", (34, 4, 42, 10), light(c, 0.55))
        return
    p.rect(8, 0, 68, 38, c, 3)
    p.ink("rectangle", (14, 5, 62, 32), (64, 128, 206))
    p.ink("rectangle", (19, 9, 42, 25), PAPER)
    p.ink("rectangle", (22, 13, 38, 14.5), (150, 156, 166))
    p.ink("rectangle", (22, 18, 35, 19.5), (150, 156, 166))
    p.poly([(8, 37), (68, 37), (76, 50), (0, 50)], light(c, 0.12))
    p.rect(0, 49, 76, 54, dark(c, 0.25), 2)
    key = dark(c, 0.45) if sum(c) > 200 else light(c, 0.35)
    for row in range(3):
        for column in range(11):
            x = 13 - 2 * row + column * (4.7 + 0.3 * row)
            p.ink("rectangle", (x, 39 + 2.6 * row, x + 3.2, 40.8 + 2.6 * row), key)


@draws("radio")
def radio(p, t):
    c = p.colour
    p.arc(12, 2, 56, 26, 180, 360, DARK, 3)
    p.line([(58, 14), (64, 1)], STEEL, 2)
    p.rect(0, 12, 68, 46, c, 5)
    p.fade(0, 12, 68, 46)
    p.oval(6, 16, 34, 43, DARK)
    for radius in (10, 6, 2):
        p.ink(
            "ellipse",
            (20 - radius, 29.5 - radius, 20 + radius, 29.5 + radius),
            (92, 96, 104) if radius != 6 else (60, 62, 68),
        )
    p.ink("rectangle", (40, 17, 63, 26), PAPER)
    p.ink("rectangle", (50, 17, 51.5, 26), (210, 40, 40))
    p.ink("ellipse", (41, 31, 51, 41), light(c, 0.6))
    p.ink("ellipse", (54, 31, 64, 41), light(c, 0.6))
    p.rect(8, 45, 16, 48, DARK)
    p.rect(52, 45, 60, 48, DARK)


@draws("camera")
def camera(p, t):
    c = p.colour
    p.rect(15, 0, 39, 14, c, 3)
    p.rect(4, 5, 12, 12, DARK, 1)
    p.rect(0, 8, 54, 40, c, 4)
    p.fade(0, 8, 54, 40)
    p.ink("rectangle", (0, 17, 54, 31), dark(c, 0.35) if sum(c) > 200 else (70, 70, 76))
    p.oval(14, 11, 41, 38, (22, 22, 26))
    p.oval(17, 14, 38, 35, (70, 74, 84))
    p.oval(21, 18, 34, 31, (34, 54, 96))
    p.oval(23, 20, 28, 25, (190, 214, 240))
    p.ink("rectangle", (44, 10, 51, 15), (255, 250, 220))


@draws("fan")
def fan(p, t):
    c = p.colour
    p.rect(24, 48, 32, 68, dark(c, 0.25))
    p.oval(10, 62, 46, 72, c)
    p.oval(0, 0, 56, 56, c)
    p.oval(4, 4, 52, 52, mix(c, (232, 236, 240), 0.75))
    for index in range(4):
        angle = pi * index / 2 + 0.4
        x, y = 28 + 12 * cos(angle), 28 + 12 * sin(angle)
        p.oval(x - 10, y - 10, x + 10, y + 10, dark(c, 0.1))
    for radius in (12, 19):
        p.arc(28 - radius, 28 - radius, 28 + radius, 28 + radius, 0, 360, (140, 146, 154), 0.9)
    p.oval(22, 22, 34, 34, dark(c, 0.45))
    p.sheen(0, 0, 56, 56, 0.5)


@draws("computer monitor")
def computer_monitor(p, t):
    c = p.colour
    p.rect(36, 50, 50, 68, dark(c, 0.2))
    p.oval(20, 62, 66, 72, c)
    p.rect(0, 0, 86, 56, c, 3)
    shown(p, 6, 6, 80, 47, t.state == "on", t.flaw == "broken")
    if t.state == "on":
        p.ink("rectangle", (12, 12, 44, 36), PAPER)
        p.ink("rectangle", (12, 12, 44, 16), (70, 110, 190))
        for y in (20, 25, 30):
            p.ink("rectangle", (15, y, 38, y + 1.6), (150, 156, 166))
    p.ink("ellipse", (41, 49, 45, 53), light(c, 0.5))


@draws("keyboard")
def keyboard(p, t):
    c = p.colour
    p.poly([(6, 0), (76, 0), (82, 16), (0, 16)], c)
    p.rect(0, 15, 82, 22, dark(c, 0.3), 2)
    key = dark(c, 0.35) if sum(c) > 300 else light(c, 0.4)
    for row in range(4):
        for column in range(13):
            x = 8 - row * 1.4 + column * (5.1 + 0.2 * row)
            p.ink("rectangle", (x, 1.6 + 3.6 * row, x + 3.6, 4 + 3.6 * row), key)


@draws("printer")
def printer(p, t):
    c = p.colour
    p.poly([(20, 0), (64, 0), (68, 20), (16, 20)], PAPER)
    p.ink("rectangle", (24, 5, 56, 6.5), (170, 174, 180))
    p.ink("rectangle", (24, 10, 50, 11.5), (170, 174, 180))
    p.poly([(8, 16), (76, 16), (84, 26), (0, 26)], light(c, 0.25))
    p.rect(0, 25, 84, 54, c, 4)
    p.fade(0, 25, 84, 54)
    p.ink("rectangle", (12, 36, 72, 44), (36, 38, 44))
    p.poly([(18, 40), (66, 40), (70, 52), (14, 52)], PAPER)
    p.ink("ellipse", (72, 29, 77, 34), (80, 200, 100))


@draws("television")
def television(p, t):
    c = p.colour
    p.rect(22, 60, 30, 70, DARK)
    p.rect(68, 60, 76, 70, DARK)
    p.rect(0, 0, 98, 63, c, 3)
    shown(p, 6, 6, 92, 54, t.state == "on", t.flaw == "broken")
    p.ink("ellipse", (84, 56, 88, 60), (90, 220, 110) if t.state == "on" else (200, 60, 50))
