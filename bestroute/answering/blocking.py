"""An async generator read by a caller that has no event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import TypeVar

from bestroute.errors import InputError

T = TypeVar("T")


def blocking(values: AsyncGenerator[T, None], name: str) -> Generator[T, None, None]:
    """The values, on an event loop of their own that is closed with the generator.

    Raises InputError, naming what to read instead, where a loop runs in this thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _read(values)
    raise InputError(f"an event loop runs here: use `async for event in router.{name}(...)`")


def _read(values: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                value = loop.run_until_complete(anext(values))
            except StopAsyncIteration:
                return
            yield value
    finally:
        loop.run_until_complete(values.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
