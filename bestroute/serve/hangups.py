"""SIGHUP, which asks for the log to be opened anew, and ends a process that says nothing of it."""

from __future__ import annotations

import signal


def ignore_hangups() -> None:
    """Let SIGHUP end neither this process nor those that it starts, before they listen to it, and where they
    never do."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
