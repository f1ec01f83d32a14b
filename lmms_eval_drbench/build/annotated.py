"""Building from annotated pictures: choose pictures, ask questions, write shards that hold the pictures' own bytes.

Texts go through a spool file and pictures are read shard by shard, so memory does not grow with the data set. Shards
are independent of each other: any number of workers writes the same bytes, and a build that was stopped goes on with
the shards that are missing.
"""

import hashlib
import json
import random
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import datasets
from tqdm import tqdm

from lmms_eval_drbench import parquet
from lmms_eval_drbench.build import pictures
from lmms_eval_drbench.build.builder import ROUNDS, Builder, describe
from lmms_eval_drbench.build.questions.annotated import FAMILIES, View
from lmms_eval_drbench.build.sources.base import AnnotatedSource
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import FEATURES
from lmms_eval_drbench.taxonomy import Category

PARTIAL = ".unfinished"
"""Folder inside the output that holds what a stopped build needs to go on."""
SHARD_QUESTIONS = 500
"""Questions from which on a shard is closed; an image's questions are never torn apart."""
_SPLIT_ENDS = {"train": 0.7, "validation": 0.8, "test": 1.0}
"""The pictures are dealt to the splits by the hash of their id: 70, 10 and 20 per cent."""
_TEXTS = datasets.Features({name: feature for name, feature in FEATURES.items() if name != "image"})


@dataclass
class Plan:
    """What goes into the data set: per picture its id, its file and where its records lie in the spool."""

    spool: Path
    image_ids: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    places: list[array] = field(default_factory=list)
    missing: Counter = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)


def split_of(image_id: str) -> str:
    """The split that a picture belongs to, whatever else is in the source."""
    share = int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8], "big") / 2**64
    return next(split for split, end in _SPLIT_ENDS.items() if share < end)


def families_for(source: AnnotatedSource) -> list:
    """The families whose needs the source meets."""
    return [family for family in FAMILIES.values() if family.needs <= source.facts]


def plan(
    source: AnnotatedSource,
    images: int,
    questions: int,
    seed: int,
    split: str,
    spool: Path,
    whole_pool: bool = False,
    known: pictures.Gallery | None = None,
) -> Plan:
    """Ask exactly `questions` about exactly `images` pictures, as far as the source carries them.

    whole_pool: use every picture for this split. known: pictures that may not come again, nor anything like them.
    Raises UserError when there are too few pictures; missing questions are left to the caller, in `Plan.missing`.
    """
    pool = [image_id for image_id in source.ids() if whole_pool or split_of(image_id) == split]
    random.Random(seed).shuffle(pool)
    builder = Builder(questions, seed, split, families=families_for(source))
    made = Plan(spool, skipped=source.skipped)
    gallery = known or pictures.Gallery()
    asked: list[set[str]] = []
    left = questions
    with spool.open("wb") as stream:
        for image_id in tqdm(pool, desc="pictures", disable=None):  # shown on a terminal only
            if len(made.image_ids) == images:
                break
            usable = _usable(source, image_id, gallery)
            if usable is None:
                continue
            scene, file = usable
            said: set[str] = set()
            records = builder.ask(scene, -(-left // (images - len(made.image_ids))), said, View(scene))
            if not records:
                made.skipped[image_id] = "carries no question that is still needed"
                continue
            left -= len(records)
            made.image_ids.append(image_id)
            made.files.append(file)
            asked.append(said)
            made.places.append(_spool(stream, records))
        if len(made.image_ids) < images:
            raise UserError(_too_few(source, made, images, len(pool), split, whole_pool))
        for _ in range(1, ROUNDS):
            for index, image_id in enumerate(made.image_ids):
                if left <= 0 or not builder.missing:
                    break
                scene = source.scene(image_id)
                records = builder.ask(scene, -(-left // (images - index)), asked[index], View(scene))
                left -= len(records)
                made.places[index].extend(_spool(stream, records))
    made.missing = builder.missing
    return made


def _usable(source: AnnotatedSource, image_id: str, gallery: pictures.Gallery) -> tuple[Any, Path] | None:
    """The scene and the file of a picture that can be used; what is wrong with another is noted."""
    scene, file = source.scene(image_id), source.picture(image_id)
    if not any(thing.clear for thing in scene.objects):
        source.skipped[image_id] = "shows nothing that is clear enough to be asked about"
        return None
    fault = pictures.fault(file, scene.width, scene.height) or gallery.add(image_id, file)
    if fault:
        source.skipped[image_id] = fault
        return None
    return scene, file


def _too_few(source: AnnotatedSource, made: Plan, images: int, pool: int, split: str, whole_pool: bool) -> str:
    reasons = Counter(source.skipped.values())
    why = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
    share = "" if whole_pool else f" of split {split} (--whole-pool gives this split every picture)"
    return (
        f"{images} images were asked for, but only {len(made.image_ids)} of {pool} annotated pictures{share} can be "
        f"used: ask for fewer images or give more pictures{f' ({why})' if why else ''}"
    )


def _spool(stream: Any, records: list[dict[str, Any]]) -> array:
    places = array("Q")
    for record in records:
        places.append(stream.tell())
        stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
    return places


def _unspooled(spool: Path, places: Iterable[int]) -> Iterator[dict[str, Any]]:
    with spool.open("rb") as stream:
        for place in places:
            stream.seek(place)
            yield json.loads(stream.readline())


def write_shards(made: Plan, folder: Path, split: str, workers: int) -> list[Path]:
    """Write `{split}-00000.parquet`, ... (at least one); those that are already there are kept.

    A shard appears under its name only when it is whole, so that a build can be stopped at any moment.
    """
    order = sorted(range(len(made.image_ids)), key=lambda index: made.image_ids[index])
    jobs: list[list[tuple[Path, array]]] = [[]]
    size = 0
    for index in order:
        if size >= SHARD_QUESTIONS:
            jobs.append([])
            size = 0
        jobs[-1].append((made.files[index], made.places[index]))
        size += len(made.places[index])
    shards = [folder / f"{split}-{number:05d}.parquet" for number in range(len(jobs))]
    todo = [(shard, job) for shard, job in zip(shards, jobs, strict=True) if not shard.exists()]
    write = partial(_write_shard, made.spool)
    if workers > 1 and len(todo) > 1:
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(write, *zip(*todo, strict=True)))
    else:
        for shard, job in todo:
            write(shard, job)
    return shards


def _write_shard(spool: Path, shard: Path, job: list[tuple[Path, array]]) -> None:
    rows = []
    for file, places in job:
        image = {"bytes": file.read_bytes(), "path": file.name}
        rows += [record | {"image": image} for record in _unspooled(spool, places)]
    half_written = spool.parent / f"{shard.name}.half"
    parquet.write(datasets.Dataset.from_list(rows, features=FEATURES), half_written)
    half_written.replace(shard)


def summary(shards: list[Path], cache: Path) -> dict[str, Any]:
    """`builder.describe` over shards, which are mapped into memory and not loaded."""
    parts = [datasets.Dataset.from_parquet(str(shard), cache_dir=str(cache)) for shard in shards]
    return describe(datasets.concatenate_datasets(parts))


def shortfall(made: Plan, images: int, questions: int, source: AnnotatedSource) -> str:
    """One sentence that says what could not be filled, by category."""
    lacking = ", ".join(f"{made.missing[category]} {category}" for category in Category if made.missing[category])
    have = questions - sum(made.missing.values())
    cannot = [str(category) for category in Category if not _has_family(source, category)]
    note = f" (this source supports no question of {', '.join(cannot)})" if cannot else ""
    return f"{images} images of {source.name} carry {have} of {questions} questions; these are missing: {lacking}{note}"


def _has_family(source: AnnotatedSource, category: Category) -> bool:
    return any(family.category is category for family in families_for(source))
