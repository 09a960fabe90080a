"""What is remembered of endpoints, and what decisions see of it."""

import asyncio
import logging

import pytest

from bestroute.answering.health import Fault, Keeper, Resting
from bestroute.answering.health.fault import LATE
from bestroute.policy.arms import Endpoint, Model

SERVER = Fault("server", "HTTP 500")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def model(*addresses, **endpoint):
    places = [{"base_url": f"http://{address}/v1", **endpoint} for address in addresses]
    return Model.model_validate(
        {"name": "m", "price": {"input": 1.0, "output": 1.0}, "endpoints": places}, strict=False
    )


class Kept:
    """A keeper with a clock that stands, and calls that take as long as they say."""

    def __init__(self, served=None, **settings):
        self.clock, self.served = Clock(), served or model("one")
        self.keeper = Keeper(clock=self.clock, **settings)

    def site(self, at=0):
        return self.keeper.site(self.served, self.served.places[at])

    def call(self, fault=None, seconds=0.0, at=0):
        async def reply():
            self.clock.now += seconds
            return fault

        return asyncio.run(self.site(at).visit(reply, lambda came: came, 1.0))

    @property
    def now(self):
        return self.keeper.now([self.served])


def test_an_endpoint_that_nobody_asked_is_well():
    assert Kept().now.as_dict() == {"cooling": {}, "latency_ms": {}}


def test_a_model_cools_down_once_all_its_endpoints_do():
    kept = Kept(model("one", "two"))
    for at in (0, 1):
        assert kept.now.cooling == {}
        for _ in range(5):
            kept.call(SERVER, at=at)
    assert kept.now.cooling == {"m": "cools down after HTTP 500"}
    with pytest.raises(Resting, match="cools down after HTTP 500"):
        kept.call()
    kept.clock.now += 1.0
    assert kept.now.cooling == {}
    kept.call()
    assert [one.state for one in kept.keeper.report()] == ["closed", "half-open"]


def test_a_probe_that_is_cancelled_is_not_the_last():
    kept = Kept()
    kept.call(Fault.of_status(401, None))
    kept.clock.now += 300.0

    async def main():
        async def hang():
            await asyncio.sleep(30)

        probe = asyncio.create_task(kept.site().visit(hang, lambda came: None, 1.0))
        await asyncio.sleep(0)
        with pytest.raises(Resting):
            await kept.site().visit(hang, lambda came: None, 1.0)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)

    asyncio.run(main())
    kept.call()
    assert kept.keeper.report()[0].state == "closed"


def test_latencies_are_those_of_answers_and_of_time_outs():
    kept = Kept()
    for _ in range(8):
        kept.call(seconds=0.2)
    kept.call(SERVER, seconds=0.001)
    assert kept.now.latency_ms == {"m": pytest.approx(200, rel=0.06)}
    kept.call(LATE, seconds=5.0)
    assert kept.now.latency_ms == {"m": pytest.approx(5000, rel=0.06)}


def test_without_a_breaker_all_is_counted_and_nobody_left_alone():
    kept = Kept(breaks=False)
    for _ in range(9):
        kept.call(SERVER)
    (report,) = kept.keeper.report()
    assert (report.calls, report.faults, report.state) == (9, {"server": 9}, "closed")


def test_a_refused_key_is_told_loudly_once(caplog):
    caplog.set_level(logging.INFO, "bestroute.health")
    kept = Kept()
    for _ in range(3):
        kept.call(Fault.of_status(401, None))
        kept.clock.now += 300.0
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "INFO"]
    assert "m at http://one/v1 is left alone after HTTP 401" in caplog.text
    kept.call()
    kept.call(Fault.of_status(401, None))
    assert caplog.records[-1].levelname == "ERROR"


def test_a_limit_is_held_and_the_load_told():
    kept, loads = Kept(model("one", concurrency=2)), []

    async def main():
        async def reply():
            await asyncio.sleep(0.001)
            loads.append((kept.site().load, kept.keeper.report()[0].under_way))

        calls = [asyncio.create_task(kept.site().visit(reply, lambda came: None, 9.0)) for _ in range(10)]
        await calls[0]
        assert loads[0] == (5, 10)
        for call in calls[1:]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert (kept.site().load, kept.keeper.report()[0].under_way) == (0, 0)

    asyncio.run(main())


def test_another_limit_is_another_site():
    keeper = Keeper()
    sites = {
        id(keeper.site(one, one.places[0])) for one in (model("a"), model("a"), model("a", concurrency=3))
    }
    assert len(sites) == 2


def test_the_same_model_elsewhere_is_known_for_itself():
    one, other = model("a"), model("b")
    keeper = Keeper()
    assert keeper.site(one, one.places[0]) is not keeper.site(other, other.places[0])
    assert keeper.site(one, Endpoint(base_url="http://a/v1")) is keeper.site(one, one.places[0])
