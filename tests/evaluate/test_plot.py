"""The picture of a report."""

import numpy as np
import pytest
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.evaluate.fixed import fixed_strategies
from bestroute.evaluate.plot import chosen_of, line_of, panels_of, write_plot
from bestroute.evaluate.report import Judge, build_report
from tests.evaluate.replays import TWENTY, routed_by

points = st.integers(0, 20).map(lambda twentieths: twentieths / 20)


class TestPlot:
    def report(self):
        router = routed_by(np.linspace(0, 1, 20))
        return build_report(Judge(TWENTY, draws=20), router, fixed_strategies(TWENTY))

    def test_a_line_is_in_per_cent_of_the_reference(self):
        report = self.report()
        line = line_of(report, None, report["sources"])
        assert line.cost == sorted(line.cost)
        point = max(report["overall"]["frontier"], key=lambda point: point["cost"])
        assert line.cost[-1] == pytest.approx(10 * point["cost"])  # the reference costs 10

    def test_six_lines_at_most(self):
        report = self.report()
        for name in "abcdefg":
            report["baselines"][name] = report["baselines"]["random"]
        assert chosen_of(report) == ["static_mix", "oracle", "a", "b", "c"]

    def test_a_panel_for_what_is_right_or_wrong_and_one_for_what_is_graded(self):
        report = self.report()
        assert panels_of(report) == {"right or wrong": ["one"]}
        report["sources"]["chat"] = report["sources"]["one"] | {"graded": True}
        assert panels_of(report) == {"right or wrong": ["one"], "graded": ["chat"]}

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
