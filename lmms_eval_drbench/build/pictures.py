"""Checking picture files before they go into a data set: readable, of the annotated size, unlike any other."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from lmms_eval_drbench.data import MAX_ASPECT, MAX_PIXELS

_HASH_SIDE = 8
NEAR = 5
"""Bits of 64 in which the hashes of two pictures may differ for them to count as near-duplicates."""


def fault(path: Path, width: int | None = None, height: int | None = None) -> str | None:
    """Why a picture can't be used, or None. width, height: as its annotations say, None where there are none."""
    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        if not path.is_file():  # which raises on a name that is too long
            return f"has no picture at {path.name}"
        with Image.open(path) as opened:
            if opened.size[0] * opened.size[1] > MAX_PIXELS:
                return f"is beyond {MAX_PIXELS:,} pixels"
            if max(opened.size) > MAX_ASPECT * min(opened.size):
                return f"is longer than {MAX_ASPECT} times its width"
            if width is not None and opened.size != (width, height):
                return "has another size than its annotations say"
            opened.load()
    except Image.DecompressionBombError:
        return f"is beyond {MAX_PIXELS:,} pixels"
    except Exception:  # Pillow's readers raise what a damaged file makes them raise
        return "cannot be read"
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    return None


def difference_hash(image: Image.Image) -> int:
    """64 bits: whether each pixel of the 9 x 8 grey thumbnail is darker than its right neighbour (dHash)."""
    small = image.convert("L").resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.int16)
    bits = (pixels[:, :-1] < pixels[:, 1:]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


class Gallery:
    """Pictures that are already in a data set, by perceptual hash."""

    def __init__(self) -> None:
        self._hashes = np.zeros(0, dtype=np.uint64)
        self._digests: set[bytes] = set()
        self._history = hashlib.sha256()

    @property
    def digest(self) -> str:
        """A hash of all that was taken in, in its order."""
        return self._history.hexdigest()

    def _note(self, digest: bytes) -> None:
        self._digests.add(digest)
        self._history.update(digest)

    def add_description(self, shown: str) -> str | None:
        """Take in a picture that was drawn, by what it shows; the reason why not, where another shows the same."""
        digest = hashlib.sha256(shown.encode()).digest()
        if digest in self._digests:
            return "shows the same as another picture"
        self._note(digest)
        return None

    def add(self, image_id: str, path: Path) -> str | None:
        """Take a picture in; the reason why not, where one like it is there already."""
        content = path.read_bytes()
        with Image.open(path) as opened:
            return self.add_image(content, opened)

    def add_image(self, content: bytes, image: Image.Image) -> str | None:
        """The same for a picture that is already open."""
        digest = hashlib.sha256(content).digest()
        value = np.uint64(difference_hash(image))
        differing = np.bitwise_count(self._hashes ^ value)
        if digest in self._digests or bool((differing <= NEAR).any()):
            return "is a near-duplicate of another picture"
        self._note(digest)
        self._hashes = np.append(self._hashes, value)
        return None
