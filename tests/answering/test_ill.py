"""Requests while endpoints are ill: who answers instead, within the time, and how it is told."""

import asyncio
import threading
from time import perf_counter

import aiohttp  # noqa: F401  (opened here, so that no test's clock counts it)
import pytest
import tenacity  # noqa: F401

from bestroute import Router
from bestroute.answering.sampling import EndpointSampler
from bestroute.errors import SamplingError
from tests.answering.fake_endpoint import FakeEndpoint, answer, closed_port, fake_endpoint, hang, status  # noqa: F401
from tests.fakes import BIG, MID, TINY, FakePredictor, FakeReward, FakeSampler, make_policy, said

SLACK_S = 10  # a loaded machine; what hangs does so for 30 s


def router_of(sampler=None, hooks=None, sampling=None, **policy):
    return Router(
        make_policy(sampling=sampling or {}, **policy),
        predictor=FakePredictor(),
        reward=FakeReward(),
        sampler=sampler,
        **(hooks or {}),
    )


def served(urls):
    return [{**model, "endpoint": {"base_url": urls[model["name"]]}} for model in (TINY, MID, BIG)]


@pytest.fixture
def endpoints(fake_endpoint):  # noqa: F811
    """tiny, mid and big, each its own server."""
    found = {"tiny": fake_endpoint, "mid": FakeEndpoint(), "big": FakeEndpoint()}
    yield found
    found["mid"].close()
    found["big"].close()


def urls(endpoints):
    return {name: endpoint.base_url for name, endpoint in endpoints.items()}


class TestFallback:
    def test_any_goes_down_where_the_reference_hangs(self, endpoints):
        endpoints["big"].play(hang())
        router = router_of(
            models=served(urls(endpoints)), max_gap=0.0, sampling={"deadline_s": 2.0, "fallback": "any"}
        )
        started = perf_counter()
        found = router.complete("abcdefgh")
        assert (found.model, found.text, found.fell_back) == ("mid", "hello", True)
        assert found.attempts[0].arm == "big@1"
        assert perf_counter() - started < 1.0 + SLACK_S
        assert "big@1 gave nothing" in found.why
        assert router.health().counts["fell_back"] == 1

    def test_then_the_next_one_does_not_wait_for_it(self, endpoints):
        endpoints["big"].play(status(401))
        router = router_of(models=served(urls(endpoints)), max_gap=0.0, sampling={"fallback": "any"})
        assert router.complete("abcdefgh").attempts[0].arm == "big@1"
        found = router.complete("abcdefgh")
        assert [one.arm for one in found.attempts] == ["mid@4"]
        assert found.decision.health.cooling == {"big": "cools down after HTTP 401"}
        assert (found.fell_back, found.as_dict()["fell_back"]) == (True, True)
        assert "passed over: big cools down after HTTP 401" in found.why
        assert len(endpoints["big"].requests) == 1

    def test_by_default_nobody_answers_in_the_references_place(self, endpoints):
        endpoints["big"].play(status(401))
        router = router_of(models=served(urls(endpoints)), max_gap=0.0)
        with pytest.raises(SamplingError, match="with `fallback: any` mid or tiny may"):
            router.complete("abcdefgh")
        assert router.health().counts["failed"] == 1

    def test_who_cannot_be_asked_is_not_named_as_who_may(self, endpoints, monkeypatch):
        monkeypatch.delenv("BESTROUTE_TEST_KEY", raising=False)
        endpoints["big"].play(status(401))
        models = served(urls(endpoints))
        for model in models[:2]:
            model["endpoint"] = {**model["endpoint"], "api_key_env": "BESTROUTE_TEST_KEY"}
        with pytest.raises(SamplingError) as caught:
            router_of(models=models, max_gap=0.0).complete("abcdefgh")
        assert "fallback: any" not in str(caught.value)

    def test_none_asks_nobody_else(self):
        sampler = FakeSampler({"mid": said("b"), "big": said("c")})
        with pytest.raises(SamplingError):
            router_of(sampler, max_gap=0.3, sampling={"fallback": "none"}).complete("abcdefgh")
        assert sampler.asked == ["tiny@1"]

    def test_an_equal_tier_answers_before_a_failed_call_is_made_again(self, endpoints):
        endpoints["mid"].play(status(500))
        tiers = [{"model": "mid"}, {"model": "tiny", "n": 4}, {"model": "big"}]
        router = router_of(models=served(urls(endpoints)), tiers=tiers, max_gap=0.3)
        found = router.complete("abcdefgh")
        assert (found.model, found.fell_back) == ("tiny", True)
        assert len(endpoints["mid"].requests) == 1

    def test_what_was_kept_is_not_given_up_for_a_spare(self):
        sampler = FakeSampler({"tiny": said("a"), "mid": said("b")})
        found = router_of(sampler, max_gap=0.3, sampling={"fallback": "any"}).complete("abcdefgh")
        assert (found.text, found.fell_back, sampler.asked) == ("a", False, ["tiny@1"])


@pytest.mark.parametrize("streams", [False, True])
def test_where_all_have_failed_in_a_row_one_is_asked_all_the_same(endpoints, streams):
    for endpoint in endpoints.values():
        endpoint.play(status(500))
    router = router_of(models=served(urls(endpoints)), max_gap=0.3, sampling={"retries": 0})
    for _ in range(5):
        with pytest.raises(SamplingError):
            router.complete("abcdefgh")
    assert {one.state for one in router.health().endpoints} <= {"open", "half-open"}
    for endpoint in endpoints.values():
        endpoint.play(answer("hello"))
    if streams:
        assert [event for event in router.stream("abcdefgh")][-1].answer.text == "hello"
    else:
        assert router.complete("abcdefgh").text == "hello"


def test_three_refused_connections_are_told_as_such():
    dead = dict.fromkeys(("tiny", "mid", "big"), closed_port())
    router, started = (
        router_of(models=served(dead), max_gap=0.3, sampling={"deadline_s": 2.0}),
        perf_counter(),
    )
    with pytest.raises(SamplingError) as caught:
        router.complete("abcdefgh")
    assert all("cannot reach" in attempt.error for attempt in caught.value.attempts)
    assert perf_counter() - started < 2.0 + SLACK_S


def test_the_deadline_counts_from_when_the_request_came():
    told = threading.Event()

    class Slow(FakePredictor):
        def predict(self, rows, time_budget_s=None):
            assert told.wait(30)
            return super().predict(rows, time_budget_s)

    policy = make_policy(sampling={"deadline_s": 0.2})
    router = Router(
        policy, predictor=Slow(), reward=FakeReward(), sampler=FakeSampler({}), time_budget_s=None
    )
    router._load()

    async def main():
        with pytest.raises(SamplingError, match="the deadline passed before one was chosen"):
            await router.acomplete("abcdefgh")
        told.set()

    asyncio.run(main())


class TestHooks:
    def test_see_what_was_decided_and_answered(self):
        seen = []
        hooks = {"on_decision": seen.append, "on_answer": seen.append}
        router = router_of(FakeSampler({"tiny": said("a")}), hooks, max_gap=0.3)
        found = router.complete("abcdefgh")
        assert seen == [found.decision, found]
        assert router.route("abcdefgh") == seen[-1]

    def test_never_fail_a_request(self, caplog):
        def broken(value):
            raise RuntimeError("mine")

        hooks = {"on_decision": broken, "on_answer": broken}
        router = router_of(FakeSampler({"tiny": said("a")}), hooks, max_gap=0.3)
        assert router.complete("abcdefgh").text == "a"
        assert router.health().counts == {"answered": 1, "hook_failed": 2, "predictor_failed": 0}
        assert "a hook failed" in caplog.text


def test_a_sampler_of_the_callers_own_has_no_health():
    report = router_of(FakeSampler({})).health()
    assert (report.endpoints, report.now.as_dict()) == ((), {"cooling": {}, "latency_ms": {}})


def test_warming_opens_what_the_first_request_needs(endpoints):
    router = router_of(models=served(urls(endpoints)), max_gap=0.3)

    async def main():
        await router.awarm()
        connections = endpoints["tiny"].connections
        found = await router.acomplete("abcdefgh")
        return connections, endpoints["tiny"].connections, found.text

    assert asyncio.run(main()) == (1, 1, "hello")
    assert router_of(FakeSampler({})).warm() is None


def test_a_reload_keeps_what_is_known(endpoints):
    endpoints["tiny"].play(status(401))
    sampler = EndpointSampler()
    for _ in range(2):
        router = router_of(sampler, models=served(urls(endpoints)), max_gap=0.3)
        assert router.complete("abcdefgh").model == "mid"
    assert len(endpoints["tiny"].requests) == 1
    assert answer
