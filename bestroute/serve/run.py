"""Start, work, end: what `bestroute serve` does, and each of its workers."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable

import uvicorn

from bestroute.errors import InputError
from bestroute.policy import check_policy
from bestroute.serve.app import app_of
from bestroute.serve.handling import Service
from bestroute.serve.log import DecisionLog
from bestroute.serve.metrics import Metrics
from bestroute.serve.policies import Policies
from bestroute.serve.protocol import BoundedProtocol
from bestroute.serve.settings import Settings
from bestroute.serve.workers import run_workers

_LOG = logging.getLogger("bestroute.serve")
_IDLE_S = 75  # longer than balancers keep a connection


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then drain; gives the exit code.

    Raises PolicyError or ArtefactError for a policy that does not hold, and InputError for an address or a
    log that cannot be had, before anything is served.
    """
    _log_to_stderr()
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
    policies, metrics = Policies(settings.policies), Metrics()
    log = None if settings.log is None else DecisionLog(settings.log, settings.log_queries, metrics.drop)
    app = app_of(Service(policies, metrics, log, settings.limits), on_ready)
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
