"""A drawing made of lines, discs, boxes and words, as SVG (for the page, or alone) or as PNG.

Colours are roles. Within the page a role is a CSS variable, so that a drawing follows the page's light and dark; alone,
it is a fixed colour on white. Coordinates are in pixels from the top left.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from PIL import Image, ImageDraw, ImageFont

COLORS = {
    "paper": "#ffffff",
    "ink": "#1d2430",
    "muted": "#667085",
    "grid": "#e4e7ec",
    "band": "#f2f4f7",
    "good": "#2f7d4f",
    "bad": "#b4442f",
    "s0": "#667085",
    "s1": "#2563a8",
    "s2": "#c4601d",
    "s3": "#2f7d4f",
    "s4": "#7a4fa3",
    "s5": "#a88414",
}
"""Role → colour on white paper. s0 to s5 are the runs', distinguishable without red and green."""
SERIES = 6
MARGIN = 12
"""Pixels of paper around a drawing that stands alone."""
_FONTS = ("DejaVuSans.ttf", "Arial.ttf", "LiberationSans-Regular.ttf")
_BOLD_FONTS = ("DejaVuSans-Bold.ttf", "Arial Bold.ttf", "LiberationSans-Bold.ttf")


@dataclass(frozen=True)
class Shape:
    """One mark. kind: line (points), disc (points[0], size is its radius), box (two corners), text (at points[0]).

    filled: a disc or box of its colour, else of paper with a border of its colour. anchor: start, middle or end.
    """

    kind: str
    points: tuple[tuple[float, float], ...]
    role: str = "ink"
    size: float = 1.0
    filled: bool = True
    text: str = ""
    anchor: str = "start"
    bold: bool = False
    dashed: bool = False


@dataclass
class Canvas:
    """A drawing of a width and height in pixels; title is what a screen reader says."""

    width: int
    height: int
    title: str
    shapes: list[Shape] = field(default_factory=list)

    def line(self, points: Sequence[tuple[float, float]], role: str, size: float = 1.0, dashed: bool = False) -> None:
        self.shapes.append(Shape("line", tuple(points), role, size, dashed=dashed))

    def disc(self, x: float, y: float, radius: float, role: str, filled: bool = True) -> None:
        self.shapes.append(Shape("disc", ((x, y),), role, radius, filled))

    def box(self, x: float, y: float, width: float, height: float, role: str) -> None:
        self.shapes.append(Shape("box", ((x, y), (x + width, y + height)), role))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        role: str = "ink",
        size: float = 12,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Words whose baseline is at y."""
        self.shapes.append(Shape("text", ((x, y),), role, size, text=text, anchor=anchor, bold=bold))

    def svg(self, themed: bool = False) -> str:
        """themed: roles as the page's CSS variables, and neither size nor margin of its own."""
        color = (lambda role: f"var(--{role})") if themed else COLORS.__getitem__
        margin = 0 if themed else MARGIN
        width, height = self.width + 2 * margin, self.height + 2 * margin
        size = "" if themed else f' width="{width}" height="{height}"'
        box = f"{-margin} {-margin} {width} {height}"
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"{size} role="img"'
        font = "inherit" if themed else "'DejaVu Sans', Arial, sans-serif"
        parts = [f'{head} font-family="{font}">', f"<title>{_xml(self.title)}</title>"]
        if not themed:
            at = f'x="{-margin}" y="{-margin}" width="{width}" height="{height}"'
            parts.append(f'<rect {at} fill="{COLORS["paper"]}"/>')
        parts += [_svg_shape(shape, color(shape.role), color("paper")) for shape in self.shapes]
        return "\n".join([*parts, "</svg>"])

    def png(self, scale: int = 3) -> bytes:
        """The same on white paper, `scale` times as large."""
        over = 2  # drawn larger and shrunk: Pillow's lines and discs have no smooth edges
        width, height = (self.width + 2 * MARGIN) * scale, (self.height + 2 * MARGIN) * scale
        image = Image.new("RGB", (width * over, height * over), COLORS["paper"])
        draw = ImageDraw.Draw(image)
        for shape in self.shapes:
            _draw_shape(draw, shape, scale * over)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        image.save(stream, "PNG", dpi=(96 * scale, 96 * scale))
        return stream.getvalue()


def _svg_shape(shape: Shape, color: str, paper: str) -> str:
    (x, y), *_ = shape.points
    if shape.kind == "line":
        points = " ".join(f"{px:.1f},{py:.1f}" for px, py in shape.points)
        dash = ' stroke-dasharray="3 3"' if shape.dashed else ""
        style = f"fill:none;stroke:{color};stroke-width:{shape.size:g}"
        return f'<polyline points="{points}" style="{style}" stroke-linejoin="round"{dash}/>'
    if shape.kind == "disc":
        fill = color if shape.filled else paper
        style = f"fill:{fill};stroke:{color};stroke-width:1.6"
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.size:g}" style="{style}"/>'
    if shape.kind == "box":
        right, bottom = shape.points[1]
        at = f'x="{x:.1f}" y="{y:.1f}" width="{max(0, right - x):.1f}" height="{max(0, bottom - y):.1f}"'
        return f'<rect {at} style="fill:{color}"/>'
    weight = ' font-weight="600"' if shape.bold else ""
    at = f'x="{x:.1f}" y="{y:.1f}" font-size="{shape.size:g}" text-anchor="{shape.anchor}"'
    return f'<text {at}{weight} style="fill:{color}">{_xml(shape.text)}</text>'


def _xml(text: str) -> str:
    return escape("".join(char if char.isprintable() else " " for char in text))


def _draw_shape(draw: ImageDraw.ImageDraw, shape: Shape, factor: int) -> None:
    color = COLORS[shape.role]
    points = [((x + MARGIN) * factor, (y + MARGIN) * factor) for x, y in shape.points]
    if shape.kind == "line":
        width = max(1, round(shape.size * factor))
        for start, end in zip(points, points[1:], strict=False):
            for piece in _dashes(start, end, 3 * factor) if shape.dashed else [(start, end)]:
                draw.line(piece, fill=color, width=width, joint="curve")
    elif shape.kind == "disc":
        (x, y), radius = points[0], shape.size * factor
        fill = color if shape.filled else COLORS["paper"]
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=fill, outline=color, width=round(1.6 * factor))
    elif shape.kind == "box":
        draw.rectangle((*points[0], *points[1]), fill=color)
    else:
        font, text = _font(round(shape.size * factor), shape.bold), shape.text
        if not getattr(font, "path", None) or "DejaVu" not in str(font.path):
            text = text.replace("−", "-")  # the fallback font lacks the minus sign
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        draw.text(points[0], text, fill=color, font=font, anchor=anchor)


def _dashes(start: tuple[float, float], end: tuple[float, float], length: float) -> list:
    (x0, y0), (x1, y1) = start, end
    whole = max(1e-9, ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
    marks = [min(1.0, index * length / whole) for index in range(int(whole / length) + 2)]
    along = [(x0 + (x1 - x0) * mark, y0 + (y1 - y0) * mark) for mark in marks]
    return list(zip(along[::2], along[1::2], strict=False))


def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _BOLD_FONTS if bold else _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
