"""Answering: endpoints over real HTTP on loopback, good and bad, and a clock that tests turn by hand."""

import asyncio
import json
import threading
from math import isnan
from time import perf_counter

import aiohttp  # noqa: F401  (opened here, so that no test's clock counts it)
import pytest

from bestroute.answering.sampling import EndpointSampler, Sampled, Usage
from bestroute.answering.walk import Walk
from bestroute.errors import SamplingError
from bestroute.query import Query
from tests.answering.fake_endpoint import (
    answer,
    closed_port,
    completion,
    cut_off,
    document,
    fake_endpoint,  # noqa: F401
    hang,
    raw,
    status,
)
from tests.decision.plans import BIG_COST, QUERY, planning
from tests.fakes import BIG, MID, TINY, FakeReward, FakeSampler, said

TIERS = [{"model": "tiny", "n": 2}, {"model": "mid", "n": 2}, {"model": "big"}]
SLACK_S = 10  # a loaded machine; what hangs does so for 30 s
UNSURE = said("Answer: A", "Answer: B")
SURE = said("Answer: A", "Answer: A")
LAST = said("Answer: Z")


class Says:
    """Plays in turn, the last one again and again."""

    def __init__(self, *plays):
        self._plays, self._lock = list(plays), threading.Lock()

    def __call__(self, request):
        with self._lock:
            play = self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]
        return play(request)


def says(letters):
    return Says(*(answer(f"Answer: {letter}") for letter in letters))


def ask(sampler, **settings):
    """The answer of a router, and how many seconds it took. The plan is tiny@2, mid@2, big@1."""
    settings.setdefault("tiers", TIERS)
    router = planning(sampler=sampler, **settings)
    started = perf_counter()
    return asyncio.run(router.acomplete(QUERY)), perf_counter() - started


@pytest.fixture
def ask_over_http(fake_endpoint):  # noqa: F811
    """Ask models that play what `plays` says; `urls` and `own` (endpoint settings) by model."""

    def asked(urls=(), own=(), sampling=(), **plays):
        fake_endpoint.play(lambda request: plays[request.body["model"]](request))

        def served(name):
            url = dict(urls).get(name, fake_endpoint.base_url)
            return {"base_url": url, **dict(own).get(name, {})}

        models = [{**model, "endpoint": served(model["name"])} for model in (TINY, MID, BIG)]
        return ask(EndpointSampler(retries=0), models=models, sampling=dict(sampling))

    return asked


def arms(answer):
    return [step.arm for step in answer.steps]


class TestOverHttp:
    def test_the_plan_is_followed(self, ask_over_http):
        found, _ = ask_over_http(tiny=says("AB"), mid=says("AA"))
        assert (found.text, found.n, found.shortfall) == ("Answer: A", 2, None)
        assert arms(found) == ["tiny@2", "mid@2"]
        assert sorted(sample.text[-1] for sample in found.samples) == ["A", "A", "A", "B"]
        assert found.samples[found.best].text == found.text
        assert [(one.arm, one.got) for one in found.attempts] == [("tiny@2", 2), ("mid@2", 2)]
        assert found.decision.arm.label == "tiny@2"
        # Each call reports 10 tokens in and 5 out, at 1 and 2, and at 3 and 6, millionths of a dollar.
        assert [step.cost for step in found.steps] == pytest.approx([40e-6, 120e-6])
        assert found.cost == pytest.approx(160e-6)
        json.dumps([step.as_dict() for step in found.steps], allow_nan=False)

    @pytest.mark.parametrize(
        ("play", "error"),
        [
            (status(500), "HTTP 500"),
            (status(429, retry_after="30"), "HTTP 429"),
            (raw(b"<html>"), "not a chat completion"),
            (raw(b"\xff\x00" * 50, content_type="application/json"), "not a chat completion"),
            (cut_off(), "the answer broke off"),
            (answer(None), "a response without text"),
            (answer(" "), "blank response"),
            (lambda request: document({"choices": []}), "no choices"),
        ],
        ids=["500", "429", "html", "bytes", "cut off", "null", "blank", "no choices"],
    )
    @pytest.mark.parametrize("at", ["tiny", "mid"])
    def test_a_tier_that_gives_nothing_is_passed_over(self, ask_over_http, at, play, error):
        others = {"tiny": says("AB"), "mid": says("CD"), "big": says("Z")}
        found, _ = ask_over_http(**{**others, at: play})
        assert (found.text, found.shortfall) == ("Answer: Z", None)
        (failed,) = (one for one in found.attempts if one.error)
        assert failed.arm == f"{at}@2"
        assert error in failed.error
        assert len([one for one in found.samples if one.text.strip()]) == 3

    def test_a_tier_that_refuses_connections(self, ask_over_http):
        found, _ = ask_over_http(urls={"mid": closed_port()}, tiny=says("AB"), big=says("Z"))
        assert (found.text, arms(found)) == ("Answer: Z", ["tiny@2", "mid@2", "big@1"])
        assert "cannot reach" in found.attempts[1].error

    def test_a_tier_that_hangs_is_left_after_its_own_time(self, ask_over_http):
        own = {"mid": {"timeout_s": 0.2}}
        found, took_s = ask_over_http(own=own, tiny=says("AB"), mid=hang(), big=says("Z"))
        assert (found.text, found.attempts[1].error) == ("Answer: Z", "no answer within 0.2 s (2 times)")
        assert took_s < 0.2 + SLACK_S

    def test_the_best_so_far_is_returned_where_everything_dearer_fails(self, ask_over_http):
        found, _ = ask_over_http(urls={"big": closed_port()}, tiny=says("AB"), mid=status(503))
        assert found.text in ("Answer: A", "Answer: B")
        assert (found.model, found.shortfall) == ("tiny", "failure")
        assert arms(found) == ["tiny@2", "mid@2", "big@1"]

    def test_when_nobody_answers_every_attempt_is_told(self, ask_over_http):
        with pytest.raises(SamplingError, match="no model answered") as caught:
            ask_over_http(tiny=status(500), mid=raw(b"?"), big=answer(""))
        assert [one.arm for one in caught.value.attempts] == ["tiny@2", "mid@2", "big@1"]
        assert all(one.error for one in caught.value.attempts)

    def test_the_deadline_passes_while_an_endpoint_hangs(self, ask_over_http):
        sampling = {"deadline_s": 2.0}
        found, took_s = ask_over_http(sampling=sampling, tiny=says("AB"), mid=hang(), big=hang())
        assert (found.model, found.shortfall) == ("tiny", "deadline")
        assert len(found.samples) == 2
        assert took_s < 2 + SLACK_S

    def test_an_endpoints_own_time_does_not_outlast_the_deadline(self, ask_over_http):
        own = {name: {"timeout_s": 60} for name in ("tiny", "mid", "big")}
        with pytest.raises(SamplingError) as caught:
            ask_over_http(own=own, sampling={"deadline_s": 0.3}, tiny=hang(), mid=hang(), big=hang())
        assert sum(one.latency_s for one in caught.value.attempts) < 0.3 + SLACK_S

    def test_what_came_of_a_step_that_was_cut_is_kept(self, ask_over_http):
        half = Says(answer("Answer: A"), hang())
        found, took_s = ask_over_http(sampling={"deadline_s": 1.0}, tiny=half, mid=hang(), big=hang())
        assert (found.text, found.shortfall) == ("Answer: A", "deadline")
        assert [(one.arm, one.asked, one.got) for one in found.attempts] == [("tiny@2", 2, 1)]
        assert took_s < 1 + SLACK_S

    def test_a_cost_is_estimated_where_endpoints_report_none(self, ask_over_http):
        silent = {key: value for key, value in completion("Answer: A").items() if key != "usage"}
        found, _ = ask_over_http(tiny=lambda request: document(silent))
        assert found.steps[0].cost == pytest.approx(2 * (2 * 1e-6 + 3 * 2e-6))  # tokens: 2 in, 3 out


class Clocked:
    """A sampler for which each model takes the seconds that `takes` says, on a clock it turns itself."""

    def __init__(self, monkeypatch, script, **takes):
        self.now, self.limits, self._inner, self._takes = 0.0, [], FakeSampler(script), takes
        for module in ("walk", "clock"):
            monkeypatch.setattr(f"bestroute.answering.{module}.perf_counter", lambda: self.now)

    async def sample(self, model, query, n, settings):
        self.limits.append(settings.timeout_s)
        self.now += self._takes.get(model.name, 0.0)
        return await self._inner.sample(model, query, n, settings)


class Stuck(FakeSampler):
    """A sampler whose first model never answers."""

    async def sample(self, model, query, n, settings):
        if model.name == "tiny":
            await asyncio.Event().wait()
        return await super().sample(model, query, n, settings)


class TestDeadline:
    SCRIPT = {"tiny": UNSURE, "mid": UNSURE, "big": LAST}

    @pytest.mark.parametrize(
        ("takes_s", "asked", "limits", "shortfall"),
        [
            (3.0, ["tiny@2", "mid@2", "big@1"], [5.0, 3.5, 7.0], None),  # 7 s left: two such steps
            (4.0, ["tiny@2", "big@1"], [5.0, 6.0], None),  # 6 s are left: one, but not two
            (5.0, ["tiny@2"], [5.0], "deadline"),  # 5 s are left, and a step is not taken to be shorter
        ],
    )
    def test_with_little_time_the_plan_shortens_to_its_last_tier(
        self, monkeypatch, takes_s, asked, limits, shortfall
    ):
        sampler = Clocked(monkeypatch, self.SCRIPT, tiny=takes_s)
        found, _ = ask(sampler, sampling={"deadline_s": 10.0})
        assert (arms(found), found.shortfall) == (asked, shortfall)
        assert sampler.limits == pytest.approx(limits, abs=0.3)  # half of what is left, all for the last

    def test_a_first_tier_that_hangs_leaves_time_for_the_reference(self):
        found, _ = ask(Stuck(self.SCRIPT), sampling={"deadline_s": 2.0})
        assert (found.text, found.shortfall) == ("Answer: Z", None)

    def test_in_one_shot_an_arm_that_hangs_leaves_time_for_the_next(self):
        found, _ = ask(Stuck(self.SCRIPT), sampling={"escalate": False, "deadline_s": 2.0})
        assert found.model != "tiny"

    def test_a_plan_that_ended_in_time_fell_short_of_nothing(self, monkeypatch):
        sampler = Clocked(monkeypatch, {"tiny": SURE}, tiny=9.0)
        found, _ = ask(sampler, sampling={"deadline_s": 10.0})
        assert (found.text, found.shortfall) == ("Answer: A", None)

    def test_a_sampler_that_never_returns_is_cut_off(self):
        class Stuck(FakeSampler):
            async def sample(self, model, query, n, settings):
                if model.name != "tiny":
                    await asyncio.Event().wait()
                return await super().sample(model, query, n, settings)

        found, took_s = ask(Stuck(self.SCRIPT), sampling={"deadline_s": 0.5})
        assert (found.model, found.shortfall) == ("tiny", "deadline")
        assert "no answer within" in found.attempts[1].error
        assert took_s < 0.75 + SLACK_S


class TestCost:
    def test_max_cost_ends_it(self):
        found, _ = ask(FakeSampler(TestDeadline.SCRIPT), sampling={"max_cost": BIG_COST})
        assert (arms(found), found.shortfall) == (["tiny@2", "mid@2"], "budget")
        assert (found.text, len(found.samples)) == ("Answer: A", 4)

    def test_what_was_billed_counts(self):
        bill = Sampled(UNSURE.samples, usage=Usage(1000, 500))
        sampler = FakeSampler({**TestDeadline.SCRIPT, "tiny": bill})
        found, _ = ask(sampler, sampling={"max_cost": 2100e-6})
        assert (arms(found), found.cost, found.shortfall) == (["tiny@2"], pytest.approx(2000e-6), "budget")

    def test_a_failed_call_costs_nothing(self):
        found, _ = ask(FakeSampler({"big": LAST}))
        assert [step.cost for step in found.steps[:-1]] == [0, 0]


class TestRewards:
    def test_single_responses_have_theirs_where_they_are_judged(self):
        script = {"tiny": said("Answer: A"), "mid": SURE, "big": LAST}
        found, _ = ask(FakeSampler(script), reward=FakeReward({"Answer: A": 0.25}))
        assert found.rewards == (0.25, 0.25, 0.25)

    def test_the_references_response_needs_none(self):
        found, _ = ask(FakeSampler({"big": LAST}))
        assert isnan(found.rewards[0])

    def test_the_rest_of_an_arm_has_its_reward_even_where_it_is_one(self):
        replies = [UNSURE, said("Answer: C")]
        reward = FakeReward({"Answer: C": 0.75})
        one_shot = {"max_gap": 0.03, "sampling": {"escalate": False, "stop_early": True}}
        sampler = FakeSampler({"mid": lambda n: replies.pop(0)})
        found, _ = ask(sampler, reward=reward, tiers=[{"model": "mid", "n": 4}, {"model": "big"}], **one_shot)
        assert (arms(found), found.text) == (["mid@2", "mid@4"], "Answer: C")
        assert found.rewards == (0.5, 0.5, 0.75)

    def test_a_reward_model_that_fails_loses_nothing(self):
        class Failing:
            def rewards(self, query, responses):
                raise RuntimeError("out of memory")

        found, _ = ask(FakeSampler({"tiny": SURE}), reward=Failing())
        assert found.text == "Answer: A"
        assert all(map(isnan, found.rewards))
        json.dumps([step.as_dict() for step in found.steps], allow_nan=False)


def test_a_portfolio_is_asked_at_once_and_half_of_it_will_do():
    tiers = [{"models": {"tiny": 2, "mid": 1}}, {"model": "big"}]
    found, _ = ask(FakeSampler({"tiny": SURE}), tiers=tiers)
    assert (found.text, found.model, found.n, arms(found)) == ("Answer: A", "tiny", 2, ["mid@1+tiny@2"])
    assert [(one.arm, one.error) for one in found.attempts] == [
        ("mid@1", "connection refused"),
        ("tiny@2", None),
    ]


@pytest.mark.parametrize("deadline_s", [None, 60.0])
def test_cancelling_cancels_what_is_under_way(deadline_s):
    started, ended = asyncio.Event(), []

    class Slow(FakeSampler):
        async def sample(self, model, query, n, settings):
            started.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(model.name)

    async def run():
        task = asyncio.create_task(router.acomplete(QUERY))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    router = planning(sampler=Slow({}), tiers=TIERS, sampling={"deadline_s": deadline_s})
    asyncio.run(run())
    assert ended == ["tiny"]


def test_who_cannot_wait_any_more_is_not_asked_for():
    """Hundreds may reach their deadline at once: asking for them would make all of them late."""
    sampler = FakeSampler({})
    router = planning(sampler=sampler, tiers=TIERS, sampling={"deadline_s": 5.0})
    (asked,) = router.consider([Query.of(QUERY)])
    late = Walk(asked, router.course(asked), router.policy, sampler, router._means.rewards_of, 6.0).answer()
    with pytest.raises(SamplingError, match="no model answered, and the deadline has passed") as caught:
        asyncio.run(late)
    assert (sampler.asked, caught.value.attempts) == ([], ())
