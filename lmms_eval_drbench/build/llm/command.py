"""`python -m lmms_eval_drbench.build --generator llm --endpoint URL --model NAME --images-dir DIR ... --out DIR`."""

import argparse
import json
import math
import os
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from lmms_eval_drbench import __version__
from lmms_eval_drbench.build import annotated, pictures
from lmms_eval_drbench.build.builder import card, check_free
from lmms_eval_drbench.build.llm import photos, pipeline
from lmms_eval_drbench.build.llm.cache import Cache
from lmms_eval_drbench.build.llm.card import section
from lmms_eval_drbench.build.llm.client import Client
from lmms_eval_drbench.build.llm.model import Model
from lmms_eval_drbench.build.llm.usage import Tally
from lmms_eval_drbench.build.sources.base import PictureFile, need_folder
from lmms_eval_drbench.build.sources.procedural.source import ProceduralSource
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.taxonomy import Category

RESPONSES = ".responses"
"""Folder inside the output that keeps the model's answers, also after the end: they were paid for."""
_MARK = json.dumps({"generator": "llm"})
_OWN_FIELDS = ("model", "messages", "stream", "n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this generator, in a group of their own."""
    group = parser.add_argument_group("for --generator llm")
    group.add_argument("--endpoint", help="OpenAI-compatible, such as http://localhost:8000/v1; key: OPENAI_API_KEY")
    group.add_argument("--model", help="the vision-language model's name at the endpoint")
    group.add_argument("--concurrency", type=int, default=8, help="requests under way at the same time, at most")
    group.add_argument("--timeout", type=float, default=120.0, help="seconds for one answer")
    group.add_argument("--max-side", type=int, default=1024, help="pixels: larger pictures are sent scaled down")
    group.add_argument(
        "--boxes",
        choices=["pixels", "thousandths", "none"],
        default="pixels",
        help="how the model gives boxes: in pixels, in thousandths of the sides (Qwen3-VL, InternVL), or not at all",
    )
    group.add_argument("--body", default="{}", help="JSON object of further request fields; null removes one")
    group.add_argument("--cache", type=Path, help=f"folder of the model's answers (default: OUT/{RESPONSES})")
    group.add_argument("--price-in", type=float, help="price of a million prompt tokens")
    group.add_argument("--price-out", type=float, help="price of a million completion tokens")


def run(args: argparse.Namespace, known_pictures: Callable[[list[Path]], pictures.Gallery]) -> None:
    """Build the data set. known_pictures: the gallery of the folders that `--avoid` names."""
    extra = _checked(args)
    folder = need_folder(args.images_dir, "--images-dir")
    tally = Tally(args.price_in, args.price_out)
    client = Client(args.endpoint, os.environ.get("OPENAI_API_KEY"), args.timeout)
    _check_out(args.out)
    skipped: dict[str, str] = {}
    files = photos.find(folder, skipped)
    if not files:
        raise UserError(f"{folder} holds no picture ({', '.join(photos.SUFFIXES)}): name another by --images-dir")
    pool = {name: path for name, path in files.items() if args.whole_pool or annotated.split_of(name) == args.split}
    gallery = known_pictures(args.avoid)
    usable = photos.usable(pool, args.seed, gallery, skipped)
    chosen = list(islice(usable, args.images))
    if len(chosen) < args.images:
        raise UserError(_too_few(args, len(chosen), len(pool), skipped))
    _open(args.out)
    cache = Cache(args.cache or args.out / RESPONSES)
    model = Model(client, cache, tally, args.model, args.seed, args.max_side, extra)
    try:
        made = pipeline.run(model, chosen, usable, args.questions, args.split, args.concurrency, args.boxes)
    except UserError as error:
        if tally.new:
            raise UserError(f"{error} ({tally.new} new answers are kept: run the same command to go on)") from error
        raise
    finally:
        _say_usage(tally)
    _check_shortfall(made, args)
    made_by = {name: str(getattr(args, name)) for name in _SAID} | {"avoid": [str(path) for path in args.avoid]}
    _write(made, args.out, args.split, made_by | {"body": extra, "version": __version__}, tally)
    if skipped:
        print(f"{len(skipped)} pictures were left out, for instance:")
        for name, reason in list(skipped.items())[:5]:
            print(f"  {name} {reason}")


_SAID = ("generator", "model", "images", "questions", "seed", "split", "whole_pool", "max_side", "boxes")


def _checked(args: argparse.Namespace) -> dict[str, Any]:
    """The further request fields; raises UserError for options that can't be."""
    if not args.endpoint or not args.model:
        raise UserError("--generator llm needs --endpoint and --model")
    if args.annotations is not None or args.workers != 1:
        raise UserError("--generator llm takes no --annotations and no --workers: it has --concurrency")
    if args.size is not None or args.source != ProceduralSource.name:
        raise UserError("--generator llm takes no --source and no --size: its pictures are those of --images-dir")
    if not args.model.isprintable() or len(args.model) > 200 or "`" in args.model:
        raise UserError("--model must be a plain name of at most 200 characters")
    counts = (args.images, args.questions, args.concurrency)
    if not (0 <= args.seed < 100 and min(counts) > 0 and args.concurrency <= 512):
        raise UserError("--seed must be 0 to 99; --images and --questions at least 1; --concurrency 1 to 512")
    if not (0 < args.timeout <= 3600 and 32 <= args.max_side <= 8192):
        raise UserError("--timeout must be above 0 and at most 3600 s, --max-side 32 to 8192")
    if any(price is not None and not (0 <= price < math.inf) for price in (args.price_in, args.price_out)):
        raise UserError("--price-in and --price-out must be 0 or more")
    try:
        extra = json.loads(args.body)
    except (ValueError, RecursionError) as error:
        raise UserError(f"--body is not JSON ({error}): give an object such as '{{\"max_tokens\": 8192}}'") from error
    if not isinstance(extra, dict) or set(extra) & set(_OWN_FIELDS):
        raise UserError(f"--body must be a JSON object without {', '.join(_OWN_FIELDS)}")
    pipeline.check_enough(args.images, args.questions)
    return extra


def _check_out(out: Path) -> None:
    """Raise UserError unless the folder is free, or holds a stopped build of this generator."""
    if not (out / annotated.PARTIAL).exists():
        check_free(out)
        return
    noted = out / annotated.PARTIAL / annotated.OPTIONS
    if noted.is_file() and noted.read_text(encoding="utf-8") not in ("", _MARK):
        raise UserError(f"{out} holds an unfinished build of another generator: finish it or remove {out}")


def _open(out: Path) -> None:
    """Mark the folder as unfinished. What a stopped build wrote beside its answers is written anew, in seconds."""
    partial = out / annotated.PARTIAL
    if partial.exists():
        for file in [*out.glob("*.parquet"), *out.glob("stats.json")]:  # whatever split they were of
            file.unlink()
    partial.mkdir(parents=True, exist_ok=True)
    (partial / annotated.OPTIONS).write_text(_MARK, encoding="utf-8")


def _too_few(args: argparse.Namespace, found: int, pool: int, skipped: dict[str, str]) -> str:
    reasons = "; ".join(f"{count} {reason}" for reason, count in Counter(skipped.values()).most_common(5))
    share = "" if args.whole_pool else f" of split {args.split} (--whole-pool gives this split every picture)"
    return (
        f"{args.images} images were asked for, but only {found} of {pool} pictures{share} can be used: ask for fewer "
        f"images or give more pictures{f' ({reasons})' if reasons else ''}"
    )


def _check_shortfall(made: pipeline.Made, args: argparse.Namespace) -> None:
    if not made.missing and not made.empty:
        return
    lacking = ", ".join(f"{made.missing[category]} {category}" for category in Category if made.missing[category])
    have = args.questions - sum(made.missing.values())
    parts = [f"these are missing: {lacking}"] if lacking else []
    parts += [f"{made.empty} images carry none"] if made.empty else []
    lost = ", ".join(f"{count} {name}" for name, count in made.lost.items() if count)
    parts += [f"candidates lost: {lost}"] if lost else []
    sentence = f"{args.model} brought {have} of {args.questions} questions through the checks; {'; '.join(parts)}"
    if not args.allow_shortfall or not have:
        cure = (
            "give more images, another --seed or another model, or add --allow-shortfall"
            if have
            else "give another model"
        )
        raise UserError(f"{sentence}. Nothing was written, the answers are kept: {cure}")
    print(f"shortfall: {sentence}")


def _write(made: pipeline.Made, out: Path, split: str, made_by: dict[str, Any], tally: Tally) -> None:
    partial = out / annotated.PARTIAL
    plan = annotated.Plan(partial / "spool.jsonl")
    with plan.spool.open("wb") as stream:
        for photo in made.photos:
            if records := made.records[photo.id]:
                plan.image_ids.append(photo.id)
                plan.pictures.append(PictureFile(photo.path))
                plan.places.append(annotated.append_records(stream, records))
    shards = annotated.write_shards(plan, out, split, workers=1)
    stats = annotated.summary(shards, partial / "cache")
    stats |= {"name": f"DRBench-Open llm:{made_by['model']}", "made_by": made_by}
    stats["missing"] = dict(sorted(made.missing.items()))
    stats["pipeline"] = {
        "fate": {
            category: {name: made.fate[category, name] for name in (*pipeline.DROPS[1:], "kept")}
            for category in Category
        },
        "lost": made.lost,
        "asked": dict(sorted(made.asked.items())),
        "rounds": {str(number): count for number, count in sorted(made.rounds.items())},
    }
    stats["usage"] = tally.summary()
    (out / "README.md").write_text(card(stats) + section(stats), encoding="utf-8")
    (out / "stats.json").write_text(json.dumps(stats, indent=2) + "\n", encoding="utf-8")
    annotated.clear(partial)
    print(f"{stats['name']}: {stats['questions']} questions over {stats['images']} images in {out}, ", end="")
    print(f"fingerprint {stats['fingerprint']}")


def _say_usage(tally: Tally) -> None:
    used = tally.summary()
    if not used["requests"]:
        return
    cost = f", cost {used['cost']:.4f}" if "cost" in used else ""
    print(
        f"{used['requests']} answers ({tally.new} new, the others from the cache), {used['prompt_tokens']} tokens in, "
        f"{used['completion_tokens']} out{cost}"
    )
