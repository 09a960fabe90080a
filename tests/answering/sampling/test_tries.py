"""Calls that are made again, or elsewhere, and the time that they may take."""

import asyncio
import re
import time

import aiohttp  # noqa: F401  (opened here, so that no test's clock counts it)
import pytest
import tenacity  # noqa: F401

from bestroute.answering.health import Keeper
from bestroute.answering.sampling import EndpointSampler
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from tests.answering.fake_endpoint import FakeEndpoint, answer, closed_port, fake_endpoint, hang, status  # noqa: F401
from tests.answering.sampling.endpoints import QUERY, texts
from tests.patience import until

SLACK_S = 2


def served(*addresses, **endpoint):
    places = [{"base_url": address, **endpoint} for address in addresses]
    return Model.model_validate(
        {"name": "m", "price": {"input": 1.0, "output": 1.0}, "endpoints": places}, strict=False
    )


def ask(model, sampler=None, n=1, **settings):
    """The reply, and the seconds that it took."""
    sampler = sampler or EndpointSampler()
    settings = Sampling(**{"timeout_s": 5.0, **settings})
    started = time.perf_counter()
    return asyncio.run(sampler.sample(model, QUERY, n, settings)), time.perf_counter() - started


@pytest.fixture
def other(fake_endpoint):  # noqa: F811
    endpoint = FakeEndpoint()
    yield endpoint
    endpoint.close()


class TestTime:
    def test_a_pause_that_would_outlast_the_time_is_not_begun(self):
        """What is told is the failure, not that time ran out."""
        reply, took_s = ask(served(closed_port()), timeout_s=0.4, retries=9)
        assert "cannot reach" in reply.errors[0]
        assert took_s < 0.4 + SLACK_S

    def test_a_server_that_asks_for_more_time_than_there_is_gets_none(self, fake_endpoint):  # noqa: F811
        fake_endpoint.play(status(429, retry_after="4"))
        reply, took_s = ask(served(fake_endpoint.base_url), timeout_s=3.0)
        assert reply.errors[0].startswith("HTTP 429")
        assert (reply.retry_after_s, len(fake_endpoint.requests)) == (4.0, 1)
        assert took_s < SLACK_S

    def test_retries_are_the_policys_unless_the_sampler_has_its_own(self, fake_endpoint):  # noqa: F811
        fake_endpoint.play(status(500))
        ask(served(fake_endpoint.base_url), retries=1)
        assert len(fake_endpoint.requests) == 2
        ask(served(fake_endpoint.base_url), EndpointSampler(retries=0), retries=1)
        assert len(fake_endpoint.requests) == 3


class TestElsewhere:
    def test_another_endpoint_is_asked_where_one_fails(self, fake_endpoint, other):  # noqa: F811
        fake_endpoint.play(status(500))
        reply, took_s = ask(served(fake_endpoint.base_url, other.base_url))
        assert texts(reply) == ["hello"]
        assert reply.errors == ()
        assert reply.notes[0].startswith("asked elsewhere after: HTTP 500")
        assert took_s < SLACK_S  # without a pause

    def test_one_that_hangs_leaves_half_of_the_time(self, fake_endpoint, other):  # noqa: F811
        fake_endpoint.play(hang())
        reply, took_s = ask(served(fake_endpoint.base_url, other.base_url), timeout_s=1.0)
        assert texts(reply) == ["hello"]
        assert took_s < 1.0 + SLACK_S

    def test_a_faulty_request_is_not_asked_elsewhere(self, fake_endpoint, other):  # noqa: F811
        fake_endpoint.play(status(400))
        reply, _ = ask(served(fake_endpoint.base_url, other.base_url))
        assert reply.status == 400
        assert other.requests == []

    def test_where_all_fail_every_failure_is_told(self, fake_endpoint, other):  # noqa: F811
        fake_endpoint.play(status(500))
        other.play(status(503))
        reply, _ = ask(served(fake_endpoint.base_url, other.base_url), retries=0)
        assert [error[:8] for error in reply.errors] == ["HTTP 500", "HTTP 503"]

    def test_the_load_is_shared(self, fake_endpoint, other):  # noqa: F811
        for endpoint in (fake_endpoint, other):
            endpoint.play(lambda request: answer("x")(request))
        ask(served(fake_endpoint.base_url, other.base_url), n=8)
        assert len(fake_endpoint.requests) == len(other.requests) == 4


class TestResting:
    def test_one_that_rests_is_not_asked_and_says_so(self, fake_endpoint):  # noqa: F811
        fake_endpoint.play(status(401))
        sampler = EndpointSampler()
        ask(served(fake_endpoint.base_url), sampler)
        reply, took_s = ask(served(fake_endpoint.base_url), sampler)
        assert len(fake_endpoint.requests) == 1
        assert f"m at {fake_endpoint.base_url} cools down after HTTP 401, asked again in" in reply.errors[0]
        assert reply.retry_after_s == pytest.approx(300, abs=5)
        assert took_s < SLACK_S

    def test_a_short_rest_is_waited_for(self, fake_endpoint):  # noqa: F811
        fake_endpoint.play(status(429, retry_after="0.3"), answer("well"))
        reply, took_s = ask(served(fake_endpoint.base_url), retries=1)
        assert texts(reply) == ["well"]
        assert took_s >= 0.3

    def test_who_insists_asks_one_that_rests_and_so_finds_out_that_it_is_well(self, fake_endpoint):  # noqa: F811
        sampler, model = EndpointSampler(), served(fake_endpoint.base_url)
        fake_endpoint.play(*[status(500)] * 5, answer("hello"))
        for _ in range(5):
            ask(model, sampler, retries=0)
        assert "cools down" in ask(model, sampler, retries=0)[0].errors[0]
        assert texts(ask(model, sampler.insistent, retries=0)[0]) == ["hello"]
        assert texts(ask(model, sampler, retries=0)[0]) == ["hello"]

    def test_who_insists_waits_for_a_short_pause_that_was_asked_for(self, fake_endpoint):  # noqa: F811
        sampler, model = EndpointSampler(), served(fake_endpoint.base_url)
        fake_endpoint.play(status(429, retry_after="0.3"), answer("hello"))
        ask(model, sampler, retries=0)
        assert texts(ask(model, sampler.insistent, retries=0, timeout_s=60.0)[0]) == ["hello"]

    def test_the_cause_of_a_longer_rest_is_told(self, fake_endpoint, caplog):  # noqa: F811
        sampler, model = EndpointSampler(), served(fake_endpoint.base_url)
        fake_endpoint.play(*[status(500)] * 5, status(401))
        for _ in range(5):
            ask(model, sampler, retries=0)
        ask(model, sampler.insistent, retries=0)
        error = ask(model, sampler, retries=0)[0].errors[0]
        assert re.search(r"cools down after HTTP 401, asked again in (2\d\d(\.\d)?|300) s$", error)
        assert [one.levelname for one in caplog.records] == ["WARNING", "ERROR"]
        assert caplog.messages[-1].endswith("is left alone after HTTP 401")

    def test_a_key_that_was_refused_is_not_tried_again(self, fake_endpoint):  # noqa: F811
        sampler, model = EndpointSampler(), served(fake_endpoint.base_url)
        fake_endpoint.play(status(401))
        ask(model, sampler, retries=0)
        assert "cools down after HTTP 401" in ask(model, sampler.insistent, retries=0)[0].errors[0]
        assert len(fake_endpoint.requests) == 1

    def test_a_sampler_without_a_breaker_asks_all_the_same(self, fake_endpoint):  # noqa: F811
        fake_endpoint.play(status(401), answer("well"))
        sampler = EndpointSampler(health=Keeper(breaks=False))
        assert not texts(ask(served(fake_endpoint.base_url), sampler)[0])
        assert texts(ask(served(fake_endpoint.base_url), sampler)[0]) == ["well"]


def test_a_limit_holds_over_requests(fake_endpoint):  # noqa: F811
    fake_endpoint.play(lambda request: answer("x")(request))
    sampler, model = EndpointSampler(), served(fake_endpoint.base_url, concurrency=3)

    async def main():
        calls = (sampler.sample(model, QUERY, 1, Sampling(timeout_s=20.0)) for _ in range(30))
        return await asyncio.gather(*calls)

    assert all(reply.samples for reply in asyncio.run(main()))
    assert fake_endpoint.most_at_once <= 3


def test_a_turn_is_not_waited_for_until_no_time_is_left_to_answer(fake_endpoint):  # noqa: F811
    fake_endpoint.play(hang())
    sampler, model = EndpointSampler(retries=0), served(fake_endpoint.base_url, concurrency=1)

    async def main():
        first = asyncio.create_task(sampler.sample(model, QUERY, 1, Sampling(timeout_s=60.0)))
        await asyncio.to_thread(until, lambda: fake_endpoint.requests)
        second = await sampler.sample(model, QUERY, 1, Sampling(timeout_s=0.4))
        first.cancel()
        return second

    (error,) = asyncio.run(main()).errors
    assert "has 1 calls under way, and no turn came in 0.2 s" in error


def test_a_client_is_opened_once_for_all_who_wait(fake_endpoint):  # noqa: F811
    sampler, model = EndpointSampler(), served(fake_endpoint.base_url)

    async def main():
        clients = await asyncio.gather(
            *(sampler._connections.to(fake_endpoint.base_url, None) for _ in range(9))
        )
        await sampler.connect([model])
        return {id(client) for client in clients}

    assert len(asyncio.run(main())) == 1
