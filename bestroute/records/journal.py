"""An append-only journal of work that must not be done twice: JSON lines, on disk before `append` returns.

The first line is the header: it says which run the entries belong to. A process that is killed can leave
half a line at the end; the next one cuts it off and goes on from there.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from bestroute.errors import InputError

_NEWLINE = 10
_CHUNK = 1 << 16


class Journal:
    """Opens a journal, or creates it with `header`; entries and header are JSON objects.

    Raises InputError for a journal that another header began, for a file that is no journal, where it cannot
    be written, and while another process (or another Journal) has it open. Threads may share a Journal.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("a+b")
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        try:
            _lock(self._file, path)
            self._open(json.loads(json.dumps(header)))
        except BaseException:
            self._file.close()
            raise

    def entries(self) -> Iterator[dict[str, Any]]:
        """What was appended so far, oldest first, one entry in memory at a time."""
        return (entry for _, entry in self.places())

    def places(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """As `entries`, each with its place, for `read`."""
        with self.path.open("rb") as file:
            place = len(file.readline())
            for number, line in enumerate(file, 2):
                yield place, self._parse(line, number)
                place += len(line)

    def read(self, place: int) -> dict[str, Any]:
        """The entry at a place that `append` or `places` gave."""
        with self._lock:
            self._file.seek(place)
            return self._parse(self._file.readline(), None)

    def append(self, *entries: Mapping[str, Any]) -> list[int]:
        """Write entries, a line each, and return their places once all are on disk."""
        lines = [json.dumps(entry).encode("ascii") + b"\n" for entry in entries]
        with self._lock:
            place = self._file.seek(0, os.SEEK_END)
            self._write(b"".join(lines))
        places = []
        for line in lines:
            places.append(place)
            place += len(line)
        return places

    def close(self) -> None:
        """Let go of the file; it stays for the next run."""
        self._file.close()

    def remove(self) -> None:
        """Close and delete: the work is done."""
        self.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open(self, header: dict[str, Any]) -> None:
        self._cut_torn_line()
        self._file.seek(0)
        first = self._file.readline()
        if not first:
            self._write(json.dumps(header).encode("ascii") + b"\n")
            _sync_folder(self.path.parent)
            return
        found = self._parse(first, 1)
        if found != header:
            changed = [key for key in {**header, **found} if header.get(key) != found.get(key)]
            raise InputError(
                f"{self.path}: is the journal of another run (other: {', '.join(changed)}); give that run's "
                "command again to finish it, or delete the file to drop what it did"
            )

    def _cut_torn_line(self) -> None:
        end = self._file.seek(0, os.SEEK_END)
        kept = end
        while kept:  # backwards to the last line feed
            start = max(0, kept - _CHUNK)
            self._file.seek(start)
            chunk = self._file.read(kept - start)
            last = chunk.rfind(_NEWLINE)
            if last >= 0:
                kept = start + last + 1
                break
            kept = start
        if kept < end:
            self._file.truncate(kept)
            os.fsync(self._file.fileno())

    def _write(self, content: bytes) -> None:
        try:
            self._file.write(content)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror or error}") from error

    def _parse(self, line: bytes, number: int | None) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            place = self.path if number is None else f"{self.path}:{number}"
            raise InputError(f"{place}: not a line of a journal; delete or rename the file")
        return value


def _lock(file: IO[bytes], path: Path) -> None:
    """Keep other processes out for as long as the file is open, where the system can."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{path}: another process is at this work; wait for it, or stop it") from error


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on disk too, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
