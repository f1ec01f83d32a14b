"""A model behind an endpoint: prompts from files, answers from the cache or the wire."""

import hashlib
import json
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from lmms_eval_drbench.build.llm.cache import Cache
from lmms_eval_drbench.build.llm.client import Client, Refused
from lmms_eval_drbench.build.llm.photos import Photo
from lmms_eval_drbench.build.llm.usage import Tally

MAX_TOKENS = 4096
_PROMPTS = Path(__file__).parent / "prompts"


@cache
def _template(name: str) -> Template:
    return Template((_PROMPTS / f"{name}.md").read_text(encoding="utf-8").strip())


def prompt(name: str, **values: str) -> str:
    """The prompt in `prompts/<name>.md` with its `$values` filled in, in one pass: `$` in a value stays as it is."""
    return _template(name).substitute(values)


class Model:
    """Asks one model. The same request is sent once, however many threads want its answer.

    extra: further fields of every request; null removes one. max_side: pixels of the copies that are sent.
    The key of a request is the hash of all that it says, with a picture's own hash in place of its bytes; the
    endpoint's address is not part of it, so a server may move between two runs.
    """

    def __init__(
        self, client: Client, cache: Cache, tally: Tally, name: str, seed: int, max_side: int, extra: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.max_side = max_side
        self.seed = seed
        self._client, self._cache, self._tally = client, cache, tally
        self._extra = dict(extra)
        self._lock = threading.Lock()
        self._key_locks: dict[str, threading.Lock] = {}

    def stop(self) -> None:
        """Send no further request; those under way still finish, and their answers are kept."""
        self._client.stop()

    def ask(self, text: str, photo: Photo | None = None, temperature: float = 0.0, attempt: int = 0) -> str:
        """What the model answers to a prompt and perhaps a picture. Raises Refused, or UserError (see `Client`).

        attempt: another number asks the same anew, with another sampling seed.
        """
        said = [attempt, self._body(text, photo, temperature, attempt)]
        key = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        with self._lock:
            key_lock = self._key_locks.setdefault(key, threading.Lock())
        with key_lock:
            reply = self._cache.get(key)
            is_new = reply is None
            if reply is None:
                reply = self._client.complete(self._body(text, photo, temperature, attempt, with_picture=True))
                self._cache.put(key, reply)
            self._tally.add(key, reply, is_new)
        if reply.refusal is not None:
            raise Refused(reply.refusal)
        return reply.text

    def _body(
        self, text: str, photo: Photo | None, temperature: float, attempt: int, with_picture: bool = False
    ) -> dict[str, Any]:
        content: Any = text
        if photo is not None:
            url = photo.data_url(self.max_side) if with_picture else f"sha256:{photo.digest} within {self.max_side}"
            content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]
        body = {
            "model": self.name,
            "messages": [{"role": "user", "content": content}],
            "temperature": temperature,
            "max_tokens": MAX_TOKENS,
            "seed": self.seed + 100 * attempt,  # seeds are 0 to 99
            "stream": False,
            **self._extra,
        }
        return {name: value for name, value in body.items() if value is not None}
