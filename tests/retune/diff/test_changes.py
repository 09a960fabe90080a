"""What changes from one policy to another: sums worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.query import Query
from bestroute.retune.diff import Changes, Sides
from bestroute.retune.diff.changes import Figure
from bestroute.retune.diff.shared import SharedPredictor
from bestroute.retune.dry_run import Tally, decide_all
from bestroute.router import Router
from tests.decision.plans import POSTERIOR
from tests.fakes import TIERS, FakePredictor, make_policy
from tests.retune.diff.pairs import GREETING, OLD, STRICT, TEXTS, changes_of


class TestChanges:
    def test_worked_by_hand(self):
        """In millionths of a dollar, eight letters being two tokens.

        Before: mid@4 4 * (2 * 3 + 20 * 6) = 504, twice; the reference 2 * 10 + 40 * 30 = 1220; the greeting,
        tiny@1 2 * 1 + 10 * 2 = 22. After: mid@2, half of 504, three times,
        and the reference again. Qualities: mid@4 0.859375, mid@2 0.8125, big 0.875, tiny@1 0.625; the
        greeting is predicted, since it moves, though a rule routes it under the old policy.
        """
        found = changes_of(*TEXTS).summary()
        assert (found["queries"], found["moved"], found["moved_share"]) == (4, 3, 0.75)
        assert found["moves"] == [
            {
                "from": "mid@4",
                "to": "mid@2",
                "queries": 2,
                "share": 0.5,
                "cost_per_1000_change": pytest.approx(-2 * 252 / 4 / 1000),
                "quality_change": pytest.approx(0.8125 - 0.859375),
            },
            {
                "from": "tiny@1",
                "to": "mid@2",
                "queries": 1,
                "share": 0.25,
                "cost_per_1000_change": pytest.approx((252 - 22) / 4 / 1000),
                "quality_change": pytest.approx(0.8125 - 0.625),
            },
        ]
        before, after = (2 * 504 + 1220 + 22) / 4000, (3 * 252 + 1220) / 4000
        assert found["cost_per_1000"] == {
            "old": pytest.approx(before),
            "new": pytest.approx(after),
            "change": pytest.approx(after - before),
            "relative": pytest.approx(after / before - 1),
        }
        quality = found["quality"]
        assert quality["old"] == pytest.approx((2 * 0.859375 + 0.875 + 0.625) / 4)
        assert quality["new"] == pytest.approx((3 * 0.8125 + 0.875) / 4)
        assert (found["predicted"], found["without_prediction"]) == (4, 0)
        assert (found["calls"]["old"], found["calls"]["new"]) == (1, 1)
        assert (found["reference_share"]["old"], found["reference_share"]["new"]) == (0.25, 0.25)
        assert found["rules"] == [{"from": "greeting", "to": None, "queries": 1}]
        assert found["old"]["policy"] == OLD.digest
        assert found["new"]["rules"] == {"strict": 1}

    def test_the_most_affected_with_both_reasons(self):
        found = changes_of(*TEXTS, most=2).summary()["most_affected"]
        assert [entry["number"] for entry in found["by_quality"]] == [3, 1]
        assert [entry["number"] for entry in found["by_cost"]] == [1, 4]
        first = found["by_quality"][0]
        assert first["text"] == "hi there"
        assert (first["old"]["arm"], first["old"]["reason"]) == ("tiny@1", "rule 'greeting'")
        assert (first["new"]["arm"], first["new"]["reason"]) == ("mid@2", "gap 0.062 is within 0.07")
        assert first["quality_change"] == pytest.approx(0.1875)

    def test_what_rules_route_alike_is_left_out_of_quality_and_counted(self):
        found = changes_of("hi there", "abcdefgh", new=make_policy(rules=[GREETING], max_gap=0.07)).summary()
        assert (found["predicted"], found["without_prediction"]) == (1, 1)
        assert found["quality"]["old"] == pytest.approx(0.859375)

    def test_what_moves_from_rule_to_rule_has_its_risk(self):
        """tiny@1 is predicted to reach 0.625 and mid@1 0.75."""
        better = make_policy(rules=[{**GREETING, "route": {"model": "mid"}}])
        (move,) = changes_of("hi there", old=better, new=make_policy(rules=[GREETING])).summary()["moves"]
        assert (move["from"], move["to"], move["quality_change"]) == ("mid@1", "tiny@1", -0.125)

    @pytest.mark.parametrize("other", [FakePredictor(), FakePredictor(output_tokens=[1.0, 2.0, 4.0])])
    def test_a_rule_that_changes_no_arm_changes_no_cost(self, other):
        """Though in itself it predicts no length of the response. Each router model speaks for its side."""
        ruled = make_policy(rules=[{**GREETING, "route": {"model": "big"}}], max_gap=-1.0)
        plain, one = make_policy(max_gap=-1.0), FakePredictor()
        same = changes_of("hi there", old=plain, new=ruled, predictors=(one, one)).summary()
        assert (same["moved"], same["cost_per_1000"]["change"], same["quality"]["change"]) == (0, 0, 0)
        new = changes_of("hi there", old=plain, new=ruled, predictors=(one, other)).figure("cost").new
        tokens = float(other._answers[2][2])
        assert new == pytest.approx((2 * 10 + tokens * 30) / 1000)

    def test_a_rule_that_money_overrules_changes_no_cost(self):
        """big is too dear, so tiny@1 is asked, as it is without the rule."""
        sampling, tiers = {"max_cost": 30e-6}, [TIERS[0], TIERS[-1]]
        ruled = [{**GREETING, "route": {"model": "big"}}]
        old = make_policy(rules=ruled, tiers=tiers, sampling=sampling, max_gap=0.3)
        new = make_policy(tiers=tiers, sampling=sampling, max_gap=0.3)
        found = changes_of("hi there", old=old, new=new).summary()
        assert (found["moved"], found["cost_per_1000"]["change"], found["predicted"]) == (0, 0, 1)

    def test_the_reference_is_asked_however_often(self):
        thrice = [*TIERS[:-1], {"model": "big", "n": 3}]
        found = changes_of(
            "abcdefgh", old=make_policy(max_gap=-1.0), new=make_policy(max_gap=-1.0, tiers=thrice)
        )
        assert found.figure("share") == (1.0, 1.0)
        assert found.figure("share", "big@3") == (0.0, 1.0)

    def test_of_nothing(self):
        found = changes_of().summary()
        assert (found["queries"], found["moved_share"], found["moves"]) == (0, None, [])
        assert found["quality"] == {"old": None, "new": None, "change": None, "relative": None}

    def test_a_plan_costs_what_is_expected_of_it(self):
        """The plan that tests/decision/test_planner.py works out: its cost and rounds stand in the sums."""
        tiers = [{"model": "tiny", "n": 2}, {"model": "big"}]
        old = make_policy(tiers=tiers, max_gap=0.3)
        new = make_policy(tiers=tiers, max_gap=0.3, sampling={"escalate": True})
        one = FakePredictor()
        both = Sides(old, new, predictors=(one, one))
        both.new = Router(new, predictor=SharedPredictor(one), posterior=POSTERIOR, time_budget_s=None)
        (decided,) = both.new.route_batch(["abcdefgh"])
        changes = Changes(old, new)
        for pair in both.compare([Query.of("abcdefgh")]):
            assert pair.replanned
            changes.add(pair)
        found = changes.summary()
        assert len(decided.plan) == 2
        assert found["cost_per_1000"]["new"] == pytest.approx(decided.expected_cost * 1000)
        assert found["calls"]["new"] == pytest.approx(decided.expected_calls)
        assert found["calls"]["new"] > found["calls"]["old"] == 1
        assert (found["moved"], found["replanned"]) == (0, 1)
        quality = found["quality"]  # big's is 0.875, and tiny@2's what is lost without a plan
        assert quality["new"] == pytest.approx(0.875 - decided.expected_gap)
        assert quality["new"] > quality["old"] == pytest.approx(0.875 - decided.gap)
        assert found["unmoved_quality_change"] == pytest.approx(quality["change"])


QUERIES = st.lists(st.sampled_from([*TEXTS, "hi", "exactly so", "longer than the others " * 9]), max_size=12)
POLICIES = st.builds(
    lambda dial, rules, last: make_policy(max_gap=dial, rules=rules, tiers=TIERS[last:]),
    st.sampled_from([0.0, 0.02, 0.1, 0.2, 0.3]),
    st.sampled_from([[], [GREETING], [GREETING, STRICT]]),
    st.integers(0, 4),
)


def dry_run_of(policy, texts, policies):
    """Decisions with `--explain-all`, but of queries that rules route alike under both policies."""
    for text in texts:
        plain = [Router(one, predictor=FakePredictor(), time_budget_s=None).route(text) for one in policies]
        alike = {(one.cause, one.arm) for one in plain} == {("rule", plain[0].arm)}
        router = Router(policy, predictor=FakePredictor(), time_budget_s=None)
        yield from decide_all(router, [Query.of(text)], explain_all=not alike)


class TestProperties:
    @given(QUERIES, POLICIES)
    def test_a_policy_against_itself_moves_nothing(self, texts, policy):
        found = changes_of(*texts, old=policy, new=policy).summary()
        assert (found["moved"], found["replanned"], found["moves"], found["rules"]) == (0, 0, [], [])
        assert found["most_affected"] == {"by_quality": [], "by_cost": []}
        if texts:
            assert found["cost_per_1000"]["change"] == 0
            assert found["cost_per_1000"]["relative"] == 0

    @given(QUERIES, POLICIES, POLICIES)
    def test_sums_add_up_and_are_those_of_a_dry_run(self, texts, old, new):
        found = changes_of(*texts, old=old, new=new).summary()
        assert sum(move["queries"] for move in found["moves"]) == found["moved"]
        change = found["cost_per_1000"]["change"] or 0.0
        parts = [move["cost_per_1000_change"] for move in found["moves"]]
        total = sum(parts) + found["unmoved_cost_per_1000_change"]
        assert total == pytest.approx(change, abs=1e-9)
        for name, policy in (("old", old), ("new", new)):
            tally = Tally()
            for decision in dry_run_of(policy, texts, (old, new)):
                tally.add(decision)
            assert found[name] == {"policy": policy.digest, "reference": "big", **tally.summary()}

    @given(QUERIES, POLICIES, POLICIES)
    def test_the_other_way_round_is_the_negative(self, texts, old, new):
        forth, back = changes_of(*texts, old=old, new=new), changes_of(*texts, old=new, new=old)
        for metric in ("cost", "quality", "calls"):
            ahead, behind = forth.figure(metric), back.figure(metric)
            assert (ahead.old, ahead.new) == (behind.new, behind.old)
        assert forth.moved == back.moved


@pytest.mark.parametrize(
    ("old", "new", "change", "relative"),
    [
        (2.0, 3.0, 1.0, 0.5),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, None),
        (None, 1.0, None, None),
        (0.1 + 0.2, 0.3, 0.0, 0.0),
    ],
)
def test_figures(old, new, change, relative):
    figure = Figure(old, new)
    assert (figure.change, figure.relative) == (change, relative)
