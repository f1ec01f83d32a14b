"""One process at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lmms_eval_drbench.errors import UserError


@contextmanager
def held(file: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file, and remove it at the end. Raises UserError(refusal) when another process holds it.

    However the process ends, nobody is locked out: the operating system lets go of the lock.
    """
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(refusal) from None
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release()
