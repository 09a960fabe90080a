"""Start, work, end: what `bestroute serve` does, and each of its workers."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Callable

import uvicorn

from bestroute.errors import InputError
from bestroute.policy import check_policy
from bestroute.serve.app import app_of
from bestroute.serve.collector import tracing_of
from bestroute.serve.handling import Service
from bestroute.serve.keys.guard import Guard
from bestroute.serve.keys.ledger import Ledger
from bestroute.serve.keys.ring import KeyRing
from bestroute.serve.log import DecisionLog
from bestroute.serve.metrics import Metrics
from bestroute.serve.policies import Policies
from bestroute.serve.protocol import BoundedProtocol
from bestroute.serve.settings import Settings
from bestroute.serve.shadow import Shadows
from bestroute.serve.workers import run_workers

_LOG = logging.getLogger("bestroute.serve")
_IDLE_S = 75  # longer than balancers keep a connection


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then drain; gives the exit code.

    Raises PolicyError or ArtefactError for a policy that does not hold, and InputError for an address or a
    log that cannot be had, before anything is served.
    """
    _log_to_stderr()
    _check_door(settings)
    listening = _bound(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
    if settings.workers == 1:
        work(settings, listening, lambda: _LOG.info("serving on %s", address))
        return 0
    for path in settings.policies:
        check_policy(path)
    return run_workers(
        settings.workers, work, settings, listening, lambda: _LOG.info("serving on %s", address)
    )


def work(settings: Settings, listening: socket.socket, on_ready: Callable[[], object]) -> None:
    """Serve on a socket, in this process, until it is told to end."""
    _log_to_stderr()
    tracing, metrics = tracing_of(os.environ), Metrics()
    policies = Policies(settings.policies, (lambda: None) if tracing is None else tracing.sampler)
    guard = Guard(KeyRing.of(settings.keys), Ledger(settings.redis))
    log = None if settings.log is None else DecisionLog(settings.log, settings.log_queries, metrics.drop)
    shadows = Shadows(metrics, settings.workers)
    app = app_of(Service(policies, metrics, log, settings.limits, guard, shadows, tracing), on_ready)
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


def _check_door(settings: Settings) -> None:
    """Raise InputError where whoever reaches the address would be let in, and nobody said that they may."""
    ring = KeyRing.of(settings.keys)
    if ring is None and not settings.is_open and not _is_loopback(settings.host):
        raise InputError(
            f"{settings.host} can be reached by others, who would ask models at your cost: give --keys FILE "
            "(`bestroute key new NAME --to FILE` makes one), or --open to let everybody in"
        )
    if ring is not None and any(key.limited for key in ring.keys):
        Ledger(settings.redis)
        if settings.workers > 1 and settings.redis is None:
            _LOG.warning(
                "each of %d workers counts for itself: what a key may use is that for every worker",
                settings.workers,
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise InputError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    listening.set_inheritable(True)
    return listening


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("bestroute").setLevel(logging.INFO)
