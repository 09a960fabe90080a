"""The last requests that models answered, in memory: what they came to, and what another dial would do.

Bounded in number, and by the length of the texts that are held. Of one worker; nothing of it leaves the
process but sums.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bestroute.decision import Decision
from bestroute.query import Query
from bestroute.retune.dry_run import Tally
from bestroute.serve.entry import Entry

MOST_REQUESTS = 1000
MOST_DECISIONS = 400
_MOST_CHARACTERS = 4_000_000  # of all queries that are held for the dial
_LONGEST = 200_000  # of one


class Seen(NamedTuple):
    """A request that is over."""

    at: float
    policy: str
    arm: str
    cost: float
    reference_cost: float
    latency_ms: float
    first_ms: float | None


class _Held(NamedTuple):
    policy: str
    decision: Decision
    characters: int


class Recent:
    """What `add` was told last. Not safe to share between threads; what the methods give is."""

    def __init__(self) -> None:
        self._seen: deque[Seen] = deque(maxlen=MOST_REQUESTS)
        self._held: deque[_Held] = deque()
        self._characters = 0

    def add(self, entry: Entry) -> None:
        """Remember a request that a model answered; others are passed over."""
        decision = entry.decision
        if decision is None or not entry.is_answered:
            return
        first_ms = None if entry.first_s is None else 1e3 * entry.first_s
        self._seen.append(
            Seen(
                entry.at,
                entry.policy,
                decision.arm.label,
                entry.cost or 0.0,
                entry.reference_cost or 0.0,
                1e3 * entry.seconds,
                first_ms,
            )
        )
        if entry.query is not None and entry.side != "canary":
            self._hold(_Held(entry.policy, decision, characters_of(entry.query)))

    def seen(self, policy: str) -> list[Seen]:
        """The last requests that a policy decided, oldest first."""
        return [one for one in self._seen if one.policy == policy]

    def decisions(self, policy: str, digest: str) -> list[Decision]:
        """The last decisions of a policy with this content, oldest first."""
        return [one.decision for one in self._held if one.policy == policy and one.decision.policy == digest]

    def _hold(self, held: _Held) -> None:
        if held.characters > _LONGEST:
            return
        self._held.append(held)
        self._characters += held.characters
        while len(self._held) > MOST_DECISIONS or self._characters > _MOST_CHARACTERS:
            self._characters -= self._held.popleft().characters


def characters_of(query: Query) -> int:
    """Characters of all texts of a request, pictures and tools too, up to somewhat more than may be held."""
    total, waiting = 0, [query.messages, query.fields, query.metadata]
    while waiting and total <= _LONGEST:
        value: Any = waiting.pop()
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, Mapping):
            total += sum(map(len, map(str, value)))
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            total += len(value)
            waiting += value
    return total


def summary(seen: Sequence[Seen]) -> dict[str, Any]:
    """What requests came to: by arm, and how long they took. Costs are US$, `since` seconds since 1970."""
    counts = Counter(one.arm for one in seen)
    costs: defaultdict[str, float] = defaultdict(float)
    for one in seen:
        costs[one.arm] += one.cost
    cost, reference = sum(costs.values()), sum(one.reference_cost for one in seen)
    return {
        "requests": len(seen),
        "since": seen[0].at if seen else None,
        "cost": cost,
        "reference_cost": reference,
        "saving": 1 - cost / reference if reference else None,
        "arms": {
            arm: {"requests": count, "share": count / len(seen), "cost": costs[arm]}
            for arm, count in counts.most_common()
        },
        "latency_ms": _quantiles(one.latency_ms for one in seen),
        "first_ms": _quantiles(one.first_ms for one in seen if one.first_ms is not None),
    }


def at_dial(decisions: Iterable[Decision], setting: float) -> dict[str, Any]:
    """What these decisions would come to, did the policy's dial stand here: as `dry-run` sums them up.

    Milliseconds for each. What a rule routes, or gives a dial of its own, stays as it is.
    """
    tally = Tally()
    for decision in decisions:
        tally.add(decision if _stays(decision) else _again(decision, setting))
    return tally.summary()


def _stays(decision: Decision) -> bool:
    if decision.cause == "rule":
        return True
    rule = next((one for one in decision.rules if one.name == decision.rule), None)
    return rule is not None and rule.objective is not None


def _again(decision: Decision, setting: float) -> Decision:
    assert decision.again is not None
    return decision.again(setting)


def _quantiles(values: Iterable[float]) -> dict[str, float] | None:
    """The nearest value at each rank; None for none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return {f"p{rank}": ordered[min(len(ordered) - 1, len(ordered) * rank // 100)] for rank in (50, 95)}
