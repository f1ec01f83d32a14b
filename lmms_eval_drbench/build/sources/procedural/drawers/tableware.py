"""What stands on tables and kitchen counters."""

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, GLASS, PAPER, STEEL, crescent, dark, light, mix


@draws("mug")
def mug(p, t):
    c = p.colour
    p.arc(22, 8, 44, 32, -110, 110, dark(c, 0.12), 5)
    p.rect(0, 5, 34, 35, c)
    p.bowl(0, 34, 34, 40, c)
    p.pattern(t.look, 0, 13, 34, 36)
    p.round(0, 5, 34, 40)
    p.oval(0, 0, 34, 10, light(c, 0.35))
    p.oval(3, 2, 31, 9, dark(c, 0.55))


@draws("bowl")
def bowl(p, t):
    c = p.colour
    top = p.h - 26
    if t.state == "full":
        for x, y, ink in (
            (8, 6, (222, 66, 50)),
            (36, 5, (240, 170, 50)),
            (22, 0, (120, 176, 62)),
            (22, 9, (236, 120, 50)),
        ):
            p.oval(x, y, x + 17, y + 17, ink)
            p.sheen(x, y, x + 17, y + 17)
    else:
        p.oval(0, 0, 58, 12, light(c, 0.3))
        p.oval(4, 2, 54, 11, dark(c, 0.5))
    p.bowl(0, top, 58, p.h - 3, c)
    p.rect(18, p.h - 5, 40, p.h, dark(c, 0.2))
    p.round(0, top, 58, p.h)
    p.ink("rectangle", (1, top, 57, top + 3), light(c, 0.4))


@draws("bottle")
def bottle(p, t):
    c = p.colour
    p.poly([(8, 18), (16, 18), (24, 32), (0, 32)], c)
    p.rect(8, 4, 16, 22, light(p.colour, 0.25))
    p.rect(0, 29, 24, 66, c, 4)
    p.round(0, 18, 24, 66, 1.1)
    p.ink("rectangle", (4, 32, 6, 60), light(p.colour, 0.7))
    p.rect(7, 0, 17, 7, DARK, 1)


@draws("wine glass")
def wine_glass(p, t):
    p.oval(4, 53, 28, 60, STEEL)
    p.rect(14.6, 34, 17.4, 57, STEEL)
    p.rect(0, 0, 32, 16, GLASS, 0, 150)
    p.bowl(0, 15, 32, 40, GLASS, 150)
    if t.state == "full":
        p.poly([(2, 12), (30, 12), (30, 18), (2, 18)], (150, 22, 50))
        p.bowl(2, 17, 30, 38, (150, 22, 50))
        p.oval(2, 9, 30, 15, (190, 50, 76))
    p.line([(0.8, 0), (0.8, 18)], (150, 170, 186), 1.2)
    p.line([(31.2, 0), (31.2, 18)], (150, 170, 186), 1.2)
    p.ink("rectangle", (5, 3, 7, 24), (255, 255, 255))


@draws("teapot")
def teapot(p, t):
    c = p.colour
    p.arc(42, 14, 64, 40, -110, 110, dark(c, 0.15), 5)
    p.poly([(0, 14), (7, 14), (18, 30), (20, 42), (12, 36)], dark(c, 0.08))
    p.oval(8, 11, 54, 50, c)
    p.pattern(t.look, 12, 20, 52, 44)
    p.sheen(8, 11, 54, 50)
    p.rect(20, 46, 42, 50, dark(c, 0.3))
    p.oval(18, 8, 44, 19, light(c, 0.2))
    p.oval(27, 0, 35, 9, dark(c, 0.15))


@draws("pan")
def pan(p, t):
    c = p.colour
    p.line([(48, 9), (77.5, 3.5)], DARK, 5)
    p.poly([(0, 7), (54, 7), (46, 30), (8, 30)], c)
    p.round(0, 7, 54, 30)
    p.oval(0, 0, 54, 13, light(c, 0.25))
    p.oval(3, 2, 51, 12, dark(c, 0.4))


@draws("cutting board")
def cutting_board(p, t):
    p.rect(0, 0, 42, 58, (186, 132, 82), 6)
    p.grain(1, 12, 41, 56, (176, 122, 72))
    p.fade(0, 0, 42, 58)
    p.oval(16, 4, 26, 12, (70, 48, 32))


@draws("apple")
def apple(p, t):
    c = p.colour
    p.oval(0, 7, 21, 33, c)
    p.oval(11, 7, 32, 33, c)
    p.oval(4, 12, 28, 34, c)
    p.sheen(0, 7, 32, 34)
    p.line([(16, 10), (17.5, 1)], (92, 62, 36), 2.4)
    p.oval(17, 0, 28, 6, (86, 150, 58))


@draws("banana")
def banana(p, t):
    p.poly(crescent(25, 0, (25, 32), (23, 15), 4, 176), p.colour)
    p.fade(0, 0, 50, 32, 1.2)
    p.ink("line", [(4, 8), (14, 20), (26, 24), (38, 19), (46, 9)], dark(p.colour, 0.25))
    p.rect(46, 0, 50, 5, (104, 78, 38))
    p.rect(0, 1, 4, 5, (104, 78, 38))


@draws("jar")
def jar(p, t):
    c = p.colour
    p.rect(0, 14, 38, 52, c, 8)
    p.round(0, 12, 38, 52)
    p.rect(9, 26, 29, 40, PAPER, 2)
    if t.state == "closed":
        p.rect(2, 6, 36, 16, dark(c, 0.35), 3)
        p.round(2, 6, 36, 16)
        p.oval(14, 0, 24, 8, dark(c, 0.35))
    else:
        p.rect(3, 8, 35, 18, c)
        p.oval(3, 0, 35, 16, light(c, 0.4))
        p.oval(6, 3, 32, 14, (30, 26, 28))


@draws("candle")
def candle(p, t):
    c = p.colour
    p.oval(0, 49, 26, 58, STEEL)
    p.rect(4, 18, 22, 54, c)
    p.round(4, 18, 22, 54)
    p.oval(4, 15, 22, 21, light(c, 0.45))
    p.line([(13, 18), (13, 12)], DARK, 1.5)
    p.poly([(13, 0), (18, 9), (16, 15), (10, 15), (8, 9)], (250, 176, 40))
    p.oval(10.5, 7, 15.5, 15, (255, 238, 150))


@draws("vase")
def vase(p, t):
    c = p.colour
    p.oval(0, 16, 38, 56, c)
    p.rect(11, 4, 27, 24, c)
    p.rect(9, 52, 29, 60, dark(c, 0.2), 2)
    p.pattern(t.look, 0, 24, 38, 52)
    p.round(0, 4, 38, 60)
    p.oval(7, 0, 31, 8, light(c, 0.35))
    p.oval(10, 1.5, 28, 6.5, dark(c, 0.6))


@draws("toaster")
def toaster(p, t):
    c = p.colour
    for x in (10, 33):
        p.rect(x, 0, x + 17, 18, (206, 150, 84), 4)
        p.ink("rectangle", (x + 3, 3, x + 14, 18), (236, 196, 134))
    p.rect(0, 10, 60, 44, c, 9)
    p.fade(0, 10, 60, 44, 1.3)
    p.ink("rectangle", (5, 14, 55, 16), light(c, 0.45))
    p.ink("rectangle", (8, 11, 29, 13), (30, 30, 34))
    p.ink("rectangle", (31, 11, 52, 13), (30, 30, 34))
    p.rect(58, 20, 64, 27, DARK, 1)
    p.oval(40, 28, 50, 38, light(c, 0.55))
    p.rect(7, 43, 15, 46, DARK)
    p.rect(45, 43, 53, 46, DARK)


@draws("microwave")
def microwave(p, t):
    c = p.colour
    p.rect(0 if t.state == "closed" else 12, 0, 88, 52, c, 3)
    p.fade(12, 0, 88, 52)
    p.ink("rectangle", (66, 6, 82, 13), (36, 60, 50))
    p.ink("rectangle", (70, 8, 78, 11), (130, 240, 150))
    for row in range(4):
        for column in range(3):
            p.ink(
                "rectangle",
                (66 + 6 * column, 18 + 7 * row, 70 + 6 * column, 22 + 7 * row),
                mix(c, (110, 112, 118), 0.7),
            )
    if t.state == "closed":
        p.ink("rectangle", (6, 7, 57, 45), (52, 56, 64))
        p.ink("rectangle", (10, 11, 53, 41), (34, 36, 44))
        p.ink("polygon", [(14, 11), (24, 11), (14, 34)], (70, 76, 86))
        p.ink("rectangle", (59, 8, 62, 44), light(c, 0.2) if sum(c) < 500 else dark(c, 0.3))
    else:
        p.ink("rectangle", (18, 6, 61, 46), (250, 228, 160))
        p.ink("rectangle", (22, 10, 57, 34), (255, 242, 196))
        p.ink("ellipse", (24, 34, 57, 43), (214, 226, 232))
        p.poly([(18, 3), (0, 0), (0, 54), (18, 49)], dark(c, 0.2) if sum(c) > 200 else light(c, 0.2))
        p.ink("polygon", [(14, 9), (4, 7), (4, 46), (14, 42)], (44, 48, 56))
    p.rect(16, 51, 26, 54, DARK)
    p.rect(70, 51, 80, 54, DARK)
