"""Given: what a caller gives that cannot be used is refused where it is given, not at the first request."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import iscoroutinefunction
from typing import Any

from bestroute.errors import InputError


def check_calls(**given: object) -> None:
    """Raise InputError where what was given under a name, unless None, cannot be called in place."""
    for name, part in given.items():
        if part is not None:
            check_call(name, part)


def check_call(name: str, part: object) -> None:
    """Raise InputError where a part cannot be called in place."""
    if not callable(part):
        raise InputError(f"{name} is {part!r:.80}; give what can be called")
    if iscoroutinefunction(part) or iscoroutinefunction(type(part).__call__):
        raise InputError(
            f"{name} is a coroutine function, and is called in place without being awaited; give a plain "
            "function, which may hand over to the loop by call_soon_threadsafe"
        )


def check_list(name: str, given: object) -> Sequence[Any]:
    """What was given, where it is a list or a tuple. Raises InputError."""
    if not isinstance(given, (list, tuple)):
        raise InputError(f"{name} is {given!r:.80}; give a list")
    return given


def check_whole(name: str, given: object, least: int) -> None:
    """Raise InputError where what was given is no whole number, or below the least."""
    if not isinstance(given, int) or isinstance(given, bool) or given < least:
        raise InputError(f"{name} is {given!r:.80}; give a whole number, at least {least}")
