"""What lies about at home: textiles, toys, containers, plants."""

from math import cos, pi, sin

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, PAPER, STEEL, WOOD, dark, light


@draws("potted plant")
def potted_plant(p, t):
    c = p.colour
    for index in range(11):
        angle = pi * (1.06 + 0.88 * index / 10)
        reach = 0.96 if index % 2 == 0 else 0.8
        x, y = 26 + 26 * reach * cos(angle), 44 + 44 * reach * sin(angle)
        mx, my = 26 + 14 * cos(angle), 44 + 26 * sin(angle)
        side = 5.5
        ink = c if index % 2 else light(c, 0.16)
        p.poly([(26, 54), (mx - side, my + 2), (x, y), (mx + side, my - 2)], ink)
        p.ink("line", [(26, 54), (x, y)], dark(c, 0.25))
    p.oval(4, 24, 30, 50, dark(c, 0.12))
    p.oval(22, 22, 48, 50, c)
    p.oval(0, 24, 18, 42, c)
    p.oval(34, 24, 52, 42, dark(c, 0.1))
    p.oval(17, 0, 35, 30, light(c, 0.1))
    p.poly([(12, 52), (40, 52), (36, 76), (16, 76)], (186, 98, 62))
    p.rect(10, 47, 42, 55, (200, 112, 74), 2)
    p.round(10, 47, 42, 76)


@draws("teddy bear")
def teddy_bear(p, t):
    c = p.colour
    pale = light(c, 0.45) if sum(c) < 600 else (226, 200, 170)
    for x in (9, 33):
        p.oval(x, 0, x + 13, 13, dark(c, 0.1))
        p.oval(x + 3, 3, x + 10, 10, pale)
    p.oval(0, 28, 17, 48, dark(c, 0.06))
    p.oval(37, 28, 54, 48, dark(c, 0.06))
    p.oval(10, 24, 44, 60, c)
    p.oval(2, 46, 23, 62, dark(c, 0.06))
    p.oval(31, 46, 52, 62, dark(c, 0.06))
    p.oval(6, 49, 18, 60, pale)
    p.oval(36, 49, 48, 60, pale)
    p.oval(10, 3, 44, 34, c)
    p.sheen(6, 3, 48, 60, 0.5)
    p.oval(19, 17, 35, 31, pale)
    p.oval(24, 18, 30, 23, DARK)
    p.oval(17, 12, 21, 17, (24, 22, 24))
    p.oval(33, 12, 37, 17, (24, 22, 24))


@draws("pillow")
def pillow(p, t):
    c = p.colour
    p.rect(2, 2, 64, 42, c, 15)
    for x, y in ((0, 0), (56, 0), (0, 34), (56, 34)):
        p.oval(x, y, x + 10, y + 10, c)
    p.poly([(3, 3), (14, 3), (14, 14), (3, 14)], c)
    p.poly([(52, 3), (63, 3), (63, 14), (52, 14)], c)
    p.poly([(3, 30), (14, 30), (14, 41), (3, 41)], c)
    p.poly([(52, 30), (63, 30), (63, 41), (52, 41)], c)
    p.pattern(t.look, 0, 2, 66, 42)
    p.sheen(0, 0, 66, 44, 0.75)


@draws("towel")
def towel(p, t):
    c = p.colour
    p.rect(0, 0, 56, 34, light(c, 0.12), 12)  # folded once: one rounded edge, both ends on the other side
    p.poly([(28, 0), (56, 0), (56, 34), (28, 34)], light(c, 0.12))
    p.pattern(t.look, 0, 0, 56, 34)
    p.ink("line", [(10, 17), (56, 17)], dark(c, 0.4))
    for x in (43, 47):
        p.ink("line", [(x, 1), (x, 33)], light(c, 0.6))
    p.round(0, 0, 56, 34, 0.8)


@draws("toilet paper")
def toilet_paper(p, t):
    p.rect(0, 6, 34, 29, p.colour)
    p.bowl(0, 28, 34, 34, p.colour)
    p.round(0, 5, 34, 34, 0.8)
    p.rect(26, 14, 34, 33, light(p.colour, 0.6))
    p.oval(0, 0, 34, 12, light(p.colour, 0.5))
    p.oval(11, 3.5, 23, 8.5, (150, 112, 78))


@draws("toothbrush")
def toothbrush(p, t):
    c = p.colour
    p.line([(3.5, 52.5), (14, 16), (16, 4)], c, 7)
    p.poly([(14, 2), (22, 0), (20, 17), (14, 16)], PAPER)
    p.ink("rectangle", (17, 5, 20, 13), (120, 190, 230))
    p.rect(0, 34, 17, 56, (196, 216, 226), 3, 170)  # the tumbler that it stands in
    p.round(0, 34, 17, 56)


@draws("ball")
def ball(p, t):
    p.oval(0, 0, 50, 50, p.colour)
    if t.look == "striped":
        ink = light(p.colour, 0.88)
        p.ink("rectangle", (0, 9, 50, 14), ink)
        p.ink("rectangle", (0, 22, 50, 28), ink)
        p.ink("rectangle", (0, 36, 50, 41), ink)
    else:
        p.pattern(t.look, 2, 2, 50, 50)
    p.sheen(0, 0, 50, 50, 1.2)


@draws("box")
def box(p, t):
    c = (184, 136, 88)
    if t.state == "closed":
        p.poly([(9, 0), (59, 0), (68, 15), (0, 15)], light(c, 0.25))
        p.rect(0, 14, 68, 54, c)
        p.fade(0, 14, 68, 54)
        p.ink("polygon", [(30, 0), (38, 0), (39, 15), (29, 15)], (222, 196, 150))
        p.ink("rectangle", (29, 15, 39, 26), (222, 196, 150))
        p.ink("rectangle", (48, 40, 60, 48), PAPER)
        return
    p.poly([(24, 16), (28, 0), (64, 0), (68, 16)], dark(c, 0.12))
    p.poly([(12, 28), (24, 15), (68, 15), (80, 28)], (74, 50, 32))
    p.poly([(12, 28), (0, 16), (14, 8), (24, 15)], light(c, 0.22))
    p.poly([(80, 28), (92, 16), (78, 8), (68, 15)], light(c, 0.05))
    p.rect(12, 27, 80, 70, c)
    p.fade(12, 27, 80, 70)
    p.poly([(12, 27), (80, 27), (84, 40), (8, 40)], light(c, 0.3))
    p.ink("rectangle", (58, 54, 72, 63), PAPER)


@draws("basket")
def basket(p, t):
    c = (176, 124, 74) if t.colour == "brown" else p.colour
    top = p.h - 42
    if t.state == "full":
        for x, y, w, ink in ((6, 8, 28, (94, 140, 206)), (30, 4, 30, (236, 232, 224)), (18, 0, 26, (226, 110, 112))):
            p.oval(x, y, x + w, y + 24, ink)
            p.sheen(x, y, x + w, y + 24, 0.7)
    else:
        p.oval(0, 0, 68, 14, light(c, 0.15))
        p.oval(4, 2, 64, 13, (70, 48, 32) if t.colour == "brown" else (120, 116, 110))
    p.poly([(0, top + 4), (68, top + 4), (60, p.h), (8, p.h)], c)
    for row in range(5):
        for column in range(9):
            x, y = 1 + column * 8 + (4 if row % 2 else 0), top + 8 + row * 7
            p.ink("rectangle", (x, y, x + 5, y + 3.6), dark(c, 0.28))
    p.round(0, top, 68, p.h)
    p.rect(0, top, 68, top + 7, light(c, 0.12), 3)


@draws("bucket")
def bucket(p, t):
    c = p.colour
    p.arc(3, 0, 51, 34, 180, 360, STEEL, 2.4)
    p.poly([(0, 18), (54, 18), (46, 54), (8, 54)], c)
    p.bowl(8, 53, 46, 58, c)
    p.round(0, 14, 54, 58, 1.2)
    p.oval(0, 12, 54, 25, light(c, 0.3))
    p.oval(4, 14, 50, 24, dark(c, 0.55))


@draws("chair")
def chair(p, t):
    c = WOOD if t.colour == "brown" else p.colour
    for x in (9, 50):
        p.rect(x, 66, x + 5, 102, dark(c, 0.35))
    for x in (6, 51):
        p.rect(x, 0, x + 7, 70, c, 2)
    for y in (5, 22, 39):
        p.rect(12, y, 52, y + 10, light(c, 0.1))
        if t.look == "wooden":
            p.grain(12, y, 52, y + 10, c)
    p.poly([(6, 56), (58, 56), (64, 70), (0, 70)], light(c, 0.18))
    p.rect(0, 69, 64, 76, dark(c, 0.15))
    for x in (1, 56):
        p.rect(x, 75, x + 7, 112, c)
    p.rect(6, 90, 58, 94, dark(c, 0.2))


@draws("trash can")
def trash_can(p, t):
    c = p.colour
    top = p.h - 72
    if top:
        for x, y, ink in ((6, 4, PAPER), (28, 5, (206, 178, 120)), (17, 0, (226, 230, 236)), (22, 8, (220, 92, 80))):
            p.poly([(x, y + 12), (x + 5, y), (x + 16, y + 2), (x + 21, y + 12), (x + 12, y + 22)], ink)
            p.ink("line", [(x + 5, y + 2), (x + 10, y + 9), (x + 17, y + 5)], dark(ink, 0.2))
    p.poly([(2, top + 8), (54, top + 8), (47, top + 69), (9, top + 69)], c)
    p.bowl(9, top + 68, 47, top + 72, c)
    for x in (14, 23, 32, 41):
        p.ink("line", [(x, top + 16), (x + (28 - x) * 0.14, top + 66)], dark(c, 0.3))
    p.round(2, top, 54, top + 72, 1.1)
    if top:
        p.rect(0, top + 4, 56, top + 13, light(c, 0.2), 3)
    else:
        p.oval(0, 0, 56, 16, light(c, 0.25))
        p.oval(4, 2, 52, 14, (26, 26, 30))


@draws("ladder")
def ladder(p, t):
    c = p.colour
    for x0, x1 in ((24, 11), (38, 51)):
        p.line([(x0, 6), (x1, 126)], dark(c, 0.4), 4)
    for index in range(6):
        y = 18 + index * 19
        spread = 22 * (y - 6) / 126
        p.rect(23 - spread, y, 39 + spread, y + 6, light(c, 0.15))
    for x0, x1 in ((24, 3), (38, 59)):
        p.line([(x0, 4), (x1, 129)], c, 6)
    p.rect(18, 0, 44, 10, dark(c, 0.1), 2)
    p.rect(0, 127, 8, 132, DARK)
    p.rect(54, 127, 62, 132, DARK)
