"""A circuit breaker: closed, open, half-open.

Faults in a row open it; after a rest one call, the probe, may find out whether it can be closed. Every
further opening in a row lasts twice as long. Time is an argument, and a breaker never changes: what happens
gives the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Literal, TypeAlias

from bestroute.answering.health.fault import Fault

State: TypeAlias = Literal["closed", "open", "half-open"]
MOST_STRIKES = 5
FIRST_REST_S = 1.0
LONGEST_REST_S = 60.0
HANGS = 3


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one site. Times are seconds of any clock that does not go back.

    `strikes` of faults since the last success, `openings` in a row (0: closed), `until` when it rests,
    `probing`: the probe is under way, `why`: the fault that it rests for. `firm`: the endpoint said for how
    long, refused the key, or hangs for the third time in a row; else it rests by judgement alone.
    """

    strikes: int = 0
    openings: int = 0
    until: float = -inf
    probing: bool = False
    why: str = ""
    firm: bool = False

    def state(self, now: float) -> State:
        """Closed, open (resting), or half-open (a probe may be or is under way)."""
        if not self.openings:
            return "closed"
        return "open" if now < self.until else "half-open"

    def lets(self, now: float, insists: bool = False) -> bool:
        """Whether a call may be made now; one that insists, beside the probe, and while it rests by judgement
        alone."""
        if not self.openings:
            return True
        if insists:
            return now >= self.until or not self.firm
        return now >= self.until and not self.probing

    def rest_s(self, now: float, insists: bool = False) -> float:
        """Seconds until a call may be made; 0 where one may, or a probe is under way."""
        return 0.0 if insists and not self.firm else max(0.0, self.until - now)

    def begin(self, now: float) -> tuple[Breaker, bool]:
        """A call that it lets is made: the breaker after, and whether that call is the probe."""
        probe = self.state(now) == "half-open"
        return (replace(self, probing=True) if probe else self), probe

    def succeed(self, probe: bool) -> Breaker:
        """A call went well. While it rests, one that was made before says nothing of now."""
        return Breaker() if probe or not self.openings else self

    def fail(self, now: float, fault: Fault, probe: bool) -> Breaker:
        """A call went wrong."""
        strikes = self.strikes + fault.strikes
        if self.openings and not probe:
            return self._longer(now, fault)
        if not (probe or fault.at_once or strikes >= MOST_STRIKES):
            return replace(self, strikes=strikes)
        openings = self.openings + 1
        rest_s = fault.rest_s or min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(openings - 1, 30))
        firm = fault.rest_s is not None or (fault.kind == "timeout" and openings >= HANGS)
        return Breaker(strikes, openings, now + rest_s, why=fault.why, firm=firm)

    def abandon(self, probe: bool) -> Breaker:
        """A call ended without telling anything: cancelled, or refused for what it asked."""
        return replace(self, probing=False) if probe else self

    def _longer(self, now: float, fault: Fault) -> Breaker:
        """A call from before it opened: only a rest that the endpoint itself asks for counts."""
        until = now + (fault.rest_s or 0.0) if fault.at_once else self.until
        return self if until <= self.until else replace(self, until=until, why=fault.why, firm=True)
