"""A real gateway in a process of its own, before a scripted endpoint.

with started(tmp_path, POLICY.format(url=fake_endpoint.base_url)) as gateway:
    gateway.post("/v1/route", {"query": "hello"})
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import ROOT
from tests.patience import PATIENCE_S

POLICY = """\
version: 1
models:
  - {{name: tiny, class: small, price: {{input: 1, output: 2}}, capabilities: [tools],
      endpoint: {{base_url: "{url}", model: tiny-up}}}}
  - {{name: big, class: large, price: {{input: 10, output: 30}}, capabilities: [tools],
      endpoint: {{base_url: "{url}", model: big-up}}}}
reference: big
max_gap: {dial}
tiers: [{{model: tiny}}, {{model: big}}]
rules:
  - {{name: "greetings – 契約", when: {{keywords: [hello]}}, route: {{model: tiny}}}}
  - {{name: law, when: {{keywords: [lawsuit]}}, route: {{model: big}}}}
overrides: {{max_gap: {{max: 0.1}}}}
sampling: {{forbid: [logit_bias]}}
"""
_SERVE = """
import json, sys
from pathlib import Path
from bestroute.serve.run import serve
from bestroute.serve.settings import Limits, Settings
paths, settings, limits = json.loads(sys.argv[1])
sys.exit(serve(Settings(tuple(map(Path, paths)), port=0, limits=Limits(**limits), **settings)))
"""


@dataclass(frozen=True)
class Reply:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


class Gateway:
    """The process: `url` is its address with /v1, `lines` what it said on stderr."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._said: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.url = ""

    @property
    def port(self) -> int:
        return int(re.search(r":(\d+)/", self.url).group(1))

    def await_line(self, pattern: str) -> re.Match[str]:
        """The first line yet unread that holds the pattern."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            line = self._said.get(timeout=max(0.1, ends - time.monotonic()))
            assert line is not None, f"it ended: {self.lines}"
            found = re.search(pattern, line)
            if found:
                return found

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named = {"content-type": "application/json", **named}
        url = self.url.removesuffix("/v1") + path
        request = urllib.request.Request(url, body, named, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=PATIENCE_S) as reply:
                return Reply(reply.status, _lower(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, _lower(error.headers), error.read())

    def get(self, path: str) -> Reply:
        return self.send("GET", path)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.send("POST", path, json.dumps(body).encode(), **headers)

    def ask(self, text: str = "hello", headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
        body = {"model": "auto", "messages": [{"role": "user", "content": text}], **fields}
        return self.post("/v1/chat/completions", body, **(headers or {}))

    def raw(self, *sent: bytes, gap_s: float = 0.0) -> bytes:
        """What comes back for these bytes until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            came = b""
            try:
                for piece in sent:
                    connection.sendall(piece)
                    time.sleep(gap_s)
            except ConnectionError:
                pass
            try:
                while piece := connection.recv(65536):
                    came += piece
            except ConnectionError:
                pass
            return came

    def tell(self, sign: signal.Signals) -> None:
        self.process.send_signal(sign)

    def end(self) -> int:
        """Tell it to end; its exit code."""
        self.tell(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            self._said.put(line)
        self._said.put(None)


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def launch(paths: Sequence[Path], limits: Mapping[str, Any] | None = None, **settings: Any) -> Gateway:
    """A gateway that is starting."""
    env = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    told = json.dumps([[*map(str, paths)], settings, limits or {}])
    command = [sys.executable, "-c", _SERVE, told]
    return Gateway(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env))


@contextmanager
def started(
    folder: Path, *policies: str, limits: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[Gateway]:
    """A gateway that serves, ended and gone afterwards; the policies lie in files p0.yaml, p1.yaml, ..."""
    paths = [folder / f"p{place}.yaml" for place in range(len(policies))]
    for path, text in zip(paths, policies, strict=True):
        path.write_text(text, "utf-8")
    gateway = launch(paths, limits, **settings)
    try:
        gateway.url = gateway.await_line(r"serving on (\S+)").group(1)
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.end()
        gateway.process.stderr.close()
