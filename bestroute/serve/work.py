"""What each process of a gateway does: open the policies, then answer until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable

import uvicorn

from bestroute.serve.app import app_of
from bestroute.serve.calls import NotedSampler
from bestroute.serve.collector import tracing_of
from bestroute.serve.door import Door
from bestroute.serve.handling import Service
from bestroute.serve.hangups import ignore_hangups
from bestroute.serve.held import Held
from bestroute.serve.keys.guard import Guard
from bestroute.serve.keys.ledger import Ledger
from bestroute.serve.keys.ring import KeyRing
from bestroute.serve.log import DecisionLog
from bestroute.serve.metrics import Metrics
from bestroute.serve.policies import Policies
from bestroute.serve.protocol import BoundedProtocol
from bestroute.serve.recent import Recent
from bestroute.serve.settings import Settings
from bestroute.serve.shadow import Shadows
from bestroute.serve.workers import log_to_stderr

_IDLE_S = 75  # longer than balancers keep a connection
_YOUNG = 20_000  # objects more than were freed, between two looks for cycles among them


def work(settings: Settings, listening: socket.socket, on_ready: Callable[[], object]) -> None:
    """Serve on a socket, in this process, until it is told to end."""
    log_to_stderr()
    tracing, metrics = tracing_of(os.environ), Metrics()
    held = Held(settings.shared)
    policies = Policies(settings.policies, NotedSampler if tracing is None else tracing.sampler, held)
    door = Door(None if settings.is_open else settings.host)
    guard = Guard(KeyRing.of(settings.keys, held), Ledger(settings.redis), door=door)
    log = None if settings.log is None else DecisionLog(settings.log, settings.log_queries, metrics.drop)
    shadows = Shadows(metrics, settings.workers)
    recent, dialling = Recent(), asyncio.Lock()
    service = Service(policies, metrics, log, settings.limits, guard, shadows, recent, dialling, tracing)

    def ready() -> None:
        _leave_be()
        on_ready()

    app = app_of(service, ready)
    BoundedProtocol.head_s = settings.limits.head_s
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=round(settings.drain_s),
    )
    server = uvicorn.Server(config)
    for sign in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # before uvicorn listens to them, and when it raises them anew
        signal.signal(sign, lambda *_: setattr(server, "should_exit", True))
    server.run([listening])
    ignore_hangups()  # asyncio, which ends, listens to them no more


def _leave_be() -> None:
    """Let no search for cycles walk over what was loaded and stays: each took a tenth of a second, in which
    every request waited."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
