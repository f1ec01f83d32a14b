"""Dogs, cats and birds."""

from lmms_eval_drbench.build.sources.procedural.drawers import draws
from lmms_eval_drbench.build.sources.procedural.pen import DARK, PAPER, dark, light


@draws("dog")
def dog(p, t):
    c = p.colour
    shade = dark(c, 0.2) if sum(c) > 200 else light(c, 0.12)
    p.line([(14, 32), (6, 22), (3, 13)], c, 6)
    p.rect(0, 10, 6, 17, c, 3)
    for x in (24, 60):
        p.rect(x, 40, x + 8, 63, shade, 3)
    p.oval(10, 23, 46, 52, c)
    p.rect(22, 24, 66, 49, c, 10)
    p.oval(46, 20, 72, 52, c)
    p.poly([(54, 30), (60, 10), (76, 24), (68, 42)], c)
    for x in (14, 54):
        p.rect(x, 40, x + 9, 66, c, 3)
    p.oval(54, 0, 79, 26, c)
    p.rect(66, 12, 86, 25, c, 6)
    p.sheen(6, 4, 84, 64, 0.4)
    p.oval(52, 3, 63, 27, dark(c, 0.4) if sum(c) > 200 else light(c, 0.25))
    p.oval(80, 11, 86, 17, (24, 22, 24))
    p.oval(69, 7, 73, 12, (24, 22, 24) if sum(c) > 200 else PAPER)
    p.rect(53, 27, 68, 31, (206, 50, 46), 2)
    p.ink("line", [(76, 21), (84, 21)], dark(c, 0.55))


@draws("cat")
def cat(p, t):
    c = p.colour
    shade = dark(c, 0.22) if sum(c) > 200 else light(c, 0.14)
    p.arc(22, 30, 56, 60, -80, 120, shade, 6)
    p.line([(54, 46), (53, 38)], shade, 5)
    p.oval(8, 24, 46, 62, c)
    p.poly([(4, 0), (16, 6), (5, 18)], c)
    p.poly([(36, 0), (24, 6), (36, 18)], c)
    p.ink("polygon", [(6, 3), (12, 7), (7, 12)], (238, 160, 160))
    p.ink("polygon", [(34, 3), (28, 7), (33, 12)], (238, 160, 160))
    p.oval(0, 4, 40, 35, c)
    p.sheen(0, 4, 46, 62, 0.5)
    if t.colour in ("orange", "gray"):
        for x in (15, 20, 25):
            p.ink("line", [(x, 6), (x, 12)], dark(c, 0.4))
        for y in (40, 46, 52):
            p.ink("line", [(36, y), (44, y + 1)], dark(c, 0.35))
    for x in (9, 25):
        p.oval(x, 14, x + 7, 22, (188, 220, 90))
        p.oval(x + 2.2, 14.5, x + 4.8, 21.5, (20, 22, 20))
    p.poly([(17.5, 23), (22.5, 23), (20, 27)], (230, 120, 130))
    ink = dark(c, 0.6) if sum(c) > 200 else light(c, 0.6)
    for y in (24, 28):
        p.ink("line", [(4, y + 1), (13, y)], ink)
        p.ink("line", [(27, y), (36, y + 1)], ink)
    for x in (13, 26):
        p.rect(x, 46, x + 9, 62, light(c, 0.12), 4)


@draws("bird")
def bird(p, t):
    c = p.colour
    p.line([(19, 28), (17, 36.5)], (214, 130, 50), 2)
    p.line([(26, 28), (26, 36.5)], (214, 130, 50), 2)
    p.rect(15, 36, 29, 38, (214, 130, 50))
    p.poly([(0, 28), (2, 20), (16, 14), (22, 28)], dark(c, 0.25))
    p.oval(6, 9, 40, 33, c)
    p.oval(24, 0, 43, 19, c)
    p.sheen(6, 0, 43, 33, 0.6)
    p.oval(8, 13, 29, 28, dark(c, 0.3))
    p.poly([(41, 7), (46, 10.5), (41, 14)], (240, 160, 50))
    p.oval(34, 5, 38, 9.5, PAPER)
    p.oval(35.2, 6, 37.5, 8.6, DARK)
