"""A contact sheet: `python -m lmms_eval_drbench.build.sheet DATA --out FILE.png`, one question of each category."""

import argparse
import textwrap
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from lmms_eval_drbench import data
from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.record import SPLITS, option_letters
from lmms_eval_drbench.taxonomy import Category, QuestionType

SIDE = 448
"""Width and height of each picture on the sheet, in pixels; others are fitted into it."""
_GAP, _LINE, _SIZE = 16, 22, 17
_COLUMNS = 46
"""Characters of a line of text under a picture."""
_INK, _QUIET, _RIGHT, _PAPER = (24, 26, 32), (110, 116, 128), (18, 122, 62), (255, 255, 255)
_LONGEST = 4
"""Lines that a question may take: longer ones are passed over."""


def choose(records: Any, seed: int) -> list[dict[str, Any]]:
    """One single or multiple choice question of each category that the data holds, each of another picture."""
    chosen: list[dict[str, Any]] = []
    shuffled = records.shuffle(seed=seed)
    for category in Category:
        seen = {record["image_id"] for record in chosen}
        for record in shuffled:
            fits = record["category"] == category and record["question_type"] != QuestionType.OPEN_ENDED
            short = len(textwrap.wrap(record["question"], _COLUMNS)) <= _LONGEST
            if fits and short and record["image_id"] not in seen:
                chosen.append(record)
                break
    return chosen


def draw(chosen: list[dict[str, Any]]) -> Image.Image:
    """The pictures side by side, under each its category, question and options; the right ones are green."""
    texts = [_lines(record) for record in chosen]
    height = _GAP + SIDE + _GAP + _LINE * max(map(len, texts)) + _GAP
    sheet = Image.new("RGB", (_GAP + (SIDE + _GAP) * len(chosen), height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_SIZE)
    for column, (record, lines) in enumerate(zip(chosen, texts, strict=True)):
        left = _GAP + column * (SIDE + _GAP)
        picture = record["image"].convert("RGB")
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(picture, (left, _GAP))
        for row, (line, colour) in enumerate(lines):
            pen.text((left, 2 * _GAP + SIDE + row * _LINE), line, fill=colour, font=font)
    return sheet


def _lines(record: dict[str, Any]) -> list[tuple[str, tuple[int, int, int]]]:
    lines = [(record["category"].replace("_", " ").capitalize(), _QUIET)]
    lines += [(line, _INK) for line in textwrap.wrap(record["question"], _COLUMNS)]
    for letter, option in zip(option_letters(record), record["options"], strict=True):
        colour = _RIGHT if letter in record["answer"] else _INK
        lines += [(line, colour) for line in textwrap.wrap(f"{letter}. {option}", _COLUMNS)]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_eval_drbench.build.sheet", description=__doc__)
    parser.add_argument("data", nargs="?", default="packaged", help="records, as in DRBENCH_DATA")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    chosen = choose(data.load(args.data, args.split).records, args.seed)
    if not chosen:
        raise UserError(f"{args.data} holds no choice question that is short enough: give other data")
    draw(chosen).save(args.out)
    print(f"{', '.join(record['id'] for record in chosen)} in {args.out}")


if __name__ == "__main__":
    run_cli(main)
