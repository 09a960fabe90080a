"""Bounds: the grammar, its errors, and what fails by them."""

import operator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.query import Query
from bestroute.retune.diff import Changes, Sides, arms_of, parse_bound
from tests.fakes import FakePredictor, make_policy

ARMS = {"tiny@1", "mid@4", "a@2+b@1"}


def changes(old, new, *texts):
    predictor, found = FakePredictor(), Changes(old, new)
    for pair in Sides(old, new, predictors=(predictor, predictor)).compare(map(Query.of, texts)):
        found.add(pair)
    return found


class TestParse:
    @pytest.mark.parametrize(
        ("text", "metric", "arm", "compares", "value", "against"),
        [
            ("cost > +5%", "cost", "", ">", 0.05, "relative"),
            ("  cost>=+0.5 ", "cost", "", ">=", 0.5, "change"),
            ("cost > 12.5", "cost", "", ">", 12.5, "level"),
            ("cost > 1e-3", "cost", "", ">", 0.001, "level"),
            ("quality < -2%", "quality", "", "<", -0.02, "relative"),
            ("quality <= -.01", "quality", "", "<=", -0.01, "change"),
            ("quality < 0.7", "quality", "", "<", 0.7, "level"),
            ("calls > 1.5", "calls", "", ">", 1.5, "level"),
            ("moved > 30%", "moved", "", ">", 0.3, "level"),
            ("moved > 0.3", "moved", "", ">", 0.3, "level"),
            ("share of mid@4 > 40%", "share", "mid@4", ">", 0.4, "level"),
            ("share  of a@2+b@1 > +0.1", "share", "a@2+b@1", ">", 0.1, "change"),
            ("share of reference < -10%", "share", "", "<", -0.1, "relative"),
        ],
    )
    def test_what_is_meant(self, text, metric, arm, compares, value, against):
        bound = parse_bound(text, ARMS)
        assert (bound.metric, bound.arm, bound.operator, bound.against) == (metric, arm, compares, against)
        assert bound.value == pytest.approx(value)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "the bound '': give a metric, one of > >= < <=, and a value, as in 'cost > +5%'"),
            ("cost", "give a metric"),
            ("cost = 5", "give a metric, one of > >= < <="),
            ("cost => 5", "give a metric"),
            ("1 < cost < 2", "give a metric"),
            ("cots > 5", "unknown metric 'cots'; there are cost, quality, calls, moved, share of ARM, share"),
            ("cots > 5", "share of reference (did you mean 'cost'?)"),
            ("> 5", "unknown metric ''"),
            ("share > 5", "unknown metric 'share'; there are"),
            ("share of mid@3 > 5%", "neither policy has the arm 'mid@3' (did you mean 'mid@4'?)"),
            ("share of x > 5%", "neither policy has the arm 'x' (there are a@2+b@1, mid@4, tiny@1)"),
            ("cost > ", "'' is not a value such as +5%, +0.5 or 12"),
            ("cost > five", "'five' is not a value"),
            ("cost > + 5%", "'+ 5%' is not a value"),
            ("cost > nan", "'nan' is not a value"),
            ("cost > 5%", "a value with % needs a sign: +5% is 5 % more than under the old policy"),
            ("moved > +5%", "moved has no value under the old policy; remove the sign"),
            ("moved > 30", "a share is at most 1, or 100%; perhaps 30% is meant"),
            ("share of mid@4 > 120%", "a share is at most 1"),
        ],
    )  # fmt: skip
    def test_what_is_wrong(self, text, message):
        with pytest.raises(InputError) as caught:
            parse_bound(text, ARMS)
        assert message in str(caught.value)

    @given(st.text(max_size=30))
    def test_any_text_is_read_or_refused(self, text):
        with suppress(InputError):
            assert parse_bound(text, ARMS).operator in text


class TestJudge:
    """Old: mid@4 at 504 millionths and quality 0.859375. New: mid@2, half the cost, quality 0.8125."""

    OLD, NEW = make_policy(), make_policy(max_gap=0.07)

    @pytest.mark.parametrize(
        ("text", "failed", "found"),
        [
            ("cost < -49%", True, -0.5),
            ("cost < -50%", False, -0.5),
            ("cost <= -50%", True, -0.5),
            ("cost > +0", False, -0.252),
            ("cost > 0.25", True, 0.252),
            ("quality < -0.04", True, -0.046875),
            ("quality < -0.05", False, -0.046875),
            ("quality < 0.8", False, 0.8125),
            ("calls > 1", False, 1.0),
            ("calls >= 1", True, 1.0),
            ("moved >= 100%", True, 1.0),
            ("share of mid@2 > 99%", True, 1.0),
            ("share of mid@4 < -99%", True, -1.0),
            ("share of reference > 0", False, 0.0),
            ("share of reference > +10%", False, 0.0),
            ("share of mid@2 > +10%", True, None),  # from none to all: no percentage says that
        ],
    )
    def test_worked_by_hand(self, text, failed, found):
        counted = changes(self.OLD, self.NEW, "abcdefgh")
        verdict = parse_bound(text, arms_of(self.OLD) | arms_of(self.NEW)).judge(counted)
        assert verdict.failed is failed
        assert verdict.found == (None if found is None else pytest.approx(found))
        assert ("FAILS" in str(verdict) or "cannot be told" in str(verdict)) is failed
        assert verdict.as_dict()["bound"] == text

    def test_what_cannot_be_told_fails(self):
        rules = [{"name": "all", "when": {"pattern": "."}, "route": {"model": "tiny"}}]
        policy = make_policy(rules=rules)
        verdict = parse_bound("quality < 0.1", ()).judge(changes(policy, policy, "x"))
        assert verdict.failed
        assert str(verdict) == "fails if quality < 0.1: cannot be told"

    def test_exactly_on_the_bound_is_on_it(self):
        """A price 5 % up is not more than 5 % up, whatever floats make of it."""
        model = {"name": "big", "class": "large", "price": {"input": 0.0, "output": 30.0}}
        dearer = {**model, "price": {"input": 0.0, "output": 31.5}}
        old, new = (make_policy(models=[one], tiers=[{"model": "big"}]) for one in (model, dearer))
        counted = changes(old, new, *["abcdefgh", "x", "yy"] * 7)
        assert not parse_bound("cost > +5%", ()).judge(counted).failed
        assert parse_bound("cost >= +5%", ()).judge(counted).failed

    @given(st.floats(-0.9, 0.9), st.sampled_from([">", ">=", "<", "<="]))
    def test_every_operator_compares(self, value, compares):
        compare = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}[compares]
        counted = changes(self.OLD, self.NEW, "abcdefgh")
        verdict = parse_bound(f"quality {compares} {value:+.6f}", ()).judge(counted)
        assert verdict.failed == compare(-0.046875, float(f"{value:+.6f}"))


def test_the_arms_that_a_policy_may_ask_first():
    rules = [{"name": "r", "when": {"pattern": "."}, "route": {"models": {"tiny": 2, "mid": 1}}}]
    tiers = [{"model": "tiny", "n": 4}, {"model": "big"}]
    assert arms_of(make_policy(tiers=tiers, rules=rules)) == {"tiny@4", "big@1", "mid@1+tiny@2"}
    early = make_policy(tiers=tiers, sampling={"stop_early": True})
    assert arms_of(early) == {"tiny@2", "tiny@3", "tiny@4", "big@1"}
