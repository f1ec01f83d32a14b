"""An OpenAI-compatible chat endpoint over HTTP: limits, retries, and what counts as an answer.

Everything that comes back is untrusted: bodies have a greatest size and time, and only a chat completion is an answer.
"""

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from lmms_eval_drbench.errors import UserError

BACKOFF = 1.0
"""Seconds before the second try; each further wait is twice as long."""
TRIES = 6
_FIRST_TRIES = 3
"""Tries of which none brought more than a broken connection or a web page, before any answer, that end the run."""
MAX_WAIT = 300.0
"""Seconds: an endpoint that wants a longer pause (`Retry-After`) ends the run, which can be taken up later."""
MAX_BYTES = 4_000_000
"""Greatest body of an answer; 4,096 tokens are about 16 kB."""
_IN_A_ROW, _AT_THE_START = 20, 5
"""Requests without an answer, one after the other, that end the run; fewer where no request was ever answered."""
_FATAL = {
    401: "check OPENAI_API_KEY",
    402: "pay the bill",
    403: "check OPENAI_API_KEY",
    404: "check --endpoint, --model",
}
_SHOWN = 200


class Refused(Exception):
    """The endpoint gave no answer to this one request, though it may answer others."""


class Stopped(Exception):
    """The run is ending; no further request is sent."""


class _Unusable(Exception):
    """One try brought no answer; the message says why."""


class _Foreign(_Unusable):
    """What came back is nothing that this kind of endpoint says."""


_NO_ENDPOINT = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError, _Foreign)


@dataclass(frozen=True)
class Reply:
    """What the model said. tokens: of the prompt and the completion, None where the endpoint does not say.

    refusal: why the model or a content filter refused, None where it did not.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    refusal: str | None = None


class Client:
    """One endpoint, for any number of threads. End it by `stop`.

    key: sent as a bearer token, and cut out of every message. timeout: seconds for a whole answer.
    """

    def __init__(self, endpoint: str, key: str | None = None, timeout: float = 120.0) -> None:
        self._url = completions_url(endpoint)
        self._key = (key or "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise UserError("OPENAI_API_KEY holds characters that no HTTP header can carry: set it again")
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._timeout = timeout
        self._http = httpx.Client(headers=headers, timeout=httpx.Timeout(timeout, connect=min(timeout, 15.0)))
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._has_answered = False
        self._without_answer = 0

    def stop(self) -> None:
        """End all waiting; requests under way still finish."""
        self._stopped.set()

    def complete(self, body: Mapping[str, Any]) -> Reply:
        """POST one request, again where that may help.

        Raises Refused when this request gets no answer, UserError when the endpoint can't be worked with at all.
        """
        content = json.dumps(body).encode()
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                self._sleep(BACKOFF * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
            self._wait_for_turn()
            try:
                reply = self._try(content)
            except httpx.ConnectError as error:
                problem = f"cannot be reached ({error})"
                if attempt == TRIES - 1 or (attempt == 1 and not self._has_answered):
                    raise self._fatal(f"{problem}: start the server or check --endpoint") from error
            except (httpx.HTTPError, _Unusable) as error:
                problem = str(error).rstrip(".") or type(error).__name__
                problem = problem if isinstance(error, _Unusable) else f"broke off ({problem})"
                if attempt == _FIRST_TRIES - 1 and not self._has_answered and isinstance(error, _NO_ENDPOINT):
                    raise self._fatal(f"{problem}, {_FIRST_TRIES} times before any answer: check --endpoint") from error
            else:
                self._note_answer()
                return reply
        raise self._without(f"{problem}, {TRIES} times")

    def _try(self, content: bytes) -> Reply:
        status, headers, body = self._post(content)
        if status == 200:
            return read_completion(body)
        said = f"answered with HTTP {status}{self._quote(body)}"
        if status in _FATAL or 300 <= status < 400 or b"insufficient_quota" in body:
            raise self._fatal(f"{said}: {_FATAL.get(status, 'check --endpoint')}")
        if status in (408, 429) or status >= 500:
            pause = retry_after(headers.get("Retry-After"))
            if pause is not None and pause > MAX_WAIT:
                raise self._fatal(f"{said} and wants {pause:.0f} s of rest: run the command again later")
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + (pause or 0.0))
            raise _Unusable(said)
        if b"content_filter" in body or b"content_policy" in body:
            return Reply("", refusal="content filter")
        raise self._without(f"{said}; --body changes the fields of requests" if status in (400, 422) else said)

    def _post(self, content: bytes) -> tuple[int, httpx.Headers, bytes]:
        end = time.monotonic() + self._timeout
        body = bytearray()
        headers = {"Content-Type": "application/json"}
        with self._http.stream("POST", self._url, content=content, headers=headers) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise _Foreign(f"sent more than {MAX_BYTES:,} bytes")
                if time.monotonic() > end:
                    raise _Unusable(f"took more than {self._timeout:g} s")
        return response.status_code, response.headers, bytes(body)

    def _wait_for_turn(self) -> None:
        """A pause that the endpoint asked one thread for is kept by all of them."""
        while (pause := self._not_before - time.monotonic()) > 0:
            self._sleep(pause)
        self._sleep(0)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Stopped

    def _note_answer(self) -> None:
        with self._lock:
            self._has_answered, self._without_answer = True, 0

    def _without(self, problem: str) -> Exception:
        with self._lock:
            self._without_answer += 1
            limit = _IN_A_ROW if self._has_answered else _AT_THE_START
            is_over = self._without_answer >= limit
        return self._fatal(f"{problem}, for {limit} requests in a row") if is_over else Refused(problem)

    def _fatal(self, problem: str) -> UserError:
        return UserError(f"the endpoint {self._url.host} {problem}")

    def _quote(self, body: bytes) -> str:
        """What an error says, as plain text without the key."""
        try:
            error = json.loads(body)
            error = error.get("error", error.get("message", error)) if isinstance(error, dict) else error
            said = str(error.get("message", error) if isinstance(error, dict) else error)
        except (ValueError, RecursionError):
            said = body[: 4 * _SHOWN].decode("utf-8", "replace")
        if self._key:
            said = said.replace(self._key, "***")
        said = " ".join("".join(char if char.isprintable() else " " for char in said).split())
        return f" ({said[:_SHOWN]})" if said else ""


def completions_url(endpoint: str) -> httpx.URL:
    """The URL of chat completions below an endpoint such as `http://localhost:8000/v1`. Raises UserError."""
    try:
        url = httpx.URL(endpoint.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise UserError(f"--endpoint is no URL ({error}): give one such as http://localhost:8000/v1") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UserError("--endpoint must be an http or https URL such as http://localhost:8000/v1")
    if url.port is not None and not 0 < url.port < 65_536:
        raise UserError(f"--endpoint has the port {url.port}, which no server has: give one of 1 to 65535")
    if url.userinfo:
        raise UserError("--endpoint holds a password: give the key by the environment variable OPENAI_API_KEY")
    path = url.path.rstrip("/")
    return url if path.endswith("/chat/completions") else url.copy_with(path=f"{path}/chat/completions")


def retry_after(value: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, given as a number or a date; None where it says nothing usable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < 1e9 else None  # NaN and infinity fail too


def read_completion(body: bytes) -> Reply:
    """The first choice of a chat completion. Raises _Unusable for anything else."""
    try:
        data = json.loads(body)
        choice = data["choices"][0]
        message = choice["message"]
        content, refusal, end = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise _Foreign(f"sent no chat completion ({type(error).__name__})") from error
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if end == "content_filter":
        return Reply("", *tokens, refusal="content filter")
    if isinstance(refusal, str) and refusal.strip():
        return Reply("", *tokens, refusal="the model refused")
    if not isinstance(content, str):
        raise _Unusable("sent a chat completion without text")
    return Reply(content, *tokens)


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    return value if is_count else None
