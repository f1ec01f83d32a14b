"""COCO: an instances JSON and its pictures. Kinds and boxes are complete for its categories; nothing else is known.

Format: https://cocodataset.org/#format-data (object detection).
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from lmms_eval_drbench.build.kinds import EASILY_OVERLOOKED, OFTEN_MISNAMED, RELIABLY_COUNTED, are_kin
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.base import Fact, FileSource, clip, inside, is_clear, need_folder, read_json
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
        if not isinstance(categories, list) or not all(
            isinstance(entry, dict) and isinstance(entry.get("name"), str) and "id" in entry for entry in categories
        ):
            raise UserError(f"{self._path}: `categories` must be a list of objects with id and name")
        return {entry["id"]: _NAMES.get(entry["name"], entry["name"]) for entry in categories}

    def _is_image(self, image: Any) -> bool:
        fits = isinstance(image, dict) and all(
            isinstance(image.get(side), int) and image[side] > 0 for side in ("width", "height")
        )
        if not fits or "id" not in image:
            raise UserError(f"{self._path}: image {image!r:.80} lacks id, width or height: correct it")
        return True

    def ids(self) -> list[str]:
        return sorted(self._annotations)

    def picture(self, image_id: str) -> Path:
        return inside(self._folder, self._images[image_id].get("file_name"))

    def scene(self, image_id: str) -> Scene:
        image = self._images[image_id]
        width, height = image["width"], image["height"]
        objects, doubtful = [], set()
        for annotation in self._annotations[image_id]:
            where = f"{self._path}: annotation {annotation.get('id')!r} of image {image_id}"
            kind = self._kinds.get(annotation.get("category_id"))
            if kind is None:
                raise UserError(f"{where} has the unknown category {annotation.get('category_id')!r}: add it")
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
            objects.append(SceneObject(kind, None, box, None, clear=clear, group=group))
        objects.sort(key=lambda thing: (thing.box, thing.name))
        seen = {thing.name for thing in objects} | doubtful
        crowds = {thing.name for thing in objects if thing.group} | doubtful
        absent = {
            kind
            for kind in set(self._kinds.values()) - seen - EASILY_OVERLOOKED - OFTEN_MISNAMED
            if not any(are_kin(kind, other) for other in seen)
        }
        return Scene(
            id=f"coco-{image_id}",
            place="",
            surfaces={},
            objects=tuple(objects),
            width=width,
            height=height,
            source="coco",
            countable=frozenset(seen - crowds - (EASILY_OVERLOOKED - RELIABLY_COUNTED) - OFTEN_MISNAMED),
            absent=frozenset(absent),
        )


def _is_hidden(annotation: dict[str, Any], box: tuple[int, int, int, int]) -> bool:
    """Whether the outline fills so little of the box that most of the thing must be behind something."""
    area = annotation.get("area")
    return isinstance(area, (int, float)) and area < _LEAST_FILL * box[2] * box[3]
