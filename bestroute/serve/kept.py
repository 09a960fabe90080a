"""Records in a file: one that the file did not take is kept, and goes before any other."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.serve.lines import Lines

_LOG = logging.getLogger("bestroute.serve")


def check_records(policy: Policy) -> None:
    """Raise InputError where what a policy asks beside would be paid for and lost."""
    if policy.shadow is not None:
        try:
            Lines(policy.beside(policy.shadow.records)).close()
        except InputError as error:
            raise InputError(f"{policy.path}: the records of `shadow` cannot be written: {error}") from error


class Records:
    """The records of one file. `writes` is false from a write that failed until one works: until then nothing
    should be paid for that might be lost."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: list[bytes] = []
        self._writing = threading.Lock()

    @property
    def writes(self) -> bool:
        """Whether everything that was added is in the file."""
        return not self._waiting

    def add(self, line: Mapping[str, Any]) -> bool:
        """Add a record; whether the file took it. It is tried again with the next, or by `again`."""
        return self._write([json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"])

    def again(self) -> bool:
        """Write what the file did not take; whether it does now."""
        return self._write([])

    def _write(self, more: list[bytes]) -> bool:
        with self._writing:
            failed = bool(self._waiting)
            self._waiting += more
            try:
                while self._waiting:
                    self._add(self._waiting[0])
                    del self._waiting[0]
            except (OSError, InputError) as error:
                if not failed:
                    _LOG.error("%s: no more is asked beside until it can be written: %s", self._file, error)
                return False
            if failed:
                _LOG.info("%s can be written again", self._file)
            return True

    def _add(self, line: bytes) -> None:
        lines = Lines(self._file)
        try:
            lines.add(line)
        finally:
            lines.close()
