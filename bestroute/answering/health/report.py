"""What is known of every endpoint at one moment, and what has come of requests, for people and monitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bestroute.answering.health.breaker import State
from bestroute.decision.health import Health


@dataclass(frozen=True)
class EndpointReport:
    """One endpoint of one model.

    `state`: `closed` (asked as usual), `open` (left alone for `rest_s` seconds more) or `half-open` (one call
    finds out whether it is well again); `why` names the fault that it rests for. `under_way` counts calls
    that run or wait, of which `limit` run at once (None: no limit). `calls` and `faults`, by kind (busy,
    connection, key, nonsense, server, timeout), since the start. `latency_ms`: quantiles p50, p90 and p99 of
    one call, None where none was observed lately.
    """

    model: str
    address: str
    state: State
    why: str | None
    rest_s: float
    under_way: int
    limit: int | None
    calls: int
    faults: Mapping[str, int]
    latency_ms: Mapping[str, float | None]


@dataclass(frozen=True)
class HealthReport:
    """Every endpoint that was asked, in order of model and address, and what a router counted.

    `now` is the part that decisions take: `router.route(query, health=report.now)`.
    """

    endpoints: tuple[EndpointReport, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    now: Health = field(default_factory=Health)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)
