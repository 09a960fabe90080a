"""Listeners: what comes of requests, counted for monitors and told to hooks of the caller's own."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from bestroute.errors import SamplingError

Hook: TypeAlias = Callable[[Any], object]
_LOG = logging.getLogger("bestroute.router")


class Listeners:
    """The hooks of one router and its counts: `answered`, `fell_back`, `failed`, `hook_failed`. Safe to share
    between threads; what a hook raises is logged, and never costs the request."""

    def __init__(self, on_decision: Hook | None, on_answer: Hook | None) -> None:
        self._on_decision, self._on_answer = on_decision, on_answer
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def counts(self) -> dict[str, int]:
        """How often each thing happened so far."""
        with self._lock:
            return dict(self._counts)

    def decided(self, decision: Any) -> None:
        """A decision was made."""
        self._tell(self._on_decision, decision)

    def answered(self, answer: Any) -> None:
        """A request was answered."""
        self._count("answered", *(["fell_back"] if answer.fell_back else []))
        self._tell(self._on_answer, answer)

    def failed(self) -> None:
        """A request got no answer, or only a part of one."""
        self._count("failed")

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Count a failure where no model answers in here."""
        try:
            yield
        except SamplingError:
            self.failed()
            raise

    def _tell(self, hook: Hook | None, value: object) -> None:
        if hook is None:
            return
        try:
            hook(value)
        except Exception:  # it is the caller's own
            self._count("hook_failed")
            _LOG.exception("a hook failed; the request goes on")

    def _count(self, *names: str) -> None:
        with self._lock:
            self._counts.update(names)
