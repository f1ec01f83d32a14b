"""Every answer on disk, under the hash of its request, so that an interrupted run pays for nothing twice."""

import contextlib
import json
import os
import threading
from dataclasses import asdict
from pathlib import Path

from lmms_eval_drbench.build.llm.client import Reply
from lmms_eval_drbench.errors import UserError


class Cache:
    """A folder of replies, one small file each. A file appears when it is whole; a damaged one counts as missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot keep answers in {folder} ({error.strerror}): choose another --cache") from error

    def get(self, key: str) -> Reply | None:
        """The reply under this key, None where there is none that can be read."""
        try:
            reply = Reply(**json.loads(self._path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        counts = (reply.prompt_tokens, reply.completion_tokens)
        is_whole = isinstance(reply.text, str) and isinstance(reply.refusal, (str, type(None)))
        return reply if is_whole and all(isinstance(count, (int, type(None))) for count in counts) else None

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply. Raises UserError when it can't be written: going on would pay for it again."""
        path = self._path(key)
        half_written = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            path.parent.mkdir(exist_ok=True)
            half_written.write_text(json.dumps(asdict(reply)), encoding="utf-8")
            half_written.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                half_written.unlink()
            raise UserError(
                f"cannot keep an answer at {path} ({error.strerror}): make room or choose --cache"
            ) from error

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
