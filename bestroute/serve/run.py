"""Start and end: what `bestroute serve` does."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable

from bestroute.errors import InputError
from bestroute.policy import check_policy, load_canary
from bestroute.serve.door import is_loopback
from bestroute.serve.hangups import ignore_hangups
from bestroute.serve.kept import check_records
from bestroute.serve.keys.ledger import Ledger
from bestroute.serve.keys.ring import KeyRing
from bestroute.serve.lines import Lines
from bestroute.serve.settings import Settings
from bestroute.serve.workers import log_to_stderr, run_workers

_LOG = logging.getLogger("bestroute.serve")


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then drain; gives the exit code.

    Raises PolicyError or ArtefactError for a policy that does not hold, and InputError for a log, records of
    a policy's shadow, or an address that cannot be had, before anything is served.
    """
    ignore_hangups()
    log_to_stderr()
    _check_door(settings)
    if settings.workers > 1:
        return run_workers(settings, in_worker, lambda: _prepared(settings), _tell)
    listening = _prepared(settings)
    in_worker(settings, listening, lambda: _tell(listening))
    return 0


def in_worker(settings: Settings, listening: socket.socket, on_ready: Callable[[], object]) -> None:
    """`work`, imported here alone: the process that only watches the workers needs none of it."""
    from bestroute.serve.work import work

    work(settings, listening, on_ready)


def _prepared(settings: Settings) -> socket.socket:
    """The address, where the policies hold and what is to be written can be."""
    for path in settings.policies:
        policy, warnings = check_policy(path)
        for warning in warnings:
            _LOG.warning("%s", warning)
        check_records(policy)
        if policy.canary is not None:
            check_records(load_canary(policy))
    if settings.log is not None:
        Lines(settings.log).close()
    return _bound(settings.host, settings.port)


def _tell(listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    _LOG.info("serving on http://%s:%d/v1", f"[{host}]" if ":" in host else host, port)


def _check_door(settings: Settings) -> None:
    """Raise InputError where whoever reaches the address would be let in, and nobody said that they may, and
    where the address of Redis is none; say what is counted otherwise than one would think."""
    ring = KeyRing.of(settings.keys)
    if ring is None and not settings.is_open and not is_loopback(settings.host):
        raise InputError(
            f"{settings.host} can be reached by others, who would ask models at your cost: give --keys FILE "
            "(`bestroute key new NAME --to FILE` makes one), or --open to let everybody in"
        )
    limited = ring is not None and any(key.limited for key in ring.keys)
    if settings.redis is not None:
        Ledger(settings.redis)
        if not limited:
            why = "no keys are asked for" if ring is None else "no key has a limit"
            _LOG.warning("Redis is not used as long as %s: there is nothing to count", why)
    elif limited and settings.workers > 1:
        _LOG.warning(
            "each of %d workers counts for itself: what a key may use is that for every worker",
            settings.workers,
        )


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
