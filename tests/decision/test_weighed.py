"""Tiers in numbers, put into words only where somebody looks; words and numbers never differ."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.predictor import Column, Prediction, best_of, mixed
from bestroute.decision import Decider, Forecast
from bestroute.errors import PredictorError
from bestroute.policy.objective import OBJECTIVES, Offer
from bestroute.query import Query
from tests.fakes import MANIFEST, MATCH, OUTPUT_TOKENS, QUALITY, make_policy

QUERY = Query.of("abcdefgh")
FORECAST = Forecast(*(np.array(part, np.float32) for part in (QUALITY, MATCH, OUTPUT_TOKENS)))
SHARES = st.floats(0, 1, width=32)


def decide(forecast=FORECAST, **policy):
    decider = Decider(make_policy(**policy), MANIFEST)
    return decider.decide(QUERY, decider.rule_for(QUERY), forecast)


def test_candidates_are_as_good_as_a_tuple():
    first, second = decide().candidates, decide().candidates
    alike = tuple(first)
    assert first == second == alike
    assert alike == first
    assert hash(first) == hash(alike)
    assert repr(first) == repr(alike)
    assert first[-1] is alike[-1]
    assert first[1:] == alike[1:]
    assert first != list(alike)
    assert pickle.loads(pickle.dumps(first)) == alike


def test_a_decision_by_a_rule_has_its_candidates_all_the_same():
    rule = {"name": "r", "when": {"tokens": {"min": 1}}, "route": {"model": "mid", "n": 2}}
    routed, alone = decide(None, rules=[rule]), decide(None)
    assert [one.arm for one in routed.candidates] == [one.arm for one in alone.candidates]
    assert [one.expected_cost for one in routed.candidates] == [one.expected_cost for one in alone.candidates]
    assert [one.arm.label for one in routed.candidates if one.objection != "rule"] == ["mid@2"]


@given(
    kind=st.sampled_from(list(OBJECTIVES.values())),
    setting=SHARES,
    gap=st.floats(-1, 1),
    match=st.none() | SHARES,
    costs=st.tuples(SHARES, SHARES),
)
def test_the_dial_has_words_against_what_is_not_within(kind, setting, gap, match, costs):
    offer = Offer(gap, match, *costs)
    assert kind(setting).within(offer) == (kind(setting).why_not(offer) is None)


@given(
    curves=st.lists(st.lists(SHARES, min_size=4, max_size=4), min_size=3, max_size=3),
    parts=st.lists(
        st.builds(Column, st.integers(0, 2), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3
    ),
)
def test_plain_numbers_are_mixed_as_arrays_are(curves, parts):
    n = sum(part.n for part in parts)
    found = best_of(np.array(curves, np.float32).tolist(), tuple(parts), n)
    assert found == pytest.approx(float(mixed(np.array(curves, np.float32), tuple(parts), n)), abs=1e-15)


@pytest.mark.parametrize("place", ["quality", "match", "output_tokens", "novelty"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_forecast_that_is_not_finite_is_refused(place, value):
    parts = (QUALITY, MATCH, OUTPUT_TOKENS, 0.0)
    said = Prediction(*(np.array([part], np.float32) for part in parts))
    getattr(said, place).flat[-1] = value
    with pytest.raises(PredictorError, match="finite"):
        Forecast.of(said, 0)
