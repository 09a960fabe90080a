"""What went wrong with a call, and what that says of the endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

FaultKind: TypeAlias = Literal["busy", "connection", "key", "nonsense", "server", "timeout"]
LONG_S = 300.0  # a key or an account does not mend itself
_LONGEST_S = 600.0  # no server is believed about a longer time
_ITS_OWN = frozenset({408, 409, 425})  # statuses below 500 that the next try may not meet
_NOT_THERE = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong: its kind, in words, and how much it weighs.

    `strikes`: a breaker opens at so many in a row (breaker.MOST_STRIKES). `rest_s`: seconds to leave the
    endpoint alone once it is open (None: the breaker's own). `at_once`: it opens whatever came before.
    """

    kind: FaultKind
    why: str
    strikes: int = 1
    rest_s: float | None = None
    at_once: bool = False

    @property
    def passing(self) -> bool:
        """Whether the same call may go well in a moment."""
        return self.kind in ("busy", "connection", "server")

    @classmethod
    def of_status(cls, status: int, retry_after_s: float | None) -> Fault | None:
        """What an HTTP status says of the endpoint; None where the request is at fault, not the endpoint."""
        why = f"HTTP {status}"
        if status in (401, 402):
            return cls("key", why, rest_s=LONG_S, at_once=True)
        if status == 403:  # some refuse a single prompt so
            return cls("key", why, strikes=2, rest_s=LONG_S)
        if status == 429 or (retry_after_s and status >= 500):
            rest_s = min(retry_after_s, _LONGEST_S) if retry_after_s else None
            return cls("busy", why, rest_s=rest_s, at_once=rest_s is not None)
        if status >= 500 or status in _ITS_OWN:
            return cls("server", why)
        return cls("nonsense", why) if status in _NOT_THERE else None


LATE = Fault("timeout", "no answer in time", strikes=2)
UNREACHABLE = Fault("connection", "no connection", strikes=2)
BROKEN = Fault("connection", "a connection that broke")
NONSENSE = Fault("nonsense", "an answer that is no chat completion")
