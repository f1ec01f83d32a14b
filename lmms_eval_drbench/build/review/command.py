"""`python -m lmms_eval_drbench.build --review DATA` and `--apply-review DECISIONS... --data DATA --out FOLDER`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lmms_eval_drbench import data
from lmms_eval_drbench.build.review import application, page, report, sample
from lmms_eval_drbench.errors import UserError
from lmms_eval_drbench.record import SPLITS

_OPTIONS = ("--review", "--apply-review")


def is_asked(arguments: Sequence[str]) -> bool:
    """Whether a command line of `build` is about a review."""
    return any(argument.split("=")[0] in _OPTIONS for argument in arguments)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lmms_eval_drbench.build", description="Verify a data set by people.", allow_abbrev=False
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--review", metavar="DATA", help="write a page on which a person decides about these records")
    what.add_argument(
        "--apply-review",
        metavar="DECISIONS",
        type=Path,
        nargs="+",
        help="apply the exports of that page, one a reviewer",
    )
    parser.add_argument("--split", choices=SPLITS, help="where the data has several")
    parser.add_argument("--out", type=Path, help="--review: the page (review.html); --apply-review: a new folder")
    parser.add_argument("--sample", type=int, metavar="N", help="--review: N questions, each category with its share")
    parser.add_argument("--seed", type=int, default=0, help="--review: of the sample")
    parser.add_argument("--data", help="--apply-review: the data that was reviewed")
    parser.add_argument("--reviewed-only", action="store_true", help="--apply-review: drop what nobody decided")
    args = parser.parse_args(arguments)
    if args.review is not None:
        _refuse(args, "data", "reviewed_only")
        _review(args)
    else:
        _refuse(args, "sample")
        if args.data is None or args.out is None:
            raise UserError("--apply-review needs --data, the data that was reviewed, and --out, a new folder")
        _apply(args)


def _refuse(args: argparse.Namespace, *names: str) -> None:
    for name in names:
        if getattr(args, name):
            action = "--apply-review" if args.review is not None else "--review"
            raise UserError(f"--{name.replace('_', '-')} belongs to {action}: leave it out")


def _review(args: argparse.Namespace) -> None:
    loaded = load(args.review, args.split)
    rows = None if args.sample is None else sample.draw(loaded.records, args.sample, args.seed)
    text = page.html(loaded, rows)
    out = args.out or Path("review.html")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {out}: {error}") from error
    print(f"{len(loaded.records) if rows is None else len(rows)} questions of {loaded.name} to review in {out}")


def _apply(args: argparse.Namespace) -> None:
    loaded = load(args.data, args.split)
    stats = application.apply(loaded, args.data, args.apply_review, args.out, args.reviewed_only)
    print(report.markdown(stats["review"]))
    print(f"{stats['name']}: {stats['questions']} of {len(loaded.records)} questions in {args.out}, ", end="")
    print(f"fingerprint {stats['fingerprint']}")


def load(spec: str, split: str | None) -> data.Data:
    """The named split, or the only one that a folder of shards has; test where that can't be told."""
    folder = Path(spec)
    found = [name for name in SPLITS if folder.is_dir() and any(folder.glob(f"{name}-*.parquet"))]
    if split is None and len(found) > 1:
        raise UserError(f"{spec} holds the splits {', '.join(found)}: choose one with --split")
    return data.load(spec, split or (found[0] if found else "test"))
