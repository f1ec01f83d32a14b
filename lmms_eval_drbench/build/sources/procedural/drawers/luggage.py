"""What people carry along."""

from math import pi, sin

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, STEEL, WOOD, dark, light


@draws("backpack")
def backpack(p, t):
    c = p.colour
    p.arc(18, 0, 40, 22, 180, 360, dark(c, 0.4), 4)
    p.rect(0, 34, 9, 64, dark(c, 0.3), 4)
    p.rect(49, 34, 58, 64, dark(c, 0.3), 4)
    p.rect(4, 6, 54, 70, c, 19)
    p.rect(4, 40, 54, 70, c, 7)
    p.round(4, 6, 54, 70, 0.8)
    p.arc(10, 12, 48, 50, 190, 350, dark(c, 0.4), 2)
    p.rect(11, 40, 47, 65, light(c, 0.14), 6)
    p.ink("line", [(14, 47), (44, 47)], dark(c, 0.45))
    p.ink("rectangle", (26, 46, 30, 54), (230, 214, 150))


@draws("suitcase")
def suitcase(p, t):
    c = p.colour
    p.rect(18, 2, 21, 24, STEEL)
    p.rect(39, 2, 42, 24, STEEL)
    p.rect(15, 0, 45, 6, DARK, 2)
    for x in (7, 43):
        p.oval(x, 77, x + 10, 86, DARK)
    p.rect(0, 20, 60, 81, c, 8)
    p.round(0, 20, 60, 81, 0.8)
    for x in (13, 29, 45):
        p.ink("rectangle", (x, 24, x + 3, 77), dark(c, 0.22) if sum(c) > 200 else light(c, 0.18))
    p.ink("rectangle", (22, 22, 38, 27), light(c, 0.4))


@draws("umbrella")
def umbrella(p, t):
    c = p.colour
    if t.state == "closed":
        p.arc(2, 0, 16, 20, 180, 360, WOOD, 4)
        p.rect(12, 8, 16, 24, WOOD)
        p.poly([(11, 22), (17, 22), (22, 36), (17, 76), (11, 76), (5, 36)], c)
        p.poly([(11, 22), (14, 22), (14, 76), (11, 76), (5, 36)], light(c, 0.2))
        p.ink("line", [(14, 24), (14, 74)], dark(c, 0.35))
        p.rect(6, 32, 21, 36, dark(c, 0.4), 1)
        p.rect(2, 62, 22, 85, (96, 100, 108), 2)  # the stand that it stands in
        p.round(2, 62, 22, 85)
        p.rect(0, 82, 24, 88, DARK, 2)
        return
    p.line([(52, 8), (52, 74)], STEEL, 3)
    p.rect(34, 78, 70, 84, DARK, 2)
    p.rect(50.5, 0, 53.5, 8, STEEL)
    p.dome(0, 4, 104, 48, c)
    p.ink("polygon", [(52, 4), (26, 16), (22, 48), (52, 48)], light(c, 0.16))
    p.ink("polygon", [(52, 4), (80, 16), (84, 48), (104, 48), (104, 4)], dark(c, 0.14))
    p.sheen(0, 4, 104, 92, 0.6)
    for index in range(4):
        x = index * 26
        p._draw[1].pieslice(p._box(x + 2, 43, x + 24, 56), 180, 360, fill=0)
    p.line([(52, 44), (52, 78)], STEEL, 3)


@draws("guitar")
def guitar(p, t):
    c = p.colour if t.colour != "brown" else (178, 112, 58)
    for x in (7, 41):  # its stand
        p.line([(24, 96), (x, 122)], DARK, 3.5)
    p.oval(0, 74, 48, 122, c)
    p.rect(8, 118, 40, 124, DARK, 2)
    p.oval(5, 54, 43, 92, c)
    if t.look == "wooden":
        p.grain(4, 60, 44, 120, c)
    p.sheen(0, 54, 48, 124, 0.7)
    p.oval(15, 72, 33, 90, (40, 28, 22))
    p.rect(20, 10, 28, 80, (82, 56, 40))
    p.rect(15, 0, 33, 16, dark(c, 0.45), 3)
    for y in (3, 8):
        p.ink("ellipse", (16, y, 20, y + 4), (230, 226, 214))
        p.ink("ellipse", (28, y, 32, y + 4), (230, 226, 214))
    p.rect(14, 102, 34, 107, (60, 42, 32), 1)
    for x in (21.5, 24, 26.5):
        p.ink("line", [(x, 12), (x, 104)], (226, 222, 210))
    for index in range(6):
        y = 18 + 44 * sin(pi * index / 12)
        p.ink("line", [(20, y), (28, y)], (190, 186, 172))
