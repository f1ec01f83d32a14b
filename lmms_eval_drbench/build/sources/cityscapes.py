"""Cityscapes: `gtFine` polygons and `leftImg8bit` pictures of streets, one of the paper's two sources.

Layout (https://github.com/mcordts/cityscapesScripts): `gtFine/<split>/<city>/<id>_gtFine_polygons.json` holds
`imgWidth`, `imgHeight` and `objects`, each with `label` and `polygon` ([x, y] points), from the back to the front; the
picture is `leftImg8bit/<split>/<city>/<id>_leftImg8bit.png`. A label that ends in "group" is several things in one
polygon. What the pictures hide is known: later polygons cover earlier ones.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from lmms_eval_drbench.build.kinds import INDOORS
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.base import (
    Fact,
    FileSource,
    Unusable,
    clip,
    is_clear,
    is_size,
    need_folder,
    read_json,
)
from lmms_eval_drbench.data import MAX_PIXELS
from lmms_eval_drbench.errors import UserError

_SUFFIX = "_gtFine_polygons.json"
_INSTANCES = frozenset(
    ("person", "rider", "car", "truck", "bus", "caravan", "trailer", "train", "motorcycle", "bicycle")
)
"""Labels of which every instance has a polygon of its own (or is in a group)."""
_THINGS = _INSTANCES | {"traffic light", "traffic sign"}
_SURELY_LABELLED = frozenset(("person", "bus", "train", "motorcycle", "bicycle", "traffic light"))
"""Kinds that are absent where no polygon has their label. A van may pass for a truck, so trucks are not among them."""
_IMPLIED = {"rider": ("person",)}
"""Labels whose presence means that the other kind is there too."""
_STEP = 4
"""The covering is computed at a quarter of the resolution."""
_LEAST_VISIBLE = 0.6
"""Share of a polygon that nothing may cover for the thing to be asked about."""


class CityscapesSource(FileSource):
    """Streets with polygons."""

    name = "cityscapes"
    title = "DRBench-Open Cityscapes"
    facts = frozenset({Fact.BOXES, Fact.SIZES, Fact.COUNTS, Fact.ABSENCE})
    licence = (
        "Cityscapes is free for non-commercial research and teaching after registration at cityscapes-dataset.com; its "
        "pictures and annotations may not be redistributed."
    )

    def __init__(self, annotations: Path, images_dir: Path | None) -> None:
        super().__init__()
        self._folder = need_folder(annotations, "--annotations")
        self._pictures = need_folder(images_dir, "--images-dir")
        self._files = {path.name.removesuffix(_SUFFIX): path for path in sorted(self._folder.rglob(f"*{_SUFFIX}"))}
        if not self._files:
            raise UserError(f"{annotations} holds no *{_SUFFIX}: name the folder gtFine by --annotations")

    def ids(self) -> list[str]:
        return sorted(self._files)

    def picture(self, image_id: str) -> Path:
        relative = self._files[image_id].parent.relative_to(self._folder)
        return self._pictures / relative / f"{image_id}_leftImg8bit.png"

    def scene(self, image_id: str) -> Scene:
        path = self._files[image_id]
        content = read_json(path)
        width, height = (content.get(side) if isinstance(content, dict) else None for side in ("imgWidth", "imgHeight"))
        if not is_size(width, height):
            raise UserError(f"{path} has no sane imgWidth and imgHeight: it is no gtFine annotation")
        if width * height > MAX_PIXELS:  # no canvas is made for it
            raise Unusable(f"is beyond {MAX_PIXELS:,} pixels")
        entries = content.get("objects") or []
        if not isinstance(entries, list):
            raise UserError(f"{path}: `objects` must be a list: it is no gtFine annotation")
        polygons = [
            (entry["label"], points)
            for number, entry in enumerate(entries)
            if (points := _points(path, number, entry)) and not entry.get("deleted")
        ]
        visible = _visible_shares(polygons, width, height)
        objects, labels = [], set()
        for (label, points), share in zip(polygons, visible, strict=True):
            kind = label.removesuffix("group")
            labels.update((kind, *_IMPLIED.get(kind, ())))
            if kind not in _THINGS:
                continue
            xs, ys = zip(*points, strict=True)
            box = clip([min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)], width, height)
            if box is None:
                continue
            group = label != kind
            clear = not group and share >= _LEAST_VISIBLE and is_clear(box, width, height)
            objects.append(SceneObject(kind, None, box, None, clear=clear, group=group))
        objects.sort(key=lambda thing: (thing.box, thing.name))
        groups = {thing.name for thing in objects if thing.group}
        return Scene(
            id=f"cityscapes-{image_id}",
            place="street",
            surfaces={},
            objects=tuple(objects),
            width=width,
            height=height,
            outdoors=True,
            source="cityscapes",
            countable=frozenset({thing.name for thing in objects} & _INSTANCES - groups),
            absent=(_SURELY_LABELLED - labels) | INDOORS,
        )


def _points(path: Path, number: int, entry: Any) -> list[tuple[float, float]]:
    """The corners of a polygon; empty where it has fewer than three."""
    try:
        points = [(float(x), float(y)) for x, y in entry["polygon"]]
        if not isinstance(entry["label"], str) or not all(abs(side) < 1e7 for point in points for side in point):
            raise ValueError
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: object {number} has no label and polygon of [x, y] points: correct it") from error
    return points if len(points) >= 3 else []


def _visible_shares(polygons: list[tuple[str, list[tuple[float, float]]]], width: int, height: int) -> list[float]:
    """The share of each polygon that no later one covers. Whatever has a polygon covers."""
    size = -(-width // _STEP), -(-height // _STEP)
    canvas = Image.new("I", size, 0)
    draw = ImageDraw.Draw(canvas)
    own = []
    for number, (_, points) in enumerate(polygons, start=1):
        scaled = [(x / _STEP, y / _STEP) for x, y in points]
        alone = Image.new("1", size, 0)
        ImageDraw.Draw(alone).polygon(scaled, fill=1)
        own.append(int(np.asarray(alone).sum()))
        draw.polygon(scaled, fill=number)
    left = np.bincount(np.asarray(canvas, dtype=np.int64).ravel(), minlength=len(polygons) + 1)[1:]
    return [float(seen / all_of_it) if all_of_it else 0.0 for seen, all_of_it in zip(left, own, strict=True)]
