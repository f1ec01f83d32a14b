"""Furniture that carries things. Its top shows as a strip of some 16 units, on which they stand."""

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, PAPER, STEEL, WOOD, dark, light


def _paint(t, p):
    return WOOD if t.colour == "brown" else p.colour


def _edge(c):
    return dark(c, 0.3) if sum(c) > 200 else light(c, 0.25)


def _top(p, c, wooden, inset=8, depth=16):
    p.poly([(inset, 0), (p.w - inset, 0), (p.w, depth), (0, depth)], light(c, 0.24))
    if wooden:
        p.grain(inset, 1, p.w - inset, depth - 1, light(c, 0.15))
    p.rect(0, depth - 1, p.w, depth + 6, dark(c, 0.12))


@draws("table")
def table(p, t):
    c = _paint(t, p)
    for x in (16, p.w - 24):
        p.rect(x, 20, x + 7, p.h - 8, dark(c, 0.4))
    for x in (5, p.w - 14):
        p.rect(x, 20, x + 9, p.h, c)
        p.round(x, 20, x + 9, p.h)
    p.rect(8, 20, p.w - 8, 30, dark(c, 0.22))
    _top(p, c, t.look == "wooden")


@draws("desk")
def desk(p, t):
    c = _paint(t, p)
    for x in (4, 92):
        p.rect(x, 20, x + 9, p.h, c)
        p.round(x, 20, x + 9, p.h)
    p.rect(12, 22, 96, 40, dark(c, 0.35))
    p.rect(126, 20, 210, p.h, c)
    if t.look == "wooden":
        p.grain(126, 24, 210, p.h, c)
    for y in (26, 50, 74):
        p.ink("rectangle", (131, y, 205, y + 20), dark(c, 0.12) if sum(c) > 200 else light(c, 0.1))
        p.ink("line", [(131, y + 20), (205, y + 20)], _edge(c))
        p.ink("rectangle", (158, y + 7, 178, y + 10), STEEL)
    p.fade(4, 20, 210, p.h)
    _top(p, c, t.look == "wooden")


def _doors(p, c, x0, x1, y0, y1, count, wooden):
    width = (x1 - x0) / count
    for index in range(count):
        left = x0 + index * width
        p.ink("rectangle", (left + 3, y0, left + width - 3, y1), light(c, 0.1))
        p.ink("rectangle", (left + 8, y0 + 6, left + width - 8, y1 - 6), c)
        p.ink("line", [(left + 3, y0), (left + 3, y1), (left + width - 3, y1)], _edge(c))
        if wooden:
            p.grain(left + 8, y0 + 6, left + width - 8, y1 - 6, c)
        knob = left + width - 9 if index % 2 == 0 else left + 9
        p.ink("ellipse", (knob - 3, (y0 + y1) / 2 - 3, knob + 3, (y0 + y1) / 2 + 3), STEEL)


@draws("counter")
def counter(p, t):
    c = _paint(t, p)
    p.rect(3, 20, p.w - 3, p.h, c)
    _doors(p, c, 5, p.w - 5, 28, p.h - 9, 4, t.look == "wooden")
    p.ink("rectangle", (3, p.h - 7, p.w - 3, p.h), dark(c, 0.55))
    p.fade(3, 20, p.w - 3, p.h)
    _top(p, (148, 150, 156) if t.colour != "gray" else (196, 188, 176), False, 6)


@draws("cabinet")
def cabinet(p, t):
    c = _paint(t, p)
    for x in (6, p.w - 14):
        p.rect(x, p.h - 10, x + 8, p.h, dark(c, 0.4))
    p.rect(3, 20, p.w - 3, p.h - 6, c)
    _doors(p, c, 5, p.w - 5, 26, p.h - 11, 2, t.look == "wooden")
    p.fade(3, 20, p.w - 3, p.h - 6)
    _top(p, c, t.look == "wooden", 6)


@draws("nightstand")
def nightstand(p, t):
    c = _paint(t, p)
    for x in (6, p.w - 13):
        p.rect(x, p.h - 14, x + 7, p.h, dark(c, 0.4))
    p.rect(3, 20, p.w - 3, p.h - 10, c)
    for y in (26, 50):
        p.ink("rectangle", (9, y, p.w - 9, y + 19), light(c, 0.1))
        p.ink("line", [(9, y + 19), (p.w - 9, y + 19)], _edge(c))
        p.ink("ellipse", (p.w / 2 - 4, y + 6, p.w / 2 + 4, y + 13), STEEL)
    if t.look == "wooden":
        p.grain(9, 26, p.w - 9, p.h - 12, c)
    p.fade(3, 20, p.w - 3, p.h)
    _top(p, c, t.look == "wooden", 6)


@draws("shelf")
def shelf(p, t):
    c = _paint(t, p)
    for x in (14, p.w - 22):
        p.poly([(x, 10), (x + 8, 10), (x + 5, 24), (x, 24)], dark(c, 0.3) if sum(c) > 200 else light(c, 0.2))
    p.rect(0, 0, p.w, 7, light(c, 0.22))
    p.rect(0, 6, p.w, 13, c)
    if t.look == "wooden":
        p.grain(0, 1, p.w, 12, c)


@draws("couch")
def couch(p, t):
    c = p.colour
    for x in (16, 170):
        p.rect(x, 98, x + 10, 108, DARK)
    p.rect(10, 0, 186, 84, dark(c, 0.1), 14)
    for x in (26, 98):
        p.rect(x, 6, x + 72, 64, c, 9)
        p.sheen(x, 6, x + 72, 64, 0.35)
    p.rect(20, 72, 176, 102, dark(c, 0.18), 4)
    for x in (26, 98):
        p.rect(x, 54, x + 72, 86, light(c, 0.1), 7)
        p.ink("line", [(x + 4, 84), (x + 68, 84)], dark(c, 0.35))
    for x in (0, 168):
        p.rect(x, 30, x + 28, 103, c, 12)
        p.round(x, 30, x + 28, 103, 0.8)
        p.ink("ellipse", (x + 5, 34, x + 23, 52), light(c, 0.08))


@draws("bed")
def bed(p, t):
    c = p.colour
    p.rect(0, 0, 15, 118, WOOD, 4)
    p.rect(0, 60, 12, 122, dark(WOOD, 0.15))
    p.round(0, 0, 15, 122)
    p.rect(204, 116, 214, 122, dark(WOOD, 0.3))
    p.rect(10, 100, 212, 117, WOOD)
    p.grain(12, 101, 210, 116, WOOD)
    p.poly([(14, 60), (206, 60), (214, 80), (12, 80)], PAPER)
    p.rect(12, 78, 212, 104, (226, 228, 234), 4)
    p.poly([(66, 58), (206, 58), (216, 80), (58, 80)], light(c, 0.14))
    p.rect(58, 78, 216, 110, c, 5)
    p.pattern(t.look, 58, 58, 216, 110)
    p.fade(58, 58, 216, 110)
    p.ink("line", [(59, 79), (215, 79)], dark(c, 0.25))
    p.rect(18, 44, 62, 70, (250, 250, 250), 10)
    p.sheen(18, 44, 62, 70, 0.4)
    p.rect(202, 44, 214, 60, WOOD, 3)
    p.rect(205, 50, 212, 62, WOOD)
