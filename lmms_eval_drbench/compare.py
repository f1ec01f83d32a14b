"""`python -m lmms_eval_drbench.compare BEFORE AFTER...`: the before/after comparison of lmms-eval's output folders.

Deltas are to the first run (or to --reference), in percentage points, with 95 % intervals that are paired by question
and clustered by image. A prompt is part of a column's or row's name: direct and scaffold results are never merged.
Folders that are given the same --name are seeds of one run.
"""

import argparse
from pathlib import Path

from lmms_eval_drbench.errors import UserError, run_cli
from lmms_eval_drbench.pairing import TOLERANCE
from lmms_eval_drbench.report import comparison, entries, figures, formats, page

_FORMATS = {
    "md": formats.markdown,
    "csv": formats.as_csv,
    "json": formats.as_json,
    "latex": formats.latex,
    "html": page.html,
}


def write(text: str, output: str | Path) -> None:
    """Write a file of the user's choice. Raises UserError when that can't be done."""
    try:
        Path(output).write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lmms_eval_drbench.compare", description=__doc__)
    parser.add_argument("before", help="lmms-eval's output folder of the run that deltas refer to")
    parser.add_argument("after", nargs="+", help="output folders of the other runs")
    once = "; once for each folder, in order"
    parser.add_argument("--name", action="append", default=[], help=f"a run's name (default: its folder's){once}")
    parser.add_argument("--native", action="append", default=[], help=f"the prompt that a run was trained for{once}")
    parser.add_argument("--reference", action="append", default=[], help=f"the run that its deltas refer to{once}")
    parser.add_argument("--format", choices=tuple(_FORMATS), default="md")
    parser.add_argument("--paper", action="store_true", help="add the published rows, marked as published")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="points that a kept score may fall (1)")
    parser.add_argument("--output", help="also write it to this file (html: only there, default report.html)")
    parser.add_argument("--data", help="html: the data that the runs were made on, where its pictures are")
    parser.add_argument("--figures", help="also write every plot as SVG and PNG into this folder")
    parser.add_argument("--force", action="store_true", help="compare what is not comparable too, and mark it")
    return parser


def main() -> None:
    arguments = _parser().parse_args()
    if not 0 <= arguments.tolerance <= 100:
        raise UserError(f"--tolerance {arguments.tolerance:g}: give points between 0 and 100")
    for option in ("output", "data", "figures"):
        if getattr(arguments, option) == "":
            raise UserError(f"--{option} is empty: give it a value, or leave it out")
    paths = [arguments.before, *arguments.after]
    found = entries.read(paths, arguments.name, arguments.native, arguments.reference)
    compared = comparison.compare(found, arguments.tolerance, arguments.force)
    if arguments.figures:
        figures.save(compared, arguments.figures)
    if arguments.format == "html":
        output = arguments.output or "report.html"
        write(page.html(compared, arguments.paper, arguments.data), output)
        print(f"the report is in {output}")
        return
    text = _FORMATS[arguments.format](compared, arguments.paper)
    if arguments.output:
        write(text, arguments.output)
    print(text, end="")


if __name__ == "__main__":
    run_cli(main)
