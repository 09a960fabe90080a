"""A posterior whose judgements can be worked out by hand, and routers that plan with it.

Alone, a response is worth nothing: its gap after is 0.76. Where all of at least two agree the gap is 0; where
half of them do (by prior quality) it is 0.51, where three quarters do 0.21. The chance that responses will
agree is the predicted quality of one of them: 0.625 for tiny, 0.75 for mid. The dial is 0.3.
"""

from __future__ import annotations

from math import nan
from typing import Any

from bestroute import Router
from bestroute.answering.course import Ask, Course, Heard
from bestroute.answering.sampling import Sample
from bestroute.artefacts.posterior import Logistic, Posterior
from bestroute.query import Query
from tests.fakes import FakePredictor, FakeReward, make_policy

POSTERIOR = Posterior(
    kept=Logistic(-5.0, (0.0, 1.0, 0.0, 0.0, 5.0, -4.0, 0.0, 0.0, 0.0)),
    reference=Logistic(0.0, (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    agrees=Logistic(0.0, (1.0, 0.0, 0.0, 0.0, 0.0)),
    reward=0.5,
)
QUERY = Query.of("abcdefgh")  # two tokens
# Expected US$ of one response to it.
TINY_COST, MID_COST, BIG_COST = 22e-6, 126e-6, 1220e-6


def planning(
    predictor: Any = None, sampler: Any = None, reward: Any = None, max_gap: float = 0.3, **policy: Any
) -> Router:
    """A router that escalates, unless `sampling` says other things; a dict there is added to that."""
    sampling = {"escalate": True, **policy.pop("sampling", {})}
    dial = {} if "cost_per_point" in policy else {"max_gap": max_gap}
    return Router(
        make_policy(sampling=sampling, **dial, **policy),
        predictor=predictor or FakePredictor(),
        reward=reward or FakeReward(),
        posterior=POSTERIOR,
        sampler=sampler,
        time_budget_s=None,
    )


def course_of(router: Router, query: Query = QUERY) -> Course:
    (asked,) = router.consider([query])
    return router.course(asked)


def heard(model: str, *texts: str, finish_reason: str = "stop", reward: float = nan) -> list[Heard]:
    return [Heard(model, Sample(text, finish_reason), reward) for text in texts]


def play(course: Course, said: dict[str, str], cost: float = 0.0) -> list[str]:
    """Answer every ask with the model's next letters, each an answer; "-" is blank. The arms, as asked."""
    left, arms = {name: list(letters) for name, letters in said.items()}, []
    while (ask := course.next()) is not None:
        arms.append(ask.step.arm.label)
        course.add(ask, came_of(ask, left), cost)
    return arms


def came_of(ask: Ask, left: dict[str, list[str]]) -> list[Heard]:
    came = []
    for name, more in ask.more:
        letters = [left[name].pop(0) for _ in range(min(more, len(left.get(name, []))))]
        came += heard(name, *("" if letter == "-" else f"Answer: {letter}" for letter in letters))
    return came


def kept(course: Course) -> str:
    assert course.kept is not None
    return course.heard[course.kept].sample.text
