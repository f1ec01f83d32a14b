"""A real HTTP server that behaves like the chat completions API (streaming off), and a model that answers by rule."""

import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RIGHT, REJECTION = "teal", "There is no such item"


def prompt_of(body: dict) -> str:
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def has_picture(body: dict) -> bool:
    return not isinstance(body["messages"][0]["content"], str)


def completion(text, tokens=(100, 20), end: str = "stop", **message) -> dict:
    """The body of an answer."""
    choice = {"index": 0, "finish_reason": end, "message": {"role": "assistant", "content": text} | message}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


class GoodModel:
    """Answers every stage as it should be. Override a stage to misbehave; each takes the prompt and the body."""

    stages = {
        "Write questions": "generate",
        "The question below": "blind",
        "Answer a question": "scene",
        "Annotate": "annotate",
        "Check the reasoning": "check",
    }

    def __call__(self, body: dict):
        text = prompt_of(body)
        stage = next(name for start, name in self.stages.items() if text.startswith(start))
        found = getattr(self, stage)(text, body)
        return found if isinstance(found, str) else json.dumps(found)

    def generate(self, text, body):
        seed = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:6]
        wanted = re.findall(r"^(\d+)\. (\w+), (\w+)$", text, re.MULTILINE)
        return {"questions": [self.entry(f"{seed}-{number}", category, kind) for number, category, kind in wanted]}

    def entry(self, name, category, kind):
        entry = {"category": category, "type": kind, "question": f"Which item lies at place {name}?"}
        options = ["ruby item", f"{RIGHT} item", "gold item", "grey item"]
        if category == "false_premise_rejection":
            options = [*options[:3], REJECTION]
            false = {"question": f"What colour is the phantom item {name}?", "options": options, "rejection": REJECTION}
            true = {"question": f"What colour is the solid item {name}?", "options": options, "rejection": REJECTION}
            return {"category": category, "type": kind, "false": false, "true": true | {"answer": [options[1]]}}
        if kind == "open_ended":
            return entry | {"options": [], "answer": [RIGHT, f"{RIGHT} item"]}
        if kind == "multiple_choice":
            options[3] = f"{RIGHT} lamp"
            return entry | {"options": options, "answer": [options[1], options[3]]}
        return entry | {"options": options, "answer": [options[1]]}

    def blind(self, text, body):
        return "A"

    def solve(self, text):
        options = re.findall(r"^([A-H])\. (.*)$", text, re.MULTILINE)
        wanted = REJECTION if "phantom" in text else RIGHT
        return [letter for letter, option in options if wanted in option] or [RIGHT]

    def scene(self, text, body):
        return {"reason": "all there", "fits": True, "answer": self.solve(text)}

    def annotate(self, text, body):
        said = re.search(r'conclusion: ends with "The answer is (.*)\."', text).group(1)
        things = [{"name": f"{RIGHT} item", "left": 2, "top": 4, "right": 22, "bottom": 14}]
        things.append({"name": "table", "left": 0, "top": 10, "right": 30, "bottom": 30})
        chain = {"perception": "I see an item.", "relation": "It is on the table.", "logic": "So it is that one."}
        return {
            "key_objects": things,
            "scene_graph": [[f"{RIGHT} item", "on", "table"]],
            "reasoning_chain": chain | {"conclusion": f"The answer is {said}."},
        }

    def check(self, text, body):
        return {"problem": "", "consistent": True, "answer": self.solve(text)}


def _length(content) -> dict:
    return {"Content-Length": str(len(content))} if isinstance(content, bytes) else {}


class Endpoint:
    """A server on this machine.

    model: body → text, or a chat completion, or (status, headers, bytes or parts of them) for anything else. seconds:
    how long it thinks.
    bodies: what it was asked. most: the most requests that it had at the same time.
    """

    def __init__(self, model=None, seconds: float = 0.0) -> None:
        self.model, self.seconds = model or GoodModel(), seconds
        self.bodies, self.keys, self.most, self._now = [], [], 0, 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet, or each answer takes 40 ms

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers, content = outer.answer(self.path, body, self.headers.get("Authorization"))
                try:
                    self.send_response(status)
                    for name, value in (_length(content) | headers).items():
                        self.send_header(name, value)
                    self.end_headers()
                    for part in [content] if isinstance(content, bytes) else content:
                        self.wfile.write(part)
                        self.wfile.flush()
                except OSError:  # the client gave up
                    self.close_connection = True

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self.http = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path, body, key):
        with self._lock:
            self.bodies.append(body)
            self.keys.append(key)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            time.sleep(self.seconds)
            found = self.model(body) if path == "/v1/chat/completions" else (404, {}, b"no such page")
        finally:
            with self._lock:
                self._now -= 1
        if isinstance(found, tuple):
            return found
        found = completion(found) if isinstance(found, str) else found
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
