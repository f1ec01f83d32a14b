"""Errors that are the user's to mend: one clear sentence, no stack trace."""

import io
import sys
from collections.abc import Callable


class UserError(Exception):
    """Something in the input or the environment is wrong; the message names it and its cure."""


def run_cli(main: Callable[[], int | None]) -> None:
    """Run a command's `main`, print a `UserError` as one sentence, and exit (2 on such an error, 130 on Ctrl-C).

    What a terminal's encoding lacks, or what is no text (in a file's or a run's name), is printed as a question mark.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(code or 0)
