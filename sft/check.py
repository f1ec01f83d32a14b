"""`python -m sft.check`: what `sft.run` would refuse before it loads a record or a weight.

Reads a JSON object from standard input, a name → the command line of a run (a list of flags), and prints one of the
same names → what is wrong with it, as `sft.run` would say it; a run that would start is left out.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from lmms_eval_drbench.errors import UserError, run_cli
from sft import families, run
from sft.options import parse


def fault(arguments: list[str]) -> str | None:
    """The first thing that is wrong with a command line of `sft.run`, or None."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = parse(arguments)
        run.check(options)
        if Path(options.model).expanduser().is_dir():  # a hub id is not fetched for a check
            run.packs(options, families.identify(options.model))
    except UserError as error:
        return str(error)
    except SystemExit:  # argparse's: its last line says what it could not read
        said_last = said.getvalue().strip().splitlines()[-1].partition("error: ")[2]
        return f"{said_last}; `python -m sft.run --help` lists the options"
    return None


def main() -> None:
    calls = json.load(sys.stdin)
    found = {name: fault(arguments) for name, arguments in calls.items()}
    print(json.dumps({name: sentence for name, sentence in found.items() if sentence}))


if __name__ == "__main__":
    run_cli(main)
