"""What every source of annotated pictures has in common: what it declares, how it reads files, when a box is usable."""

import hashlib
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from lmms_eval_drbench.build import pictures
from lmms_eval_drbench.build.scene import Scene
from lmms_eval_drbench.errors import UserError

Box = tuple[int, int, int, int]

_LEAST_SIDE = 16
"""Pixels of a side below which nobody recognises a thing."""
_LEAST_AREA = 0.004
"""Share of the picture below which a thing is not asked about: 28 x 28 pixels of a picture of 448 x 448."""
_LEAST_AREA_AT_EDGE = 0.015
"""The same for a thing at the picture's edge, of which only a part may be seen: a hand is no good person."""
_SLIVER = 0.06
"""A thing at the picture's edge whose side across that edge is a smaller share of the picture is cut off too much."""
_WITHIN = 0.9
"""Share of a box inside another from which the thing may be on the other, or behind its window."""
_MOST_SIDE = 100_000
"""Pixels of a side from which a size in annotations is a slip."""
_LEAST_KEPT = 0.5
"""Share of a box that must lie inside the picture; with less of it the annotation doesn't fit the picture."""


class Fact(StrEnum):
    """What a source can know. A question family names what it needs, and is not asked without it."""

    BOXES = "boxes"
    COUNTS = "counts"
    """Every instance of the source's kinds is annotated."""
    ABSENCE = "absence"
    """For some kinds it is certain that the picture shows none."""
    COLOURS = "colours"
    ATTRIBUTES = "attributes"
    RELATIONS = "relations"
    DEPTH = "depth"
    SIZES = "sizes"
    """Things of one kind come in many sizes, so that the kind's name doesn't tell which of two is larger."""
    SUPPORT = "support"
    """Every thing's supporting surface is known; the surface is an object of the scene as well."""
    ANOMALIES = "anomalies"
    """Everything that is wrong in the picture is known."""


class Unusable(Exception):
    """One picture can't be used, though the others can; the message says why, as in `AnnotatedSource.skipped`."""


class Picture(Protocol):
    """How to get at one picture. It is sent to the workers that write shards, so it must be small."""

    name: str

    def read(self) -> bytes:
        """The bytes of the picture's file."""

    def fault(self, scene: Scene, gallery: pictures.Gallery) -> str | None:
        """Why the picture can't be used beside those of the gallery, or None; it is in the gallery then."""


@dataclass(frozen=True)
class PictureFile:
    """A picture that lies on the disk."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise UserError(f"{self.path} was there and can't be read now ({error.strerror}): put it back") from error

    def fault(self, scene: Scene, gallery: pictures.Gallery) -> str | None:
        return pictures.fault(self.path, scene.width, scene.height) or gallery.add(scene.id, self.path)


PILOT_SEED = 12_345
"""Apart from the seeds 0 to 99 of builds."""
_SPLIT_ENDS = {"train": 0.7, "validation": 0.8, "test": 1.0}
"""The pictures are dealt to the splits by the hash of their id: 70, 10 and 20 per cent."""


def split_of(image_id: str) -> str:
    """The split that a picture belongs to, whatever else is in the source."""
    share = int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8], "big") / 2**64
    return next(split for split, end in _SPLIT_ENDS.items() if share < end)


class AnnotatedSource(ABC):
    """Pictures with annotations. Subclasses read one published format, or draw.

    name: as `--source` calls it. title: as tables call it. facts: what it supports. licence: for the data card.
    skipped: what was left out and why, one sentence each, filled while scenes are read.
    """

    name: str
    title: str
    facts: frozenset[Fact]
    licence: str

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    @abstractmethod
    def pool(self, split: str, seed: int, whole: bool = False) -> Iterable[str]:
        """The ids of the pictures that may go into a split, in the order in which they are tried.

        whole: all pictures that there are. No picture is in two splits' pools, unless they are whole.
        """

    @abstractmethod
    def pilot(self) -> Iterable[str]:
        """Ids of scenes to try questions on, whose pictures need not be used: always the same, in the same order."""

    @abstractmethod
    def scene(self, image_id: str) -> Scene:
        """The scene of one picture. Raises UserError where its annotations are broken, Unusable to leave it out."""

    @abstractmethod
    def open(self, image_id: str) -> Picture:
        """The picture, not yet read."""


class FileSource(AnnotatedSource):
    """A source whose pictures are files."""

    @abstractmethod
    def ids(self) -> list[str]:
        """The ids of all annotated pictures, sorted."""

    @abstractmethod
    def picture(self, image_id: str) -> Path:
        """Where the picture's file should be."""

    def pool(self, split: str, seed: int, whole: bool = False) -> list[str]:
        found = [image_id for image_id in self.ids() if whole or split_of(image_id) == split]
        random.Random(seed).shuffle(found)
        return found

    def pilot(self) -> list[str]:
        return self.pool("train", PILOT_SEED, whole=True)

    def open(self, image_id: str) -> PictureFile:
        return PictureFile(self.picture(image_id))


def read_json(path: Path) -> Any:
    """A JSON file's content. Raises UserError naming the file when it can't be read."""
    try:
        with path.open(encoding="utf-8") as stream:
            return json.load(stream)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}): give the annotations as published") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}: check --annotations") from error


def is_size(width: Any, height: Any) -> bool:
    """Whether annotations give a picture's size in whole pixels, and not a number that no picture has."""
    return all(isinstance(side, int) and 0 < side < _MOST_SIDE for side in (width, height))


def need_folder(path: Path | None, flag: str) -> Path:
    """The folder that a flag names. Raises UserError when there is none."""
    if path is None or not path.is_dir():
        raise UserError(f"{path or 'nothing'} is no folder: give the source's folder by {flag}")
    return path


def inside(folder: Path, name: Any) -> Path:
    """The path of a file that annotations name; they are untrusted, so it may not leave the folder."""
    if not isinstance(name, str) or not name.isprintable() or not name:
        raise UserError(f"a picture's file name must be plain text, not {name!r:.80}: correct the annotations")
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"the file name {name!r} leaves {folder}: correct the annotations")
    return path


def clip(box: Any, width: int, height: int) -> Box | None:
    """A box (x, y, width, height) cut to the picture and rounded; None where less than half of it lies inside.

    Raises ValueError when it is no box at all.
    """
    if not isinstance(box, (list, tuple)) or len(box) != 4:
        raise ValueError(f"{box!r:.80} is no box of four numbers")
    if not all(isinstance(side, (int, float)) and abs(side) < 1e7 for side in box):  # NaN and infinity fail too
        raise ValueError(f"{box!r:.80} is no box of four numbers")
    x, y, w, h = box
    if w <= 0 or h <= 0:
        return None
    left, top, right, bottom = max(0, x), max(0, y), min(width, x + w), min(height, y + h)
    if right <= left or bottom <= top or (right - left) * (bottom - top) < _LEAST_KEPT * w * h:
        return None
    return round(left), round(top), max(1, round(right - left)), max(1, round(bottom - top))


def _shared(one: Box, other: Box) -> int:
    """Pixels that two boxes have in common."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0, across) * max(0, down)


def lies_within(box: Box, other: Box) -> bool:
    """Whether nearly all of a box lies inside another."""
    return _shared(box, other) >= _WITHIN * box[2] * box[3]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    shared = _shared(one, other)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def is_clear(box: Box, width: int, height: int) -> bool:
    """Whether a thing with this box is big enough, and not a mere sliver at the picture's edge."""
    x, y, w, h = box
    if min(w, h) < _LEAST_SIDE or w * h < _LEAST_AREA * width * height:
        return False
    at_side = x <= 1 or x + w >= width - 1
    at_top_or_bottom = y <= 1 or y + h >= height - 1
    if (at_side or at_top_or_bottom) and w * h < _LEAST_AREA_AT_EDGE * width * height:
        return False
    return not (at_side and w < _SLIVER * width) and not (at_top_or_bottom and h < _SLIVER * height)
