"""What led to an answer, for its caller: no address, and no error of an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bestroute.answering.answer import Answer


def explained(answer: Answer) -> dict[str, Any]:
    """The `bestroute` object of a response that was asked to explain itself."""
    return {
        "model": answer.model,
        "n": answer.n,
        "cost": answer.cost,
        "reference_cost": answer.reference_cost,
        "saved": answer.saved,
        "shortfall": answer.shortfall,
        "steps": [step.as_dict() for step in answer.steps],
        "attempts": [
            {"arm": one.arm, "asked": one.asked, "got": one.got, "latency_s": one.latency_s}
            for one in answer.attempts
        ],
        "decision": answer.decision.as_dict(),
    }
