"""The picture of a report."""

import numpy as np
import pytest
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.evaluate.fixed import fixed_strategies
from bestroute.evaluate.plot import band, write_plot
from bestroute.evaluate.report import Judge, build_report
from tests.evaluate.replays import TWENTY, routed_by

points = st.integers(0, 20).map(lambda twentieths: twentieths / 20)


class TestPlot:
    def report(self):
        router = routed_by(np.linspace(0, 1, 20))
        return build_report(Judge(TWENTY, draws=20), router, fixed_strategies(TWENTY))

    def test_the_band_is_around_the_line(self):
        report = self.report()
        costs, low, high = band(report)
        points = sorted((point["cost"], point["quality"]) for point in report["overall"]["frontier"])
        assert costs == pytest.approx([10 * cost for cost, _ in points])  # the reference costs 10
        for (_, quality), least, most in zip(points, low, high, strict=True):
            assert least - 1e-9 <= 100 * quality <= most + 1e-9
        assert costs == sorted(costs)
        assert max(np.subtract(high, low)) > 1

    def test_the_same_report_gives_the_same_picture(self, tmp_path):
        pytest.importorskip("matplotlib")
        report = self.report()
        for name in ("a.svg", "b.svg", "c.png"):
            write_plot(report, tmp_path / name)
        drawn = (tmp_path / "a.svg").read_text("utf-8")
        assert drawn == (tmp_path / "b.svg").read_text("utf-8")
        for words in ("router", "static mix", "tiny@1", "oracle", "cost, % of always asking the reference"):
            assert words in drawn
        assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")

    def test_of_a_reference_that_costs_nothing_there_is_none(self, tmp_path):
        pytest.importorskip("matplotlib")
        report = self.report()
        report["overall"]["reference_cost"] = 0.0
        with pytest.raises(InputError, match="give the reference a price"):
            write_plot(report, tmp_path / "a.svg")
        assert not (tmp_path / "a.svg").exists()
