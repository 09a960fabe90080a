"""What a run may spend: reservations by hand, and the cap against a real server."""

import asyncio

import pytest

from bestroute.policy.arms import Model
from bestroute.query import Query
from bestroute.records.collect.budget import Budget
from tests.answering.fake_endpoint import (
    completion,
    document,
)


class TestCost:
    """US$ 1 an output token: a reply costs 5; before the first one a call is expected to write all 20."""

    @pytest.fixture(autouse=True)
    def _prices(self, desk, fake_endpoint):
        desk.write_policy(1e6, a={"base_url": fake_endpoint.base_url})

    @pytest.mark.parametrize("concurrency", [1, 8])
    def test_the_cap_is_never_passed_and_ends_cleanly(self, desk, fake_endpoint, concurrency):
        report = desk.json("--samples", "4", "--max-cost", "32", "--concurrency", concurrency, exit_code=1)
        assert (report["cost"], report["missing"], report["stopped_by"]) == (30.0, 6, "max_cost")
        assert len(fake_endpoint.requests) == 6
        assert sum(map(len, desk.texts().values())) == 6

    def test_a_cap_below_the_first_call_asks_nothing(self, desk, fake_endpoint):
        assert desk.json("--max-cost", "19.99", exit_code=1)["written"] is False
        assert fake_endpoint.requests == []

    def test_what_earlier_runs_spent_counts_until_the_records_are_complete(self, desk, fake_endpoint):
        desk.json("--samples", "4", "--max-cost", "32", exit_code=1)
        for _ in range(2):
            report = desk.json("--samples", "4", "--max-cost", "32", exit_code=1)
            assert (report["cost"], report["spent"]) == (0.0, 30.0)
        result = desk.run("--samples", "4", "--max-cost", "32")
        assert "$30 spent and --max-cost leaves no room; raise it to go on" in result.stderr
        assert len(fake_endpoint.requests) == 6
        report = desk.json("--samples", "4", "--max-cost", "100")
        assert (report["cost"], report["spent"]) == (30.0, 60.0)
        assert not desk.journal.exists()

    def test_without_usage_the_text_is_measured(self, desk, fake_endpoint):
        body = {**completion("twelve bytes"), "usage": None}
        fake_endpoint.play(lambda request: document(body))
        assert desk.json("--samples", "1")["cost"] == 9.0  # three replies of three tokens


MODEL = Model.model_validate({"name": "m", "price": {"input": 1e6, "output": 2e6}})  # US$ 1 and 2 a token
QUERY = Query.of("four bytes: 16...")  # 17 bytes: 5 tokens


def test_what_a_call_is_expected_to_cost():
    budget = Budget(None, max_tokens=100)
    assert budget.expected(MODEL, QUERY, 3) == 3 * (5 + 2 * 100)
    budget.note("m", 7.0, [10, 20])
    budget.note("m", 7.0, [])
    budget.note("other", 1.0, [90])
    assert budget.expected(MODEL, QUERY, 1) == 5 + 2 * 15
    assert budget.spent == 15.0
    assert budget.mean_output_tokens("none") is None


def test_the_cap_counts_what_is_under_way():
    async def reserve() -> list[bool]:
        budget = Budget(10, 1)
        budget.note("m", 4, [])
        first = await budget.reserve(5)
        second = asyncio.create_task(budget.reserve(2))
        await asyncio.sleep(0.01)
        waited = not second.done()
        budget.note("m", 3, [])
        budget.settle(first)
        ticket = await second
        budget.settle(ticket)
        return [waited, await budget.reserve(3.01) is None, await budget.reserve(3) is not None]

    assert asyncio.run(reserve()) == [True, True, True]


def test_what_costs_nothing_is_never_stopped():
    assert asyncio.run(Budget(0, 1).reserve(0)) is not None
