"""Pictures without annotations: found in a folder, checked, and encoded for an endpoint."""

import base64
import hashlib
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from lmms_eval_drbench.build import pictures

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MAX_FILE = 100_000_000
"""Bytes; a larger file is not read."""
_QUALITY = 90


@dataclass(frozen=True)
class Photo:
    """A checked picture. width, height: in pixels, as it is shown (EXIF orientation applied, as `datasets` does)."""

    id: str
    path: Path
    width: int
    height: int
    digest: str

    def sent_size(self, max_side: int) -> tuple[int, int]:
        """Width and height of the copy that is sent."""
        scale = min(1.0, max_side / max(self.width, self.height))
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))

    def data_url(self, max_side: int) -> str:
        """The picture as a JPEG in a data URL, no side longer than `max_side`."""
        stream = io.BytesIO()
        with Image.open(self.path) as opened:
            shown = ImageOps.exif_transpose(opened).convert("RGB")
        shown.resize(self.sent_size(max_side), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=_QUALITY)
        return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def find(folder: Path, skipped: dict[str, str]) -> dict[str, Path]:
    """Picture files below `folder` by id: the path without its suffix, or with it where two would be the same."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    found: dict[str, Path] = {}
    for path in files:
        name = path.relative_to(folder)
        image_id = name.with_suffix("").as_posix()
        image_id = name.as_posix() if image_id in found else image_id
        if not image_id.isprintable():  # control characters, or bytes that are no text
            skipped[ascii(image_id)] = "has a name that is no plain text"
        else:
            found[image_id] = path
    return found


def usable(files: dict[str, Path], seed: int, gallery: pictures.Gallery, skipped: dict[str, str]) -> Iterator[Photo]:
    """The pictures that can be asked about, in an order drawn by `seed`; why another was left out goes to `skipped`."""
    order = sorted(files)
    random.Random(seed).shuffle(order)
    for image_id in order:
        path = files[image_id]
        fault = f"is a file of more than {MAX_FILE:,} bytes" if path.stat().st_size > MAX_FILE else pictures.fault(path)
        fault = fault or gallery.add(image_id, path)
        if fault:
            skipped[image_id] = fault
            continue
        with Image.open(path) as opened:
            width, height = ImageOps.exif_transpose(opened).size
        yield Photo(image_id, path, width, height, hashlib.sha256(path.read_bytes()).hexdigest())
