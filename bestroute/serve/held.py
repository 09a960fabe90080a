"""The last texts that held of the files that are followed, which the workers of a gateway share: one that
starts anew goes on with what the others serve, whatever the files say by then."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bestroute.errors import InputError
from bestroute.files import atomic_write
from bestroute.retune.watch import PolicyWatcher

_LOG = logging.getLogger("bestroute.serve")
LOOK_S, SETTLED_S = 0.4, 0.2
"""How often a file is looked at, and how long a change stands: every worker follows within a second."""


class Held:
    """Texts by the path of their file, in a folder of this gateway's own; None: nothing is kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def text(self, path: Path) -> bytes | None:
        """The last one of a file; None where none has held since the gateway started."""
        try:
            return None if self._folder is None else self._place(self._folder, path).read_bytes()
        except OSError:
            return None

    def keep(self, path: Path, text: bytes) -> None:
        """This one held."""
        if self._folder is None or self.text(path) == text:
            return
        try:
            with atomic_write(self._place(self._folder, path)) as file:
                file.write(text)
        except InputError as error:
            _LOG.error("a worker that starts anew goes by the file alone: %s", error)

    def watcher(
        self, path: Path, on_reload: Callable[[], object] = lambda: None, **parts: Any
    ) -> PolicyWatcher:
        """A watcher of a policy that begins, where its file does not hold, on the text that did. Raises as
        PolicyWatcher does where there is none."""

        def reloaded(*_: object) -> None:
            self.keep(path, watcher.text)
            on_reload()

        watcher = PolicyWatcher(
            path,
            interval_s=LOOK_S,
            debounce_s=SETTLED_S,
            on_reload=reloaded,
            held=self.text(path),
            **parts,
        )
        self.keep(path, watcher.text)
        return watcher

    @staticmethod
    def _place(folder: Path, path: Path) -> Path:
        return folder / hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()
