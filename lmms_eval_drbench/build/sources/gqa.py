"""GQA scene graphs (and Visual Genome's `scene_graphs.json`): objects with boxes, attributes and relations.

Formats: https://cs.stanford.edu/people/dorarad/gqa/download.html and https://homes.cs.washington.edu/~ranjay/visualgenome
The graphs are not exhaustive: what they don't name may still be in the picture. So nothing is counted, and a kind is
taken for absent only where it belongs to the other world, indoors or outdoors, than everything that is there, and isn't
what prints show. Colours are kept where the picture's pixels confirm them.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lmms_eval_drbench.build import pictures, pixels
from lmms_eval_drbench.build.kinds import (
    COLOURS,
    INDOOR_PLACES,
    INDOORS,
    OFTEN_PICTURED,
    OUTDOOR_PLACES,
    OUTDOORS,
    PICTURES,
    STATES,
    are_kin,
    is_outdoors,
)
from lmms_eval_drbench.build.scene import Scene, SceneObject
from lmms_eval_drbench.build.sources.base import (
    Fact,
    FileSource,
    Unusable,
    clip,
    inside,
    is_clear,
    is_size,
    lies_within,
    need_folder,
    read_json,
)
from lmms_eval_drbench.errors import UserError

_RELATIONS = {"to_the_left_of": "left_of", "to_the_right_of": "right_of", "inside": "in", "under": "below"}
"""Relations under the names that our records use."""
_COLOUR_NAMES = {"grey": "gray", "light_blue": "blue", "dark_blue": "blue"}
_STATES = frozenset(state for pair in STATES for state in pair)
_THROUGH_WINDOWS = frozenset(("road", "street", "sidewalk", "crosswalk", "traffic light", "traffic sign"))
"""Kinds of the street that a room may show through its windows."""


class GqaSource(FileSource):
    """Scene graphs by image id (GQA), or a list of them (Visual Genome)."""

    name = "gqa"
    title = "DRBench-Open GQA"
    facts = frozenset({Fact.BOXES, Fact.SIZES, Fact.ABSENCE, Fact.COLOURS, Fact.ATTRIBUTES, Fact.RELATIONS})
    licence = (
        "GQA and Visual Genome scene graphs are CC BY 4.0; the pictures come from COCO and YFCC100M under the licences "
        "that their authors chose on Flickr."
    )

    def __init__(self, annotations: Path, images_dir: Path | None) -> None:
        super().__init__()
        self._path = annotations
        self._folder = need_folder(images_dir, "--images-dir")
        content = read_json(annotations)
        if isinstance(content, list):
            content = dict(self._from_visual_genome(number, graph) for number, graph in enumerate(content))
        if not isinstance(content, dict) or not all(isinstance(graph, dict) for graph in content.values()):
            raise UserError(f"{annotations} holds neither GQA's nor Visual Genome's scene graphs")
        self._graphs: dict[str, dict[str, Any]] = {}
        for image_id, graph in content.items():
            if not isinstance(graph.get("objects"), dict):
                raise UserError(f"{annotations}: image {image_id} has no `objects`: correct it")
            if graph["objects"]:
                self._graphs[image_id] = graph
            else:
                self.skipped[image_id] = "has no annotation"

    def _from_visual_genome(self, number: int, graph: Any) -> tuple[str, dict[str, Any]]:
        """A Visual Genome scene graph in GQA's form. Its size is the picture's, which it doesn't give."""
        try:
            objects = {
                str(entry["object_id"]): {
                    **{side: entry[side] for side in ("x", "y", "w", "h")},
                    "name": _first(entry.get("names") or entry.get("name")),
                    "attributes": entry.get("attributes") or [],
                    "relations": [],
                }
                for entry in graph["objects"]
            }
            for relation in graph.get("relationships") or []:
                subject = objects.get(str(relation["subject_id"]))
                if subject is not None:
                    target = str(relation["object_id"])
                    subject["relations"].append({"name": relation["predicate"].lower(), "object": target})
            return str(graph["image_id"]), {"objects": objects}
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{self._path}: scene graph {number} is not Visual Genome's ({error!r}): give it as published"
            ) from error

    def ids(self) -> list[str]:
        return sorted(self._graphs)

    def picture(self, image_id: str) -> Path:
        return inside(self._folder, f"{image_id}.jpg")

    def scene(self, image_id: str) -> Scene:
        graph = self._graphs[image_id]
        width, height = graph.get("width"), graph.get("height")
        if width is None or height is None:
            width, height = _size_of(self.picture(image_id))
        if not is_size(width, height):
            raise UserError(f"{self._path}: image {image_id} has no sane width and height: correct it")
        numbers: dict[str, int] = {}
        objects: list[SceneObject] = []
        for key, entry in graph["objects"].items():
            thing = self._object(f"{self._path}: object {key} of image {image_id}", entry, width, height)
            if thing is not None:
                numbers[key] = len(objects)
                objects.append(thing)
        relations = []
        for key, number in numbers.items():
            for relation in graph["objects"][key].get("relations") or []:
                if not isinstance(relation, dict) or str(relation.get("object")) not in graph["objects"]:
                    raise UserError(
                        f"{self._path}: object {key} of image {image_id} has a relation to the unknown object "
                        f"{relation!r:.80}: remove the relation or add the object"
                    )
                target = numbers.get(str(relation["object"]))
                name = re.sub(r"[^a-z0-9]+", "_", str(relation.get("name")).lower()).strip("_")
                if target is not None and re.match(r"[a-z]", name):
                    relations.append((number, _RELATIONS.get(name, name), target))
        place = graph.get("location") if isinstance(graph.get("location"), str) else ""
        names = {thing.name for thing in objects}
        outdoors = _is_outdoors(place, names)
        never_indoors = OUTDOORS - OFTEN_PICTURED - _THROUGH_WINDOWS
        strangers = {None: frozenset(), True: INDOORS, False: never_indoors}[outdoors]
        objects = self._looked_at(image_id, objects, relations, width, height)
        return Scene(
            id=f"gqa-{image_id}",
            place=place,
            surfaces={},
            objects=tuple(objects),
            width=width,
            height=height,
            outdoors=bool(outdoors),
            source="gqa",
            relations=tuple(relations),
            absent=frozenset(kind for kind in strangers if not any(are_kin(kind, name) for name in names)),
        )

    def _looked_at(
        self, image_id: str, objects: list[SceneObject], relations: list[tuple[int, str, int]], width: int, height: int
    ) -> list[SceneObject]:
        """The things as their pixels show them; what is a picture of a thing or lost in the dark is not clear."""
        picture = pixels.read(self.picture(image_id))
        found = []
        for index, thing in enumerate(objects):
            shows = [objects[o] for s, name, o in relations if s == index and name in ("in", "on")]
            pictured = any(other.name in PICTURES for other in shows) or (
                thing.name in OFTEN_PICTURED
                and any(other.name in PICTURES and lies_within(thing.box, other.box) for other in objects)
            )
            thing = replace(thing, clear=thing.clear and not pictured)
            found.append(
                thing if picture is None else _confirmed(thing, pixels.within(picture, thing.box, width, height))
            )
        return found

    def _object(self, where: str, entry: Any, width: int, height: int) -> SceneObject | None:
        name = entry.get("name") if isinstance(entry, dict) else None
        name = " ".join(name.lower().split()) if isinstance(name, str) else ""
        if not name or not name.isprintable():  # names are written into questions as they are
            raise UserError(f"{where} has no name in plain text: correct it")
        try:
            box = clip([entry.get(side) for side in ("x", "y", "w", "h")], width, height)
        except ValueError as error:
            raise UserError(f"{where}: {error}: give x, y, w and h in pixels") from error
        if box is None:
            return None
        said = entry.get("attributes") or []
        if not isinstance(said, list) or not all(isinstance(word, str) for word in said):
            raise UserError(f"{where}: attributes must be a list of words")
        if not isinstance(entry.get("relations") or [], list):
            raise UserError(f"{where}: relations must be a list: correct it")
        words = frozenset(word.strip().lower() for word in said)
        colours = {_COLOUR_NAMES.get(word, word) for word in words} & set(COLOURS)
        states = words & _STATES
        return SceneObject(
            name=name,
            colour=next(iter(colours)) if len(colours) == 1 else None,
            box=box,
            support=None,
            state=next(iter(states)) if len(states) == 1 else None,
            attributes=words,
            clear=is_clear(box, width, height),
        )


def _confirmed(thing: SceneObject, seen: np.ndarray) -> SceneObject:
    """A thing with the colour that its pixels [N, 3] leave it."""
    thing = replace(thing, clear=thing.clear and not pixels.is_dark(seen))
    if thing.colour is None:
        return thing
    confirmed, plain, tints = pixels.verdict(thing.colour, seen)
    return replace(thing, colour=thing.colour if confirmed else None, tints=tints, shaded=not plain)


def _first(names: Any) -> Any:
    return names[0] if isinstance(names, list) else names


def _size_of(path: Path) -> tuple[int, int]:
    """Raises Unusable where there is no picture that can be read."""
    try:
        with Image.open(path) as opened:
            return opened.size
    except Exception as error:  # Pillow's readers raise what a damaged file makes them raise
        raise Unusable(pictures.fault(path) or "cannot be read") from error


def _is_outdoors(place: str, names: set[str]) -> bool | None:
    """Whether the picture was taken outdoors: as its place says, or as two kinds of one world and none of the other."""
    if place in INDOOR_PLACES or place in OUTDOOR_PLACES:
        return place in OUTDOOR_PLACES
    return is_outdoors(names, 2)
