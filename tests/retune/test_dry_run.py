"""Dry run: sums worked out by hand, and streams that are never held in memory whole."""

from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.query import Query
from bestroute.retune.dry_run import BATCH, Reservoir, Tally, decide_all
from bestroute.router import Router
from tests.fakes import MANIFEST, FakePredictor, make_policy

GREETING = {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "tiny"}}
STRICT = {"name": "strict", "when": {"keywords": ["exactly"]}, "max_gap": 0.0}
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]


def router(predictor=None):
    policy = make_policy(rules=[GREETING, STRICT])
    return Router(policy, predictor=predictor or FakePredictor(), time_budget_s=None)


def tally_of(*queries, explain_all=False):
    tally = Tally()
    asked = [Query.of(query) for query in queries]
    for decision in decide_all(router(), asked, explain_all=explain_all):
        tally.add(decision)
    return tally


class TestTally:
    def test_worked_by_hand(self):
        """In millionths of a dollar, eight letters being two tokens and an image 765.

        A predicted tier costs mid@4: 4 * (2 * 3 + 20 * 6) = 504, the reference 2 * 10 + 40 * 30 = 1220. By
        the mean tokens of training: the greeting 2 * 1 + 100 * 2 = 202 of 2 * 10 + 300 * 30 = 9020, the
        image 765 * 10 + 300 * 30 = 16650 of the same.
        """
        summary = tally_of("abcdefgh", "12345678", "exactly!", "hi there", IMAGE).summary()
        cost, reference = 2 * 504 + 1220 + 202 + 16650, 3 * 1220 + 9020 + 16650
        assert summary["queries"] == 5
        assert summary["causes"] == {"tier": 2, "reference": 1, "rule": 1, "abstain": 1}
        assert summary["rules"] == {"strict": 1, "greeting": 1}
        assert list(summary["arms"]) == ["mid@4", "big@1", "tiny@1"]
        assert summary["cost_per_1000"] == pytest.approx(cost / 5 / 1000)
        assert summary["reference_cost_per_1000"] == pytest.approx(reference / 5 / 1000)
        assert summary["saving"] == pytest.approx(1 - cost / reference)
        assert summary["with_gap"] == 4
        assert summary["mean_gap"] == pytest.approx((2 * 0.015625 + 2 * 0) / 4)
        mid, big, tiny = summary["arms"].values()
        assert (mid["queries"], mid["share"]) == (2, pytest.approx(0.4))
        assert mid["cost_per_1000"] == pytest.approx(2 * 504 / 5 / 1000)
        assert big["cost_per_1000"] == pytest.approx((1220 + 16650) / 5 / 1000)
        assert tiny["cost_per_1000"] == pytest.approx(202 / 5 / 1000)

    def test_what_rules_route_is_predicted_where_it_is_asked(self):
        """The greeting 2 * 1 + 10 * 2 = 22, gap 0.25; the image has no text to predict from."""
        summary = tally_of("hi there", IMAGE, explain_all=True).summary()
        assert (summary["with_gap"], summary["mean_gap"]) == (2, 0.125)
        assert summary["arms"]["tiny@1"]["cost_per_1000"] == pytest.approx(22 / 2 / 1000)

    def test_the_arms_add_up(self):
        summary = tally_of("abcdefgh", "exactly!", "hi there").summary()
        assert sum(arm["share"] for arm in summary["arms"].values()) == pytest.approx(1)
        costs = sum(arm["cost_per_1000"] for arm in summary["arms"].values())
        assert costs == pytest.approx(summary["cost_per_1000"])

    def test_a_portfolio_is_one_arm(self):
        """In millionths of a dollar: tiny 2 * (2 + 20), mid 2 * (6 + 120)."""
        policy = make_policy(tiers=[{"models": {"mid": 2, "tiny": 2}}, {"model": "big"}], max_gap=0.1)
        routing = Router(policy, predictor=FakePredictor(), time_budget_s=None)
        tally = Tally()
        for decision in decide_all(routing, [Query.of("abcdefgh")] * 2):
            tally.add(decision)
        arms = tally.summary()["arms"]
        assert list(arms) == ["mid@2+tiny@2"]
        assert (arms["mid@2+tiny@2"]["queries"], arms["mid@2+tiny@2"]["share"]) == (2, 1.0)
        assert arms["mid@2+tiny@2"]["cost_per_1000"] == pytest.approx((44 + 252) / 1000)

    def test_what_is_decided_on_a_guess_is_counted(self):
        """Not where the reference answers because of it, nor where a rule routes."""
        tally = Tally()
        for cause in ("tier", "reference", "abstain", "rule"):
            tally.add(replace(router().route("abcdefgh"), novel=True, cause=cause))
        tally.add(router().route("abcdefgh"))
        assert (tally.summary()["guessed"], tally.summary()["unlike"]) == (2, 1)

    def test_guesses_that_the_dial_does_not_take_and_what_cannot_be_told(self):
        """Of two novel queries the first may lose something."""
        tally = Tally()
        for manifest, policy in (
            (replace(MANIFEST, max_novelty=-1.0), make_policy(abstain=False)),
            (replace(MANIFEST, max_novelty=-1.0), make_policy(abstain=False, max_gap=0.0)),
            (replace(MANIFEST, max_novelty=None), make_policy()),
        ):
            predictor = FakePredictor(manifest=manifest)
            tally.add(Router(policy, predictor=predictor, time_budget_s=None).route("abcdefgh"))
        summary = tally.summary()
        assert (summary["guessed"], summary["held_back"], summary["unsure"]) == (2, 1, 1)

    def test_of_nothing(self):
        summary = Tally().summary()
        assert (summary["queries"], summary["arms"], summary["causes"]) == (0, {}, {})
        assert (summary["cost_per_1000"], summary["saving"], summary["mean_gap"]) == (0, None, None)

    def test_a_gap_that_nobody_knows_is_null(self):
        summary = tally_of("hi there", "hi again").summary()
        assert (summary["mean_gap"], summary["with_gap"]) == (None, 0)


class TestReservoir:
    @given(st.integers(0, 40), st.integers(1, 20), st.integers(0, 2**32))
    def test_keeps_some_of_what_passes_and_lets_all_pass(self, count, most, seed):
        queries = [Query.of(f"q{place}") for place in range(count)]
        first, again = Reservoir(most, seed), Reservoir(most, seed)
        assert list(first.passing(queries)) == queries
        assert (first.seen, len(first.kept)) == (count, min(most, count))
        assert len({query.text for query in first.kept}) == len(first.kept)
        assert {query.text for query in first.kept} <= {query.text for query in queries}
        if count <= most:
            assert first.kept == queries
        list(again.passing(queries))
        assert again.kept == first.kept

    def test_every_query_is_kept_as_often_as_any_other(self):
        """5 of 20, 2,000 times: each some 500 times, with a standard deviation of 19.4."""
        queries = [Query.of(f"q{place}") for place in range(20)]
        kept = dict.fromkeys((query.text for query in queries), 0)
        for seed in range(2000):
            sample = Reservoir(5, seed)
            list(sample.passing(queries))
            for query in sample.kept:
                kept[query.text] += 1
        assert max(abs(count - 500) for count in kept.values()) < 4 * 19.4

    def test_what_is_not_kept_is_not_held(self):
        sample = Reservoir(3)
        passing = sample.passing(Query.of(f"q{place}") for place in range(10**9))
        assert len(list(islice(passing, 1000))) == sample.seen == 1000
        assert len(sample.kept) == 3


class TestDecideAll:
    def test_in_order_whatever_the_batch(self):
        queries = [Query.of(text) for text in ["a", "hi", "exactly", "b", "hi you", "c", "exactly so"]]
        alone = [router().route(query) for query in queries]
        for batch in (1, 2, 3, 7, 100):
            assert list(decide_all(router(), queries, batch)) == alone

    def test_no_queries(self):
        assert list(decide_all(router(), [])) == []

    def test_a_stream_is_read_a_batch_at_a_time(self):
        predictor, read = FakePredictor(), []

        def endless():
            query = Query.of("something")
            while True:
                read.append(None)
                yield query

        decisions = decide_all(router(predictor), endless())
        assert (len(read), predictor.batches) == (0, [])
        next(decisions)
        assert (len(read), predictor.batches) == (BATCH, [BATCH])
        list(islice(decisions, BATCH - 1))
        assert len(read) == BATCH
        next(decisions)
        assert (len(read), predictor.batches) == (2 * BATCH, [BATCH, BATCH])
