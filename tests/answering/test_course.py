"""A query on its way through its plan, told exactly what comes: when it stops, and what it keeps."""

import json
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.query import Query
from tests.decision.plans import MID_COST, QUERY, TINY_COST, course_of, heard, kept, planning, play

ONE_SHOT = {"escalate": False}


def course(**settings):
    return course_of(planning(**settings))


class TestGoingOn:
    """The plan is tiny@4, mid@2, mid@4, big@1."""

    def test_ends_where_the_gap_after_is_within_the_dial(self):
        one = course()
        assert play(one, {"tiny": "AAAA"}) == ["tiny@4"]
        assert (kept(one), one.shortfall) == ("Answer: A", None)
        assert one.steps[0].gap == pytest.approx(0)
        assert one.steps[0].agreement == 1
        assert one.steps[0].why.endswith("is within 0.3")

    def test_most_that_agree_may_suffice(self):
        one = course()
        assert play(one, {"tiny": "ABAA"}) == ["tiny@4"]
        assert kept(one) == "Answer: A"
        assert one.steps[0].gap == pytest.approx(0.2077, abs=1e-3)  # logit 7 less 1.25

    def test_goes_on_above_it(self):
        tiers = [{"model": "tiny", "n": 2}, {"model": "mid", "n": 4}, {"model": "big"}]
        one = course(tiers=tiers)
        assert play(one, {"tiny": "AB", "mid": "AAAA"}) == ["tiny@2", "mid@4"]
        assert (kept(one), one.shortfall) == ("Answer: A", None)
        assert one.steps[0].why == "gap 0.510 is above 0.3"
        assert [len(step.rewards) for step in one.steps] == [2, 4]

    def test_responses_of_earlier_tiers_count_with_later_ones(self):
        tiers = [{"model": "tiny", "n": 2}, {"model": "mid", "n": 2}, {"model": "big"}]
        with_it, against_it = course(tiers=tiers), course(tiers=tiers)
        play(with_it, {"tiny": "AB", "mid": "AA"})
        play(against_it, {"tiny": "CB", "mid": "AA", "big": "A"})
        # By the quality of one response of each class: 0.625 of tiny's, 0.75 of mid's.
        assert with_it.steps[1].agreement == pytest.approx((0.625 + 1.5) / (1.25 + 1.5))
        assert against_it.steps[1].agreement == pytest.approx(1.5 / (1.25 + 1.5))
        assert [len(with_it.steps), len(against_it.steps)] == [2, 3]

    def test_the_references_response_is_taken_and_never_outvoted(self):
        tiers = [{"model": "tiny", "n": 4}, {"model": "mid", "n": 2}, {"model": "big"}]
        one = course(tiers=tiers)
        assert play(one, {"tiny": "ABCC", "mid": "AB", "big": "Z"})[-1] == "big@1"
        assert (kept(one), one.shortfall) == ("Answer: Z", None)
        assert one.steps[-1].why == "its response is taken"

    def test_only_what_is_missing_is_asked_for(self):
        one = course(tiers=[{"model": "mid", "n": 2}, {"model": "mid", "n": 4}, {"model": "big"}])
        asks = [one.next()]
        one.add(asks[0], heard("mid", "Answer: A", "Answer: B"), 0.0)
        asks.append(one.next())
        assert [(ask.step.arm.label, ask.more) for ask in asks] == [
            ("mid@2", (("mid", 2),)),
            ("mid@4", (("mid", 2),)),
        ]
        one.add(asks[1], heard("mid", "Answer: A", "Answer: A"), 0.0)
        assert one.next() is None
        assert one.steps[1].agreement == pytest.approx(0.75)

    def test_a_portfolio_asks_each_of_its_models(self):
        one = course(tiers=[{"models": {"tiny": 2, "mid": 1}}, {"model": "big"}])
        ask = one.next()
        assert ask.more == (("mid", 1), ("tiny", 2))
        one.add(ask, heard("mid", "Answer: A") + heard("tiny", "Answer: A", "Answer: A"), 0.0)
        assert (one.next(), one.shortfall) == (None, None)

    def test_an_arm_of_one_shot_is_taken_whatever_comes(self):
        one = course(max_gap=0.03, sampling=ONE_SHOT)
        assert play(one, {"mid": "ABCD"}) == ["mid@4"]
        assert (one.shortfall, one.steps[0].why, one.steps[0].gap) == (None, "its response is taken", None)

    @pytest.mark.parametrize(("said", "arms"), [("AA", ["mid@2"]), ("ABBB", ["mid@2", "mid@4"])])
    def test_stops_early_where_the_first_agree(self, said, arms):
        one = course(max_gap=0.03, sampling={**ONE_SHOT, "stop_early": True})
        assert play(one, {"mid": said}) == arms
        assert kept(one) == f"Answer: {said[-1]}"


class TestTrouble:
    def test_a_model_that_gives_nothing_is_not_asked_again(self):
        one = course(tiers=[{"model": "mid", "n": 2}, {"model": "mid", "n": 4}, {"model": "big"}])
        assert play(one, {"big": "Z"}) == ["mid@2", "big@1"]
        assert one.steps[0].why == "no usable response came"
        assert (one.steps[0].agreement, one.steps[0].gap) == (None, None)
        assert (kept(one), one.shortfall) == ("Answer: Z", None)

    def test_the_best_so_far_is_kept_where_all_the_others_fail(self):
        one = course()
        arms = play(one, {"tiny": "ABBC"})
        assert arms[0] == "tiny@4"
        assert arms[-1] == "big@1"
        assert (kept(one), one.shortfall) == ("Answer: B", "failure")

    def test_nobody_answers(self):
        one = course()
        assert play(one, {}) == ["tiny@4", "mid@2", "big@1"]
        assert (one.kept, one.shortfall) == (None, "failure")

    def test_blank_responses_have_no_say(self):
        one = course()
        assert play(one, {"tiny": "A--A"}) == ["tiny@4"]
        assert (kept(one), one.steps[0].agreement, one.steps[0].responses) == ("Answer: A", 1, 4)

    def test_only_blank_ones_are_nothing(self):
        one = course(tiers=[{"model": "tiny", "n": 2}, {"model": "big"}])
        assert play(one, {"tiny": "--", "big": "Z"}) == ["tiny@2", "big@1"]
        assert kept(one) == "Answer: Z"

    def test_what_is_cut_off_counts_where_nothing_else_came(self):
        one = course()
        one.add(one.next(), heard("tiny", *["Answer: A"] * 4, finish_reason="length"), 0.0)
        assert (kept(one), one.next(), one.shortfall) == ("Answer: A", None, None)

    @pytest.mark.parametrize("last", [("", "stop"), ("Answer: Z", "length")])
    def test_of_no_use_beside_what_is_whole_even_of_the_reference(self, last):
        one = course(tiers=[{"model": "tiny", "n": 2}, {"model": "big"}])
        one.add(one.next(), heard("tiny", "Answer: A", "Answer: B"), 0.0)
        one.add(one.next(), heard("big", last[0], finish_reason=last[1]), 0.0)
        assert one.next() is None
        assert (kept(one), one.shortfall) == ("Answer: A", "failure")
        assert one.steps[-1].why == "no usable response came"

    def test_a_budget_that_runs_out(self):
        one = course(sampling={"max_cost": 4 * TINY_COST + 1.5 * MID_COST})
        assert play(one, {"tiny": "ABCB", "mid": "AA"}, cost=4 * TINY_COST) == ["tiny@4"]
        assert (kept(one), one.shortfall) == ("Answer: B", "budget")
        assert one.spent == pytest.approx(4 * TINY_COST)

    def test_a_bill_above_what_was_expected_counts(self):
        one = course(sampling={"max_cost": 1.0})
        assert play(one, {"tiny": "ABCB"}, cost=1.1) == ["tiny@4"]
        assert one.shortfall == "budget"

    def test_stopped_from_without(self):
        one = course()
        one.add(one.next(), heard("tiny", *(f"Answer: {letter}" for letter in "ABCB")), 0.0)
        one.stop("deadline")
        assert (one.next(), kept(one), one.shortfall) == (None, "Answer: B", "deadline")

    def test_stopped_when_it_had_ended(self):
        one = course()
        play(one, {"tiny": "AAAA"})
        one.stop("deadline")
        assert one.shortfall is None

    def test_in_haste_only_the_last_tier_is_asked(self):
        one = course()
        one.add(one.next(), heard("tiny", *(f"Answer: {letter}" for letter in "ABCB")), 0.0)
        assert one.next(in_haste=True).step.arm.label == "big@1"

    def test_a_class_that_was_not_learned_is_not_judged(self):
        tiers = [{"model": "mid", "n": 4}, {"model": "big"}]
        models = [{"name": name, "class": of, "price": {"input": 1, "output": 1}} for name, of in
                  [("mid", "medium"), ("big", "unheard of")]]  # fmt: skip
        one = course(models=models, tiers=tiers)
        assert play(one, {"big": "Z"}) == ["big@1"]
        assert one.steps[0].gap is None


def test_every_step_is_told_as_json():
    one = course(tiers=[{"model": "tiny", "n": 2}, {"model": "mid", "n": 2}, {"model": "big"}])
    came = heard("tiny", "Answer: A", reward=0.25) + heard("tiny", "Answer: B", reward=nan)
    one.add(one.next(), came, 2e-6, 0.5)
    one.add(one.next(), heard("mid", "", reward=inf), 0.0, 1.5)
    told = json.loads(json.dumps([step.as_dict() for step in one.steps], allow_nan=False))
    assert told[0] == {
        "arm": "tiny@2", "responses": 2, "rewards": [0.25, None], "agreement": 0.5,
        "gap": pytest.approx(0.510, abs=1e-3), "cost": 2e-6, "latency_s": 0.5,
        "why": "gap 0.510 is above 0.3",
    }  # fmt: skip
    assert told[1]["rewards"] == [None]


WORDS = st.sampled_from(["Answer: A", "Answer: B", "So it is A.\n#### A", "", "no idea"])
RESPONSES = st.lists(
    st.tuples(WORDS, st.sampled_from([0.25, 0.5, 0.75, nan]), st.sampled_from(["stop", "length"])),
    min_size=4,
    max_size=4,
)


@given(st.data(), RESPONSES, RESPONSES)
def test_the_order_of_arrival_does_not_matter(data, first, second):
    def run(batches):
        one = course(tiers=[{"model": "tiny", "n": 4}, {"model": "mid", "n": 4}, {"model": "big"}])
        for name, batch in zip(("tiny", "mid"), batches, strict=True):
            if (ask := one.next()) is not None and ask.more == ((name, 4),):
                came = [heard(name, text, finish_reason=end, reward=reward)[0] for text, reward, end in batch]
                one.add(ask, came, 0.0)
        ask = one.next()
        end = one.shortfall if ask is None else ask.step.arm.label
        told = [(step.agreement, step.gap) for step in one.steps]
        return None if one.kept is None else kept(one), end, told

    text, end, told = run((first, second))
    other, other_end, other_told = run([data.draw(st.permutations(batch)) for batch in (first, second)])
    assert (text, end) == (other, other_end)
    for ours, theirs in zip(told, other_told, strict=True):
        assert ours == pytest.approx(theirs) if None not in ours else ours == theirs


@given(st.data())
def test_whatever_comes_it_ends_and_never_keeps_what_is_blank(data):
    letters = st.text("AB-", max_size=4)
    said = data.draw(st.fixed_dictionaries({name: letters for name in ("tiny", "mid", "big")}))
    stop_early, escalate = data.draw(st.booleans()), data.draw(st.booleans())
    one = course(sampling={"stop_early": stop_early, "escalate": escalate})
    arms = play(one, said)
    assert len(arms) == len(set(arms)) == len(one.steps)
    answered = any(one.sample.text for one in one.heard)
    assert (one.kept is not None) == answered
    if one.kept is not None:
        assert kept(one).strip()
    else:
        assert one.shortfall == "failure"


def test_what_runs_is_what_was_planned():
    router = planning()
    (asked,) = router.consider([QUERY])
    ask = router.course(asked).next()
    assert ask.step == asked.decision.plan[0]


class TestChecks:
    """One that fails what was asked for never wins over one that passes, and is worth nothing."""

    def checked(self, **settings):
        router = planning(**settings)
        [asked] = router.consider([Query.of("Tell it without using any commas.")])
        return router.course(asked)

    def test_a_passing_one_wins_over_a_majority_that_fails(self):
        one = self.checked(max_gap=0.03, sampling=ONE_SHOT)
        ask = one.next()
        one.add(ask, heard("mid", "Answer: a, b", "Answer: a, b", "Answer: a, b", "Answer: c"), 0.0)
        assert kept(one) == "Answer: c"
        assert one.failed == (("commas",),) * 3 + ((),)

    def test_where_none_passes_it_goes_on(self):
        one = self.checked(tiers=[{"model": "tiny", "n": 2}, {"model": "big"}])
        one.add(one.next(), heard("tiny", "Answer: a, b", "Answer: a, b"), 0.0)
        assert one.steps[0].why == "fails commas, gap 0.875 is above 0.3"
        one.add(one.next(), heard("big", "Answer: z"), 0.0)
        assert kept(one) == "Answer: z"

    def test_not_even_the_references_wins_where_it_fails(self):
        one = self.checked(tiers=[{"model": "tiny", "n": 2}, {"model": "big"}])
        one.add(one.next(), heard("tiny", "Answer: a", "Answer: b"), 0.0)
        one.add(one.next(), heard("big", "Answer: y, z"), 0.0)
        assert kept(one) in ("Answer: a", "Answer: b")

    def test_nothing_is_checked_where_the_policy_says_so(self):
        one = self.checked(tiers=[{"model": "tiny", "n": 2}, {"model": "big"}], sampling={"check": []})
        one.add(one.next(), heard("tiny", "Answer: a, b", "Answer: a, b"), 0.0)
        assert (one.next(), kept(one)) == (None, "Answer: a, b")
