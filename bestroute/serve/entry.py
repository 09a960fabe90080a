"""What is known of a request once it is over: for the log, for metrics, and for the response's headers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bestroute.answering.sampling import Attempt, Usage
from bestroute.decision import Decision
from bestroute.query import Query
from bestroute.serve.bills import bill_of
from bestroute.serve.keys.guard import Caller
from bestroute.serve.refusals import CUT_OFF

if TYPE_CHECKING:
    from bestroute.answering.answer import Answer
    from bestroute.answering.events import Broken
    from bestroute.router import Router

Side: TypeAlias = Literal["", "base", "canary"]


@dataclass
class Entry:
    """A request, filled in as it goes. Costs are US$, times seconds; None and "": not known.

    `asked` is the model that the request names, `policy` the name its policy is served by, `digest` its
    content's; `model` wrote the response, `cost` is what was spent, until then what the decision expects.
    `error` is the code of what the caller was told. `bill` and `billed_tokens` are what the caller's key is
    charged: nothing until a model is asked, then not known until all is over, nor where it was cut off.
    Where the policy has a canary, `side` says which of the two decided, and `asker` is a digest of who asked.
    `calls` is who was asked so far, which are the attempts where no answer tells of them.
    `hands_sessions`: a caller may say which model holds its conversation. `router` and `answer` are there
    until it is over.
    """

    request_id: str
    path: str
    at: float = field(default_factory=time.time)
    began: float = field(default_factory=time.perf_counter)
    status: int = 0
    seconds: float = 0.0
    stream: bool = False
    first_s: float | None = None
    policy: str = ""
    digest: str = ""
    decision: Decision | None = None
    query: Query | None = None
    model: str = ""
    cost: float | None = None
    reference_cost: float | None = None
    usage: Usage | None = None
    attempts: Sequence[Attempt] = ()
    calls: list[Attempt] = field(default_factory=list)
    error: str | None = None
    asked: str = ""
    span: Any = None
    caller: Caller = field(default_factory=Caller)
    bill: float | None = 0.0
    billed_tokens: int | None = 0
    side: Side = ""
    asker: str = ""
    hands_sessions: bool = False
    router: Router | None = None
    answer: Answer | None = None

    @property
    def served_by(self) -> str:
        """The name of the policy that decided."""
        return f"{self.policy}/canary" if self.side == "canary" else self.policy

    @property
    def is_answered(self) -> bool:
        """Whether a model's whole answer was given."""
        return self.usage is not None and self.error is None

    def decided(self, decision: Decision) -> None:
        """What will be asked is known, and what that should cost."""
        self.decision = decision
        self.model = decision.model
        self.cost, self.reference_cost = decision.expected_cost, decision.reference_cost
        self.bill = self.billed_tokens = None

    def answered(self, answer: Answer) -> None:
        """All of the answer is there."""
        self.decision, self.answer = answer.decision, answer
        self.model = answer.model
        self.cost, self.reference_cost = answer.cost, answer.reference_cost
        self.usage, self.attempts = answer.usage, answer.attempts
        self.charged(answer.cost, answer.usage)

    def broke(self, broken: Broken) -> None:
        """Only some of the answer came."""
        self.cost, self.reference_cost = broken.cost, broken.reference_cost
        self.usage, self.attempts = broken.usage, broken.attempts
        self.error = "stream_broken"
        self.charged(broken.cost, broken.usage)

    def charged(self, bill: float, usage: Usage | None) -> None:
        """What the models that were asked come to is known."""
        self.bill = bill
        self.billed_tokens = 0 if usage is None else usage.input_tokens + usage.output_tokens

    def ended(self, status: int) -> None:
        """Nothing more will come."""
        self.status = self.status or status
        self.attempts = self.attempts or tuple(self.calls)
        # What an endpoint bills of a call that was cut off, and of a stream that was left, is not known.
        left = self.error is None or self.error in CUT_OFF or self.first_s is not None
        if self.bill is None and not left and self.router is not None:
            usage = Usage.total(attempt.usage for attempt in self.attempts)
            self.charged(bill_of(self.attempts, self.router.policy), usage)
        self.seconds = time.perf_counter() - self.began

    def as_dict(self, with_query: bool = False) -> dict[str, Any]:
        """A line of the log. Texts of the caller only `with_query`."""
        decision = self.decision
        line: dict[str, Any] = {
            "time": round(self.at, 3),
            "request_id": self.request_id,
            "path": self.path,
            "status": self.status,
            "error": self.error,
            "stream": self.stream,
            "key": self.caller.name or None,
            "policy": self.policy,
            "digest": self.digest,
            "model": self.model or None,
            "arm": None if decision is None else decision.arm.label,
            "cause": None if decision is None else decision.cause,
            "rule": None if decision is None else decision.rule,
            "gap": None if decision is None else decision.gap,
            "cost": self.cost,
            "reference_cost": self.reference_cost,
            "input_tokens": None if self.usage is None else self.usage.input_tokens,
            "output_tokens": None if self.usage is None else self.usage.output_tokens,
            "latency_ms": round(1e3 * self.seconds, 3),
            "first_ms": None if self.first_s is None else round(1e3 * self.first_s, 3),
            "decision_ms": None if decision is None else decision.timings_ms.get("total"),
            "attempts": [_told(one) for one in self.attempts],
        }
        if self.side:
            line |= {"side": self.side, "caller": self.asker}
        if with_query and self.query is not None:
            line |= {"messages": self.query.messages, "metadata": dict(self.query.metadata)}
        return line


def _told(attempt: Attempt) -> dict[str, Any]:
    return {
        "arm": attempt.arm,
        "got": attempt.got,
        "latency_ms": round(1e3 * attempt.latency_s, 3),
        "error": attempt.error,
    }
