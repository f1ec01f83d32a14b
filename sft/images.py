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
from sft.feature_store import Features, FeatureStore


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
    """The frozen tower's features of each image, computed at its first use and kept in main memory, up to a limit.

    A tower that is never trained gives the same features in every step and stage; and a question's image is shared
    by about five questions. Beyond the limit nothing is replaced: images come back once a pass, in any order, so those
    that were seen first are as good as any others. `store` keeps features on disk, for those and for later runs.
    """

    def __init__(
        self, family: Family, images: Images, limit: int = 4 * 2**30, store: FeatureStore | None = None
    ) -> None:
        """limit: bytes of main memory."""
        self._family, self._images, self._limit, self._store = family, images, limit, store
        self._known: dict[str, Features] = {}
        self.bytes = 0
        """Main memory that is taken."""
        self.counts = {"memory": 0, "disk": 0, "computed": 0, "damaged": 0}
        """Where the features of each look-up came from, and how many damaged files were computed again."""

    def __call__(self, model: PreTrainedModel, keys: Sequence[str]) -> tuple[list[torch.Tensor], torch.Tensor | None]:
        """Features of each key, as `Family.encode_images` gives them, on the model's device.

        And the grids, (keys, 3), where the family's positions need them, else None.
        """
        found = [self._features(model, key) for key in keys]
        features = [one["features"].to(model.device, non_blocking=True) for one in found]
        return features, torch.cat([one["grid"] for one in found]).to(model.device) if "grid" in found[0] else None

    def _features(self, model: PreTrainedModel, key: str) -> Features:
        if key in self._known:
            self.counts["memory"] += 1
            return self._known[key]
        found = self._store.read(key) if self._store else None
        self.counts["disk" if found else "computed"] += 1
        self.counts["damaged"] = self._store.damaged if self._store else 0
        if found is None:
            found = self._computed(model, key)
            if self._store:
                self._store.write(key, found)
        size = sum(tensor.nbytes for tensor in found.values())
        if self.bytes + size <= self._limit:
            self._known[key] = found
            self.bytes += size
        return found

    def _computed(self, model: PreTrainedModel, key: str) -> Features:
        # One by one: in a batch the last bits depend on the neighbours, which a resumed run may not repeat.
        given = self._images.processed(key)
        (features,) = self._family.encode_images(model, [given])
        grid = given.get("image_grid_thw")
        return {"features": features.detach().cpu()} | ({} if grid is None else {"grid": grid})


def cache_bytes(image_tokens: dict[str, int], hidden: int, dtype: torch.dtype) -> int:
    """Memory that the features of these images take; image_tokens: key → placeholder tokens."""
    return sum(image_tokens.values()) * hidden * dtype.itemsize
