"""A real HTTP server on loopback that plays an OpenAI-compatible endpoint, well or badly, as scripted.

from tests.answering.fake_endpoint import answer, status

def test_something(fake_endpoint):
    fake_endpoint.play(status(500), answer("hello"))   # in this order; the last one is repeated
    ... fake_endpoint.base_url, fake_endpoint.requests
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(frozen=True)
class Request:
    """What came; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What to send back. `hold_s`: seconds of silence before it; `cut`: promise more bytes than are sent.

    `pieces`, where there are any, are sent in place of a body, each as soon as it is made.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold_s: float = 0
    cut: bool = False
    pieces: Iterable[bytes] | None = None


Play = Callable[[Request], Reply]


def document(content: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(content).encode(), {"content-type": "application/json", **named})


def completion(*texts: str | None, finish_reason: str = "stop", tokens: int = 5) -> dict[str, Any]:
    """A chat completion with a choice for each text, each of `tokens` tokens, to a prompt of 10."""
    choices = [
        {"index": i, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}
        for i, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 10, "completion_tokens": tokens * len(texts)}
    return {"object": "chat.completion", "choices": choices, "usage": usage}


def answer(*texts: str | None, finish_reason: str = "stop") -> Play:
    """These choices, however many were asked for."""
    return lambda request: document(completion(*texts, finish_reason=finish_reason))


def answer_n(text: str = "hello", hold_s: float = 0) -> Play:
    """As many choices as were asked for."""
    return lambda request: replace(document(completion(*[text] * request.body.get("n", 1))), hold_s=hold_s)


class Numbered:
    """As many choices as were asked for, or `at_most`, every text unlike all others: `a0`, `a1`, ...

    `gate` holds replies back from the moment it is cleared, or after `free` calls; `held` says how many stand
    before it now.
    """

    def __init__(
        self, prefix: str = "a", hold_s: float = 0, at_most: int = 64, free: int | None = None
    ) -> None:
        self.prefix, self.hold_s, self.at_most = prefix, hold_s, at_most
        self.count = self.held = 0
        self.gate = threading.Event()
        self.gate.set()
        self._free = free
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            wanted = min(self.at_most, request.body.get("n", 1))
            texts = [f"{self.prefix}{self.count + index}" for index in range(wanted)]
            self.count += wanted
            if self._free is not None:
                self._free -= 1
                if self._free >= 0:
                    return replace(document(completion(*texts)), hold_s=self.hold_s)
                if self._free == -1:
                    self.gate.clear()
            self.held += 1
        opened = self.gate.wait(30)
        with self._lock:
            self.held -= 1
        if not opened:
            return Reply(500)
        return replace(document(completion(*texts)), hold_s=self.hold_s)


def status(code: int, message: str = "no", **headers: str) -> Play:
    """An OpenAI-like error."""
    return lambda request: document({"error": {"message": message, "type": "error"}}, code, **headers)


def raw(body: bytes, code: int = 200, content_type: str = "text/html") -> Play:
    return lambda request: Reply(code, body, {"content-type": content_type})


def hang(seconds: float = 30) -> Play:
    return lambda request: Reply(hold_s=seconds)


def cut_off() -> Play:
    """A connection that breaks in the middle of the answer."""
    return lambda request: Reply(body=b'{"choices": [', cut=True)


def echo_key(code: int = 401) -> Play:
    """An error which quotes the Authorization header, as careless proxies do."""
    return lambda request: document(
        {"error": {"message": f"bad header {request.headers.get('authorization')!r}"}}, code
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # clients under test hang up at will
            super().handle_error(request, client_address)


class FakeEndpoint:
    """The server: `play` scripts it, `requests` has what came, `base_url` goes into a policy.

    `connections` counts those opened, `most_at_once` is the most requests that were under way together,
    `waiting` is how many are now, `streaming` how many replies are being sent in pieces, `delivered` has the
    body of every reply that was sent to its end, `was_ill` whether any reply was an error or broke off.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.most_at_once = 0
        self.delivered: list[bytes] = []
        self.waiting = 0
        self.streaming = 0
        self.was_ill = False
        self._script: list[Play] = [answer_n()]
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def play(self, *script: Play) -> None:
        self._script = list(script)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            self.waiting += 1
            self.most_at_once = max(self.most_at_once, self.waiting)
            play = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        reply = play(request)
        self.was_ill |= reply.status >= 400 or reply.cut
        self._closing.wait(reply.hold_s)
        with self._lock:
            self.waiting -= 1
        return reply

    def _send_pieces(self, reply: Reply, file: Any) -> None:
        with self._lock:
            self.streaming += 1
        try:
            for piece in reply.pieces or ():
                if self._closing.is_set():
                    return
                if piece:
                    file.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if not reply.cut:
                file.write(b"0\r\n\r\n")
        finally:
            with self._lock:
                self.streaming -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with endpoint._lock:
                    endpoint.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = endpoint._reply(Request(self.path, headers, json.loads(body)))
                try:
                    self._send(reply)
                    endpoint.delivered.append(reply.body)
                except ConnectionError:
                    self.close_connection = True

            def do_GET(self) -> None:
                self._send(document({"object": "list", "data": []}))

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.close_connection = self.close_connection or reply.cut
                if reply.pieces is not None:
                    self.send_header("transfer-encoding", "chunked")
                    self.end_headers()
                    endpoint._send_pieces(reply, self.wfile)
                    return
                self.send_header("content-length", str(len(reply.body) + (100 if reply.cut else 0)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def event(delta: Mapping[str, Any], finish_reason: str | None = None, **fields: Any) -> bytes:
    """A server-sent event with one chunk."""
    choices = [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    head = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream"}
    return b"data: " + json.dumps({**head, "choices": choices, **fields}).encode() + b"\n\n"


def streamed(*texts: str, finish_reason: str = "stop") -> list[bytes]:
    """The events of a whole stream: a role, the texts, the reason, usage of 10 and 5 tokens, the end."""
    usage = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    return [
        event({"role": "assistant", "content": ""}),
        *(event({"content": text}) for text in texts),
        event({}, finish_reason),
        b"data: " + json.dumps(usage).encode() + b"\n\n",
        b"data: [DONE]\n\n",
    ]


def pieces(*sent: bytes, gap_s: float = 0.0, cut: bool = False) -> Play:
    """These bytes, one after the other; with `cut` the connection then breaks."""

    def made() -> Iterator[bytes]:
        for piece in sent:
            yield piece
            time.sleep(gap_s)

    return lambda request: Reply(pieces=made(), headers={"content-type": "text/event-stream"}, cut=cut)


def endless(gap_s: float = 0.01) -> Play:
    """A stream that does not end until nobody reads it."""

    def made() -> Iterator[bytes]:
        while True:
            yield event({"content": "on "})
            time.sleep(gap_s)

    return lambda request: Reply(pieces=made(), headers={"content-type": "text/event-stream"})


def closed_port() -> str:
    """The address of an endpoint where nothing listens."""
    endpoint = FakeEndpoint()
    endpoint.close()
    return endpoint.base_url


@pytest.fixture
def fake_endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    endpoint = FakeEndpoint()
    yield endpoint
    endpoint.close()
