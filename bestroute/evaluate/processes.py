"""The same work on one value after another, in several processes that start with all that is in memory."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Value = TypeVar("Value")
Result = TypeVar("Result")
_work: Callable[[Any], Any] | None = None


def in_processes(
    work: Callable[[Value], Result], values: Sequence[Value], processes: int
) -> Iterator[Result]:
    """What `work` gives of each value, in order: in so many processes where forking is safe, else here.

    A process has a copy of all that `work` refers to, so nothing but values and results must be picklable,
    and what it remembers is its own. Raises what `work` raises.
    """
    processes = min(processes, len(values))
    if processes < 2 or not sys.platform.startswith("linux"):
        yield from map(work, values)
        return
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, forked, initializer=_take, initargs=(work,)) as pool:
        with warnings.catch_warnings():  # of threads beside: theirs is onnxruntime's, which no process asks
            warnings.simplefilter("ignore", DeprecationWarning)
            coming = pool.map(_call, values)
        yield from coming


def _take(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work


def _call(value: Any) -> Any:
    assert _work is not None
    return _work(value)
