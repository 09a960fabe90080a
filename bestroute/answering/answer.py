"""What a request comes to: the kept response, everything that led to it, and what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, TypeAlias

from bestroute.answering.course import Shortfall, Taken
from bestroute.answering.events import Broken, Chunk, Progress
from bestroute.answering.sampling import Attempt, Sample, Usage
from bestroute.answering.wire import completion_of, message_of
from bestroute.decision import Decision, reason
from bestroute.query import Session


@dataclass(frozen=True)
class Answer:
    """A completed query: the kept text, and everything that led to it.

    `model` wrote the kept text, `n` responses of it are there. `samples` are all responses of all steps,
    `rewards` theirs in the same order (NaN for a blank one, and where a single one needed none), `best` the
    kept one's index, `writers` the models that wrote them. `failed`: the names of the checks that each sample
    fails, found when first looked at. `steps` trace the plan, `attempts` every model that was asked. `cost`:
    US$ of all of it, as billed where endpoints say so, else estimated. `reference_cost`: US$ of the kept
    response's tokens at the reference's price; where the reference wrote it, its own bill. `usage` are the
    tokens of everything that was asked, as billed where endpoints say so, else estimated. `shortfall` says
    what ended the plan too soon: `budget`, `deadline`, or `failure` of all that was left (None: nothing did).
    """

    text: str
    model: str
    n: int
    decision: Decision
    samples: tuple[Sample, ...]
    rewards: tuple[float, ...]
    best: int
    attempts: tuple[Attempt, ...]
    steps: tuple[Taken, ...]
    cost: float
    reference_cost: float
    shortfall: Shortfall | None
    usage: Usage = Usage(0, 0)
    failed: Sequence[tuple[str, ...]] = ()
    writers: tuple[str, ...] = ()

    @property
    def sample(self) -> Sample:
        """The kept response."""
        return self.samples[self.best]

    @property
    def message(self) -> dict[str, Any]:
        """The kept message of the assistant as the endpoint gave it, with its calls of tools, refusal and
        annotations; thinking that stood in its text is taken off."""
        return message_of(self.sample)

    def as_completion(self) -> dict[str, Any]:
        """The answer as a chat completion, under a new id, with the usage of everything that was asked."""
        return completion_of(self.sample, self.model, self.usage)

    @property
    def session(self) -> Session | None:
        """How the conversation stands now, to hand in with the next turn; None without sessions."""
        after = self.decision.session
        return None if after is None else replace(after, model=self.model)

    @property
    def saved(self) -> float:
        """US$ less than the kept response would have cost from the reference; below 0 where more was spent,
        and 0 where the reference alone was asked."""
        return self.reference_cost - self.cost

    @property
    def fell_back(self) -> bool:
        """Whether a model answers that the dial would not have asked, since those that it would have failed,
        cool down or are late."""
        planned = {name for step in self.decision.plan for name in step.arm.models}
        reference = self.decision.candidates[-1]
        return self.model not in planned or reference.objection in ("cooling", "late")

    @property
    def why(self) -> str:
        """Why this response is the answer, in one line."""
        step = next((step for step in reversed(self.steps) if step.responses), None)
        as_decided = len(self.steps) == 1 and len(self.decision.plan) < 2
        words = reason(self.decision) if as_decided or step is None else step.why
        failed = [f"{one.arm} gave nothing ({one.error})" for one in self.attempts if not one.got]
        ended = [] if self.shortfall is None else [f"ended too soon: {self.shortfall}"]
        return " ".join("; ".join([f"{self.model}@{self.n}: {words}", *failed, *ended]).split())

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON values, with `saved` and `why`."""
        rewards = [reward if isfinite(reward) else None for reward in self.rewards]
        return {
            "text": self.text,
            "model": self.model,
            "message": self.message,
            "finish_reason": self.sample.finish_reason,
            "n": self.n,
            "best": self.best,
            "rewards": rewards,
            "samples": [
                {**asdict(sample), "reward": reward, "failed": failed}
                for sample, reward, failed in zip(
                    self.samples, rewards, self.failed or ((),) * len(rewards), strict=True
                )
            ],
            "attempts": [asdict(attempt) for attempt in self.attempts],
            "steps": [step.as_dict() for step in self.steps],
            "cost": self.cost,
            "reference_cost": self.reference_cost,
            "saved": self.saved,
            "shortfall": self.shortfall,
            "usage": asdict(self.usage),
            "fell_back": self.fell_back,
            "why": self.why,
            "decision": self.decision.as_dict(),
        }


@dataclass(frozen=True)
class Ended:
    """All of the answer was given; nothing follows. `answer` is what `complete` would have returned."""

    answer: Answer


Event: TypeAlias = Chunk | Progress | Broken | Ended
