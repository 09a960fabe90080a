"""A real gateway in a thread of this process, for tests that hand it parts: uvicorn on a free port.

with served(policies, tracing=Tracing(provider)) as gateway:
    gateway.ask("hello")
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from bestroute.serve.app import app_of
from bestroute.serve.handling import Service
from bestroute.serve.keys.guard import Guard
from bestroute.serve.keys.ledger import Ledger
from bestroute.serve.metrics import Metrics
from bestroute.serve.policies import Policies
from bestroute.serve.protocol import BoundedProtocol
from bestroute.serve.recent import Recent
from bestroute.serve.settings import Limits
from bestroute.serve.shadow import Shadows
from tests.patience import PATIENCE_S
from tests.serve.gateway import Gateway


class _Here(Gateway):
    """Answers as a gateway of another process does; it has no process."""

    def __init__(self, url: str) -> None:
        self.url, self.lines = url, []


@contextmanager
def served(policies: Policies, **parts: Any) -> Iterator[Gateway]:
    """A gateway that is ready, ended and gone afterwards; `parts` are further ones of its Service."""
    ready = threading.Event()
    metrics = Metrics()
    guard, shadows = Guard(None, Ledger()), Shadows(metrics, 1)
    service = Service(policies, metrics, None, Limits(), guard, shadows, Recent(), asyncio.Lock(), **parts)
    config = uvicorn.Config(app_of(service, ready.set), http=BoundedProtocol, lifespan="on", log_config=None)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield _Here(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
