"""Cars, buses, trucks and bicycles, seen from the side."""

from math import cos, pi, sin

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, GLASS, PAPER, STEEL, dark, light


def _wheel(p, x, y, radius):
    p.oval(x - radius, y - radius, x + radius, y + radius, (34, 34, 38))
    inner = radius * 0.58
    p.oval(x - inner, y - inner, x + inner, y + inner, STEEL)
    for index in range(5):
        angle = 2 * pi * index / 5
        p.ink("line", [(x, y), (x + inner * cos(angle), y + inner * sin(angle))], (110, 114, 122))
    hub = radius * 0.2
    p.oval(x - hub, y - hub, x + hub, y + hub, DARK)


def _pane(p, points):
    p.ink("polygon", points, GLASS)
    (x0, y0), (x1, y1) = points[0], points[2]
    p.ink("line", [(x0 + (x1 - x0) * 0.35, y1 - 2), (x0 + (x1 - x0) * 0.6, y0 + 2)], PAPER)


@draws("car")
def car(p, t):
    c = p.colour
    p.poly([(24, 34), (46, 3), (52, 0), (100, 0), (108, 3), (134, 34)], c)
    p.rect(0, 29, 158, 62, c, 11)
    p.rect(4, 44, 154, 63, c, 5)
    p.fade(0, 0, 158, 64, 1.2)
    _pane(p, [(34, 30), (50, 7), (74, 7), (74, 30)])
    _pane(p, [(80, 30), (80, 7), (101, 7), (122, 30)])
    seam = dark(c, 0.4) if sum(c) > 200 else light(c, 0.3)
    p.ink("line", [(77, 6), (77, 58)], seam)
    p.ink("line", [(4, 40), (154, 40)], light(c, 0.3))
    p.ink("rectangle", (62, 38, 72, 41), STEEL)
    p.ink("rectangle", (112, 38, 122, 41), STEEL)
    p.rect(0, 36, 8, 44, (220, 50, 44), 2)
    p.rect(149, 36, 158, 45, (255, 244, 190), 2)
    p.rect(0, 54, 158, 60, dark(c, 0.5), 2)
    for x in (35, 123):
        p.dome(x - 19, 38, x + 19, 58, dark(c, 0.65))
        _wheel(p, x, 58.5, 15.5)


@draws("bus")
def bus(p, t):
    c = p.colour
    p.rect(0, 0, 226, 98, c, 10)
    p.fade(0, 0, 226, 98)
    p.ink("rectangle", (4, 3, 222, 7), light(c, 0.4))
    for index in range(5):
        x = 10 + index * 35
        _pane(p, [(x, 18), (x + 30, 18), (x + 30, 48), (x, 48)])
    p.ink("rectangle", (188, 16, 220, 92), dark(c, 0.35))
    _pane(p, [(190, 18), (203, 18), (203, 90), (190, 90)])
    _pane(p, [(205, 18), (218, 18), (218, 90), (205, 90)])
    p.ink("rectangle", (0, 58, 187, 65), light(c, 0.75))
    p.ink("rectangle", (0, 90, 226, 98), dark(c, 0.5))
    p.rect(219, 74, 226, 84, (255, 244, 190), 2)
    p.rect(0, 74, 6, 86, (220, 60, 50), 2)
    for x in (48, 158):
        p.dome(x - 22, 72, x + 22, 94, dark(c, 0.6))
        _wheel(p, x, 93.5, 18.5)


@draws("truck")
def truck(p, t):
    c = p.colour
    p.rect(4, 74, 184, 84, DARK)
    p.rect(0, 0, 126, 78, light(c, 0.1), 3)
    p.fade(0, 0, 126, 78)
    for x in range(14, 124, 16):
        p.ink("line", [(x, 3), (x, 76)], dark(c, 0.18))
    p.ink("rectangle", (0, 70, 126, 78), dark(c, 0.3))
    p.poly([(130, 82), (130, 24), (164, 24), (180, 50), (188, 56), (188, 82)], c)
    p.fade(130, 24, 188, 82)
    _pane(p, [(138, 50), (138, 30), (160, 30), (172, 50)])
    p.ink("rectangle", (138, 58, 150, 61), STEEL)
    p.ink("line", [(134, 26), (134, 80)], dark(c, 0.4))
    p.rect(180, 62, 188, 71, (255, 244, 190), 2)
    p.rect(128, 80, 188, 86, dark(c, 0.5), 2)
    for x in (28, 62, 156):
        _wheel(p, x, 82.5, 15.5)


@draws("bicycle")
def bicycle(p, t):
    c = p.colour
    for x in (26, 90):
        p.arc(x - 26, 24, x + 26, 76, 0, 360, (40, 40, 44), 3.6)
        for index in range(6):
            angle = pi * index / 6
            dx, dy = 22 * cos(angle), 22 * sin(angle)
            p.line([(x - dx, 50 - dy), (x + dx, 50 + dy)], (176, 180, 186), 0.8)
        p.arc(x - 24, 26, x + 24, 74, 0, 360, STEEL, 1.4)
        p.arc(x - 27, 21, x + 27, 77, 200, 330, c, 4.5)
    p.line([(26, 50), (54, 52), (80, 22), (44, 22), (26, 50)], c, 5.5)
    p.line([(54, 52), (41, 13)], c, 5.5)
    p.line([(90, 50), (78, 10)], c, 5.5)
    p.rect(30, 8, 53, 14, DARK, 3)
    p.line([(78, 10), (74, 3), (88, 2.4)], DARK, 4)
    p.rect(78, 0, 92, 5, DARK, 2)
    p.oval(47, 45, 61, 59, STEEL)
    p.oval(51, 49, 57, 55, DARK)
