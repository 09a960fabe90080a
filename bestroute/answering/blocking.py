"""An async generator read by a caller that has no event loop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bestroute.errors import InputError

T = TypeVar("T")


def blocking(values: AsyncGenerator[T, None], name: str) -> Generator[T, None, None]:
    """The values, on an event loop of their own that is closed with the generator.

    Ctrl-C while it waits ends what is under way, then raises KeyboardInterrupt, as `asyncio.run` does.
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
            task = loop.create_task(_next(values))
            try:
                with _interrupting(task, loop):
                    value = loop.run_until_complete(task)
            except StopAsyncIteration:
                return
            yield value
    finally:
        try:
            loop.run_until_complete(_end(values, task))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()


async def _next(values: AsyncGenerator[T, None]) -> T:
    return await anext(values)


@contextmanager
def _interrupting(task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let Ctrl-C cancel the task: raised from the midst of the loop it would leave others behind."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    interrupted = False

    def cancel(*_: object) -> None:
        nonlocal interrupted
        if interrupted:  # it does not end: the second one is not waited for
            raise KeyboardInterrupt
        interrupted = True
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # the loop may be waiting for the network

    signal.signal(signal.SIGINT, cancel)
    try:
        yield
    except asyncio.CancelledError:
        if not interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted:
        raise KeyboardInterrupt


async def _end(values: AsyncGenerator[T, None], reading: asyncio.Task[T]) -> None:
    """Close the generator, which whoever reads it must have left, then end what it left behind."""
    await _cancelled({reading})
    await values.aclose()
    await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})


async def _cancelled(tasks: set[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
