"""Site: one endpoint of one model. Whether it may be asked, calls under way, what came of those before."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias, TypeVar

from bestroute.answering.health.breaker import Breaker
from bestroute.answering.health.fault import Fault
from bestroute.answering.health.gate import Gate
from bestroute.answering.health.latency import Latency
from bestroute.answering.health.report import EndpointReport
from bestroute.text import seconds

_LOG = logging.getLogger("bestroute.health")
_SHARES = (0.5, 0.9, 0.99)
Reply = TypeVar("Reply")
Note: TypeAlias = Callable[["Fault | None", float], None]
"""Is told what went wrong with a call, and for how many seconds nobody waited for the endpoint."""


class Resting(Exception):
    """A site is left alone for now, `rest_s` seconds at least, or has no room."""

    def __init__(self, why: str, rest_s: float = 0.0) -> None:
        self.rest_s = rest_s
        super().__init__(why)


class Site:
    """Where a model is asked. Safe to share between threads.

    `limit` bounds the calls under way (None: nothing does); others wait in order. `breaks`: whether faults
    keep calls away at all.
    """

    def __init__(
        self, model: str, address: str, limit: int | None, clock: Callable[[], float], breaks: bool
    ) -> None:
        self.model, self.address, self.limit = model, address, limit
        self._clock, self._breaks = clock, breaks
        self._gate = None if limit is None else Gate(limit)
        self._breaker, self._latency = Breaker(), Latency()
        self._calls, self._load, self._told = 0, 0, False
        self._faults: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def load(self) -> float:
        """Calls under way and waiting, as a share of the limit where there is one."""
        return self._load / (self.limit or 1)

    @property
    def resting(self) -> str | None:
        """Why no call may be made now; None where one may."""
        with self._lock:
            return None if self._breaker.lets(self._clock()) else self._why()

    def latency_ms(self, share: float) -> float | None:
        """Milliseconds within which this share of the answers came lately; None where that is not known."""
        with self._lock:
            known = self._latency.quantile_s(self._clock(), share)
        return None if known is None else known[0] * 1000

    def rest_s(self, insists: bool = False) -> float:
        """Seconds for which no call may be made; 0 where one may, or a probe is under way."""
        with self._lock:
            return self._breaker.rest_s(self._clock(), insists)

    async def visit(
        self,
        call: Callable[[], Awaitable[Reply]],
        fault_of: Callable[[Reply], Fault | None],
        patience_s: float,
        insists: bool = False,
    ) -> Reply:
        """Make a call when its turn has come, and remember how it went.

        Raises Resting where none may be made, or no turn came within `patience_s` seconds. A call that
        `insists` is made as well where this rests by judgement alone.
        """
        async with self.turn(patience_s, insists) as note:
            reply = await call()
            note(fault_of(reply), 0.0)
        return reply

    @asynccontextmanager
    async def turn(self, patience_s: float, insists: bool = False) -> AsyncIterator[Note]:
        """The turn to make a call, as in `visit`. What it gives is to be told what came of the call; one of
        which nothing is told was broken off, and says nothing of the endpoint."""
        with self._counted(insists):
            if self._gate is None:
                with self._begun(insists) as note:
                    yield note
                return
            await self._enter(self._gate, patience_s)
            try:
                with self._begun(insists) as note:
                    yield note
            finally:
                self._gate.leave()

    async def _enter(self, gate: Gate, patience_s: float) -> None:
        try:
            await gate.enter(patience_s)
        except asyncio.TimeoutError:
            raise Resting(
                f"has {self.limit} calls under way, and no turn came in {seconds(patience_s)}"
            ) from None

    @contextmanager
    def _counted(self, insists: bool) -> Iterator[None]:
        with self._lock:
            self._check(insists)
            self._load += 1
        try:
            yield
        finally:
            with self._lock:
                self._load -= 1

    @contextmanager
    def _begun(self, insists: bool) -> Iterator[Note]:
        with self._lock:
            self._check(insists)  # it may have fallen ill while this waited
            started = self._clock()
            self._breaker, probe = self._breaker.begin(started)
            self._calls += 1
        told = False

        def note(fault: Fault | None, aside_s: float) -> None:
            nonlocal told
            told = True
            self._note(started + aside_s, fault, probe, insists)

        try:
            yield note
        finally:
            if not told:
                with self._lock:
                    self._breaker = self._breaker.abandon(probe)

    def report(self) -> EndpointReport:
        """All that is known of it now."""
        with self._lock:
            now = self._clock()
            known = self._latency.quantile_s(now, *_SHARES) or (None, None, None)
            latency_ms = tuple(None if one is None else one * 1000 for one in known)
            state = self._breaker.state(now)
            return EndpointReport(
                model=self.model,
                address=self.address,
                state=state,
                why=None if state == "closed" else self._breaker.why,
                rest_s=self._breaker.rest_s(now),
                under_way=self._load,
                limit=self.limit,
                calls=self._calls,
                faults=dict(self._faults),
                latency_ms=dict(zip(("p50", "p90", "p99"), latency_ms, strict=True)),
            )

    def _check(self, insists: bool) -> None:
        now = self._clock()
        if not self._breaker.lets(now, insists):
            raise Resting(self._why(), self._breaker.rest_s(now))

    def _why(self) -> str:
        return f"cools down after {self._breaker.why}"

    def _note(self, started: float, fault: Fault | None, probe: bool, insists: bool) -> None:
        with self._lock:
            now = self._clock()
            if fault is None or fault.kind == "timeout":
                self._latency.add(now, now - started)
            if fault is None:
                self._breaker, self._told = self._breaker.succeed(probe or insists), False
                return
            self._faults[fault.kind] += 1
            before = self._breaker
            self._breaker = before.fail(now, fault, probe) if self._breaks else before
            rests = self._breaker.openings > before.openings or self._breaker.why != before.why
            loud = fault.kind == "key" and rests and not self._told
            self._told = self._told or loud
        if rests:
            level = logging.ERROR if loud else logging.INFO if fault.kind == "key" else logging.WARNING
            _LOG.log(level, "%s at %s is left alone after %s", self.model, self.address, fault.why)
