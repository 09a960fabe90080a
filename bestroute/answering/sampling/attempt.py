"""What came of asking one model once: for the trace of an answer, and for the error when none came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.decision.candidate import arm_of


@dataclass(frozen=True)
class Attempt:
    """One model that was asked, its retries counted in.

    `asked` and `got` count responses (`got` only those that may win), `latency_s` is in seconds, `error` says
    what went wrong (None: nothing did), `usage` what was billed (None: not reported), `notes` what was asked
    otherwise than the policy says, such as without a field that the endpoint does not take, `status` the HTTP
    status that it was refused with (None: it was not, or no answer came at all). `unfit` counts responses
    that came and may not win: blank, or not what the request demands.
    """

    arm: str
    asked: int
    got: int
    error: str | None
    latency_s: float
    usage: Usage | None = None
    notes: tuple[str, ...] = ()
    status: int | None = None
    unfit: int = 0

    def __str__(self) -> str:
        line = f"{self.arm}: {self.got} of {self.asked} in {self.latency_s:.2f} s"
        told = f"{line}: {self.error}" if self.error else line
        return f"{told} ({'; '.join(self.notes)})" if self.notes else told


def attempt_of(model: str, n: int, sampled: Sampled, latency_s: float) -> Attempt:
    """The attempt that gave `sampled` when `model` was asked for n responses."""
    got = sum(sample.may_win for sample in sampled.samples)
    came = sum(sample.finish_reason != "error" for sample in sampled.samples)  # the others broke off
    unfit = max(0, came - got)
    errors = [*sampled.errors, *filter(None, [sample.lack for sample in sampled.samples])]
    label, told = arm_of(((model, n),)).label, _summary(errors)
    return Attempt(label, n, got, told, latency_s, sampled.usage, sampled.notes, sampled.status, unfit)


def all_unfit(attempts: Sequence[Attempt]) -> bool:
    """Whether every model that was asked answered, and no answer may be given."""
    return bool(attempts) and all(one.unfit and not one.got for one in attempts)


def _summary(errors: Sequence[str]) -> str | None:
    """Each error once, the commonest first, with how often it came."""
    if not errors:
        return None
    counted = Counter(errors).most_common()
    return "; ".join(f"{text} ({times} times)" if times > 1 else text for text, times in counted)
