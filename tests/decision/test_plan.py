"""Plans: by hand, and against every subset of the options."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.decision.plan import Gamble, Option, best_plan
from bestroute.policy.arms import Arm

A, B, C = (Arm(model=name) for name in "abc")


def prices(**costs):
    return lambda arm, before: costs[arm.model]


def labels(plan):
    return [step.arm.label for step in plan.steps]


def test_a_tier_is_tried_where_its_chance_is_worth_its_price():
    # 2 + (1 - 0.5) * 10 = 7 < 10
    plan = best_plan([Option(A, 0.5), Option(B, 0.0)], prices(a=2, b=10))
    assert labels(plan) == ["a@1", "b@1"]
    assert plan.expected_cost == pytest.approx(7)
    assert plan.expected_calls == pytest.approx(1.5)
    assert [step.reached for step in plan.steps] == [1, 0.5]


def test_what_a_tier_loses_counts_at_its_rate_and_where_it_is_reached():
    options = [Option(A, 0.5, gap=0.1, rate=10), Option(B, 0.25, gap=-0.02, rate=50), Option(C, 0.0)]
    plan = best_plan(options, prices(a=2, b=1, c=10))
    assert labels(plan) == ["a@1", "b@1", "c@1"]
    assert plan.worth == pytest.approx(2 + 1 + 0.5 * (1 - 1 + 0.75 * 10))
    assert plan.gap == pytest.approx(0.1 + 0.5 * -0.02)


def test_and_skipped_where_not():
    plan = best_plan([Option(A, 0.1), Option(B, 0.0)], prices(a=2, b=10))  # 2 + 0.9 * 10 > 10
    assert labels(plan) == ["b@1"]
    assert plan.expected_cost == 10
    assert plan.expected_calls == 1


def test_of_plans_that_cost_alike_the_shorter_is_taken():
    assert labels(best_plan([Option(A, 0.5), Option(B, 0.0)], prices(a=5, b=10))) == ["b@1"]


def test_more_of_a_model_costs_what_is_missing():
    two, four = Arm(model="a", n=2), Arm(model="a", n=4)
    options = [Option(two, 0.5), Option(four, 0.5), Option(C, 1.0)]

    def price(arm, before):
        return 10 if arm.model == "c" else arm.n - (before.n if before == two else 0)

    # from four: 2 + 0.5 * 10 = 7; from two: 2 + 0.5 * 7 = 5.5; four at once: 4 + 0.5 * 10 = 9
    plan = best_plan(options, price)
    assert labels(plan) == ["a@2", "a@4", "c@1"]
    assert plan.expected_cost == pytest.approx(5.5)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 10)), min_size=1, max_size=6), st.floats(0.01, 10))
def test_no_subset_of_the_options_is_cheaper(tiers, last):
    arms = [Arm(model=f"m{index}") for index in range(len(tiers) + 1)]
    costs = {arm.model: cost for arm, (_, cost) in zip(arms, tiers, strict=False)} | {arms[-1].model: last}
    chances = [chance for chance, _ in tiers]
    options = [Option(arm, chance) for arm, chance in zip(arms, [*chances, 1.0], strict=True)]
    plan = best_plan(options, lambda arm, before: costs[arm.model])

    def cost_of(chosen):
        total, reached = 0.0, 1.0
        for index in chosen:
            total += reached * costs[arms[index].model]
            reached *= 1 - chances[index]
        return total + reached * last

    subsets = (part for size in range(len(tiers) + 1) for part in combinations(range(len(tiers)), size))
    assert plan.expected_cost == pytest.approx(min(map(cost_of, subsets)))
    assert plan.steps[-1].arm == arms[-1]


def test_a_gamble_keeps_what_loses_less_than_going_on_costs():
    gamble = Gamble(A, ((0.5, 0.5), (0.3, 3.0), (0.2, 6.0)), rate=2.0)
    plan = best_plan([gamble, Option(B, 0.0)], prices(a=2, b=10))
    assert plan.steps[0].chance == pytest.approx(0.8)
    assert plan.expected_cost == pytest.approx(2 + 0.2 * 10)
    assert plan.worth == pytest.approx(2 + 0.5 * 1 + 0.3 * 6 + 0.2 * 10)
    assert plan.gap == pytest.approx(0.5 * 0.5 + 0.3 * 3)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(-5, 15), st.floats(-5, 15), st.floats(0.01, 10)), max_size=4
    ),
    st.floats(0.01, 10),
)
def test_no_other_way_through_gambles_is_worth_less(tiers, last):
    """Every subset of the gambles, each with every set of outcomes at which one would stop."""
    arms = [Arm(model=f"m{index}") for index in range(len(tiers) + 1)]
    costs = dict(zip((arm.model for arm in arms), (*(tier[3] for tier in tiers), last), strict=True))
    options = [
        Gamble(arm, ((chance, loss), (1 - chance, other)), rate=1.0)
        for arm, (chance, loss, other, _) in zip(arms, tiers, strict=False)
    ]

    def least(at):
        if at == len(options):
            return last
        onward, worths = least(at + 1), [least(at + 1)]
        for stops in ((False, False), (True, False), (False, True), (True, True)):
            worth = costs[arms[at].model]
            for (chance, loss), stop in zip(options[at].outcomes, stops, strict=True):
                worth += chance * (loss if stop else onward)
            worths.append(worth)
        return min(worths)

    plan = best_plan([*options, Option(arms[-1], 0.0)], prices(**costs))
    assert plan.worth == pytest.approx(least(0))
