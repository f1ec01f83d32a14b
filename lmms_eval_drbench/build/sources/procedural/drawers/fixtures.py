"""Appliances, sanitary ware, doors, windows and paintings."""

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, GLASS, STEEL, WATER, WOOD, dark, light, mix


def _sky(p, x0, y0, x1, y1):
    """A view: sky, clouds and hills."""
    w, h = x1 - x0, y1 - y0
    for index in range(6):
        p.ink("rectangle", (x0, y0 + h * index / 6, x1, y1), mix((126, 190, 240), (226, 240, 250), index / 5))
    for x, y, s in ((0.12, 0.2, 0.3), (0.56, 0.12, 0.34)):
        p.ink("ellipse", (x0 + x * w, y0 + y * h, x0 + (x + s) * w, y0 + (y + 0.16) * h), (255, 255, 255))
        p.ink(
            "ellipse",
            (x0 + (x + 0.08) * w, y0 + (y - 0.06) * h, x0 + (x + 0.22) * w, y0 + (y + 0.12) * h),
            (255, 255, 255),
        )
    p.ink(
        "polygon",
        [
            (x0, y1),
            (x0, y0 + 0.66 * h),
            (x0 + 0.4 * w, y0 + 0.56 * h),
            (x0 + 0.7 * w, y0 + 0.72 * h),
            (x1, y0 + 0.6 * h),
            (x1, y1),
        ],
        (128, 178, 120),
    )
    p.ink(
        "polygon",
        [(x0, y1), (x0, y0 + 0.86 * h), (x0 + 0.5 * w, y0 + 0.72 * h), (x1, y0 + 0.88 * h), (x1, y1)],
        (96, 156, 96),
    )


@draws("window")
def window(p, t):
    c = WOOD if t.colour == "brown" else p.colour
    p.rect(2, 0, 94, 98, c)
    p.rect(0, 96, 96, 104, light(c, 0.2) if sum(c) < 600 else dark(c, 0.1), 1)
    _sky(p, 8, 6, 88, 92)
    if t.flaw:
        hole = [
            (30, 30),
            (44, 22),
            (50, 36),
            (66, 26),
            (62, 44),
            (78, 52),
            (62, 60),
            (64, 78),
            (48, 66),
            (34, 80),
            (34, 60),
            (18, 54),
            (32, 46),
        ]
        p.ink("polygon", hole, (26, 34, 52))
        for (x, y), (ex, ey) in zip(
            hole[::2], ((14, 10), (56, 8), (86, 50), (84, 90), (40, 91), (10, 70), (10, 40)), strict=False
        ):
            p.ink("line", [(x, y), (ex, ey)], (250, 252, 255))
        p.ink("line", [*hole, hole[0]], (250, 252, 255))
        return
    if t.state == "open":
        for x0, x1 in ((8, 26), (88, 70)):
            p.ink("polygon", [(x0, 6), (x1, 14), (x1, 84), (x0, 92)], c)
            step = 4 if x1 > x0 else -4
            p.ink("polygon", [(x0 + step, 14), (x1 - step, 19), (x1 - step, 79), (x0 + step, 84)], GLASS)
            p.ink("line", [(x1, 14), (x1, 84)], dark(c, 0.4))
        return
    p.ink("rectangle", (45, 6, 51, 92), c)
    p.ink("rectangle", (8, 44, 88, 49), c)
    for x in (8, 51):
        p.ink("polygon", [(x + 8, 86), (x + 16, 70), (x + 20, 70), (x + 12, 86)], (206, 228, 244))
    p.ink("ellipse", (46, 52, 50, 60), STEEL)


@draws("painting")
def painting(p, t):
    p.rect(0, 0, 70, 56, (170, 130, 66), 1)
    p.ink("rectangle", (3, 3, 67, 53), (206, 170, 96))
    p.ink("rectangle", (7, 7, 63, 49), (252, 220, 176))
    p.ink("ellipse", (40, 12, 54, 26), (246, 122, 70))
    p.ink("polygon", [(7, 49), (7, 36), (22, 19), (36, 37), (46, 28), (63, 42), (63, 49)], (96, 104, 150))
    p.ink("polygon", [(7, 49), (7, 43), (34, 38), (63, 46), (63, 49)], (70, 128, 120))


@draws("door")
def door(p, t):
    c = WOOD if t.colour == "brown" else p.colour
    p.rect(0, 0, 86, 214, mix(c, (236, 232, 224), 0.45))
    if t.state == "open":
        p.ink("rectangle", (7, 7, 79, 214), (48, 54, 72))
        p.ink("rectangle", (38, 7, 79, 170), (82, 90, 112))
        p.ink("polygon", [(38, 170), (79, 170), (79, 214), (7, 214)], (120, 110, 100))
        p.ink("polygon", [(7, 7), (46, 20), (46, 204), (7, 214)], c)
        p.ink("polygon", [(13, 22), (40, 30), (40, 98), (13, 98)], dark(c, 0.18))
        p.ink("polygon", [(13, 112), (40, 110), (40, 188), (13, 196)], dark(c, 0.18))
        p.ink("line", [(46, 20), (46, 204)], dark(c, 0.5))
        p.oval(38, 106, 45, 114, (230, 200, 110))
        return
    p.ink("rectangle", (7, 7, 79, 214), c)
    if t.look == "wooden":
        p.grain(7, 7, 79, 213, c)
    for y0, y1 in ((18, 96), (112, 200)):
        p.ink("rectangle", (17, y0, 69, y1), dark(c, 0.2))
        p.ink("rectangle", (19, y0 + 3, 69, y1), light(c, 0.12))
        p.ink("rectangle", (21, y0 + 4, 66, y1 - 3), c)
        if t.look == "wooden":
            p.grain(21, y0 + 4, 66, y1 - 3, c)
    p.oval(66, 102, 75, 111, (230, 200, 110))


@draws("refrigerator")
def refrigerator(p, t):
    c = p.colour
    p.rect(0, 0, 94, 218, c, 5)
    for x in (6, 76):
        p.rect(x, 216, x + 12, 222, DARK)
    p.round(0, 0, 94, 218, 0.7)
    edge = dark(c, 0.35)
    p.ink("rectangle", (0, 72, 94, 75), edge)
    p.rect(80, 26, 86, 62, STEEL if t.colour != "gray" else DARK, 2)
    if t.state == "closed":
        p.rect(80, 86, 86, 146, STEEL if t.colour != "gray" else DARK, 2)
        p.ink("rectangle", (14, 14, 36, 20), edge)
        return
    p.ink("rectangle", (5, 80, 90, 212), (255, 250, 226))
    for y in (112, 146, 180):
        p.ink("rectangle", (5, y, 90, y + 3), (170, 196, 210))
    foods = (
        ((12, 92, 24, 112), (240, 240, 240)),
        ((30, 98, 48, 112), (222, 70, 56)),
        ((60, 90, 70, 112), (84, 160, 76)),
    )
    foods += (
        ((14, 128, 44, 146), (244, 200, 70)),
        ((56, 132, 80, 146), (150, 92, 168)),
        ((20, 164, 60, 180), (110, 172, 84)),
    )
    for where, ink in (*foods, ((66, 158, 78, 180), (70, 120, 200))):
        p.ink("rectangle", where, ink)
    p.poly([(92, 76), (156, 64), (156, 222), (92, 214)], c)
    p.ink("polygon", [(98, 84), (150, 74), (150, 212), (98, 206)], (246, 248, 250))
    for y in (112, 152, 190):
        p.ink("polygon", [(98, y), (150, y + 1), (150, y + 9), (98, y + 8)], (170, 196, 210))
    for x, y, ink in (
        (106, 96, (230, 120, 50)),
        (126, 94, (90, 150, 210)),
        (112, 134, (240, 240, 236)),
        (130, 132, (90, 160, 80)),
    ):
        p.ink("rectangle", (x, y, x + 10, y + 18), ink)


@draws("oven")
def oven(p, t):
    c = p.colour
    p.rect(0, 12, 78, 106, c, 2)
    p.fade(0, 12, 78, 106)
    p.poly([(6, 0), (72, 0), (78, 14), (0, 14)], (62, 64, 72))
    for x, y in ((14, 2), (46, 2), (10, 8), (48, 8)):
        p.ink("ellipse", (x, y, x + 20, y + 5), (24, 24, 28))
    p.ink("rectangle", (0, 14, 78, 30), dark(c, 0.15) if sum(c) > 200 else light(c, 0.14))
    for x in (8, 24, 46, 62):
        p.oval(x, 17, x + 10, 27, DARK if sum(c) > 200 else STEEL)
    p.rect(10, 35, 68, 39, STEEL if t.colour != "gray" else DARK, 2)
    if t.state == "on":
        p.ink("rectangle", (10, 44, 68, 88), (196, 74, 20))
        p.ink("rectangle", (13, 47, 65, 85), (250, 146, 40))
        p.ink("ellipse", (20, 56, 58, 92), (255, 214, 110))
        p.ink("rectangle", (13, 74, 65, 76), (120, 50, 20))
        p.ink("ellipse", (26, 62, 52, 76), (150, 90, 40))
    else:
        p.ink("rectangle", (10, 44, 68, 88), (40, 42, 48))
        p.ink("polygon", [(16, 44), (34, 44), (14, 84), (10, 84), (10, 62)], (70, 74, 82))
    p.ink("line", [(2, 94), (76, 94)], dark(c, 0.35) if sum(c) > 200 else light(c, 0.3))


@draws("sink")
def sink(p, t):
    c = p.colour
    p.poly([(36, 74), (60, 74), (64, 132), (32, 132)], dark(c, 0.06))
    p.round(32, 70, 64, 132)
    p.bowl(0, 44, 96, 88, c)
    p.round(0, 44, 96, 88, 0.7)
    p.rect(0, 38, 96, 52, light(c, 0.5), 5)
    p.oval(10, 38, 86, 52, (206, 216, 224))
    p.rect(45, 6, 51, 40, STEEL)
    p.arc(45, 0, 69, 24, 180, 360, STEEL, 6)
    p.rect(63, 11, 69, 20, STEEL)
    p.rect(34, 32, 43, 38, STEEL, 2)
    p.rect(53, 32, 62, 38, STEEL, 2)
    if t.flaw:
        p.oval(8, 36, 88, 52, WATER)
        p.rect(63, 20, 69, 44, light(WATER, 0.3))
        for x, w, y in ((5, 7, 122), (22, 4, 96), (84, 7, 124)):
            p.rect(x, 46, x + w, y, light(WATER, 0.12), 4)
            p.ink("rectangle", (x + 1, 50, x + 2.5, y - 6), light(WATER, 0.6))
        p.oval(0, 119, 96, 132, WATER)
        p.oval(16, 121, 60, 127, light(WATER, 0.35))


@draws("toilet")
def toilet(p, t):
    c = p.colour
    top = p.h - 116
    p.rect(7, top, 67, top + 58, c, 5)
    p.round(7, top, 67, top + 58, 0.5)
    p.rect(4, top, 70, top + 9, light(c, 0.35), 3)
    p.ink("rectangle", (12, top + 14, 22, top + 18), STEEL)
    p.rect(22, p.h - 40, 52, p.h, dark(c, 0.08), 4)
    p.oval(16, p.h - 12, 58, p.h, dark(c, 0.1))
    p.bowl(2, p.h - 60, 72, p.h - 16, c)
    p.round(0, p.h - 60, 74, p.h - 10, 0.7)
    if t.state == "open":
        p.oval(9, 0, 65, 74, light(c, 0.3))
        p.oval(12, 3, 62, 70, dark(c, 0.1))
        p.oval(0, p.h - 72, 74, p.h - 46, light(c, 0.4))
        p.oval(12, p.h - 68, 62, p.h - 51, dark(c, 0.5))
        p.oval(20, p.h - 63, 54, p.h - 52, (120, 180, 214))
    else:
        p.oval(0, p.h - 72, 74, p.h - 46, dark(c, 0.16))
        p.oval(0, p.h - 74, 74, p.h - 51, light(c, 0.4))


@draws("bathtub")
def bathtub(p, t):
    c = p.colour
    for x in (24, 152):
        p.rect(x, 74, x + 16, 88, STEEL, 4)
    p.poly([(8, 26), (184, 26), (166, 80), (26, 80)], c)
    p.rect(24, 60, 168, 81, c, 10)
    p.round(8, 20, 184, 82, 0.8)
    p.rect(0, 14, 192, 30, light(c, 0.45), 7)
    p.oval(12, 14, 180, 28, (200, 212, 222))
    p.rect(18, 3, 24, 20, STEEL)
    p.arc(18, 0, 40, 22, 180, 360, STEEL, 5)
    if t.flaw:
        p.oval(10, 11, 182, 28, WATER)
        p.rect(35, 8, 40, 18, light(WATER, 0.3))
        for x, w in ((10, 9), (62, 6), (122, 9), (174, 8)):
            p.rect(x, 22, x + w, 84, light(WATER, 0.12), 5)
            p.ink("rectangle", (x + 1.5, 28, x + 3.5, 74), light(WATER, 0.6))
        p.oval(0, 76, 192, 88, WATER)
        p.oval(30, 78, 120, 84, light(WATER, 0.35))
