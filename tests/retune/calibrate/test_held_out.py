"""What a dial gives on the other half: values and intervals worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.policy.objective import MaxGap
from bestroute.retune.calibrate import held_out
from bestroute.retune.calibrate.held_out import figures
from bestroute.retune.calibrate.trials import Outcome
from tests.evaluate.replays import CHEAP, DEAR


class Known:
    """Trials whose every number is given; the dial moves all of the queries to the cheap arm."""

    objective, arms = MaxGap(0.0), (CHEAP, DEAR)

    def __init__(self, cost, quality=None, reference=None, gap=None):
        self.reference_cost = np.ones(len(cost))
        self.reference_quality = None if reference is None else np.asarray(reference, float)
        parts = (None if part is None else np.asarray(part, float) for part in (quality, gap))
        ones = np.ones(len(cost))
        self.outcome = Outcome(0.1, np.asarray(cost, float), ones, np.outer(ones, [1, 0]), *parts)

    def __len__(self):
        return len(self.reference_cost)


def told(*parts, texts=None, **more):
    trials = Known(*parts, **more)
    return figures(trials.outcome, trials, texts or [f"q{place}" for place in range(len(trials))])


def test_by_hand():
    """Of resamples of two queries a quarter holds the first twice, a quarter the second."""
    found = told([0.25, 0.75], quality=[1.0, 0.0], reference=[1.0, 1.0])
    assert found["saving"] == {"value": 0.5, "low": 0.25, "high": 0.75}
    assert found["quality"] == {"value": 0.5, "low": 0.0, "high": 1.0}
    assert found["drop"] == {"value": 0.5, "low": 0.0, "high": 1.0}
    assert (found["cost"], found["reference_cost"], found["reference_quality"]) == (0.5, 1.0, 1.0)
    assert (found["queries"], found["dial"], found["calls"], found["gap"]) == (2, 0.1, 1.0, None)
    assert (found["reference_share"], found["arms"]) == (0.0, {"tiny@1": 1.0, "big@1": 0.0})


def test_of_plain_queries_the_predicted_gap_is_told():
    """Over those of which it is known."""
    found = told([0.5] * 6, gap=[*[0.2] * 5, np.nan])
    assert found["gap"] == {name: pytest.approx(0.2) for name in ("value", "low", "high")}
    assert (found["quality"], found["drop"], found["reference_quality"]) == (None, None, None)
    assert told([0.5], gap=[np.nan])["gap"] is None


def test_a_single_text_has_no_interval():
    """It is drawn each time, so all resamples are the same."""
    for texts in (["a"], ["a"] * 3):
        found = told([0.25] * len(texts), texts=texts)
        assert found["saving"] == {"value": 0.75, "low": None, "high": None}
        assert found["cost_interval"] == {"value": 0.25, "low": None, "high": None}


def test_queries_of_the_same_text_are_drawn_together():
    """Fifty times two texts say no more than two: half of the resamples hold one of them only."""
    cost = [0.25, 0.75] * 50
    assert told(cost, texts=["a", "b"] * 50)["saving"] == {"value": 0.5, "low": 0.25, "high": 0.75}
    apart = told(cost)["saving"]
    assert apart["high"] - apart["low"] < 0.2
    lopsided = told([0.0, 1.0, 1.0, 1.0], texts=["a", "b", "b", "b"])["saving"]
    assert lopsided == {"value": 0.25, "low": 0.0, "high": 1.0}


def test_a_share_of_nothing_has_no_interval():
    """Of a reference that is right on one of four queries, a third of the resamples knows nothing."""
    found = told([0.5] * 4, quality=[1.0, 1.0, 0.0, 0.0], reference=[1.0, 0.0, 0.0, 0.0])
    assert found["drop"] == {"value": -1.0, "low": None, "high": None}
    assert told([0.5] * 2, quality=[1.0, 0.0], reference=[0.0, 0.0])["drop"] is None


def test_one_long_text_takes_no_room_for_the_others():
    """A million characters for each of 3,000 texts would be 12 GB."""
    texts = [f"q{place}" for place in range(2999)] + ["x" * 1_000_000]
    assert told([0.5] * 3000, texts=texts)["saving"]["value"] == 0.5


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 50))
def test_as_much_memory_as_there_is_changes_nothing(cost, at_once):
    whole, kept = told(cost), held_out._AT_ONCE
    held_out._AT_ONCE = at_once
    try:
        part = told(cost)
    finally:
        held_out._AT_ONCE = kept
    assert part["saving"] == {name: pytest.approx(value) for name, value in whole["saving"].items()}


def test_the_share_of_the_reference_has_an_interval_at_0_too():
    """Wilson's: of ten queries of which none goes to the reference, up to 1.96^2 / (10 + 1.96^2)."""
    found = told([0.5] * 10)
    spread = 1.96**2
    assert found["reference_share_interval"] == {
        "value": 0.0,
        "low": 0.0,
        "high": pytest.approx(spread / (10 + spread)),
    }
    assert (
        told([0.5] * 10, texts=["a", "b"] * 5)["reference_share_interval"]["high"] > 0.6
    )  # two texts say less
    assert found["cost_interval"] == {"value": 0.5, "low": 0.5, "high": 0.5}


@given(st.integers(1, 200), st.floats(0, 1))
def test_wilsons_interval_holds_its_share(count, share):
    interval = held_out._wilson(share, count)
    assert 0 <= interval["low"] <= share + 1e-12
    assert share - 1e-12 <= interval["high"] <= 1
