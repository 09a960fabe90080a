"""A real Chromium, headless, driven over its DevTools protocol; `Browser.find()` says where it is."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.patience import PATIENCE_S

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)


def find() -> str | None:
    """The browser's program; None where this machine has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One tab: what it is told to do, and what its console and network said in `said` and `asked`."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.said: list[str] = []
        self.asked: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]
            self._note(told)

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def text(self, selector: str) -> str:
        return self.js(f"document.querySelector({json.dumps(selector)}).textContent")

    def until(self, expression: str) -> Any:
        """Wait until an expression is true."""
        ends = time.monotonic() + PATIENCE_S
        while not (found := self.js(expression)):
            assert time.monotonic() < ends, f"it never came to be: {expression}; {self.said}"
            time.sleep(0.05)
        return found

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def look(self, dark: bool = False, width: int = 1000, height: int = 900) -> None:
        """The size of the window, and what the reader prefers."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def screenshot(self) -> bytes:
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def _note(self, told: Any) -> None:
        params = told.get("params", {})
        if told["method"] == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            self.said.append(json.dumps(params))


@contextmanager
def browsing(program: str, folder: Path) -> Iterator[Tab]:
    """A tab of a browser of its own, whose profile lies in `folder`."""
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        with connect(_tab_of(process), max_size=None, proxy=None) as socket:
            tab = Tab(socket)
            yield tab
            tab.call("Browser.close")  # its children end too, and leave the profile alone
            process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        assert process.stderr is not None
        process.stderr.close()


def _tab_of(process: subprocess.Popen[str]) -> str:
    """The address of the tab that a browser opened when it started."""
    import urllib.request

    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("DevTools listening on "):
            port = line.split(":")[2].split("/")[0]
            break
    else:
        raise AssertionError("the browser ended before it listened")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        with opener.open(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE_S) as reply:
            tabs = [one for one in json.loads(reply.read()) if one["type"] == "page"]
        if tabs:
            return tabs[0]["webSocketDebuggerUrl"]
        time.sleep(0.05)
    raise AssertionError("the browser opened no tab")
