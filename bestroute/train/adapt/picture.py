"""What more records would bring: the figures of adapters on some of the queries, judged by the others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bestroute.errors import InputError
from bestroute.evaluate.picture import BLACK, BLUE, COLOURS, picture

_LINES = (
    ("gap_correlation", "correlation of predicted and true gap", BLUE, "o-"),
    ("difficulty", "rank correlation of difficulty", COLOURS[1], "s--"),
    ("level_error", "error of levels", COLOURS[0], "^:"),
)
TOO_FEW = "not drawn, as {} queries are too few for a curve; give 60"


def write_plot(report: Mapping[str, Any], path: Path) -> None:
    """Write the learning curve as `.svg` or `.png`; its last point is the adapter, cross-fitted.

    Raises InputError for another kind of file or where there is no curve, MissingExtra without matplotlib.
    """
    rungs = report["learning_curve"]
    if not rungs:
        raise InputError(f"{path}: {TOO_FEW.format(report['records'])}")
    with picture(path, 6.0, 3.6) as figure:
        axes = figure.add_subplot()
        for name, label, colour, style in _LINES:
            points = [(rung["records"], rung[name]) for rung in rungs if rung[name] is not None]
            last = report["cross_fitted"][name]
            if isinstance(last, Mapping):  # no error of levels: those of five folds cancel out
                points.append((report["records"] * 4 // 5, last["value"]))
            if points:
                axes.plot(*zip(*points, strict=True), style, color=colour, label=label, markersize=4)
        axes.set_xscale("log")
        sizes = [*(rung["records"] for rung in rungs), report["records"] * 4 // 5]
        axes.set_xticks(sizes, map(str, sizes))
        axes.minorticks_off()
        axes.axhline(0, color=BLACK, linewidth=0.6)
        axes.set_xlabel("queries that fitted it")
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
