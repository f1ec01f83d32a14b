"""`python -m lmms_eval_drbench.build --source S --images N --questions N --seed N --split S --out DIR ...`."""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import datasets

from lmms_eval_drbench import __version__, data, locks
from lmms_eval_drbench.build import annotated, pictures
from lmms_eval_drbench.build.builder import card, check_free
from lmms_eval_drbench.build.llm import command as llm
from lmms_eval_drbench.build.review import command as review
from lmms_eval_drbench.build.sources import ANNOTATED, open_source
from lmms_eval_drbench.build.sources.base import AnnotatedSource
from lmms_eval_drbench.build.sources.procedural.source import ProceduralSource
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.record import SPLITS

PLAN = "plan.sha256"
"""File in the folder of an unfinished build that says what its shards are made from."""


def main() -> None:
    if review.is_asked(sys.argv[1:]):
        review.main(sys.argv[1:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m lmms_eval_drbench.build",
        description="Build a DRBench-Open split.",
        epilog="Human verification: --review DATA, --apply-review DECISIONS; `--review . --help` says more.",
    )
    parser.add_argument("--source", choices=[ProceduralSource.name, *ANNOTATED], default=ProceduralSource.name)
    parser.add_argument("--generator", choices=["engine", "llm"], default="engine", help="who writes the questions")
    parser.add_argument("--images", type=int, required=True, help="pictures, exactly")
    parser.add_argument("--questions", type=int, required=True, help="questions, exactly")
    parser.add_argument("--seed", type=int, default=0, help="0 to 99")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, help="width and height of drawn pictures in pixels, 448 by default")
    parser.add_argument("--annotations", type=Path, help="the source's annotation file or folder")
    parser.add_argument("--images-dir", type=Path, help="the folder of its pictures")
    parser.add_argument("--workers", type=int, default=1, help="processes that write shards; the bytes are the same")
    parser.add_argument("--allow-shortfall", action="store_true", help="write fewer questions rather than none")
    parser.add_argument("--whole-pool", action="store_true", help="every picture may go into this split")
    parser.add_argument("--avoid", type=Path, action="append", default=[], help="data that must stay disjoint")
    llm.add_arguments(parser)
    args = parser.parse_args()
    if args.generator == "llm":
        llm.run(args, _gallery)
    elif args.endpoint or args.model:
        raise UserError("--endpoint and --model are for --generator llm")
    else:
        _annotated(args)


def _annotated(args: argparse.Namespace) -> None:
    if not (0 <= args.seed < 100 and args.images > 0 and args.questions > 0 and args.workers > 0):
        raise UserError("--seed must be 0 to 99; --images, --questions and --workers at least 1")
    if args.questions < args.images:
        raise UserError(f"{args.questions} questions are too few for {args.images} images: ask at least one an image")
    options = {
        name: str(getattr(args, name)) for name in ("source", "images", "questions", "seed", "split", "whole_pool")
    }
    options["avoid"] = [str(path) for path in args.avoid]
    if args.size is not None:
        options["size"] = str(args.size)
    source = open_source(args.source, args.annotations, args.images_dir, args.size)
    if args.avoid and args.source == ProceduralSource.name:
        raise UserError("--avoid: procedural draws other pictures for every --split and --seed: choose another of them")
    partial = args.out / annotated.PARTIAL
    inputs = {"files": str(args.annotations), "pictures": str(args.images_dir), "version": __version__}
    _open_partial(args.out, partial)
    try:
        with locks.held(
            partial / "lock", f"another process builds {args.out}: wait until it ends, or choose another --out"
        ):
            _compare(args.out, partial, options | inputs)
            stats, skipped = _fill(args, source, options, partial)
    except (OSError, datasets.exceptions.DatasetGenerationError) as error:  # the latter hides what it came from
        raise UserError(
            f"cannot write into {args.out} ({getattr(error, 'strerror', None) or error.__cause__ or error}): make room "
            "and run the same command to go on"
        ) from error
    _report(stats, args.out)
    if skipped:
        print(f"{len(skipped)} pictures were left out, for instance:")
        for image_id, reason in list(skipped.items())[:5]:
            print(f"  {image_id} {reason}")


def _fill(
    args: argparse.Namespace, source: AnnotatedSource, options: dict[str, Any], partial: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """(stats, pictures that were left out and why) of the data set that this writes."""
    try:
        made = _planned(args, source, partial / "spool.jsonl")
    except UserError:
        if not (partial / PLAN).is_file():  # nothing to go on from
            shutil.rmtree(partial)
            _remove_if_empty(args.out)
        raise
    if not _is_noted(partial / PLAN, made.digest):
        raise UserError(
            f"{args.out} holds an unfinished build of other annotations or pictures: give those again or remove "
            f"{args.out}"
        )
    shards = annotated.write_shards(made, args.out, args.split, args.workers)
    stats = annotated.summary(shards, partial / "cache")
    stats |= {"name": source.title, "made_by": options | {"version": __version__}}
    stats["missing"] = {str(category): count for category, count in sorted(made.missing.items())}
    (args.out / "stats.json").write_text(json.dumps(stats, indent=2) + "\n", encoding="utf-8")
    (args.out / "README.md").write_text(card(stats, source), encoding="utf-8")
    annotated.clear(partial)
    return stats, made.skipped


def _planned(args: argparse.Namespace, source: AnnotatedSource, spool: Path) -> annotated.Plan:
    known = _gallery(args.avoid)
    made = annotated.plan(source, args.images, args.questions, args.seed, args.split, spool, args.whole_pool, known)
    if made.missing:
        sentence = annotated.shortfall(made, args.images, args.questions, source)
        if not args.allow_shortfall:
            raise UserError(f"{sentence}. Nothing was written: give more images, or add --allow-shortfall")
        print(f"shortfall: {sentence}")
    return made


def _open_partial(out: Path, partial: Path) -> None:
    """Start in an empty folder, or go on where a build was stopped."""
    try:
        if not (partial / annotated.OPTIONS).is_file():
            check_free(out)
            partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write into {out} ({error.strerror}): choose another --out") from error


def _compare(out: Path, partial: Path, options: dict[str, Any]) -> None:
    """Raise UserError where a build of other options was stopped, unless it had no plan yet: then nothing can mix."""
    if not (partial / PLAN).is_file():
        (partial / annotated.OPTIONS).unlink(missing_ok=True)
    if not _is_noted(partial / annotated.OPTIONS, json.dumps(options)):
        raise UserError(f"{out} holds an unfinished build of other options: finish it or remove {out}")


def _is_noted(file: Path, text: str) -> bool:
    """Whether a file says this; one that isn't there is written first, at once as a whole."""
    if not file.is_file():
        half_written = file.with_suffix(".half")
        half_written.write_text(text, encoding="utf-8")
        half_written.replace(file)
    return file.read_text(encoding="utf-8", errors="replace") == text


def _gallery(folders: list[Path]) -> pictures.Gallery:
    """The pictures of earlier data sets, of all their splits."""
    gallery = pictures.Gallery()
    for folder in folders:
        splits = [name for name in SPLITS if any(folder.glob(f"{name}-*.parquet"))]
        if not splits:
            raise UserError(f"--avoid {folder} holds no data set: name a folder that this command wrote")
        for name in splits:
            seen = set()
            for record in data.load(str(folder), name).records.select_columns(["image_id", "image"]):
                if record["image_id"] not in seen:
                    seen.add(record["image_id"])
                    gallery.add_image(record["image_id"].encode(), record["image"])
    return gallery


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not os.listdir(folder):
        folder.rmdir()


def _report(stats: dict[str, Any], out: Path) -> None:
    print(f"{stats['name']}: {stats['questions']} questions over {stats['images']} images in {out}, ", end="")
    print(f"fingerprint {stats['fingerprint']}")


if __name__ == "__main__":
    run_cli(main)
