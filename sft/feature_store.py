"""Features of a frozen tower on disk, for later runs and other processes: one safetensors file an image.

    DIR/<tower>/<image>.safetensors        tower: see `fingerprint`; image: the digest of the image file's bytes

A run with another tower, other pixel limits or other versions reads another folder, so nothing stale is ever found.
"""

import hashlib
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from transformers import PreTrainedModel, ProcessorMixin

from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.versions import versions
from sft.families import Family

_FORMAT = 1
"""Raised whenever this package changes what it stores or how it prepares pictures."""
_LATER = ("text_config", "transformers_version", "architectures", "torch_dtype")
"""What a model's configuration says beside its tower."""
_SUFFIX = ".safetensors"

Features = dict[str, torch.Tensor]
"""`features`, as `Family.encode_images` gives them for one image, and `grid` where the family has one."""


def fingerprint(model: PreTrainedModel, family: Family, processor: ProcessorMixin) -> str:
    """What a tower's features depend on beside the picture, as 16 hexadecimal digits.

    Its weights, byte for byte; its configuration; the image processor's settings; the versions of torch and
    transformers; and the kind of device, whose kernels round differently.
    """
    found = versions()
    described = {
        "format": _FORMAT,
        "family": family.model_type,
        "config": {name: value for name, value in model.config.to_dict().items() if _of_the_tower(name)},
        "processor": processor.image_processor.to_dict(),
        "versions": [found["torch"], found["transformers"]],
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode())
    for name, weight in model.state_dict().items():
        if name.startswith(family.frozen):
            digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
            digest.update(_content(weight))
    return digest.hexdigest()[:16]


def _of_the_tower(name: str) -> bool:
    return not name.startswith("_") and name not in _LATER


def _content(tensor: torch.Tensor) -> memoryview:
    return memoryview(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


class FeatureStore:
    """The features of one tower under `folder`, which takes `limit` bytes at most, other towers' included.

    Files are written aside and renamed, so several processes can share a folder (each then keeps to the limit by its
    own count). A damaged file is as good as none. Once the folder or the disk is full, nothing more is written.
    """

    def __init__(self, folder: Path, tower: str, limit: int) -> None:
        """Raises UserError when the folder can't be made."""
        self._root, self._folder, self._limit = folder, folder / tower, limit
        self.damaged = 0
        """Files that were there and not as they had been written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._used = sum(path.stat().st_size for path in folder.glob(f"*/*{_SUFFIX}"))
        except OSError as error:
            raise UserError(f"--feature_cache {folder} cannot be used: {error.strerror}; choose another") from error
        self._full = False

    def read(self, image: str) -> Features | None:
        """What was written for the image, or None where there is nothing sound."""
        try:
            with safe_open(self._file(image), "pt") as stored:
                found = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
                sound = (stored.metadata() or {}).get("crc32") == _checksum(found.values())
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError):
            sound = False
        if not sound or "features" not in found:
            self.damaged += 1
            return None
        return found

    def write(self, image: str, features: Features) -> None:
        """Keep an image's features, if there is room."""
        if self._full:
            return
        features = {name: tensor.contiguous() for name, tensor in features.items()}
        content = save(features, metadata={"crc32": _checksum(features.values())})
        file = self._file(image)
        try:
            before = file.stat().st_size if file.exists() else 0
            if self._used - before + len(content) > self._limit:
                self._stop(f"holds {self._used / 2**30:.1f} GiB: raise --feature_cache_gib or delete it")
                return
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".partial-", delete=False) as partial:
                try:
                    partial.write(content)
                    partial.close()
                    os.replace(partial.name, file)
                except BaseException:
                    Path(partial.name).unlink(missing_ok=True)
                    raise
            self._used += len(content) - before
        except OSError as error:
            self._stop(f"cannot be written to ({error.strerror})")

    def _file(self, image: str) -> Path:
        return self._folder / f"{image}{_SUFFIX}"

    def _stop(self, reason: str) -> None:
        self._full = True
        print(f"--feature_cache {self._root} {reason}; the run goes on and writes no more features", file=sys.stderr)


def _checksum(tensors: Iterable[torch.Tensor]) -> str:
    total = 0
    for tensor in tensors:
        total = zlib.crc32(_content(tensor), total)
    return str(total)
