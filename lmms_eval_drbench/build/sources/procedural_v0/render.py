"""Drawing a scene: the place first, then every thing with its shadow."""

import random

from PIL import Image, ImageDraw

from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.procedural_v0.layout import BASELINES
from lmms_eval_drbench.build.sources.procedural_v0.things import DRAWERS
from lmms_eval_drbench.build.sources.procedural_v0.world import COLOURS, PLACES, Place

_SCALE = 2
"""Everything is drawn at twice the size and reduced, which smooths the edges."""


def render(scene: Scene) -> Image.Image:
    """The picture of a scene, RGB, `scene.width` x `scene.height`. The same scene gives the same pixels."""
    place = next(place for place in PLACES if place.name == scene.place)
    canvas = Image.new("RGB", (scene.width * _SCALE, scene.height * _SCALE), place.wall)
    draw = ImageDraw.Draw(canvas)
    rng = random.Random(scene.id)
    (_draw_outdoors if place.outdoors else _draw_indoors)(draw, place, scene.width, rng)
    for thing in scene.objects:
        _draw_shadow(draw, thing)
        _draw_thing(canvas, thing)
    return canvas.resize((scene.width, scene.height), Image.Resampling.BOX)


def _rect(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], fill: tuple[int, int, int]) -> None:
    draw.rectangle([round(value * _SCALE) for value in box], fill=fill)


def _shade(colour: tuple[int, int, int], factor: float) -> tuple[int, int, int]:
    return tuple(max(0, min(255, round(channel * factor))) for channel in colour)


def _draw_indoors(draw: ImageDraw.ImageDraw, place: Place, width: int, rng: random.Random) -> None:
    shelf, table, floor = place.tops
    if place.name == "kitchen":  # tiles
        for y in range(0, 225, 25):
            _rect(draw, (0, y, width, y + 1), _shade(place.wall, 0.93))
        for x in range(rng.randint(0, 24), width, 25):
            _rect(draw, (x, 0, x + 1, 225), _shade(place.wall, 0.93))
    elif place.name == "living room":  # striped wallpaper
        for x in range(rng.randint(0, 20), width, 28):
            _rect(draw, (x, 0, x + 9, 285), _shade(place.wall, 0.95))
    else:  # panels
        for x in range(rng.randint(0, 50), width, 84):
            _rect(draw, (x, 0, x + 2, 285), _shade(place.wall, 0.88))
    _rect(draw, (0, 285, width, 336), floor)
    for x in range(rng.randint(0, 30), width, 42):
        _rect(draw, (x, 286, x + 1, 336), _shade(floor, 0.9))
    _rect(draw, (0, 283, width, 287), _shade(place.wall, 0.7))
    top, middle = BASELINES[:2]
    _rect(draw, (0, top - 2, width, top + 5), shelf)
    _rect(draw, (0, top + 5, width, top + 7), _shade(shelf, 0.6))
    _rect(draw, (0, middle - 3, width, middle + 8), table)
    _rect(draw, (0, middle + 8, width, middle + 11), _shade(table, 0.6))
    if place.name == "kitchen":  # the counter has a front with doors
        _rect(draw, (0, middle + 11, width, 292), _shade(table, 0.86))
        for x in (84, 168, 252):
            _rect(draw, (x, middle + 12, x + 1, 292), _shade(table, 0.6))
    else:  # legs
        for x in (8, width - 16):
            _rect(draw, (x, middle + 11, x + 8, 312), _shade(table, 0.75))


def _draw_outdoors(draw: ImageDraw.ImageDraw, place: Place, width: int, rng: random.Random) -> None:
    far, middle, near = place.tops
    if place.name == "street":  # houses behind the pavement
        x = -rng.randint(0, 40)
        while x < width:
            house = rng.randint(56, 84)
            wall = _shade((206, 190, 178), rng.uniform(0.9, 1.05))
            _rect(draw, (x, rng.randint(4, 26), x + house - 2, 92), wall)
            for window in range(x + 10, x + house - 14, 20):
                _rect(draw, (window, 36, window + 9, 50), _shade(wall, 0.82))
            x += house
    else:  # trees on the skyline
        for x in range(-rng.randint(0, 40), width, 58):
            _rect(draw, (x, 60, x + 60, 100), _shade(far, 0.92))
            draw.ellipse([x * _SCALE, 14 * _SCALE, (x + 66) * _SCALE, 100 * _SCALE], fill=_shade(far, 0.92))
    _rect(draw, (0, 88, width, 184), far)
    _rect(draw, (0, 184, width, 292), middle)
    _rect(draw, (0, 292, width, 336), near)
    if place.name == "street":
        _rect(draw, (0, 178, width, 185), _shade(far, 0.8))
        for x in range(-rng.randint(0, 50), width, 70):
            _rect(draw, (x, 248, x + 36, 253), (226, 226, 220))
    _rect(draw, (0, 289, width, 293), _shade(near, 0.8))


def _draw_shadow(draw: ImageDraw.ImageDraw, thing: SceneObject) -> None:
    """A contact shadow under a resting thing; under a floating one a small shadow far below gives it away."""
    x, _, width, _ = thing.box
    y = next(base for base in BASELINES if base >= thing.box[1] + thing.box[3])
    inset = 8 if thing.support is None else 2
    box = [(x + inset) * _SCALE, (y - 3) * _SCALE, (x + width - inset) * _SCALE, (y + 4) * _SCALE]
    draw.ellipse(box, fill=(92, 88, 84))


def _draw_thing(canvas: Image.Image, thing: SceneObject) -> None:
    x, y, width, height = (value * _SCALE for value in thing.box)
    sprite = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    DRAWERS[thing.name](ImageDraw.Draw(sprite), width, height, COLOURS[thing.colour], thing.state)
    if thing.fallen:
        sprite = sprite.rotate(90, expand=True)
        left, top, right, bottom = sprite.getbbox() or (0, 0, width, height)
        sprite = sprite.crop((left, top, right, bottom))
        x, y = x + (width - sprite.width) // 2, y + height - sprite.height
    canvas.paste(sprite, (x, y), sprite)
