"""Files that lines are added to, by several processes at once."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from bestroute.errors import InputError

STDOUT = "-"
_FLAGS = os.O_APPEND | os.O_CREAT


class Lines:
    """A file to add lines to, or standard output for `-`; made, with its folder, for its owner alone where
    it is absent. Raises InputError where it cannot be opened."""

    def __init__(self, target: str | Path) -> None:
        self._own = str(target) != STDOUT
        try:
            self._handle = _opened(Path(target)) if self._own else 1
        except OSError as error:
            raise InputError(f"{target}: {error.strerror or error}") from error

    def add(self, lines: bytes) -> None:
        """Add whole lines, by one write, so that processes may share the file; after a line that another
        write left torn they begin on a new one. Raises OSError where not all of them were taken."""
        left = b"\n" + lines if self._is_torn() else lines
        while left:
            taken = os.write(self._handle, left)
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left = left[taken:]

    def close(self) -> None:
        """Let go of it."""
        if self._own:
            os.close(self._handle)

    def _is_torn(self) -> bool:
        """Whether the last line of a regular file has no end; not known of one that may only be written."""
        about = os.fstat(self._handle)
        if not stat.S_ISREG(about.st_mode) or not about.st_size:
            return False
        try:
            os.lseek(self._handle, -1, os.SEEK_END)
            return os.read(self._handle, 1) != b"\n"
        except OSError:
            return False


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # to read a pipe would be to take what is meant for others
        return os.open(path, os.O_WRONLY | _FLAGS, 0o600)
    try:
        return os.open(path, os.O_RDWR | _FLAGS, 0o600)
    except PermissionError:
        return os.open(path, os.O_WRONLY | _FLAGS, 0o600)
