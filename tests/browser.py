"""A real browser without a screen, driven through the Chrome DevTools Protocol over a pipe: nothing to install."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "about:blank")
_PATIENCE = 60
"""Seconds that a busy machine gets for one answer."""
_NAMED = {"Enter": ("\r", 13), "Escape": ("", 27), "Tab": ("", 9), "ArrowRight": ("", 39), "ArrowLeft": ("", 37)}


def find() -> str | None:
    names = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "chrome")
    return os.environ.get("DRBENCH_TEST_BROWSER") or next(filter(None, map(shutil.which, names)), None)


def required() -> str:
    """The browser; a test that needs one is skipped where there is none."""
    if (found := find()) is None:
        pytest.skip("no Chromium or Chrome here: install one, or name it in DRBENCH_TEST_BROWSER")
    return found


class Browser:
    """One window. Use as a context manager; `profile` is its folder, and where its downloads go."""

    def __init__(self, profile: Path) -> None:
        profile.mkdir(parents=True, exist_ok=True)
        self.downloads = profile / "downloads"
        self.downloads.mkdir(exist_ok=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        shell = ["/bin/sh", "-c", f'exec "$@" 3</dev/fd/{theirs_in} 4>/dev/fd/{theirs_out}', "sh"]
        self._process = subprocess.Popen(
            [*shell, required(), f"--user-data-dir={profile}", *_FLAGS],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._buffer, self._session = 0, b"", None
        self._events: set[str] = set()
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._session = None
        try:
            self.call("Browser.close")
            self._process.wait(_PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._in)
            os.close(self._out)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._events.add(answer.get("method", ""))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._in], [], [], _PATIENCE)[0], "the browser does not answer"
            read = os.read(self._in, 1 << 20)
            assert read, "the browser is gone"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def open(self, file: Path) -> None:
        """Load a page and wait until its script has run."""
        self._load("Page.navigate", url=file.as_uri())

    def reload(self) -> None:
        self._load("Page.reload")

    def _load(self, method: str, **params: Any) -> None:
        self._events.clear()
        self.call(method, **params)
        while "Page.loadEventFired" not in self._events:
            self._events.add(self._read().get("method", ""))

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + _PATIENCE
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Real keyboard events: characters, or names such as Enter and Escape."""
        for key in keys:
            text, code = _NAMED.get(key, (key, ord(key.upper()) if len(key) == 1 else 0))
            shared = {"key": key, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
            self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def hold(self, key: str, repeats: int) -> None:
        """A key that is held down until it repeats."""
        shared = {"key": key, "text": key, "windowsVirtualKeyCode": ord(key.upper())}
        for repeat in range(repeats + 1):
            self.call("Input.dispatchKeyEvent", type="keyDown", autoRepeat=repeat > 0, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def choose_file(self, selector: str, file: Path) -> None:
        """Give a file to an input of type file."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def downloaded(self, name: str) -> Path:
        file = self.downloads / name
        end = time.monotonic() + _PATIENCE
        while not file.is_file() or not file.stat().st_size:
            assert time.monotonic() < end, f"no download {name}, only {list(self.downloads.iterdir())}"
            time.sleep(0.02)
        return file

    def screenshot(self, file: Path, width: int = 1280, height: int = 860, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
