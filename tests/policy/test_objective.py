"""Objectives: what each setting allows and takes, and that choices change at the settings they name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute import Router
from bestroute.decision import reason
from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.policy.objective import OBJECTIVES, CostPerPoint, MaxGap, MinMatch, Offer
from tests.fakes import FakePredictor, make_policy

TEXT = "abcdefgh"  # two tokens: tiny@1 costs $42e-6, tiny@4 4 of them, mid@2 $252e-6, big@1 $1220e-6
STRICT = {"name": "strict", "when": {"keywords": ["exactly"]}}
OFFERS = st.builds(
    Offer, st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.just(1.0) | st.floats(0.01, 1)
)


def routed(query=TEXT, **policy):
    predictor = policy.pop("predictor", None) or FakePredictor()
    return Router(make_policy(**policy), predictor=predictor, time_budget_s=None).route(query)


class TestMinMatch:
    @pytest.mark.parametrize(
        ("setting", "arm"),
        [(0.0, "tiny@1"), (0.25, "tiny@4"), (0.45, "mid@4"), (0.99, "big@1"), (1.0, "big@1")],
    )
    def test_the_first_tier_that_reaches_it(self, setting, arm):
        assert routed(min_match=setting).arm.label == arm

    def test_what_is_told(self):
        decision = routed(min_match=0.45)
        first = decision.candidates[0]
        assert (first.min_match, first.max_gap, first.too_far) == (0.45, None, True)
        assert first.why_not == f"match {first.match_probability:.3f} is below 0.45"
        assert reason(decision).startswith("match ")
        assert "min match" in decision.explain()
        assert decision.as_dict()["objective"] == {"min_match": 0.45}

    def test_a_tier_and_a_rule_may_have_their_own(self):
        tiers = [{"model": "tiny", "min_match": 0.0}, {"model": "big"}]
        assert routed(min_match=0.9, tiers=tiers).arm.label == "tiny@1"
        rules = [STRICT | {"min_match": 1.0}]
        assert routed("exactly", min_match=0.1, rules=rules).arm.label == "big@1"

    def test_without_the_reference_it_was_learned_for_the_reference_answers(self):
        tiers = [{"model": "tiny"}, {"model": "mid"}]
        decision = routed(min_match=0.0, reference="mid", tiers=tiers)
        assert decision.cause == "reference"
        assert decision.candidates[0].why_not == "the router model's match is with another reference"


class TestCostPerPoint:
    """Gaps: tiny@1 0.25, tiny@4 0.125, mid@2 0.0625, mid@4 0.015625; 42, 168, 252, 504, 1220 micro-US$.

    tiny@4 is never least: at the price at which it beats tiny@1, mid@2 beats both.
    """

    @pytest.mark.parametrize(
        ("setting", "arm"),
        [(0.0, "tiny@1"), (0.0005, "tiny@1"), (0.003, "mid@2"), (0.02, "mid@4"), (100.0, "big@1")],
    )
    def test_cost_and_gap_together_are_least(self, setting, arm):
        decision = routed(cost_per_point=setting)
        totals = {
            one.arm.label: one.expected_cost + setting * one.gap
            for one in decision.candidates
            if one.gap is not None
        }
        assert decision.arm.label == min(totals, key=totals.get) == arm

    def test_what_is_told(self):
        decision = routed(cost_per_point=0.02)
        first, *_, last = decision.candidates
        assert first.total_cost == pytest.approx(first.expected_cost + 0.02 * 0.25)
        assert first.max_gap == pytest.approx((decision.reference_cost - first.expected_cost) / 0.02)
        assert (first.too_far, last.max_gap) == (True, 0.0)
        assert first.why_not == "with its gap it comes to $0.00502, above the reference's $0.00122"
        assert reason(decision) == "with its gap it comes to $0.000816, the least"
        assert "with gap $" in decision.explain()

    def test_a_gap_that_is_within_its_bound_is_no_dearer_than_the_reference(self):
        decision = routed(cost_per_point=0.01)
        for one in decision.candidates[:-1]:
            assert one.eligible == (one.gap <= one.max_gap)

    def test_a_rule_may_have_its_own(self):
        rules = [STRICT | {"cost_per_point": 100}]
        assert routed("exactly", cost_per_point=0.0, rules=rules).arm.label == "big@1"

    @given(st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12), st.floats(0, 1))
    def test_none_loses_less_at_the_same_cost(self, values, setting):
        """Of every choice of tiers for three queries that costs no more, none has a smaller sum of gaps."""
        quality = np.sort(np.array(values).reshape(3, 4), axis=1)
        tables = [quality, quality[::-1], quality / 2 + 0.25]
        decisions = [
            routed(cost_per_point=setting, predictor=FakePredictor(np.sort(part, axis=1))) for part in tables
        ]
        chosen = [
            next(one for one in d.candidates if one.models == d.models and one.eligible) for d in decisions
        ]
        cost, gap = sum(one.expected_cost for one in chosen), sum(one.gap for one in chosen)
        others = [[(one.expected_cost, one.gap) for one in d.candidates] for d in decisions]
        for a in others[0]:
            for b in others[1]:
                for c in others[2]:
                    if a[0] + b[0] + c[0] <= cost - 1e-12:
                        assert a[1] + b[1] + c[1] >= gap - 1e-6


@pytest.mark.parametrize("kind", OBJECTIVES.values())
class TestEvery:
    @given(offer=OFFERS, settings=st.lists(st.floats(0, 1), min_size=2, max_size=2))
    def test_a_looser_setting_never_forbids_what_a_stricter_one_allows(self, kind, offer, settings):
        """For a tier that is no dearer than the reference and no better."""
        strict, loose = (kind(one) for one in sorted(settings, reverse=kind is not MaxGap))
        if strict.why_not(offer) is None and (kind is not CostPerPoint or offer.gap >= 0):
            assert loose.why_not(offer) is None

    @given(offer=OFFERS, setting=st.floats(0, 1))
    def test_what_is_within_has_no_distance(self, kind, offer, setting):
        objective = kind(setting)
        assert (objective.why_not(offer) is None) == (objective.distance(offer) <= 0)

    def test_the_grid_goes_from_the_safest_to_the_loosest(self, kind):
        strict, loose = kind(kind.grid[0]), kind(kind.grid[-1])
        offer = Offer(gap=0.4, match=0.4, cost=0.5, reference_cost=1.0)
        assert strict.why_not(offer) is not None
        assert loose.why_not(offer) is None
        steps = np.diff(kind.grid)
        assert (steps > 0).all() or (steps < 0).all()

    @given(
        values=st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12),
        setting=st.floats(0.001, 0.999),
    )
    def test_a_setting_that_is_named_does_what_is_said(self, kind, values, setting):
        quality = np.sort(np.array(values).reshape(3, 4), axis=1)
        predictor = FakePredictor(quality, match=quality)
        decision = routed(predictor=predictor, **{kind.key: setting})
        for line in decision.explain().splitlines():
            if line.startswith(kind.key):
                other = routed(predictor=predictor, **{kind.key: float(line.split()[1])})
                assert line.endswith(f" would have chosen {other.arm.label}")
                assert other.arm != decision.arm


def test_exactly_one_is_needed():
    policy = make_policy()
    assert policy.objective == MaxGap(0.03)
    assert policy.at(0.1).objective == MaxGap(0.1)
    both = policy.model_copy(update={"min_match": 0.5})
    with pytest.raises(ValueError, match="this has max_gap and min_match"):
        Policy.model_validate(both.model_dump(by_alias=True))
    with pytest.raises(InputError, match="the policy has no dial; give one of max_gap, min_match, cost_per"):
        Router(policy.model_copy(update={"max_gap": None}), predictor=FakePredictor())


def test_an_edge_is_the_setting_at_which_a_tier_is_just_within():
    offer = Offer(gap=0.25, match=0.75, cost=0.5, reference_cost=1.0)
    assert [kind(0.5).edge(offer) for kind in (MaxGap, MinMatch, CostPerPoint)] == [0.25, 0.75, 2.0]
    assert CostPerPoint(0.5).edge(offer._replace(gap=-0.25)) is None
    assert CostPerPoint(0.5).edge(offer._replace(gap=0.0)) is None


@pytest.mark.parametrize(
    ("gap", "limit", "told"),
    [(0.1234, 0.1, "0.123"), (0.1234, 0.123, "0.1234"), (0.12300001, 0.123, "0.12300001"),
     (0.0722, 0.0721, "0.0722")],
)  # fmt: skip
def test_a_gap_has_as_many_decimals_as_hold_against_the_dial(gap, limit, told):
    assert MaxGap(limit).why_not(Offer(gap, None, 1.0, 2.0)) == f"gap {told} is above {limit}"


def test_so_has_what_is_within_and_a_match():
    assert MaxGap(0.0729).why(Offer(0.0728, None, 1.0, 2.0)) == "gap 0.0728 is within 0.0729"
    assert MinMatch(0.8769).why_not(Offer(0.0, 0.8766, 1.0, 2.0)) == "match 0.8766 is below 0.8769"
    assert MinMatch(0.8771).why(Offer(0.0, 0.87713, 1.0, 2.0)) == "match 0.8771 is at least 0.8771"
