"""How each kind of thing is drawn. Every drawer fills a sprite of `w` x `h` pixels, standing on its lower edge."""

from collections.abc import Callable

from PIL import ImageDraw

RGB = tuple[int, int, int]
Drawer = Callable[[ImageDraw.ImageDraw, int, int, RGB, str | None], None]

INK = (38, 36, 40)
_METAL = (150, 152, 158)
_WOOD = (122, 84, 50)
_PAPER = (250, 246, 232)
_GLASS = (206, 226, 236)

DRAWERS: dict[str, Drawer] = {}


def _thing(drawer: Drawer) -> Drawer:
    DRAWERS[drawer.__name__.strip("_")] = drawer
    return drawer


def _points(w: int, h: int, *pairs: tuple[float, float]) -> list[tuple[float, float]]:
    return [(x * (w - 1), y * (h - 1)) for x, y in pairs]


def _box(w: int, h: int, x0: float, y0: float, x1: float, y1: float) -> list[float]:
    return [x0 * (w - 1), y0 * (h - 1), x1 * (w - 1), y1 * (h - 1)]


def _line(h: int) -> int:
    return max(2, h // 36)


def _dark(colour: RGB) -> RGB:
    return tuple(round(channel * 0.68) for channel in colour)


@_thing
def mug(draw, w, h, colour, state):
    draw.ellipse(_box(w, h, 0.52, 0.38, 0.99, 0.84), outline=INK, width=_line(h) * 4)
    draw.ellipse(_box(w, h, 0.55, 0.41, 0.96, 0.81), outline=colour, width=_line(h) * 2)
    draw.rounded_rectangle(_box(w, h, 0.06, 0.22, 0.74, 0.99), h // 9, fill=colour, outline=INK, width=_line(h))
    draw.ellipse(_box(w, h, 0.06, 0.14, 0.74, 0.34), fill=_dark(colour), outline=INK, width=_line(h))


@_thing
def bowl(draw, w, h, colour, state):
    draw.pieslice(_box(w, h, 0.0, 0.02, 1.0, 1.1), 0, 180, fill=colour, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.32, 0.92, 0.68, 0.99), fill=_dark(colour), outline=INK, width=_line(h))
    draw.ellipse(_box(w, h, 0.0, 0.44, 1.0, 0.68), fill=_dark(colour), outline=INK, width=_line(h))


@_thing
def lamp(draw, w, h, colour, state):
    draw.rectangle(_box(w, h, 0.46, 0.5, 0.54, 0.94), fill=_METAL, outline=INK)
    draw.ellipse(_box(w, h, 0.26, 0.9, 0.74, 0.99), fill=_METAL, outline=INK, width=_line(h))
    if state == "on":
        draw.polygon(_points(w, h, (0.14, 0.5), (0.86, 0.5), (1.0, 0.88), (0.0, 0.88)), fill=(255, 236, 130))
        draw.rectangle(_box(w, h, 0.46, 0.5, 0.54, 0.94), fill=_METAL, outline=INK)
    draw.polygon(
        _points(w, h, (0.3, 0.04), (0.7, 0.04), (0.94, 0.5), (0.06, 0.5)), fill=colour, outline=INK, width=_line(h)
    )


@_thing
def clock(draw, w, h, colour, state):
    draw.ellipse(_box(w, h, 0.04, 0.08, 0.96, 0.98), fill=colour, outline=INK, width=_line(h))
    draw.ellipse(_box(w, h, 0.2, 0.23, 0.8, 0.83), fill=_PAPER, outline=INK, width=_line(h))
    draw.line(_points(w, h, (0.5, 0.53), (0.5, 0.3)), fill=INK, width=_line(h) * 2)
    draw.line(_points(w, h, (0.5, 0.53), (0.68, 0.6)), fill=INK, width=_line(h) * 2)


@_thing
def laptop(draw, w, h, colour, state):
    if state == "open":
        draw.rounded_rectangle(_box(w, h, 0.08, 0.18, 0.92, 0.84), h // 20, fill=colour, outline=INK, width=_line(h))
        draw.rectangle(_box(w, h, 0.17, 0.27, 0.83, 0.75), fill=(30, 44, 66))
        for row in (0.36, 0.48, 0.6):
            draw.line(_points(w, h, (0.23, row), (0.62, row)), fill=(150, 205, 235), width=_line(h))
        draw.polygon(
            _points(w, h, (0.08, 0.84), (0.92, 0.84), (1.0, 0.98), (0.0, 0.98)),
            fill=_dark(colour),
            outline=INK,
            width=_line(h),
        )
    else:
        draw.rounded_rectangle(_box(w, h, 0.0, 0.76, 1.0, 0.98), h // 24, fill=colour, outline=INK, width=_line(h))
        draw.line(_points(w, h, (0.02, 0.88), (0.98, 0.88)), fill=INK, width=_line(h))


@_thing
def cushion(draw, w, h, colour, state):
    corners = _points(w, h, (0.02, 0.3), (0.5, 0.38), (0.98, 0.3), (0.9, 0.65), (0.98, 0.99), (0.5, 0.93), (0.02, 0.99))
    draw.polygon([*corners, *_points(w, h, (0.1, 0.65))], fill=colour, outline=INK, width=_line(h))
    draw.ellipse(_box(w, h, 0.45, 0.6, 0.55, 0.7), fill=_dark(colour), outline=INK)


@_thing
def book(draw, w, h, colour, state):
    draw.rectangle(_box(w, h, 0.26, 0.06, 0.86, 0.99), fill=_PAPER, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.16, 0.06, 0.74, 0.99), fill=colour, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.28, 0.2, 0.64, 0.36), fill=_PAPER, outline=INK)
    draw.line(_points(w, h, (0.22, 0.06), (0.22, 0.99)), fill=_dark(colour), width=_line(h) * 2)


@_thing
def teapot(draw, w, h, colour, state):
    draw.arc(_box(w, h, 0.68, 0.4, 1.0, 0.84), 250, 110, fill=INK, width=_line(h) * 3)
    draw.polygon(_points(w, h, (0.0, 0.36), (0.1, 0.32), (0.32, 0.7), (0.28, 0.86)), fill=colour, outline=INK)
    draw.ellipse(_box(w, h, 0.16, 0.34, 0.84, 0.99), fill=colour, outline=INK, width=_line(h))
    draw.ellipse(_box(w, h, 0.32, 0.28, 0.68, 0.44), fill=_dark(colour), outline=INK, width=_line(h))
    draw.ellipse(_box(w, h, 0.45, 0.18, 0.55, 0.3), fill=_dark(colour), outline=INK)


@_thing
def car(draw, w, h, colour, state):
    draw.polygon(
        _points(w, h, (0.2, 0.56), (0.32, 0.3), (0.7, 0.3), (0.86, 0.56)), fill=_GLASS, outline=INK, width=_line(h)
    )
    draw.line(_points(w, h, (0.5, 0.3), (0.5, 0.56)), fill=INK, width=_line(h))
    draw.rounded_rectangle(_box(w, h, 0.0, 0.54, 1.0, 0.86), h // 10, fill=colour, outline=INK, width=_line(h))
    for x in (0.14, 0.64):
        draw.ellipse(_box(w, h, x, 0.74, x + 0.24, 0.99), fill=INK)
        draw.ellipse(_box(w, h, x + 0.08, 0.83, x + 0.16, 0.91), fill=_METAL)


@_thing
def bicycle(draw, w, h, colour, state):
    for x in (0.0, 0.6):
        draw.ellipse(_box(w, h, x, 0.56, x + 0.4, 0.99), outline=INK, width=_line(h) * 2)
    frame = _points(w, h, (0.2, 0.78), (0.36, 0.44), (0.7, 0.44), (0.48, 0.78), (0.2, 0.78))
    draw.line(frame, fill=colour, width=_line(h) * 4)
    draw.line(_points(w, h, (0.36, 0.44), (0.48, 0.78)), fill=colour, width=_line(h) * 4)
    draw.line(_points(w, h, (0.8, 0.78), (0.68, 0.3)), fill=colour, width=_line(h) * 4)
    draw.line(_points(w, h, (0.6, 0.28), (0.8, 0.28)), fill=INK, width=_line(h) * 2)
    draw.line(_points(w, h, (0.26, 0.38), (0.44, 0.38)), fill=INK, width=_line(h) * 3)


@_thing
def cone(draw, w, h, colour, state):
    draw.polygon(
        _points(w, h, (0.44, 0.04), (0.56, 0.04), (0.86, 0.88), (0.14, 0.88)), fill=colour, outline=INK, width=_line(h)
    )
    draw.polygon(_points(w, h, (0.34, 0.34), (0.66, 0.34), (0.73, 0.54), (0.27, 0.54)), fill=_PAPER, outline=INK)
    draw.rectangle(_box(w, h, 0.02, 0.87, 0.98, 0.98), fill=colour, outline=INK, width=_line(h))


@_thing
def hydrant(draw, w, h, colour, state):
    draw.rectangle(_box(w, h, 0.3, 0.26, 0.7, 0.92), fill=colour, outline=INK, width=_line(h))
    draw.pieslice(_box(w, h, 0.26, 0.04, 0.74, 0.5), 180, 360, fill=colour, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.2, 0.88, 0.8, 0.99), fill=_dark(colour), outline=INK, width=_line(h))
    for x in (0.1, 0.7):
        draw.rectangle(_box(w, h, x, 0.44, x + 0.2, 0.64), fill=_METAL, outline=INK, width=_line(h))
    draw.ellipse(_box(w, h, 0.4, 0.48, 0.6, 0.66), fill=_METAL, outline=INK, width=_line(h))


@_thing
def bench(draw, w, h, colour, state):
    for y in (0.3, 0.44):
        draw.rectangle(_box(w, h, 0.02, y, 0.98, y + 0.1), fill=colour, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.0, 0.64, 1.0, 0.75), fill=colour, outline=INK, width=_line(h))
    for x in (0.1, 0.8):
        draw.rectangle(_box(w, h, x, 0.3, x + 0.08, 0.99), fill=_METAL, outline=INK)


@_thing
def bin_(draw, w, h, colour, state):
    draw.polygon(
        _points(w, h, (0.14, 0.24), (0.86, 0.24), (0.76, 0.98), (0.24, 0.98)), fill=colour, outline=INK, width=_line(h)
    )
    for x in (0.36, 0.5, 0.64):
        draw.line(_points(w, h, (x, 0.34), (0.5 + (x - 0.5) * 0.7, 0.9)), fill=_dark(colour), width=_line(h) * 2)
    draw.rounded_rectangle(_box(w, h, 0.06, 0.12, 0.94, 0.26), h // 20, fill=_dark(colour), outline=INK, width=_line(h))


@_thing
def sign(draw, w, h, colour, state):
    draw.rectangle(_box(w, h, 0.46, 0.5, 0.54, 0.99), fill=_METAL, outline=INK)
    octagon = [
        (0.34, 0.02),
        (0.66, 0.02),
        (0.88, 0.2),
        (0.88, 0.44),
        (0.66, 0.62),
        (0.34, 0.62),
        (0.12, 0.44),
        (0.12, 0.2),
    ]
    draw.polygon(_points(w, h, *octagon), fill=colour, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.26, 0.26, 0.74, 0.38), fill=_PAPER, outline=INK)


@_thing
def ball(draw, w, h, colour, state):
    draw.ellipse(_box(w, h, 0.1, 0.2, 0.9, 0.99), fill=colour, outline=INK, width=_line(h))
    draw.arc(_box(w, h, -0.3, 0.2, 0.5, 0.99), 300, 60, fill=INK, width=_line(h))
    draw.arc(_box(w, h, 0.5, 0.2, 1.3, 0.99), 120, 240, fill=INK, width=_line(h))


@_thing
def box(draw, w, h, colour, state):
    top = 0.42 if state == "open" else 0.3
    if state == "open":
        draw.polygon(
            _points(w, h, (0.1, top), (0.0, 0.14), (0.22, 0.14), (0.36, top)),
            fill=_dark(colour),
            outline=INK,
            width=_line(h),
        )
        draw.polygon(
            _points(w, h, (0.9, top), (1.0, 0.14), (0.78, 0.14), (0.64, top)),
            fill=_dark(colour),
            outline=INK,
            width=_line(h),
        )
        draw.rectangle(_box(w, h, 0.3, 0.3, 0.7, top), fill=INK)
    draw.rectangle(_box(w, h, 0.08, top, 0.92, 0.99), fill=colour, outline=INK, width=_line(h))
    if state != "open":
        draw.rectangle(_box(w, h, 0.42, top, 0.58, 0.6), fill=_WOOD, outline=INK)


@_thing
def bottle(draw, w, h, colour, state):
    draw.rectangle(_box(w, h, 0.41, 0.02, 0.59, 0.12), fill=_WOOD, outline=INK)
    draw.rectangle(_box(w, h, 0.42, 0.12, 0.58, 0.36), fill=colour, outline=INK, width=_line(h))
    draw.rounded_rectangle(_box(w, h, 0.26, 0.32, 0.74, 0.99), h // 8, fill=colour, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.28, 0.56, 0.72, 0.78), fill=_PAPER, outline=INK)


@_thing
def flowerpot(draw, w, h, colour, state):
    for leaf in ((0.3, 0.02, 0.7, 0.6), (0.02, 0.16, 0.5, 0.56), (0.5, 0.16, 0.98, 0.56)):
        draw.ellipse(_box(w, h, *leaf), fill=(76, 140, 70), outline=(34, 78, 40), width=_line(h))
    draw.polygon(
        _points(w, h, (0.16, 0.52), (0.84, 0.52), (0.72, 0.99), (0.28, 0.99)), fill=colour, outline=INK, width=_line(h)
    )


@_thing
def chair(draw, w, h, colour, state):
    draw.rectangle(_box(w, h, 0.16, 0.04, 0.3, 0.99), fill=_WOOD, outline=INK)
    draw.rectangle(_box(w, h, 0.74, 0.6, 0.86, 0.99), fill=_WOOD, outline=INK)
    draw.rectangle(_box(w, h, 0.14, 0.04, 0.34, 0.56), fill=colour, outline=INK, width=_line(h))
    draw.rectangle(_box(w, h, 0.14, 0.52, 0.9, 0.68), fill=colour, outline=INK, width=_line(h))
