"""Conversations turn by turn: with sessions, beside every turn for itself and always the reference.

Nobody is asked: what the assistant said is what the file has. Prompt caches are taken to be warm from turn to
turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from bestroute.decision import Decision
from bestroute.query import Query, Session
from bestroute.query.session import TOOL_LOOP
from bestroute.router import Router


@dataclass
class Walk:
    """One way to go through conversations: US$ by what caches hold, switches, and those in a tool loop."""

    cost: float = 0.0
    switches: int = 0
    in_tool_loops: int = 0

    def add(self, before: Session | None, model: str, query: Query, cost: float) -> None:
        """Count a turn that a model answers."""
        self.cost += cost
        if before is not None and before.model != model:
            self.switches += 1
            self.in_tool_loops += query.bond == TOOL_LOOP


@dataclass
class Replayed:
    """What conversations came to. `switch_cost`: US$ that the switches with sessions put at stake."""

    conversations: int = 0
    turns: int = 0
    switch_cost: float = 0.0
    with_sessions: Walk = field(default_factory=Walk)
    without: Walk = field(default_factory=Walk)
    reference: Walk = field(default_factory=Walk)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values; costs are US$ for all turns."""
        walks = {"with_sessions": self.with_sessions, "without": self.without, "reference": self.reference}
        return {
            "conversations": self.conversations,
            "turns": self.turns,
            "switch_cost": self.switch_cost,
            **{name: dict(vars(walk)) for name, walk in walks.items()},
        }


def turns_of(query: Query) -> Iterator[Query]:
    """The requests that made a conversation: what stood before each answer, and the whole where that ends
    without one. A request without anything to route on is none."""
    ends = [at for at, message in enumerate(query.messages) if message["role"] == "assistant"]
    last = len(query.messages)
    for end in [*ends, *([last] if not ends or ends[-1] < last - 1 else [])]:
        turn = replace(query, messages=query.messages[:end])
        if turn.text.strip():
            yield turn


def replay(router: Router, queries: Iterable[Query], tally: Replayed) -> Iterator[Decision]:
    """The decision of every turn, each handed the session of the one before; `tally` adds them up."""
    for query in queries:
        tally.conversations += 1
        held = alone = reference = None
        for turn in turns_of(query):
            [asked] = router.consider([replace(turn, session=held)])
            [plain] = router.consider([turn])
            decision = asked.decision
            tally.turns += 1
            tally.with_sessions.add(held, decision.model, asked.query, decision.expected_cost)
            if decision.session is not None:
                tally.switch_cost += decision.session.switch_cost
            there = replace(turn, session=alone)
            tally.without.add(alone, plain.decision.model, there, router.cost_of(plain, there))
            [measure] = router.consider([replace(turn, session=reference)])
            tally.reference.add(reference, router.policy.reference, turn, measure.decision.reference_cost)
            held = decision.session or Session(decision.model, turn.input_tokens)
            alone = Session(plain.decision.model, turn.input_tokens)
            reference = Session(router.policy.reference, turn.input_tokens)
            yield decision
