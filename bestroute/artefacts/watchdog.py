"""One thread that ends the runs whose time has passed: a timer for each costs as much as a small graph."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Protocol


class Terminable(Protocol):
    """What ends when it is told to, as onnxruntime's RunOptions do at the next node."""

    terminate: bool


class Watchdog:
    """Sets `terminate` on what is watched longer than its seconds. Safe to share between threads.

    The thread starts with the first thing to watch and wakes at the nearest deadline, so in a stream of short
    runs with one budget it wakes once a budget, not once a run.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._changed = threading.Condition()
        self._watched: dict[int, tuple[float, Terminable]] = {}
        self._wakes_at = inf
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, run: Terminable, seconds: float) -> Iterator[None]:
        """Watch a run for as long as the block lasts."""
        key, deadline = id(run), monotonic() + seconds
        with self._changed:
            self._watched[key] = (deadline, run)
            if self._thread is None:
                self._start()
            if deadline < self._wakes_at:
                self._wakes_at = deadline
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._watched.pop(key, None)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="bestroute-watchdog", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = monotonic()
                for key in [key for key, (deadline, _) in self._watched.items() if deadline <= now]:
                    self._watched.pop(key)[1].terminate = True
                self._wakes_at = min((deadline for deadline, _ in self._watched.values()), default=inf)
                self._changed.wait(min(self._wakes_at - now, threading.TIMEOUT_MAX))


WATCHDOG = Watchdog()
if hasattr(os, "register_at_fork"):  # a child has neither the thread nor what it watched
    os.register_at_fork(after_in_child=WATCHDOG._forget)
