"""What people are told."""

import pytest

from bestroute.train.adapt.telling import cautions, more, placed


def report(now, *rungs, records=300):
    return {
        "records": records,
        "cross_fitted": {"gap_correlation": None if now is None else {"value": now, "low": 0, "high": 1}},
        "learning_curve": [{"records": count, "gap_correlation": value} for count, value in rungs],
    }


def test_a_placed_model_has_its_level_with_its_interval():
    model = {"records": 40, "level": 0.62, "level_interval": 0.05}
    assert placed(model) == "placed from 40 records, level 0.62 ± 0.05"
    assert placed({"records": 0}) == "no record: its class, as the others stand"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (report(0.30, (30, 0.05), (100, 0.2)), "from 0.20 to 0.30: it still rises"),
        (report(0.20, (30, 0.05), (100, 0.2)), "more of the same records would change little"),
        (report(0.21, (100, 0.2), records=120), "from 0.20 to 0.21."),
    ],
)
def test_whether_more_would_help(told, words):
    assert words in more(told)


def test_rewards_that_say_nothing_are_told_of():
    quiet = {
        "left_out": {}, "unknown_names": {}, "seen_by_router": 0, "features": 1, "models": {},
        "savings": {"why_not": None},
        "cross_fitted": {"gap_correlation": {}}, "rewards": {"tells": False},
    }  # fmt: skip
    assert "`select: reward+vote` counts heads alone" in cautions(quiet)[0]
    assert cautions({**quiet, "rewards": {"tells": True}}) == []
    assert cautions({**quiet, "rewards": None}) == []


def test_nothing_is_said_of_more_without_two_points():
    assert more(report(0.3)) is None
    assert more(report(None, (30, 0.1))) is None


def test_what_flatters_and_what_is_missing_is_told():
    found = {
        **report(None),
        "left_out": {"without scored responses of a model of the policy": 2},
        "unknown_names": {"tinny": 2},
        "seen_by_router": 7,
        "features": 0,
        "models": {"tiny": {"records": 200, "covered": 1.0}},
        "savings": {"why_not": "no record can be replayed"},
        "rewards": None,
    }
    text = "\n".join(cautions(found))
    for words in (
        "left out: 2 records",
        "2 of 'tinny' (did you mean 'tiny'?)",
        "trained on 7",
        "gives no features",
        "no saving",
        "no gap can be told",
    ):
        assert words in text
