"""`python -m sft.families convert --model FOLDER --output_dir OUT`: InternVL2.5 into transformers' own format."""

import argparse
from pathlib import Path

from safetensors import SafetensorError

from lmms_eval_drbench.errors import UserError, run_cli
from sft.families import internvl2_5


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sft.families", description=__doc__)
    parser.add_argument("command", choices=("convert",))
    parser.add_argument("--model", required=True, type=Path, help="folder of an InternVL2.5 checkpoint as published")
    parser.add_argument("--output_dir", required=True, type=Path, help="a folder that is empty or not there yet")
    given = parser.parse_args(arguments)
    out = given.output_dir.expanduser()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--output_dir {out} is not empty: choose another")
    try:
        internvl2_5.convert(given.model.expanduser(), out)
    except (OSError, SafetensorError) as error:
        raise UserError(f"--output_dir {out} could not be written ({error}): make room, or choose another") from error
    print(f"the converted model is in {out}")
    return 0


if __name__ == "__main__":
    run_cli(main)
