"""COCO: an instances JSON and its pictures. Kinds and boxes are known for its categories; nothing else is.

Format: https://cocodataset.org/#format-data (object detection). The labels are not as complete as it suggests: small,
far and half-hidden things go without, what a print or a screen shows is labelled or not, and what has no category of
its own got that of its nearest relative. So a kind is counted, called by its name alone or denied only where none of
this is to be feared; `kinds` says of which kinds.
"""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmms_eval_drbench.build import pixels
from lmms_eval_drbench.build.kinds import (
    ANIMALS,
    EASILY_OVERLOOKED,
    ENCLOSURES,
    FOOD,
    OFTEN_MISNAMED,
    OFTEN_MISSED_IN_PART,
    OFTEN_PICTURED,
    PEOPLE,
    PICTURES,
    RELIABLY_COUNTED,
    TABLEWARE,
    are_kin,
    is_outdoors,
)
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.base import (
    Fact,
    FileSource,
    clip,
    inside,
    is_clear,
    is_size,
    lies_within,
    need_folder,
    overlap,
    read_json,
)
from lmms_eval_drbench.errors import UserError

_NAMES = {
    "tv": "screen",
    "mouse": "computer mouse",
    "remote": "remote control",
    "dining table": "table",
}
"""COCO's names that a reader would take for something else."""
_READ = ("id", "category_id", "bbox", "area", "iscrowd")
_LEAST_FILL = 0.22
"""Share of its box that a thing's outline must fill; below it something else hides most of it."""
_SAME = 0.7
"""Overlap from which two boxes of relatives may be those of one thing."""
_LEAST_COUNTED = 0.015
"""Share of the picture that every labelled thing of a kind must take up for its kind to be counted: where a small one
is labelled, another that is hardly smaller may not be."""


class CocoSource(FileSource):
    """Any instances JSON in COCO's format."""

    name = "coco"
    title = "DRBench-Open COCO"
    facts = frozenset({Fact.BOXES, Fact.SIZES, Fact.COUNTS, Fact.ABSENCE})
    licence = (
        "COCO annotations are CC BY 4.0; the pictures have the licences that their authors chose on Flickr, listed in "
        "the annotation file."
    )

    def __init__(self, annotations: Path, images_dir: Path | None) -> None:
        super().__init__()
        self._path = annotations
        self._folder = need_folder(images_dir, "--images-dir")
        content = read_json(annotations)
        parts = [content.get(key) if isinstance(content, dict) else None for key in ("images", "annotations")]
        if not all(isinstance(part, list) for part in parts):
            raise UserError(f"{annotations} has no lists `images` and `annotations`: it is no COCO instances file")
        self._kinds = self._categories(content.get("categories"))
        self._images = {str(image["id"]): image for image in parts[0] if self._is_image(image)}
        self._annotations: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for annotation in parts[1]:
            if not isinstance(annotation, dict) or "image_id" not in annotation:
                raise UserError(f"{annotations}: annotation {annotation!r:.80} has no image_id: remove it")
            image_id = str(annotation["image_id"])
            if image_id not in self._images:
                self.skipped[image_id] = "is annotated, but not listed among the images"
                continue
            self._annotations[image_id].append({name: annotation.get(name) for name in _READ})  # not the outlines
        for image_id in self._images:
            if image_id not in self._annotations:
                self.skipped[image_id] = "has no annotation"

    def _categories(self, categories: Any) -> dict[Any, str]:
        if not isinstance(categories, list) or not all(_is_category(entry) for entry in categories):
            raise UserError(f"{self._path}: `categories` must be a list of objects with id and name")
        return {entry["id"]: _NAMES.get(entry["name"], entry["name"]) for entry in categories}

    def _is_image(self, image: Any) -> bool:
        fits = isinstance(image, dict) and is_size(image.get("width"), image.get("height"))
        fits = fits and isinstance(image.get("file_name"), str) and isinstance(image.get("id"), (int, str))
        if not fits or not str(image["id"]).isprintable():
            raise UserError(f"{self._path}: image {image!r:.80} lacks id, file_name, width or height: correct it")
        return True

    def ids(self) -> list[str]:
        return sorted(self._annotations)

    def picture(self, image_id: str) -> Path:
        return inside(self._folder, self._images[image_id]["file_name"])

    def scene(self, image_id: str) -> Scene:
        image = self._images[image_id]
        width, height = image["width"], image["height"]
        objects, doubtful = [], set()
        seen_as = pixels.read(self.picture(image_id))
        for annotation in self._annotations[image_id]:
            where = f"{self._path}: annotation {annotation.get('id')!r} of image {image_id}"
            category = annotation.get("category_id")
            kind = self._kinds.get(category) if isinstance(category, (int, str)) else None
            if kind is None:
                raise UserError(f"{where} has the unknown category {category!r:.80}: add it")
            try:
                box = clip(annotation.get("bbox"), width, height)
            except ValueError as error:
                raise UserError(f"{where}: {error}: give [x, y, width, height] in pixels") from error
            if box is None:  # something of this kind may be there, nobody knows where
                doubtful.add(kind)
                continue
            group = bool(annotation.get("iscrowd"))
            clear = is_clear(box, width, height) and not group and not _is_hidden(annotation, box)
            clear = clear and kind not in OFTEN_MISNAMED
            if clear and seen_as is not None:
                clear = not pixels.is_dark(pixels.within(seen_as, box, width, height))
            area = annotation.get("area")
            is_known = isinstance(area, (int, float)) and 0 <= area <= width * height  # NaN fails too
            area = float(area) if is_known and not group else None
            objects.append(SceneObject(kind, None, box, None, clear=clear, group=group, area=area))
        objects = [replace(thing, clear=thing.clear and not _is_doubtful(thing, objects)) for thing in objects]
        objects.sort(key=lambda thing: (thing.box, thing.name))
        seen = {thing.name for thing in objects} | doubtful
        uncounted = {thing.name for thing in objects if thing.group} | doubtful
        least = _LEAST_COUNTED * width * height
        uncounted |= {thing.name for thing in objects if thing.box[2] * thing.box[3] < least}
        uncounted |= (EASILY_OVERLOOKED - RELIABLY_COUNTED) | OFTEN_MISSED_IN_PART | OFTEN_MISNAMED
        outdoors = is_outdoors(seen)
        if outdoors is False:
            uncounted |= OFTEN_PICTURED
        absent = {
            kind
            for kind in set(self._kinds.values()) - seen - EASILY_OVERLOOKED - OFTEN_MISNAMED - PEOPLE
            if not any(are_kin(kind, other) for other in seen)
        }
        if not outdoors:
            absent -= OFTEN_PICTURED
        if seen & (FOOD | TABLEWARE):
            absent -= FOOD
        return Scene(
            id=f"coco-{image_id}",
            place="",
            surfaces={},
            objects=tuple(objects),
            width=width,
            height=height,
            source="coco",
            countable=frozenset(seen - uncounted),
            absent=frozenset(absent),
        )


def _is_category(entry: Any) -> bool:
    """Whether this is an id and a name in one line: names are written into questions as they are."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), (int, str)):
        return False
    name = entry.get("name")
    return isinstance(name, str) and bool(name.strip()) and name.isprintable()


def _is_hidden(annotation: dict[str, Any], box: tuple[int, int, int, int]) -> bool:
    """Whether the outline fills so little of the box that most of the thing must be behind something."""
    area = annotation.get("area")
    return isinstance(area, (int, float)) and area < _LEAST_FILL * box[2] * box[3]


def _is_doubtful(thing: SceneObject, objects: list[SceneObject]) -> bool:
    """Whether a thing inside another's box may not be seen as what its label says.

    Somebody, or an animal, on a screen or a bus may be a print, or hardly seen behind a window; what a person carries
    is half hidden; of two relatives in one box nobody knows which it is: a chaise longue is labelled chair and couch.
    """
    for other in objects:
        if other is thing or other.group:
            continue
        if lies_within(thing.box, other.box):
            alive = thing.name in ANIMALS | PEOPLE
            if alive and other.name in PICTURES | ENCLOSURES or not alive and other.name in PEOPLE:
                return True
        twins = thing.name != other.name and are_kin(thing.name, other.name)
        if twins and (lies_within(thing.box, other.box) or overlap(thing.box, other.box) >= _SAME):
            return True
    return False
