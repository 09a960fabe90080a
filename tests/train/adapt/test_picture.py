"""The learning curve as a picture."""

import pytest

from bestroute.errors import InputError
from bestroute.train.adapt.picture import write_plot

pytest.importorskip("matplotlib")
FOUND = {"value": 0.2, "low": 0.1, "high": 0.3}
REPORT = {
    "records": 300,
    "cross_fitted": {"gap_correlation": FOUND, "difficulty": None, "level_error": 0.0},
    "learning_curve": [
        {"records": 30, "gap_correlation": 0.1, "difficulty": None, "level_error": 0.06},
        {"records": 100, "gap_correlation": 0.15, "difficulty": None, "level_error": 0.03},
    ],
}


def test_the_curve_is_drawn_the_same_for_the_same_report(tmp_path):
    for name in ("one.svg", "two.svg"):
        write_plot(REPORT, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert drawn == (tmp_path / "two.svg").read_text("utf-8")
    for label in ("correlation of predicted and true gap", "error of levels", ">240<"):
        assert label in drawn
    assert "rank correlation" not in drawn


def test_too_few_queries_have_no_curve(tmp_path):
    with pytest.raises(InputError, match="20 queries are too few for a curve"):
        write_plot({**REPORT, "records": 20, "learning_curve": []}, tmp_path / "curve.svg")
