"""A sweep of the dial: what it says is what a dry run says of each setting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.evaluate.routed import Recall
from bestroute.policy.objective import OBJECTIVES
from bestroute.query import Query
from bestroute.retune.calibrate.sweep import settings_for, sweep
from bestroute.retune.calibrate.trials import Expected
from bestroute.retune.dry_run import Tally, decide_all
from bestroute.router import Router
from tests.evaluate.replays import TextPredictor
from tests.fakes import make_policy
from tests.retune.calibrate.tables import ROWS, Table

GREETING = {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "tiny"}}
SETTINGS = st.one_of(
    st.tuples(st.just("max_gap"), st.floats(-1, 1)),
    st.tuples(st.just("min_match"), st.floats(0, 1)),
    st.tuples(st.just("cost_per_point"), st.floats(0, 1e-2)),
)
QUALITIES = st.lists(st.tuples(*[st.floats(0.1, 0.9)] * 3), min_size=1, max_size=6)


def asked(policy, qualities):
    """Queries, one of which a rule routes and one of which nothing is predicted, and what is said of them."""
    said = {f"q{place}": quality for place, quality in enumerate(qualities)} | {"hi": (0.5, 0.5, 0.5)}
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
    queries = [Query.of(text) for text in said] + [Query.of(image)]
    return queries, Recall(TextPredictor(said), [query.text for query in queries])


def dry_run(policy, queries, recall):
    tally = Tally()
    for decision in decide_all(Router(policy, predictor=recall, time_budget_s=None), queries):
        tally.add(decision)
    return tally.summary()


@given(QUALITIES, SETTINGS, st.booleans())
def test_every_setting_gives_what_a_dry_run_gives(qualities, dial, escalate):
    key, setting = dial
    escalate = escalate and key != "min_match"
    policy = make_policy(rules=[GREETING], sampling={"escalate": escalate}, **{key: setting})
    queries, recall = asked(policy, qualities)
    further = policy.objective.grid[len(policy.objective.grid) // 2]
    found = sweep(Expected(policy, queries, recall), [setting, further])
    for index, at in enumerate((setting, further)):
        summary = dry_run(policy.at(at), queries, recall)
        assert 1000 * found.cost[index] == pytest.approx(summary["cost_per_1000"])
        assert 1000 * found.reference_cost == pytest.approx(summary["reference_cost_per_1000"])
        assert found.quality[index] == pytest.approx(-summary["mean_gap"], abs=1e-9)
        assert found.with_quality == summary["with_gap"] == len(queries) - 1
        assert found.shares[index].sum() == pytest.approx(1)
        if not escalate:
            shares = {arm: summary["arms"].get(arm, {"share": 0.0})["share"] for arm in found.arms}
            assert found.shares[index] == pytest.approx([*shares.values()])


def test_what_is_measured_is_not_predicted():
    advanced = []
    found = sweep(Table(ROWS, count=50, reference=0.8), list(ROWS), lambda: advanced.append(None))
    assert found.settings.tolist() == list(ROWS)
    assert (found.queries, found.with_quality, found.reference_quality) == (50, 50, pytest.approx(0.8))
    assert found.cost == pytest.approx([cost for cost, _ in ROWS.values()])
    assert found.quality == pytest.approx([0.8 * (1 - drop) for _, drop in ROWS.values()])
    assert found.at(0.1) == 2
    assert len(advanced) == len(ROWS)


def test_where_nothing_is_predicted_quality_is_not_known():
    policy = make_policy(rules=[{**GREETING, "when": {"tokens": {"min": 0}}}])
    queries, recall = asked(policy, [(0.5, 0.5, 0.5)])
    found = sweep(Expected(policy, queries[:1], recall), [0.0, 0.1])
    assert found.with_quality == 0
    assert np.isnan(found.quality).all()


@pytest.mark.parametrize("key", OBJECTIVES)
@pytest.mark.parametrize("plans", [False, True])
def test_settings_go_from_the_safest_to_the_loosest(key, plans):
    escalate = plans and key != "min_match"
    policy = make_policy(sampling={"escalate": escalate}, **{key: 0.123})
    grid = policy.objective.grid
    settings_ = settings_for(policy, 0.456, grid[0])
    assert {0.123, 0.456, grid[0], grid[-1]} <= {*settings_} <= {*grid, 0.123, 0.456}
    assert [*settings_] == sorted({*settings_}, reverse=key != "max_gap")
    assert (settings_[0], settings_[-1]) == (grid[0], grid[-1])
    assert len(settings_) == (len(grid) // 2 + 3 if escalate else len(grid) + 2)
