"""Where records come from: the packaged split, a folder, a parquet or JSONL file, or a hub data set.

Everything that reads records (the tasks, the training, the scores) goes through `load`, so one place validates,
names and fingerprints the data. Data is untrusted: images must lie inside the data root and have a sane size.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import datasets
from PIL import Image, ImageFile

from lmms_eval_drbench import packaged
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import FEATURES, SPLITS, faults
from lmms_eval_drbench.taxonomy import Category

ENV = "DRBENCH_DATA"
MAX_ASPECT = 200
"""Qwen2-VL's image processors refuse longer pictures."""
MAX_PIXELS = 50_000_000
"""Largest image that is decoded; beyond it a file is taken for a decompression bomb."""
MINI_SIZE = 400
"""Questions in `drbench_mini`."""
_SHOWN_FAULTS = 20


@dataclass(frozen=True)
class Data:
    """Validated records of one split: a `datasets.Dataset` with `record.FEATURES`, its name and its fingerprint."""

    name: str
    fingerprint: str
    split: str
    records: datasets.Dataset


def load(spec: str | None = None, split: str = "test") -> Data:
    """Load and validate one split.

    spec: a folder (`{split}-*.parquet` or `questions.jsonl`), a `.parquet` or `.jsonl` file, a hub id, or `packaged`
    (see `packaged.folder`); None for what `DRBENCH_DATA` names, and without that the packaged data.
    Raises UserError naming every faulty record (file, line, id, cure), or what is missing.
    """
    return _load(spec or os.environ.get(ENV) or "packaged", split)


@lru_cache(maxsize=8)
def _load(spec: str, split: str) -> Data:
    if split not in SPLITS:
        raise UserError(f"no split {split!r}: use one of {', '.join(SPLITS)}")
    try:
        path = packaged.folder(spec, split) or Path(spec).expanduser()
        path.exists()
    except (RuntimeError, OSError) as error:  # no such user, or a name too long to be a path
        raise UserError(f"no data at {spec[:200]}: {error}") from error
    if path.exists():
        dataset = _read_path(path, split)
    elif _looks_like_hub_id(spec):
        dataset = _read_hub(spec, split)
    else:
        raise UserError(f"no data at {spec}: give a folder, a .parquet or .jsonl file, or a hub id in {ENV} or --data")
    if len(dataset) == 0:
        raise UserError(f"{spec} holds no record of split {split!r}: choose another split or another data set")
    return Data(_name(spec, path), fingerprint(dataset), split, dataset)


def mini(dataset: datasets.Dataset, size: int = MINI_SIZE) -> datasets.Dataset:
    """A fixed stratified subset: each category keeps its share, questions are drawn by the hash of their id."""
    if len(dataset) <= size:
        return dataset
    by_category: dict[str, list[int]] = {category: [] for category in Category}
    for index, category in enumerate(dataset["category"]):
        by_category[category].append(index)
    counts = apportion(size, {category: len(indices) / len(dataset) for category, indices in by_category.items()})
    ids = list(dataset["id"])
    chosen = []
    for category, indices in by_category.items():
        ordered = sorted(indices, key=lambda index: hashlib.sha256(ids[index].encode()).hexdigest())
        chosen += ordered[: counts[category]]
    return dataset.select(sorted(chosen))


def apportion(total: int, shares: dict[Any, float]) -> dict[Any, int]:
    """Split `total` by `shares` into whole numbers that add up to it (largest remainder)."""
    counts = {key: int(total * share) for key, share in shares.items()}
    by_remainder = sorted(shares, key=lambda key: total * shares[key] - counts[key], reverse=True)
    for key in by_remainder[: total - sum(counts.values())]:
        counts[key] += 1
    return counts


def fingerprint(dataset: datasets.Dataset) -> str:
    """16 hex digits over every record's text and image bytes, whatever order and container they come in."""
    digests = []
    of_files: dict[str, str] = {}
    for record in dataset.cast_column("image", datasets.Image(decode=False)):
        image = record.pop("image")
        key = "" if image["bytes"] is not None else image["path"]
        image_digest = of_files.get(key) or hashlib.sha256(image_bytes(image)).hexdigest()
        if key:
            of_files[key] = image_digest
        text = json.dumps(record, sort_keys=True, ensure_ascii=False)
        digests.append(hashlib.sha256((text + image_digest).encode()).hexdigest())
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()[:16]


def fingerprint_of_file(path: Path) -> str:
    """16 hex digits over a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _name(spec: str, path: Path) -> str:
    """The name that every table shows. Data of our engine says its own name in stats.json; the rest is custom."""
    stats = path / "stats.json"
    if stats.is_file():
        try:
            name = json.loads(stats.read_text(encoding="utf-8")).get("name")
        except (ValueError, AttributeError):
            name = None
        if isinstance(name, str) and name:
            return name
    return f"custom: {spec}"


def _looks_like_hub_id(spec: str) -> bool:
    parts = spec.split("/")
    return len(parts) == 2 and all(part and not part.startswith(".") for part in parts) and "\\" not in spec


def _read_path(path: Path, split: str) -> datasets.Dataset:
    if path.is_dir():
        shards = sorted(path.glob(f"{split}-*.parquet"))
        if shards:
            return _read_parquet(shards, split)
        if (path / "questions.jsonl").is_file():
            return _read_jsonl(path / "questions.jsonl", split)
        raise UserError(f"{path} holds neither {split}-*.parquet nor questions.jsonl: point at a DRBench data folder")
    if path.suffix == ".parquet":
        return _read_parquet([path], split)
    if path.suffix == ".jsonl":
        return _read_jsonl(path, split)
    raise UserError(f"{path} is neither a folder nor a .parquet or .jsonl file")


def _read_hub(repo: str, split: str) -> datasets.Dataset:
    try:
        dataset = datasets.load_dataset(repo, split=split)
    except Exception as error:  # the hub client raises a dozen unrelated types; each means the same to the user
        raise UserError(f"{repo} is no local path, and loading it from the hub failed: {error}") from error
    return _checked(repo, dataset, split)


def _read_parquet(shards: list[Path], split: str) -> datasets.Dataset:
    try:
        dataset = datasets.concatenate_datasets([datasets.Dataset.from_parquet(str(shard)) for shard in shards])
    except Exception as error:  # pyarrow and datasets raise many types for a damaged file
        raise UserError(f"{shards[0].parent}: cannot read {shards[0].name}: {error}") from error
    return _checked(str(shards[0].parent if len(shards) > 1 else shards[0]), dataset, split)


def _checked(where: str, dataset: datasets.Dataset, split: str) -> datasets.Dataset:
    """Validate rows that are already a table; raises on missing columns before it looks at the rows."""
    missing = [name for name in FEATURES if name not in dataset.column_names]
    if missing:
        raise UserError(f"{where} lacks the columns {', '.join(missing)}: it is not in the DRBench record format")
    try:
        dataset = dataset.select_columns(list(FEATURES)).cast_column("image", datasets.Image(decode=False))
    except Exception as error:  # pyarrow raises many types
        raise UserError(f"{where}: the column `image` holds no images ({error}): embed them") from error
    dataset = dataset.filter(lambda value: value == split, input_columns="split")
    problems: list[str] = []
    checker = ImageChecker()
    seen: dict[str, int] = {}
    for row, record in enumerate(dataset):
        found = faults(record) + checker.embedded_faults(record["image"])
        if seen.setdefault(record["id"], row) != row:
            found.append(f"same id as row {seen[record['id']]}, ids must be unique")
        problems += [f"{where} row {row}, record {record['id']}: {fault}" for fault in found]
    raise_all(problems, len(dataset))
    return dataset.cast(FEATURES)


def _read_jsonl(path: Path, split: str) -> datasets.Dataset:
    root = path.parent.resolve()
    records, problems = [], []
    checker = ImageChecker()
    seen: dict[str, int] = {}
    lines = list(numbered_lines(path))
    for number, line in lines:
        where = f"{path}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            problems.append(f"{where}: not JSON ({error})")
            continue
        if not isinstance(record, dict):
            problems.append(f"{where}: a record must be a JSON object")
            continue
        label = f"{where}, record {record.get('id')!r}"
        found = faults(record) + encoding_faults(record)
        problems += [f"{label}: {fault}" for fault in found]
        if isinstance(record.get("id"), str):
            if record["id"] in seen:
                problems.append(f"{label}: same id as line {seen[record['id']]}, ids must be unique")
            seen.setdefault(record["id"], number)
        image, image_faults = resolve_image(root, record.get("image"))
        if image is not None:
            image_faults = checker.file_faults(image["path"])
        problems += [f"{label}: {fault}" for fault in image_faults]
        if not found and image is not None and record["split"] == split:
            records.append({name: record[name] for name in FEATURES} | {"image": image})
    raise_all(problems, len(lines))
    columns = {name: [record[name] for record in records] for name in FEATURES}
    return datasets.Dataset.from_dict(columns, features=FEATURES)


def encoding_faults(record: dict[str, Any]) -> list[str]:
    """JSON can escape half of a surrogate pair, which is no character and can't be stored."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return ["a text holds half of a surrogate pair (\\ud800 to \\udfff): remove it"]
    return []


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """A text file's lines that aren't blank, numbered from 1. Raises UserError."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: {error}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def resolve_image(root: Path, relative: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """(an undecoded `image` cell or None, faults) for a path that must lie inside the data root."""
    if not isinstance(relative, str) or not relative:
        return None, [f"`image` must be a path relative to {root}, not {relative!r}"]
    try:
        path = (root / relative).resolve()
        is_file = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, a loop of links, a null byte
        return None, [f"image {relative[:80]!r} is no path ({error.__class__.__name__}): correct it"]
    if not path.is_relative_to(root):
        return None, [f"image {relative!r} leaves the data root {root}: copy it inside"]
    if not is_file:
        return None, [f"image {relative!r} is missing from {root}: add it or correct the path"]
    return {"path": str(path), "bytes": None}, []


def image_bytes(image: dict[str, Any]) -> bytes:
    """The encoded picture of an undecoded `image` cell, from the table or from its file."""
    return image["bytes"] if image["bytes"] is not None else Path(image["path"]).read_bytes()


class ImageChecker:
    """Decodes every distinct image once, so that a truncated one is found before an hour of work and not after."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def file_faults(self, path: str) -> list[str]:
        """What is wrong with an image file."""
        if path not in self._known:
            self._known[path] = self._decode({"path": path, "bytes": None})
        return self._known[path]

    def embedded_faults(self, image: dict[str, Any] | None) -> list[str]:
        """A table's image must be in the table: a path in it could point anywhere on this machine."""
        if image is None or image.get("bytes") is None:
            return ["`image` is not embedded: store its bytes in the table"]
        key = hashlib.sha256(image["bytes"]).hexdigest()
        if key not in self._known:
            self._known[key] = self._decode(image)
        return self._known[key]

    @staticmethod
    def _decode(image: dict[str, Any]) -> list[str]:
        lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False  # lmms-eval sets it to True
        try:
            with Image.open(io.BytesIO(image_bytes(image))) as opened:
                width, height = opened.size
                if width * height > MAX_PIXELS:
                    return [f"image is {width}x{height}, beyond {MAX_PIXELS:,} pixels: scale it down"]
                if max(width, height) > MAX_ASPECT * min(width, height):
                    return [f"image is {width}x{height}, longer than {MAX_ASPECT} times its width: crop it"]
                opened.load()
        except Image.DecompressionBombError:
            return [f"image is beyond {MAX_PIXELS:,} pixels: scale it down"]
        except Exception as error:  # Pillow's readers raise what a damaged file makes them raise
            return [f"image cannot be read ({error}): replace the file"]
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = lenient
        return []


def raise_all(problems: list[str], total: int) -> None:
    """Raise one UserError with the first problems and their number, if there are any."""
    if not problems:
        return
    shown = "\n  ".join(problems[:_SHOWN_FAULTS])
    more = f"\n  ... and {len(problems) - _SHOWN_FAULTS} more" if len(problems) > _SHOWN_FAULTS else ""
    faults = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
    raise UserError(f"{faults} in {total} records; nothing was used:\n  {shown}{more}")
