"""Start and end: what `bestroute serve` does."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from collections.abc import Callable

from bestroute.errors import InputError
from bestroute.policy import check_policy
from bestroute.serve.keys.ledger import Ledger
from bestroute.serve.keys.ring import KeyRing
from bestroute.serve.settings import Settings
from bestroute.serve.workers import log_to_stderr, run_workers

_LOG = logging.getLogger("bestroute.serve")


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then drain; gives the exit code.

    Raises PolicyError or ArtefactError for a policy that does not hold, and InputError for an address or a
    log that cannot be had, before anything is served.
    """
    log_to_stderr()
    _check_door(settings)
    listening = _bound(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
    if settings.workers == 1:
        in_worker(settings, listening, lambda: _LOG.info("serving on %s", address))
        return 0
    return run_workers(
        settings.workers,
        in_worker,
        settings,
        listening,
        lambda: _LOG.info("serving on %s", address),
        lambda: [check_policy(path) for path in settings.policies],
    )


def in_worker(settings: Settings, listening: socket.socket, on_ready: Callable[[], object]) -> None:
    """`work`, imported here alone: the process that only watches the workers needs none of it."""
    from bestroute.serve.work import work

    work(settings, listening, on_ready)


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
