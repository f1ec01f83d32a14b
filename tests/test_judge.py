"""The optional judge against a local server: off by default, adds synonyms only, never scores a failed judgement."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import toy_record, write_toy_data

from lmms_eval_drbench import data, judge, task

OPEN = {"question_type": "open_ended", "options": [], "answer": ["couch"], "split": "test"}
RECORD = toy_record(0, question="What stands there?", **OPEN) | {"data": "toy", "fingerprint": "0"}


class Server:
    """An OpenAI-compatible endpoint that answers `reply` and notes what it was asked."""

    def __init__(self) -> None:
        self.reply, self.status, self.asked = "Yes", 200, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body, self.headers["Authorization"]))
                message = {"role": "assistant", "content": outer.reply}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
                content = json.dumps(answer if outer.status == 200 else {"error": {"message": "no"}}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def server(monkeypatch):
    found = Server()
    monkeypatch.setenv("OPENAI_API_URL", found.url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv(judge.ENV, "some-judge")
    judge._verdict.cache_clear()
    judge._server.cache_clear()
    yield found
    found.http.shutdown()
    judge._server.cache_clear()


def acc(output: str, record=RECORD) -> dict:
    return task.process_results_direct(record, [output])["acc"]


def test_it_is_off_by_default_and_nothing_needs_a_key(server, monkeypatch):
    for name in (judge.ENV, "OPENAI_API_KEY", "OPENAI_API_URL"):
        monkeypatch.delenv(name)
    scores = acc("a sofa")
    assert scores["acc"] == 0 and not {"judge", "rule_acc"} & set(scores) and server.asked == []
    assert "judge" not in task.DATA


def test_a_synonym_is_right_by_the_judge_and_the_rules_verdict_stays(server):
    scores = acc("It is a sofa.")
    assert (scores["acc"], scores["rule_acc"], scores["partial"]) == (1, 0, 1)
    assert scores["judge"] == "some-judge" and scores["reason"].endswith("right by the judge")
    ((path, body, key),) = server.asked
    assert (path, body["model"], body["temperature"], key) == ("/v1/chat/completions", "some-judge", 0, "Bearer none")
    prompt = body["messages"][0]["content"]
    assert "What stands there?" in prompt and "couch" in prompt and "a sofa" in prompt


def test_a_no_stays_wrong(server):
    server.reply = "No."
    assert acc("a lamp")["acc"] == 0 and len(server.asked) == 1


def test_it_is_asked_only_where_the_rules_may_be_too_strict(server):
    assert acc("couch")["acc"] == 1
    assert acc("")["acc"] == 0
    choice = toy_record(0) | {"data": "toy", "fingerprint": "0"}
    assert "judge" not in acc("B", choice)
    assert server.asked == []


def test_the_same_answer_is_judged_once(server):
    assert [acc("a sofa")["acc"] for _ in range(3)] == [1, 1, 1] and len(server.asked) == 1


def test_a_false_premise_offers_the_rejections_too(server):
    premise = {"category": "false_premise_rejection", "premise_true": False, "answer": ["there is no couch"]}
    acc("You can't sit here.", RECORD | premise | {"reject_answers": ["no couch is visible"]})
    assert "there is no couch | no couch is visible" in server.asked[0][1]["messages"][0]["content"]


@pytest.mark.parametrize("reply", ["Maybe", "", "Yes or no", "10"])
def test_a_judgement_that_is_neither_ends_the_run(server, reply):
    server.reply = reply
    with pytest.raises(SystemExit, match="error: the judge some-judge answered"):
        acc("a sofa")


@pytest.mark.parametrize("fault", ["401", "no key", "nobody there"])
def test_a_judge_that_can_not_be_asked_ends_the_run(server, monkeypatch, fault):
    if fault == "401":
        server.status = 401
    elif fault == "no key":
        monkeypatch.delenv("OPENAI_API_KEY")
    else:
        monkeypatch.setenv("OPENAI_API_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(SystemExit, match="error: the judge some-judge could not be asked .*unset DRBENCH_JUDGE"):
        acc("a sofa")


def test_the_tasks_metadata_names_the_judge(server, tmp_path, monkeypatch):
    monkeypatch.setenv(data.ENV, str(write_toy_data(tmp_path / "data", [toy_record(0, split="test")])))
    assert task.DATA["judge"] == "some-judge"
