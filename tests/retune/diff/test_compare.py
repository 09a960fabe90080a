"""Two policies side by side: one router model is asked once for both, and streams are never held whole."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bestroute.policy import load_policy
from bestroute.query import Query
from bestroute.retune.diff import Sides
from bestroute.retune.dry_run import BATCH
from tests import ROOT
from tests.fakes import FakePredictor
from tests.retune.diff.pairs import NEW, OLD, TEXTS, sides


class TestSharing:
    def test_one_router_model_is_asked_once(self):
        predictor = FakePredictor()
        texts = ["a", "bb", "exactly", "hi there"]  # to the fake one, texts of one length are one text
        list(sides(predictors=(predictor, predictor)).compare(map(Query.of, texts)))
        assert predictor.batches == [3, 1]  # the old policy's three open queries, then the greeting

    def test_queries_that_stand_twice_in_a_batch_are_predicted_once(self):
        predictor = FakePredictor()
        both = sides(OLD, OLD, (predictor, predictor))
        assert len(list(both.compare([Query.of("again")] * 5))) == 5
        assert predictor.batches == [1]

    def test_two_router_models_are_each_asked(self):
        two = FakePredictor(), FakePredictor(quality=[[0.5] * 4, [0.6] * 4, [0.9] * 4])
        pairs = list(sides(predictors=two).compare([Query.of("abcdefgh")]))
        assert [one.batches for one in two] == [[1], [1]]
        assert (pairs[0].old.arm.label, pairs[0].new.arm.label) == ("mid@4", "big@1")

    def test_a_stream_is_read_a_batch_at_a_time_and_forgotten(self):
        predictor, read = FakePredictor(), []

        def endless():
            while True:
                read.append(None)
                yield Query.of("x" * len(read))

        both = sides(OLD, OLD, (predictor, predictor))
        pairs = both.compare(endless())
        for _ in range(2 * BATCH + 1):
            next(pairs)
        assert len(read) == 3 * BATCH
        assert predictor.batches == [BATCH] * 3
        shared = both._predictors[0]
        assert len(shared._rows) == len(shared._said) == BATCH

    def test_copies_of_one_artefact_are_one_router_model(self, copy_of):
        policy = load_policy(ROOT / "policies" / "balanced.yaml")
        moved = policy.model_copy(update={"router": copy_of("router").folder})
        for both in (Sides(policy, moved), Sides(policy, policy)):
            assert both._predictors[0] is both._predictors[1]

    def test_a_batch_that_fails_is_asked_one_by_one(self):
        class OneBad(FakePredictor):
            def predict(self, rows, time_budget_s=None):
                if any(len(row.ids) == 3 and row.ids[1] == 7 for row in rows):
                    raise ValueError("seven characters")
                return super().predict(rows, time_budget_s)

        bad = OneBad()
        both = sides(OLD, NEW, (bad, bad))
        pairs = list(both.compare(map(Query.of, ["abcdefgh", "1234567", "xyz"])))
        assert [pair.old.cause for pair in pairs] == ["tier", "fallback", "tier"]
        assert (both.old.fallbacks, both.new.fallbacks) == (1, 1)
        assert pairs[1].quality_change is None


@settings(max_examples=5)
@given(st.integers(1, 7))
def test_the_batch_size_changes_nothing(batch):
    whole = list(sides().compare(map(Query.of, TEXTS)))
    assert list(sides().compare(map(Query.of, TEXTS), batch)) == whole
