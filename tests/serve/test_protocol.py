"""Responses on the wire: a head goes along with its body, and alone where that is still to come."""

import asyncio

import pytest
import uvicorn

from bestroute.serve.protocol import BoundedProtocol
from tests.patience import PATIENCE_S

ASKED = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}


class _Written:
    """A transport that remembers what was written."""

    def __init__(self, transport, written):
        self._transport, self._written = transport, written

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def write(self, data):
        self._written.append(bytes(data))
        self._transport.write(data)


async def answered(app, ask):
    """What `ask` gives of a reader and a writer to the application, and the writes of the server."""
    written = []

    class Protocol(BoundedProtocol):
        def connection_made(self, transport):
            super().connection_made(_Written(transport, written))

    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        return await asyncio.wait_for(ask(reader, writer), PATIENCE_S), written
    finally:
        writer.close()
        server.close()


def test_a_head_is_written_along_with_its_body():
    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body", "body": b"hello"})

    async def ask(reader, writer):
        writer.write(ASKED)
        return await reader.readuntil(b"hello")

    told, written = asyncio.run(answered(app, ask))
    assert written == [told]


def test_a_head_does_not_wait_for_a_body_that_is_still_to_come():
    going = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await going.wait()
        await send({"type": "http.response.body", "body": b"hel", "more_body": True})
        await send({"type": "http.response.body", "body": b"lo"})

    async def ask(reader, writer):
        writer.write(ASKED)
        head = await reader.readuntil(b"\r\n\r\n")
        going.set()
        return head, await reader.readexactly(5)

    (head, body), written = asyncio.run(answered(app, ask))
    assert body == b"hello"
    assert written == [head, b"hel", b"lo"]


def test_a_head_without_a_body_is_written_before_the_connection_is_closed():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b""})

    async def ask(reader, writer):
        writer.write(ASKED)
        return await reader.read()

    told, written = asyncio.run(answered(app, ask))
    assert told.startswith(b"HTTP/1.1 204")
    assert b"".join(written) == told


UPGRADES = {
    "h2c": b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\n",
    "websocket": b"connection: keep-alive, Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n",
}
BODY = b'{"model": "auto", "messages": [{"role": "user", "content": "hello"}]}'
WHOLE = b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY)
CHUNKED = b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
POSTED = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize("body", [WHOLE, CHUNKED], ids=["whole", "chunked"])
@pytest.mark.parametrize("wish", UPGRADES.values(), ids=UPGRADES)
def test_a_wish_for_another_protocol_is_passed_over(gateway, upstream, wish, body):
    sent = POSTED + wish + body
    told = sent.index(b"\r\n\r\n") + 4
    parts = (sent[:told], sent[told:] + LAST)
    torn = (sent[:90], sent[90 : told + 9], sent[told + 9 :] + LAST)
    for pieces in ([sent, LAST], parts, torn, [sent * 2 + LAST]):
        upstream.requests.clear()
        came = gateway.raw(*pieces, gap_s=0.05)
        asked = b"".join(pieces).count(b"POST /")
        assert came.count(b"HTTP/1.1 200") == came.count(b"HTTP/1.1 ") == asked + 1
        assert came.endswith(b'{"status":"ok"}')
        assert [one.body["messages"][0]["content"] for one in upstream.requests] == ["hello"] * asked


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
        b"HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade, close\r\nupgrade: h2c\r\n",
    ],
    ids=["1.0", "close"],
)
def test_a_last_request_that_wishes_for_another_protocol_is_answered(gateway, upstream, head):
    sent = b"POST /v1/chat/completions " + head + WHOLE
    for pieces in ([sent], [sent[: -len(BODY)], sent[-len(BODY) :]]):
        came = gateway.raw(*pieces, gap_s=0.05)
        assert came.startswith(b"HTTP/1.1 200 ")
        assert b"hello" in came


def test_a_wish_for_another_protocol_hides_nothing(gateway):
    """What cannot be read is refused with it as without."""
    wish = UPGRADES["h2c"]
    for head in (
        POSTED + wish + b"content-length: 1\r\ncontent-length: 2\r\n",
        b"CONNECT localhost:1 HTTP/1.1\r\n" + wish,
    ):
        assert gateway.raw(head + b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert gateway.raw(POSTED + wish + b"h: %s\r\n\r\n" % (b"x" * 40_000)).startswith(b"HTTP/1.1 431 ")
