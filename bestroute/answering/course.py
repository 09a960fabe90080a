"""Course: one query on its way through its plan. What to ask next, when to stop, which response to keep.

Pure: whoever samples, a network or a replay of records, tells it what came and what it cost, so that what
runs online and what is evaluated are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any, Literal

from bestroute.answering.agreement.calls import group_with_calls
from bestroute.answering.agreement.group import group as agreeing
from bestroute.answering.sampling.keys import has_key
from bestroute.answering.sampling.values import Sample, contenders
from bestroute.answering.selection import Selector, failing_least
from bestroute.artefacts.posterior import Evidence, Judgement, Posterior
from bestroute.decision.order import Asked, Try
from bestroute.decision.plan import Step
from bestroute.decision.planner import Planner, Standing

Grouper = Callable[[Sequence[str]], Sequence[int]]
Check = Callable[[str], Sequence[str]]
Shortfall = Literal["budget", "deadline", "failure"]


@dataclass(frozen=True, slots=True)
class Heard:
    """A response that came: whose, and its reward (NaN where there is none)."""

    model: str
    sample: Sample
    reward: float = nan


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask now: for each model how many responses more, and the step of the plan that this is.

    `last`: nothing else stands after it, should it fail. `patient`: failed calls may be made again; not where
    a tier that costs no more is next. `insists`: nothing that stands after it is well, so that its models are
    asked though they may be ill themselves.
    """

    step: Step
    more: tuple[tuple[str, int], ...]
    max_gap: float | None
    place: int
    last: bool
    patient: bool = True
    insists: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken: what was asked, what came, and why it went on or ended there.

    `responses`: how many came, `rewards` theirs. `agreement`: share of all responses so far that agree with
    the kept one. `gap`: the gap after, in quality points (None: not judged). `cost`: US$. `latency_s`:
    seconds.
    """

    arm: str
    responses: int
    rewards: tuple[float, ...]
    agreement: float | None
    gap: float | None
    cost: float
    latency_s: float
    why: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        content = {name: getattr(self, name) for name in Taken.__slots__}
        return content | {"rewards": [reward if isfinite(reward) else None for reward in self.rewards]}


class Course:
    """One query on its way. Not shared between threads; one for each request.

    Ask with `next`, tell what came with `add`, until `next` gives None; then `kept` is the response to return
    and `shortfall` says what ended it too soon (None: nothing).
    """

    def __init__(
        self,
        asked: Asked,
        planner: Planner,
        posterior: Posterior | None,
        selector: Selector,
        group: Grouper | None = None,
        check: Check = lambda text: (),
    ) -> None:
        self.heard: list[Heard] = []
        self.steps: list[Taken] = []
        self.shortfall: Shortfall | None = None
        self.spent = 0.0
        self._asked, self._planner, self._posterior = asked, planner, posterior
        self._selector, self._group = selector, group or (lambda texts: agreeing(texts).of)
        self._check = check
        self._max_cost = planner.decider.policy.sampling.max_cost
        self._usable: tuple[int, ...] = ()
        self._failed: set[str] = set()
        self._tried = -1
        self._ended = False
        self._kept: int | None = None
        self._evidence: Evidence | None = None
        self._judgement: Judgement | None = None
        self._agreement = 0.0

    @property
    def kept(self) -> int | None:
        """Index in `heard` of the response to keep; None while no usable one is there."""
        return self._kept

    @property
    def failed(self) -> tuple[tuple[str, ...], ...]:
        """The names of the checks that each response in `heard` fails."""
        return tuple([tuple(self._check(one.sample.text)) for one in self.heard])

    @property
    def needs_rewards(self) -> bool:
        """Whether a single response must have its reward too: the posterior judges by it."""
        return self._posterior is not None and self._asked.forecast is not None

    def next(self, in_haste: bool = False) -> Ask | None:
        """What to ask now, None at the end. `in_haste`: there is time for one step more, so take the
        surest."""
        if self._ended:
            return None
        standing = self._standing(in_haste)
        plan = self._planner.plan(self._asked, standing)
        if not plan.steps:
            self._ended = True
            out_of_money = (
                standing.money_left is not None
                and self._planner.plan(self._asked, self._standing(in_haste, bounded=False)).steps
            )
            self.shortfall = "budget" if out_of_money else "failure"
            return None
        step = plan.steps[0]
        one = next(t for t in self._planner.tries(self._asked, standing) if t.arm == step.arm)
        return self._ask(one, step, standing)

    def add(self, ask: Ask, came: Sequence[Heard], cost: float, latency_s: float = 0.0) -> None:
        """Tell what came of an `Ask`: its responses (none where it failed), US$, and seconds."""
        self.heard += came
        self.spent += cost
        self._tried = ask.place
        self._usable = contenders([one.sample for one in self.heard])
        usable = [self.heard[index] for index in self._usable]
        answered = {one.model for one in usable}
        self._failed |= {model for model, _ in ask.more if model not in answered}
        # What is cut off is of no use beside what is whole, whichever of them came first.
        useful = any(index >= len(self.heard) - len(came) for index in self._usable)
        if usable:
            self._weigh(ask, useful)
        why = self._verdict(ask, useful)
        if not useful and self._planner.decider.policy.sampling.fallback == "none":
            self.stop("failure")
        gap = None if self._judgement is None else self._judgement.gap
        agreement = self._agreement if usable else None
        rewards = tuple(one.reward for one in came)
        self.steps.append(Taken(ask.step.arm.label, len(came), rewards, agreement, gap, cost, latency_s, why))

    def stop(self, shortfall: Shortfall) -> None:
        """End it here, unless it has ended: what is there is all there will be."""
        if not self._ended:
            self._ended = True
            self.shortfall = shortfall

    def _ask(self, one: Try, step: Step, standing: Standing) -> Ask:
        more = tuple(
            (model, n - standing.there.get(model, 0))
            for model, n in one.arm.parts
            if n > standing.there.get(model, 0)
        )
        following = [
            other
            for other in self._planner.order(self._asked)
            if other.place > one.place and not (other.spare and self.heard)
        ]
        patient = not self._has_as_cheap(one, following)
        insists = not any(self._is_well(other) for other in following)
        return Ask(step, more, one.max_gap, one.place, not following, patient, insists)

    def _is_well(self, one: Try) -> bool:
        health = self._asked.decision.health
        return health is None or health.against(one.arm.models) is None

    def _has_as_cheap(self, one: Try, following: Sequence[Try]) -> bool:
        """Whether another model that costs no more is next, and is well."""
        failed = self._failed.union(one.arm.models)
        others = (other for other in following if not other.spare and failed.isdisjoint(other.arm.models))
        next_ = next(others, None)
        if next_ is None or not self._is_well(next_):
            return False
        cost = self._planner.price(self._asked, next_.arm, {})
        return cost <= self._planner.price(self._asked, one.arm, {})

    @property
    def hint(self) -> str:
        """Where nothing is kept: what would have let another model answer; "" where nothing would."""
        policy = self._planner.decider.policy
        named = {name for tier in policy.tiers for name in tier.models} - self._failed
        by_endpoints = any(model.places for model in policy.models)  # else the sampler knows
        others = sorted(name for name in named if not by_endpoints or has_key(policy.model(name)))
        if self.shortfall != "failure" or policy.sampling.fallback == "any" or not others:
            return ""
        return f"with `fallback: any` {' or '.join(others)} may"

    def _standing(self, in_haste: bool, bounded: bool = True) -> Standing:
        there = Counter(self.heard[index].model for index in self._usable)
        return Standing(
            there=there,
            evidence=self._evidence,
            tried=self._tried,
            failed=frozenset(self._failed),
            money_left=None if self._max_cost is None or not bounded else self._max_cost - self.spent,
            in_haste=in_haste,
        )

    def _weigh(self, ask: Ask, useful: bool) -> None:
        """Choose what to keep of all that is there, and judge it."""
        usable = failing_least(self._usable, self.failed) if len(self._usable) > 1 else self._usable
        reference_name = self._planner.decider.policy.reference
        if useful and ask.step.arm.parts == ((reference_name, 1),):
            # Quality is measured by the reference, so its response is not outvoted.
            its = tuple(index for index in usable if self.heard[index].model == reference_name)
            usable = its or usable
        samples = [self.heard[index].sample for index in usable]
        rewards = [self.heard[index].reward for index in usable]
        groups = self._groups(samples) if len(samples) > 1 else (0,)
        said = [sample.said for sample in samples]
        best = self._selector.select(said, rewards, groups, range(len(said)))
        self._kept = usable[best]
        self._evidence, self._judgement, self._agreement = None, None, _share(groups, best)
        decider, forecast = self._planner.decider, self._asked.forecast
        priors = [decider.prior(self.heard[index].model, forecast) for index in usable]
        reference = decider.prior(decider.policy.reference, forecast)
        known = tuple(prior for prior in priors if prior is not None)
        if self._posterior is None or reference is None or len(known) < len(priors):
            return
        self._evidence = Evidence(known, tuple(rewards), groups, reference, best, samples[best].sureness)
        self._judgement, self._agreement = self._posterior.judge(self._evidence), self._evidence.agreement
        if self.failed[self._kept]:  # all that is there fails, and says nothing for asking the same again
            self._evidence, self._judgement = None, replace(self._judgement, quality=0.0)

    def _groups(self, samples: Sequence[Sample]) -> tuple[int, ...]:
        texts, calls = [sample.text for sample in samples], [sample.calls for sample in samples]
        return group_with_calls(texts, calls, self._group)

    def _verdict(self, ask: Ask, useful: bool) -> str:
        """Whether this was the last step, in words."""
        if not useful:
            return "no usable response came"
        if ask.max_gap is None:
            self._ended = True
            return "its response is taken"
        if self._judgement is None:
            return "it cannot be judged"
        gap, limit = f"{self._failing()}gap {self._judgement.gap:.3f}", self._limit(ask)
        if self._judgement.gap <= limit:
            self._ended = True
            return f"{gap} is within {limit:.3g}"
        return f"{gap} is above {limit:.3g}"

    def _failing(self) -> str:
        assert self._kept is not None
        failed = dict.fromkeys(self.failed[self._kept])
        return f"fails {', '.join(failed)}, " if failed else ""

    def _limit(self, ask: Ask) -> float:
        """The gap within which what is there is kept."""
        one = Try(ask.place, ask.step.arm, ask.max_gap)
        limit = self._planner.max_gap_after(one, self._asked, self._standing(in_haste=False))
        assert limit is not None
        return limit


def _share(groups: Sequence[int], best: int) -> float:
    return sum(group == groups[best] for group in groups) / len(groups)
