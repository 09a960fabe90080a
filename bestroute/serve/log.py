"""The log of decisions: entries to a file, a JSON object a line, never in a request's way."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from bestroute.errors import InputError
from bestroute.serve.entry import Entry
from bestroute.serve.lines import Lines
from bestroute.serve.refusals import encoded

_LOG = logging.getLogger("bestroute.serve")
_WAITING = 10_000  # entries that may wait for a slow disk
_AT_ONCE = 200
_CLOSING_S = 5.0


class DecisionLog:
    """Appends entries to a file, or to standard output for `-`, in a thread of its own.

    An entry that finds the queue full, or a disk that takes nothing, is dropped and counted by `on_drop`.
    Each batch is one write of whole lines, so that workers may share a file. Raises InputError where the file
    cannot be opened.
    """

    def __init__(self, target: str, with_queries: bool, on_drop: Callable[[int], object]) -> None:
        self._target, self._with_queries, self._on_drop = target, with_queries, on_drop
        self._queue: queue.Queue[Entry | None] = queue.Queue(_WAITING)
        self._reopen = threading.Event()
        self._lines = Lines(target)
        self._fault = ""
        self._thread = threading.Thread(target=self._work, name="bestroute-log", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Write this some time; returns at once."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self._on_drop(1)

    def reopen(self) -> None:
        """Open the file anew before the next line: it was moved away. Until it can be, lines go to where they
        went."""
        self._reopen.set()

    def close(self) -> None:
        """Write what waits, for some seconds at most."""
        try:
            self._queue.put(None, timeout=_CLOSING_S)
        except queue.Full:
            return
        self._thread.join(_CLOSING_S)

    def _work(self) -> None:
        going = True
        while going:
            batch = self._batch()
            going = None not in batch
            entries = [entry for entry in batch if entry is not None]
            try:
                self._write(entries)
            except (OSError, InputError, ValueError) as error:
                _LOG.error("decision log: %d entries are lost: %s", len(entries), error)
                self._on_drop(len(entries))
        self._lines.close()

    def _batch(self) -> list[Entry | None]:
        batch = [self._queue.get()]
        while len(batch) < _AT_ONCE:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, entries: list[Entry]) -> None:
        if self._reopen.is_set():
            self._open_anew()
        self._lines.add(b"".join(encoded(entry.as_dict(self._with_queries)) + b"\n" for entry in entries))

    def _open_anew(self) -> None:
        self._reopen.clear()  # first, so that whoever moves the file away meanwhile is heard
        try:
            opened = Lines(self._target)
        except InputError as error:
            self._reopen.set()
            if str(error) != self._fault:
                _LOG.error("decision log: not opened anew, lines go to where they went: %s", error)
            self._fault = str(error)
            return
        old, self._lines = self._lines, opened
        if self._fault:
            _LOG.info("decision log: opened anew")
        self._fault = ""
        try:
            old.close()
        except OSError as error:  # of what was moved away; the lines to come are not lost by it
            _LOG.error("decision log: what was moved away may lack its last lines: %s", error)
