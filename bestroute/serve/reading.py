"""A decision log read back: its queries, for what reads query files, and what it came to."""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bestroute.errors import InputError
from bestroute.files import OnBad, read_lines

_KNOWN = ("request_id", "status", "path")
_NONE = "no line of a decision log; those are what `bestroute serve --log` writes"


@dataclass(frozen=True)
class Line:
    """A line of the log, as far as it is read back; `answered`: a model's whole answer was given. `query` is
    None where texts were not logged, `side` and `caller` are "" where no canary was tried."""

    request_id: str
    at: float
    status: int
    error: str | None
    digest: str
    arm: str | None
    cause: str | None
    answered: bool
    cost: float
    reference_cost: float
    latency_ms: float
    first_ms: float | None
    query: Mapping[str, Any] | None
    side: str
    caller: str


def read_log(paths: Sequence[Path], on_bad: OnBad | None = None) -> Iterator[Line]:
    """The lines of logs, in order. Raises InputError, naming file and line, for one that is none; with
    `on_bad` that is told instead."""
    for path in paths:
        yield from read_lines(path, _line, on_bad)


def read_queries_of(paths: Sequence[Path], on_bad: OnBad | None = None) -> Iterator[dict[str, Any]]:
    """The queries of logs, `{"id", "messages", "metadata"}` each. Raises as `read_whole_of`, and where there
    are lines, and none has its query."""
    lines = found = 0
    for line in read_whole_of(paths, on_bad):
        lines += 1
        if line.query is not None:
            found += 1
            yield {"id": line.request_id, **line.query}
    if lines and not found:
        raise InputError("no line of the log holds its query; serve with --log-queries")


class Summary:
    """What served requests came to; costs and shares are of those that models answered."""

    def __init__(self) -> None:
        self._since, self._until = float("inf"), float("-inf")
        self._requests = self._answered = 0
        self._errors: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._digests: Counter[str] = Counter()
        self._arms: Counter[str] = Counter()
        self._cost: defaultdict[str, float] = defaultdict(float)
        self._reference = 0.0
        self._latencies, self._firsts = array("d"), array("d")

    def add(self, line: Line) -> None:
        """Count one."""
        self._requests += 1
        self._since, self._until = min(self._since, line.at), max(self._until, line.at)
        if line.error is not None:
            self._errors[line.error] += 1
        if line.digest:
            self._digests[line.digest] += 1
        if line.cause is not None:
            self._causes[line.cause] += 1
        if line.answered and line.arm is not None:
            self._add_answered(line, line.arm)

    def _add_answered(self, line: Line, arm: str) -> None:
        self._answered += 1
        self._arms[arm] += 1
        self._cost[arm] += line.cost
        self._reference += line.reference_cost
        self._latencies.append(line.latency_ms)
        if line.first_ms is not None:
            self._firsts.append(line.first_ms)

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON values; what cannot be told is None. Costs are US$, `since` and `until` seconds
        since 1970."""
        cost = sum(self._cost.values())
        return {
            "requests": self._requests,
            "answered": self._answered,
            "since": self._since if self._requests else None,
            "until": self._until if self._requests else None,
            "cost": cost,
            "reference_cost": self._reference,
            "saving": 1 - cost / self._reference if self._reference else None,
            "arms": {
                arm: {"requests": count, "share": count / self._answered, "cost": self._cost[arm]}
                for arm, count in self._arms.most_common()
            },
            "causes": dict(self._causes.most_common()),
            "errors": dict(self._errors.most_common()),
            "policies": dict(self._digests.most_common()),
            "latency_ms": _quantiles(self._latencies),
            "first_ms": _quantiles(self._firsts),
        }


def read_whole_of(paths: Sequence[Path], on_torn: OnBad | None) -> Iterator[Line]:
    """As `read_log`, telling `on_torn` of each line that is none, as a full disk or a kill leaves them.
    Raises InputError where no line is one."""
    torn: list[InputError] = []

    def note(error: InputError) -> None:
        if not torn:
            torn.append(error)
        if on_torn is not None:
            on_torn(error)

    found = False
    for line in read_log(paths, note):
        found = True
        yield line
    if torn and not found:
        raise torn[0]


def _line(text: str) -> Line:
    value = json.loads(text)
    if not isinstance(value, dict) or not all(name in value for name in _KNOWN):
        raise InputError(_NONE)
    try:
        return _read(value)
    except TypeError as error:
        raise InputError(_NONE) from error


def _read(value: Mapping[str, Any]) -> Line:
    messages = value.get("messages")
    return Line(
        request_id=str(value["request_id"]),
        at=float(value.get("time") or 0.0),
        status=int(value["status"]),
        error=value.get("error"),
        digest=value.get("digest") or "",
        arm=value.get("arm"),
        cause=value.get("cause"),
        answered=value.get("input_tokens") is not None and value.get("error") is None,
        cost=float(value.get("cost") or 0.0),
        reference_cost=float(value.get("reference_cost") or 0.0),
        latency_ms=float(value.get("latency_ms") or 0.0),
        first_ms=value.get("first_ms"),
        side=value.get("side") or "",
        caller=value.get("caller") or "",
        query=None if messages is None else {"messages": messages, "metadata": value.get("metadata") or {}},
    )


def _quantiles(values: Sequence[float]) -> dict[str, float] | None:
    """The nearest value at each rank; None for none."""
    if not values:
        return None
    ordered = sorted(values)
    return {f"p{rank}": ordered[min(len(ordered) - 1, len(ordered) * rank // 100)] for rank in (50, 95, 99)}
