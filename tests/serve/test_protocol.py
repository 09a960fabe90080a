"""Responses on the wire: a head goes along with its body, and alone where that is still to come."""

import asyncio

import uvicorn

from bestroute.serve.protocol import BoundedProtocol
from tests.serve.gateway import PATIENCE_S

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
