"""Several processes on one address: started, watched, ended together.

Where the system can, they are forked from a process that has imported everything and opened nothing, so that
all of that is done once.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

from bestroute.errors import BestRouteError
from bestroute.serve.hangups import ignore_hangups
from bestroute.serve.settings import METRICS_FOLDER, Settings

_LOG = logging.getLogger("bestroute.serve")
_LOOK_S = 0.1
_PRELOADED = ("bestroute.serve.work", "aiohttp")  # by whom workers are forked; none of it starts a thread
_PAUSE_S = 1.0  # between a worker's end and its successor, so that one that cannot live does not spin
_GRACE_S = 10.0  # beyond the time to drain, for logs to be written
Work = Callable[[Settings, socket.socket, Callable[[], object]], None]


class _Worker(NamedTuple):
    process: multiprocessing.process.BaseProcess
    ready: Event


def run_workers(
    settings: Settings,
    work: Work,
    prepared: Callable[[], socket.socket],
    on_ready: Callable[[socket.socket], object],
) -> int:
    """Run as many processes as the settings say until SIGTERM or SIGINT; gives the exit code.

    One that ends for no reason is replaced; one that ends before any was ready ends all. What they listen on
    `prepared` gives, which is called meanwhile, before any of them is started; raises what it does.
    """
    with tempfile.TemporaryDirectory(prefix="bestroute-") as folder:
        os.environ[METRICS_FOLDER] = folder
        context = _context()
        listening = prepared()
        shared = replace(settings, shared=Path(folder, "held"))
        return _Workers(context, work, shared, listening).run(lambda: on_ready(listening))


def log_to_stderr() -> None:
    """Say what happens, in this process."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("bestroute").setLevel(logging.INFO)


def _context() -> Any:
    """How processes are started."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_PRELOADED])
    forkserver.ensure_running()
    return context


class _Workers:
    def __init__(self, context: Any, work: Work, settings: Settings, listening: socket.socket) -> None:
        self._context = context
        self._args = (work, settings, listening)
        self._ending = threading.Event()
        self._hung_up = False
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: self._ending.set())
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, lambda *_: setattr(self, "_hung_up", True))
        self._workers = [self._start() for _ in range(settings.workers)]

    def run(self, on_ready: Callable[[], object]) -> int:
        told = False
        while not self._ending.is_set():
            wait([worker.process.sentinel for worker in self._workers], _LOOK_S)
            if not told and all(worker.ready.is_set() for worker in self._workers):
                told = True
                on_ready()
            if self._hung_up:
                self._hung_up = False
                self._pass_on(signal.SIGHUP)
            if not self._replace_the_dead(told):
                self._end()
                return 1
        self._end()
        return 0

    def _start(self) -> _Worker:
        ready = self._context.Event()
        process = self._context.Process(target=_work, args=(*self._args, ready))
        process.start()
        return _Worker(process, ready)

    def _replace_the_dead(self, told: bool) -> bool:
        """Whether serving goes on."""
        for place, worker in enumerate(self._workers):
            if self._ending.is_set() or worker.process.is_alive():
                continue
            if not told:
                return False
            _LOG.error("worker %s ended with %s", worker.process.pid, worker.process.exitcode)
            time.sleep(_PAUSE_S)
            self._workers[place] = self._start()
        return True

    def _pass_on(self, sign: int) -> None:
        for worker in self._workers:
            if worker.process.pid is not None and worker.process.is_alive():
                with suppress(ProcessLookupError):  # it ended since
                    os.kill(worker.process.pid, sign)

    def _end(self) -> None:
        ignore_hangups()  # Python, which ends, would take back any other handler
        for worker in self._workers:
            worker.process.terminate()
        ends = time.monotonic() + self._args[1].drain_s + _GRACE_S
        for worker in self._workers:
            worker.process.join(max(0.0, ends - time.monotonic()))
            worker.process.kill()


def _work(work: Work, settings: Settings, listening: socket.socket, ready: Event) -> None:
    def on_ready() -> None:
        _LOG.info("worker %d is ready", os.getpid())
        ready.set()

    try:
        work(settings, listening, on_ready)
    except BestRouteError as error:
        log_to_stderr()
        _LOG.error("worker %d cannot start: %s", os.getpid(), error)
        sys.exit(1)
