"""Images of a data set: found once, decoded when needed, and sent through the frozen tower once if memory allows."""

import hashlib
import io
from collections.abc import Sequence

import datasets
import torch
from PIL import Image
from transformers import PreTrainedModel, ProcessorMixin

from lmms_eval_drbench.data import image_bytes
from sft.families import Family


class Images:
    """The distinct images of `records`, by the digest of their bytes.

    The digest, not `image_id`, says which rows share an image: a wrong id in the data can't swap pictures.
    """

    def __init__(self, records: datasets.Dataset, family: Family, processor: ProcessorMixin) -> None:
        self._family, self._processor = family, processor
        self._column = records.select_columns("image").cast_column("image", datasets.Image(decode=False))
        self._first_row: dict[str, int] = {}
        self._key_of_path: dict[str, str] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self.keys = [self._register(row, item["image"]) for row, item in enumerate(self._column)]
        """The key of every row's image."""

    def __len__(self) -> int:
        return len(self._first_row)

    def size(self, key: str) -> tuple[int, int]:
        """(width, height) in pixels, as stored."""
        return self._sizes[key]

    def content(self, key: str) -> bytes:
        """The image file itself."""
        return image_bytes(self._column[self._first_row[key]]["image"])

    def processed(self, key: str) -> dict[str, torch.Tensor]:
        """What the model takes, as `Family.process` gives it."""
        with Image.open(io.BytesIO(self.content(key))) as opened:
            return self._family.process(self._processor, opened.convert("RGB"))

    def batch(self, keys: Sequence[str]) -> dict[str, torch.Tensor]:
        """Several images as one batch."""
        return self._family.join([self.processed(key) for key in keys])

    def _register(self, row: int, image: dict) -> str:
        if image["bytes"] is None and image["path"] in self._key_of_path:
            return self._key_of_path[image["path"]]
        content = image_bytes(image)
        key = hashlib.sha256(content).hexdigest()
        if image["bytes"] is None:
            self._key_of_path[image["path"]] = key
        if key not in self._first_row:
            self._first_row[key] = row
            with Image.open(io.BytesIO(content)) as opened:
                self._sizes[key] = opened.size
        return key


class VisionCache:
    """The frozen tower's features of each image, computed at its first use and kept in main memory.

    A tower that is never trained gives the same features in every step and stage; and a question's image is shared
    by about five questions.
    """

    def __init__(self, family: Family, images: Images) -> None:
        self._family, self._images = family, images
        self._known: dict[str, tuple[torch.Tensor, torch.Tensor | None]] = {}

    def __call__(self, model: PreTrainedModel, keys: Sequence[str]) -> tuple[list[torch.Tensor], torch.Tensor | None]:
        """Features of each key, as `Family.encode_images` gives them, on the model's device.

        And the grids, (keys, 3), where the family's positions need them, else None.
        """
        for key in keys:
            if key not in self._known:
                # One by one: in a batch the last bits depend on the neighbours, which a resumed run may not repeat.
                given = self._images.processed(key)
                (features,) = self._family.encode_images(model, [given])
                self._known[key] = (features.detach().cpu(), given.get("image_grid_thw"))
        features = [self._known[key][0].to(model.device, non_blocking=True) for key in keys]
        grids = [self._known[key][1] for key in keys]
        return features, None if grids[0] is None else torch.cat(grids).to(model.device)


def cache_bytes(image_tokens: dict[str, int], hidden: int, dtype: torch.dtype) -> int:
    """Memory that the features of these images take; image_tokens: key → placeholder tokens."""
    return sum(image_tokens.values()) * hidden * dtype.itemsize
