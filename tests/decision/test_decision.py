"""A decision in words: what it tells, and that the dials it names would do what it says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute import Router
from bestroute.decision import reason
from tests.decision.plans import planning
from tests.fakes import MANIFEST, FakePredictor, make_policy

IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
GREETING = {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "tiny"}}
STRICT = {"name": "strict", "when": {"keywords": ["exactly"]}, "max_gap": 0.0}
NO_TINY = {"name": "no tiny", "when": {"keywords": ["secret"]}, "exclude": ["tiny"]}


def router(predictor=None, **policy):
    policy.setdefault("rules", [GREETING, STRICT, NO_TINY])
    return Router(make_policy(**policy), predictor=predictor or FakePredictor(), time_budget_s=None)


def lines(query="something", **policy):
    return router(**policy).route(query).explain().splitlines()


def dials(shown):
    return [line for line in shown if line.startswith("max_gap")]


class TestExplain:
    def test_one_screen_with_every_tier(self):
        """Two tokens of input: mid@4 costs 4 * (2 * 3 + 20 * 6), big@1 2 * 10 + 40 * 30 millionths."""
        shown = lines("abcdefgh")
        assert shown[:3] == [
            "mid@4  (tier)",
            "gap 0.016 is within 0.03",
            "expected cost $0.000504, reference $0.00122, saving 59%",
        ]
        tiers = shown[shown.index("") :][6:]
        assert [line.split()[:3] for line in tiers[:3]] == [
            ["tiny@1", "0.625", "0.2500"], ["tiny@4", "0.750", "0.1250"], ["mid@2", "0.812", "0.0625"],
        ]  # fmt: skip
        assert tiers[2].endswith("gap 0.062 is above 0.03")
        assert tiers[3].startswith(">  mid@4")
        assert tiers[4].endswith("  a tier before it serves")
        assert len(shown) <= 24
        assert shown[-1].startswith("policy ")

    def test_a_router_model_that_cannot_tell_a_guess(self):
        predictor = FakePredictor(manifest=replace(MANIFEST, max_novelty=None))
        decision = router(predictor).route("something")
        assert decision.novel is None
        said = "the router model cannot tell a query unlike its training queries: this may be a guess"
        assert said in decision.explain().splitlines()
        assert router(predictor).route("hi").novel is False  # a rule routes: nothing is predicted

    def test_a_guess_where_the_dial_lets_nothing_be_lost_says_which_dial_would(self):
        better = ((0.9,) * 4, (0.75,) * 4, (0.875,) * 4)
        predictor = FakePredictor(better, manifest=replace(MANIFEST, max_novelty=-1.0))
        shown = router(predictor, max_gap=0.0, abstain=False).route("something").explain().splitlines()
        assert "unlike the router model's training queries, so what is predicted is a guess" in shown
        assert "max_gap 0.01 would have chosen tiny@1" in shown

    def test_a_tier_that_another_comes_to_less_than(self):
        """At a price of nothing the cheapest serves, though all are within."""
        shown = lines("abcdefgh", cost_per_point=0.0)
        assert shown[:2] == ["tiny@1  (tier)", "with its gap it comes to $2.2e-05, the least"]
        assert len([line for line in shown if line.endswith("another comes to less")]) == 4

    def test_only_the_tier_that_serves_is_marked(self):
        """Of two tiers with the same arm the first that is within."""
        tiers = [{"model": "tiny", "max_gap": 0.1}, {"model": "tiny", "max_gap": 0.3}, {"model": "big"}]
        marked = [line for line in lines(tiers=tiers) if line.startswith(">")]
        assert len(marked) == 1
        assert "above" not in marked[0]

    def test_a_query_of_which_little_is_known(self):
        decision = replace(router().route("something"), novel=True)
        assert "is a guess" in decision.explain().splitlines()[2]

    def test_why_the_reference_answers(self):
        assert lines(max_gap=-0.5)[1] == "no cheaper tier; mid@4: gap 0.016 is above -0.5"
        assert lines("hi")[1].startswith("expected cost")

    def test_the_rule_that_decided_or_was_applied(self):
        assert lines("hi")[0] == "tiny@1  (rule 'greeting')"
        assert lines("exactly so")[0] == "big@1  (reference)"
        assert "rule 'strict': matches" in lines("exactly so")

    def test_the_nearest_dials(self):
        """Gaps are tiny@4 0.125, mid@2 0.0625, mid@4 0.015625, big 0."""
        assert dials(lines()) == [
            "max_gap 0.063 would have chosen mid@2",
            "max_gap 0.015 would have chosen big@1",
        ]
        assert dials(lines(max_gap=0.25)) == ["max_gap 0.249 would have chosen tiny@4"]
        assert dials(lines(max_gap=0.0)) == ["max_gap 0.016 would have chosen mid@4"]

    def test_a_tier_with_its_own_dial_is_not_moved_by_the_policys(self):
        own = {"model": "mid", "n": 2, "max_gap": 0.01}
        tiers = [{"model": "tiny", "n": 4}, own, {"model": "mid", "n": 4}, {"model": "big"}]
        assert dials(lines(tiers=tiers))[0] == "max_gap 0.125 would have chosen tiny@4"

    def test_what_is_left_out_for_another_reason_is_no_matter_of_the_dial(self):
        assert dials(lines("secret")) == dials(lines("something"))
        assert dials(lines("secret", max_gap=0.0)) == ["max_gap 0.016 would have chosen mid@4"]
        assert dials(lines("secret", max_gap=0.07)) == ["max_gap 0.062 would have chosen mid@4"]

    @pytest.mark.parametrize("query", ["hi", IMAGE])
    def test_without_a_forecast_there_is_no_dial_to_tell_of(self, query):
        assert not dials(lines(query))

    def test_a_failed_router_model(self):
        decision = router(FakePredictor(error=ValueError("x"))).route("something")
        assert decision.explain().startswith("big@1  (fallback)\n")
        assert not dials(decision.explain().splitlines())
        assert reason(decision) == "the router model failed"

    def test_a_plan_has_chances_and_the_dials_that_ask_another_first(self):
        shown = planning().route("abcdefgh").explain()
        assert "\nplan: " in shown
        assert " rounds of asking expected\n" in shown
        assert "chance" in shown
        told = dials(shown.splitlines())
        assert len(told) == 2
        for line in told:
            asked = planning(max_gap=float(line.split()[1])).route("abcdefgh").arm.label
            assert line.endswith(f" would have asked {asked} first")
            assert asked != "tiny@4"

    def test_what_costs_too_much_is_chosen_at_no_dial(self):
        """mid@4 costs 504 millionths of a dollar, mid@2 252; big@1 1220."""
        told = dials(lines("abcdefgh", sampling={"max_cost": 300e-6}))
        assert told == ["max_gap 0.125 would have chosen tiny@4"]

    @given(
        st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12),
        st.floats(-1, 1),
        st.sampled_from([None, -0.25, 0.0, 0.125]),
        st.booleans(),
    )
    def test_a_dial_that_is_named_does_what_is_said(self, values, dial, own, ruled):
        quality = [sorted(values[at : at + 4]) for at in (0, 4, 8)]
        predictor = FakePredictor(quality)
        tiers = [
            {"model": "tiny", "n": 1},
            {"model": "tiny", "n": 4} | ({} if own is None else {"max_gap": own}),
            {"model": "mid", "n": 2},
            {"model": "mid", "n": 4},
            {"model": "big"},
        ]

        def at(setting):
            parts = (
                {"max_gap": 0.5, "rules": [{**STRICT, "max_gap": setting}]}
                if ruled
                else {"max_gap": setting, "rules": [NO_TINY]}
            )
            return router(predictor, tiers=tiers, **parts).route("exactly what")

        decision = at(dial)
        told = dials(decision.explain().splitlines())
        others = [float(line.split()[1]) for line in told]
        for line, other in zip(told, others, strict=True):
            assert line == f"max_gap {other:g} would have chosen {at(other).arm.label}"
            assert at(other).arm != decision.arm
        low, high = (
            max([other for other in others if other < dial], default=-1.0),
            min([other for other in others if other > dial], default=1.0),
        )
        # Nothing else is chosen in between, but within the three decimals that are told.
        room = high - low - 0.0022
        for part in (0.0, 0.25, 0.5, 0.75, 1.0) if room >= 0 else ():
            assert at(low + 0.0011 + part * room).arm == decision.arm


class TestReason:
    @pytest.mark.parametrize(
        ("query", "policy", "words"),
        [
            ("hi", {}, "rule 'greeting'"),
            ("something", {}, "gap 0.016 is within 0.03"),
            ("secret", {}, "gap 0.016 is within 0.03; rule 'no tiny' applied"),
            (
                "exactly",
                {},
                "no cheaper tier; mid@4: gap 0.016 is above 0; rule 'strict' applied",
            ),
            ("something", {"tiers": [{"model": "big"}]}, "no cheaper tier can"),
            (IMAGE, {}, "nothing to predict from"),
        ],
    )
    def test_in_one_line(self, query, policy, words):
        assert reason(router(**policy).route(query)) == words

    def test_of_a_plan(self):
        assert reason(planning().route("abcdefgh")).startswith("plan: ")


def test_rules_up_to_the_one_that_matched():
    rules = [line for line in lines("exactly") if line.startswith("rule ")]
    assert rules == ["rule 'greeting': does not match the pattern '^hi'", "rule 'strict': matches"]
    assert len([line for line in lines("x") if line.startswith("rule ")]) == 3


def test_a_rule_whose_model_cannot_take_the_request():
    pictures = {"name": "pictures", "when": {"has": ["image"]}, "route": {"model": "tiny"}}
    assert "rule 'pictures': its model cannot take the request" in lines(IMAGE, rules=[pictures])
