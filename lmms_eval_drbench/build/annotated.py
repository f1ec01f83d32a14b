"""Building from annotated pictures: choose pictures, ask questions, write shards that hold the pictures' bytes.

Texts go through a spool file and pictures are read shard by shard, so memory does not grow with the data set. Shards
are independent of each other: any number of workers writes the same bytes, and a build that was stopped goes on with
the shards that are missing.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection
from pathlib import Path
from typing import Any

import datasets
from tqdm import tqdm

from lmms_eval_drbench import parquet
from lmms_eval_drbench.build import pictures
from lmms_eval_drbench.build.builder import ROUNDS, Builder, describe, embed
from lmms_eval_drbench.build.critic import taught
from lmms_eval_drbench.build.questions.annotated import FAMILIES, View
from lmms_eval_drbench.build.scene import Scene
from lmms_eval_drbench.build.sources.base import AnnotatedSource, Picture, Unusable
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import FEATURES
from lmms_eval_drbench.taxonomy import Category

CRITICISED = 1000
"""Questions from which on a critic is taught: in fewer a reader of the text hardly finds anything to learn."""
PARTIAL = ".unfinished"
"""Folder inside the output that holds what a stopped build needs to go on."""
OPTIONS = "options.json"
"""File in it that says what was asked for."""
SHARD_QUESTIONS = 500
"""Questions from which on a shard is closed; an image's questions are never torn apart."""
_TEXTS = datasets.Features({name: feature for name, feature in FEATURES.items() if name != "image"})


@dataclass
class Plan:
    """What goes into the data set: per picture its id, how to get it and where its records lie in the spool.

    digest: a hash of the records and of the pictures that they were made from.
    """

    spool: Path
    image_ids: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    places: list[array] = field(default_factory=list)
    missing: Counter = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    digest: str = ""


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
    pool = source.pool(split, seed, whole_pool)
    tried = 0
    families = families_for(source)
    critic = taught(source, families) if questions >= CRITICISED else None
    builder = Builder(questions, seed, split, families=families, critic=critic)
    made = Plan(spool, skipped=source.skipped)
    gallery = known or pictures.Gallery()
    asked: list[set[str]] = []
    left = questions
    with spool.open("wb") as stream:
        bar = tqdm(total=images, desc="pictures", disable=None)  # shown on a terminal only
        for image_id in pool:
            tried += 1
            usable = _usable(source, image_id, gallery)
            if usable is None:
                continue
            scene, picture = usable
            said: set[str] = set()
            records = builder.ask(scene, -(-left // (images - len(made.image_ids))), said, View(scene))
            if not records:
                made.skipped[image_id] = "carries no question that is still needed"
                continue
            left -= len(records)
            made.image_ids.append(image_id)
            made.pictures.append(picture)
            asked.append(said)
            made.places.append(append_records(stream, records))
            bar.update()
            if len(made.image_ids) == images:
                break
        bar.close()
        if len(made.image_ids) < images:
            raise UserError(_too_few(source, made, images, tried, split, whole_pool))
        for _ in range(1, ROUNDS):
            for index, image_id in enumerate(made.image_ids):
                if left <= 0 or not builder.missing:
                    break
                scene = source.scene(image_id)
                records = builder.ask(scene, -(-left // (images - index)), asked[index], View(scene))
                left -= len(records)
                made.places[index].extend(append_records(stream, records))
    made.missing = builder.missing
    with spool.open("rb") as stream:
        made.digest = f"{hashlib.file_digest(stream, 'sha256').hexdigest()} {gallery.digest}"
    return made


def _usable(source: AnnotatedSource, image_id: str, gallery: pictures.Gallery) -> tuple[Scene, Picture] | None:
    """The scene and the picture of an id that can be used; what is wrong with another is noted."""
    try:
        scene, picture = source.scene(image_id), source.open(image_id)
    except Unusable as error:
        source.skipped[image_id] = str(error)
        return None
    if not any(thing.clear for thing in scene.objects):
        source.skipped[image_id] = "shows nothing that is clear enough to be asked about"
        return None
    fault = picture.fault(scene, gallery)
    if fault:
        source.skipped[image_id] = fault
        return None
    return scene, picture


def _too_few(source: AnnotatedSource, made: Plan, images: int, pool: int, split: str, whole_pool: bool) -> str:
    reasons = Counter(source.skipped.values())
    why = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
    share = "" if whole_pool else f" of split {split} (--whole-pool gives this split every picture)"
    return (
        f"{images} images were asked for, but only {len(made.image_ids)} of {pool} annotated pictures{share} can be "
        f"used: ask for fewer images or give more pictures{f' ({why})' if why else ''}"
    )


def append_records(stream: Any, records: list[dict[str, Any]]) -> array:
    """Append records to the spool file; returns where each of them starts, in bytes."""
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
    jobs: list[list[tuple[Picture, array]]] = [[]]
    size = 0
    for index in order:
        if size >= SHARD_QUESTIONS:
            jobs.append([])
            size = 0
        jobs[-1].append((made.pictures[index], made.places[index]))
        size += len(made.places[index])
    shards = [folder / f"{split}-{number:05d}.parquet" for number in range(len(jobs))]
    todo = [(shard, job) for shard, job in zip(shards, jobs, strict=True) if not shard.exists()]
    write = partial(_write_shard, made.spool)
    bar = tqdm(total=len(made.image_ids), desc="pictures written", disable=None)
    bar.update(len(made.image_ids) - sum(len(job) for _, job in todo))
    if workers > 1 and len(todo) > 1:
        try:
            with ProcessPoolExecutor(workers, initializer=_end_with_the_command) as pool:
                for written in pool.map(write, *zip(*todo, strict=True)):
                    bar.update(written)
        except BrokenProcessPool as error:
            raise UserError(
                "a worker was ended from outside, perhaps for want of memory: run the same command to go on, with "
                "fewer --workers"
            ) from error
    else:
        for shard, job in todo:
            write(shard, job, bar)
    bar.close()
    return shards


def _end_with_the_command() -> None:
    """Let this worker end when the command that started it was killed: else it would wait for ever, and until then
    write what a second try is writing too.
    """
    command = multiprocessing.parent_process().sentinel
    threading.Thread(target=lambda: (connection.wait([command]), os._exit(1)), daemon=True).start()


def _write_shard(spool: Path, shard: Path, job: list[tuple[Picture, array]], bar: Any = None) -> int:
    """Write one shard; the number of its pictures. Here pictures are read, or drawn. bar: told of every picture."""
    rows = []
    for picture, places in job:
        rows += embed(_unspooled(spool, places), picture)
        if bar is not None:
            bar.update()
    half_written = spool.parent / f"{shard.name}.half"
    parquet.write(datasets.Dataset.from_list(rows, features=FEATURES), half_written)
    half_written.replace(shard)
    return len(job)


def summary(shards: list[Path], cache: Path) -> dict[str, Any]:
    """`builder.describe` over shards, which are mapped into memory and not loaded."""
    shutil.rmtree(cache, ignore_errors=True)  # a stopped build may have left a part of it
    parts = [datasets.Dataset.from_parquet(str(shard), cache_dir=str(cache)) for shard in shards]
    return describe(datasets.concatenate_datasets(parts))


def clear(unfinished: Path) -> None:
    """Remove what a build needed to go on: its data set is whole, so at one moment it is unfinished no more."""
    finished = unfinished.with_name(".finished")
    shutil.rmtree(finished, ignore_errors=True)
    unfinished.replace(finished)
    shutil.rmtree(finished)


def shortfall(made: Plan, images: int, questions: int, source: AnnotatedSource) -> str:
    """One sentence that says what could not be filled, by category."""
    lacking = ", ".join(f"{made.missing[category]} {category}" for category in Category if made.missing[category])
    have = questions - sum(made.missing.values())
    cannot = [str(category) for category in Category if not _has_family(source, category)]
    note = f" (this source supports no question of {', '.join(cannot)})" if cannot else ""
    return f"{images} images of {source.name} carry {have} of {questions} questions; these are missing: {lacking}{note}"


def _has_family(source: AnnotatedSource, category: Category) -> bool:
    return any(family.category is category for family in families_for(source))
