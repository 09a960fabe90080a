"""The baseline that goes by the predicted match alone."""

from bestroute.evaluate.matched import by_match
from bestroute.evaluate.replay import arms_of
from bestroute.evaluate.routed import routed
from bestroute.query import Query
from tests.evaluate.replays import TextPredictor
from tests.fakes import make_policy


class TestMatched:
    """Predictions are the same for quality and match: tiny reaches the dial on b, mid on a."""

    def strategy(self, **policy):
        predictor = TextPredictor({"a": (0.25, 0.75, 0.9), "b": (0.75, 0.5, 0.9)})
        made = make_policy(tiers=[{"model": "tiny"}, {"model": "mid", "n": 2}, {"model": "big"}], **policy)
        return by_match(routed(made, [Query.of("a"), Query.of("b")], arms_of(made), predictor))

    def test_the_first_arm_that_reaches_the_dial_answers(self):
        found = self.strategy()
        chosen = {
            dial: tuple(shares.argmax(axis=1)) for dial, shares in zip(found.dials, found.shares, strict=True)
        }
        assert (chosen[0.0], chosen[0.5], chosen[0.75], chosen[1.0]) == ((0, 0), (1, 0), (1, 0), (2, 2))
        assert found.name == "router:match"

    def test_without_a_match_of_this_reference_it_answers_all(self):
        predictor = TextPredictor({"a": (0.25, 0.75, 0.9)})
        made = make_policy(reference="mid", tiers=[{"model": "tiny"}, {"model": "mid"}])  # learned: big
        found = by_match(routed(made, [Query.of("a")], arms_of(made), predictor))
        assert (found.shares.argmax(axis=2) == 1).all()
