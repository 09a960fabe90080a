"""What was used is counted, in this process and in a real Redis, by however many."""

import asyncio
import logging

import pytest

from bestroute.errors import InputError
from bestroute.serve.keys.ledger import Ledger
from tests.serve.keys.redis_server import PASSWORD, redis_running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with redis_running(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(params=["own", "shared"])
def url(request):
    return None if request.param == "own" else request.getfixturevalue("server").url


def run(url, work):
    async def main():
        ledger = Ledger(url)
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(main())


def test_no_more_than_a_rate_are_within_it(url, request):
    async def work(ledger):
        return await asyncio.gather(*(ledger.hit(request.node.name, 5, 3600) for _ in range(20)))

    found = run(url, work)
    assert sum(used.within for used in found) == 5
    assert min(used.left for used in found) == 0
    assert all(0 <= used.wait_s <= 3600 for used in found)
    assert run(url, lambda ledger: ledger.hit("another", 5, 3600)).within


def test_amounts_add_up_and_come_back(url, request):
    async def work(ledger):
        place = (request.node.name, 7, 3600)
        await asyncio.gather(*(ledger.add(*place, 10**14) for _ in range(50)))
        await ledger.add(*place, -3)
        return await ledger.add(*place, 0), await ledger.add(request.node.name, 8, 3600, 1)

    assert run(url, work) == (50 * 10**14 - 3, 1)


def test_several_count_together_in_redis(server):
    async def work(ledger):
        return [(await ledger.hit("together", 5, 3600)).within for _ in range(3)]

    found = [run(server.url, work) for _ in range(3)]
    assert [sum(one) for one in found] == [3, 2, 0]


@pytest.mark.parametrize("url", ["nonsense", "http://x", "redis://h:port", "redis+cluster://h:1"])
def test_an_address_that_is_none(url):
    with pytest.raises(InputError, match="the address of Redis must be like"):
        Ledger(url)


def test_without_redis_each_counts_for_itself_until_it_is_back(tmp_path, caplog):
    caplog.set_level(logging.INFO, "bestroute.serve")
    with redis_running(tmp_path) as server:

        async def work(ledger):
            async def add():
                return await ledger.add("x", 1, 3600, 1)

            assert [await add(), await add()] == [1, 2]
            server.stop()
            assert [await add(), await add()] == [1, 2]  # of its own
            server.start()
            while "answers again" not in caplog.text:
                await asyncio.sleep(0.05)
                await add()
            assert (await ledger.hit("y", 1, 3600)).within

        run(server.url, work)
    told = [record.getMessage() for record in caplog.records]
    assert told[0].startswith("Redis does not answer (")
    assert len(told) == 2
    assert PASSWORD not in caplog.text
