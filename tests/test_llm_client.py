"""The HTTP client against a real server: what is an answer, what is tried again, what ends a run."""

import json
import socket
import threading
import time
from email.utils import formatdate

import pytest
from llm_server import Endpoint, completion

from lmms_eval_drbench.build.llm import client
from lmms_eval_drbench.build.llm.cache import Cache
from lmms_eval_drbench.build.llm.client import Client, Refused, Reply, Stopped
from lmms_eval_drbench.build.llm.usage import Tally
from lmms_eval_drbench.errors import UserError

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
BUSY = (503, {}, b"busy")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(client, "BACKOFF", 0.001)


@pytest.fixture
def serve():
    """Starts servers that give these answers one after the other, the last one for ever."""
    started = []

    def start(*answers) -> Endpoint:
        left = list(answers)
        started.append(Endpoint(lambda body: left.pop(0) if len(left) > 1 else left[0]))
        return started[-1]

    yield start
    for endpoint in started:
        endpoint.close()


def test_a_good_answer_is_text_and_tokens(serve):
    endpoint = serve("hello yourself")
    assert Client(endpoint.url).complete(BODY) == Reply("hello yourself", 100, 20)
    assert endpoint.bodies == [BODY] and endpoint.keys == [None]


def test_content_in_parts_is_joined_and_the_key_is_sent(serve):
    endpoint = serve(completion([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, 7]))
    assert Client(f"{endpoint.url}/chat/completions/".rstrip("/"), " secret ").complete(BODY).text == "ab"
    assert endpoint.keys == ["Bearer secret"]


@pytest.mark.parametrize("fault", [BUSY, (500, {}, b""), (429, {}, b"{}"), (408, {}, b""), (200, {}, b"<html>")])
def test_what_may_pass_is_tried_again(serve, fault):
    endpoint = serve(fault, fault, "at last")
    assert Client(endpoint.url).complete(BODY).text == "at last" and len(endpoint.bodies) == 3


NONSENSE = [
    b"",
    b"<html><body>Sign in</body></html>",
    b"[]",
    b"null",
    b'{"choices": []}',
    b'{"choices": [null]}',
    b'{"choices": {"0": 1}}',
    b'{"choices": [{"message": null}]}',
    b'{"choices": [{"message": {"content": null}}]}',
    b'{"choices": [{"message": {"content": {"a": 1}}}]}',
    b'{"choices": [{"message": {"content": NaN}}]}',
    b'{"choices"',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"error": {"message": "oops"}}',
]


@pytest.mark.parametrize("body", NONSENSE)
def test_nonsense_is_no_answer_and_never_a_crash(serve, body):
    endpoint = serve("fine", (200, {}, body))
    asking = Client(endpoint.url)
    asking.complete(BODY)
    with pytest.raises(Refused, match="sent no chat completion|without text"):
        asking.complete(BODY)
    assert len(endpoint.bodies) == 1 + client.TRIES


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {}, b"<html>"), "sent no chat completion"),
        ((200, {}, b'{"status": "ok"}'), "sent no chat completion"),
        ((200, {"Content-Length": "50", "Connection": "close"}, b"{"), "closed connection"),
        ((200, {"Content-Encoding": "gzip"}, b"junk"), "incorrect header check"),
    ],
)
def test_what_never_was_such_an_endpoint_ends_the_run_soon(serve, answer, said):
    endpoint = serve(answer)
    with pytest.raises(UserError, match=rf"{said}.*, 3 times before any answer: check --endpoint"):
        Client(endpoint.url).complete(BODY)
    assert len(endpoint.bodies) == 3


def test_a_server_that_is_still_starting_is_given_time(serve):
    endpoint = serve(*[(503, {}, b"loading")] * 5, "at last")
    assert Client(endpoint.url).complete(BODY).text == "at last"


def test_an_endpoint_that_answers_nothing_ends_the_run(serve):
    asking = Client(serve((400, {}, b"{}")).url)
    for _ in range(4):
        with pytest.raises(Refused):
            asking.complete(BODY)
    with pytest.raises(UserError, match="for 5 requests in a row"):
        asking.complete(BODY)


def test_one_request_that_always_fails_does_not_end_the_run(serve):
    endpoint = serve("fine", (400, {}, b'{"error": {"message": "too many image tokens"}}'), "fine")
    asking = Client(endpoint.url)
    asking.complete(BODY)
    with pytest.raises(Refused, match="HTTP 400 .too many image tokens"):
        asking.complete(BODY)
    assert asking.complete(BODY).text == "fine" and len(endpoint.bodies) == 3


@pytest.mark.parametrize("status", [401, 402, 403, 404, 302])
def test_what_can_not_pass_ends_the_run_at_once_and_never_shows_the_key(serve, status):
    echo = json.dumps({"error": {"message": "bad key sk-123\n\x1b[31m" + "x" * 999}}).encode()
    endpoint = serve((status, {"Location": "/v1/chat/completions"}, echo))
    with pytest.raises(UserError, match=f"HTTP {status}") as caught:
        Client(endpoint.url, "sk-123").complete(BODY)
    said = str(caught.value)
    assert "sk-123" not in said and said.isprintable() and len(said) < 400 and len(endpoint.bodies) == 1


def test_an_exhausted_budget_ends_the_run(serve):
    endpoint = serve((429, {}, b'{"error": {"message": "pay", "code": "insufficient_quota"}}'))
    with pytest.raises(UserError, match="429 .pay"):
        Client(endpoint.url).complete(BODY)
    assert len(endpoint.bodies) == 1


def test_a_rate_limit_is_kept_by_every_thread(serve):
    endpoint = serve((429, {"Retry-After": "0.5"}, b"{}"), "fine")
    asking = Client(endpoint.url)
    start = time.monotonic()
    first = threading.Thread(target=asking.complete, args=[BODY])
    first.start()
    while not asking._not_before > start and time.monotonic() - start < 5:
        time.sleep(0.01)
    assert asking._not_before > start, "the pause is noted for all"
    asking.complete(BODY)
    assert time.monotonic() - start > 0.45, "the second thread, which got no 429, waited too"
    first.join()
    assert len(endpoint.bodies) == 3


def test_too_long_a_pause_ends_the_run(serve):
    with pytest.raises(UserError, match="wants 4000 s of rest"):
        Client(serve((429, {"Retry-After": "4000"}, b"")).url).complete(BODY)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3), ("0.5", 0.5), ("-4", 0), ("nan", None), ("inf", None), ("soon", None), ("", None), (None, None)],
)
def test_retry_after_is_read_with_care(value, seconds):
    assert client.retry_after(value) == seconds


def test_retry_after_may_be_a_date():
    assert 8 < client.retry_after(formatdate(time.time() + 10, usegmt=True)) <= 10
    assert client.retry_after(formatdate(0, usegmt=True)) == 0


def test_nobody_there_is_said_at_once(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(UserError, match="127.0.0.1 cannot be reached .*start the server or check --endpoint"):
        Client(f"http://127.0.0.1:{port}/v1").complete(BODY)


def test_a_slow_answer_is_given_up_and_tried_again(serve):
    endpoint = serve("late")
    endpoint.model = lambda body: time.sleep(2 if len(endpoint.bodies) == 1 else 0) or "late"
    assert Client(endpoint.url, timeout=0.5).complete(BODY).text == "late" and len(endpoint.bodies) > 1


def test_an_answer_that_only_drips_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(client, "TRIES", 1)
    drip = (b"{" if not time.sleep(0.05) else b"" for _ in range(100))
    start = time.monotonic()
    with pytest.raises(Refused, match="took more than 0.3 s"):
        Client(serve((200, {"Content-Length": "100"}, drip)).url, timeout=0.3).complete(BODY)
    assert time.monotonic() - start < 2


def test_a_huge_answer_is_not_read_to_its_end(serve, monkeypatch):
    monkeypatch.setattr(client, "TRIES", 1)
    sent = []
    parts = (sent.append(1) or b" " * 1_000_000 for _ in range(200))
    with pytest.raises(Refused, match="more than 4,000,000 bytes"):
        Client(serve((200, {"Content-Length": "200000000"}, parts)).url).complete(BODY)
    assert len(sent) < 100


def test_a_connection_that_breaks_off_is_tried_again(serve):
    cut_off = (200, {"Content-Length": "1000", "Connection": "close"}, b'{"choices')
    assert Client(serve(cut_off, "whole").url).complete(BODY).text == "whole"


@pytest.mark.parametrize(
    "answer",
    [
        completion(None, end="content_filter"),
        completion("half of it", end="content_filter"),
        (400, {}, b'{"error": {"code": "content_filter", "message": "blocked"}}'),
        completion(None, refusal="I can't help with that."),
    ],
)
def test_a_refusal_is_an_answer(serve, answer):
    endpoint = serve(answer)
    reply = Client(endpoint.url).complete(BODY)
    assert reply.refusal and reply.text == "" and len(endpoint.bodies) == 1


@pytest.mark.parametrize("usage", [None, [], {"prompt_tokens": -1}, {"prompt_tokens": True}, {"prompt_tokens": "9"}])
def test_token_counts_that_are_none_count_as_unknown(serve, usage):
    reply = Client(serve(completion("x") | {"usage": usage}).url).complete(BODY)
    assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)


def test_a_stopped_client_sends_nothing_more(serve):
    endpoint = serve(BUSY)
    asking = Client(endpoint.url)
    asking.stop()
    with pytest.raises(Stopped):
        asking.complete(BODY)
    assert endpoint.bodies == []


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:8000", "ftp://x/v1", "http://", "http://user:pw@x/v1", "file:///etc/passwd", "http://[::1", ""],
)
def test_a_wrong_endpoint_is_refused(endpoint):
    with pytest.raises(UserError, match="--endpoint") as caught:
        Client(endpoint)
    assert "pw" not in str(caught.value).replace("password", "")


def test_a_key_that_no_header_can_carry_is_refused_without_saying_it():
    with pytest.raises(UserError, match="OPENAI_API_KEY") as caught:
        Client("http://x/v1", "kéy\nX: 1")
    assert "kéy" not in str(caught.value)


def test_the_url_keeps_its_query():
    assert str(client.completions_url("https://x/openai/v1/?api-version=1")) == (
        "https://x/openai/v1/chat/completions?api-version=1"
    )


def test_the_cache_gives_back_what_it_was_given_and_takes_a_damaged_file_for_none(tmp_path):
    cache = Cache(tmp_path / "a")
    key = "ab" * 32
    assert cache.get(key) is None
    cache.put(key, Reply("text \ud800", 1, None, None))
    assert cache.get(key) == Reply("text \ud800", 1, None, None)
    (file,) = (path for path in (tmp_path / "a").rglob("*") if path.is_file())
    for damage in (
        "",
        "{",
        "[]",
        '{"text": 3}',
        '{"text": "a", "x": 1}',
        '{"text": "a", "prompt_tokens": "7"}',
        "[" * 9999,
    ):
        file.write_text(damage)
        assert cache.get(key) is None, damage


def test_a_cache_that_can_not_be_written_ends_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="choose another --cache"):
        Cache(tmp_path / "file")


def test_each_request_is_counted_once_whatever_it_took():
    tally = Tally(2.0, 10.0)
    for is_new in (True, False, False):
        tally.add("one", Reply("", 1_000_000, 500_000), is_new)
    tally.add("two", Reply(""), False)
    assert tally.summary() == {
        "requests": 2,
        "prompt_tokens": 1_000_000,
        "completion_tokens": 500_000,
        "requests_without_token_counts": 1,
        "price_in": 2.0,
        "price_out": 10.0,
        "cost": 7.0,
    }
    assert tally.new == 1 and "cost" not in Tally().summary()
