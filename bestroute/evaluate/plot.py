"""Plot: the frontier of the router and all baselines, cost against quality, from a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bestroute.errors import InputError
from bestroute.evaluate.fixed import STATIC_MIX
from bestroute.evaluate.picture import BLACK, BLUE, COLOURS, check_plot, picture, plain

_STYLES = ("-", "--", "-.", ":")


def write_plot(report: Mapping[str, Any], path: Path, name: str = "router") -> None:
    """Write the overall frontiers as `.svg` (the same bytes for the same report) or `.png`.

    Axes are shares of the reference's own cost and quality. The band is the 95 % bootstrap interval, over
    queries, of the router's quality as a share of the reference's; `name` is what the router is called.
    Raises InputError for another kind of file and where the reference costs nothing or is never right,
    MissingExtra without matplotlib.
    """
    check_plot(path)
    if not (report["overall"]["reference_cost"] > 0 and report["overall"]["reference_quality"] > 0):
        raise InputError(
            f"{path}: not drawn, as nothing can be a share of a reference's cost or quality of 0; "
            "give the reference a price in the policy, and records on which it is sometimes right"
        )
    with picture(path, 8.5, 5.0) as figure:
        _draw(figure.add_subplot(), report, name)


def _draw(axes: Any, report: Mapping[str, Any], router: str) -> None:
    scale = (report["overall"]["reference_cost"], report["overall"]["reference_quality"])
    curves = {name: part["overall"]["frontier"] for name, part in report["baselines"].items() if part}
    fixed = {name: points for name, points in curves.items() if name.startswith("fixed:")}
    others = [name for name in curves if name not in fixed and name != STATIC_MIX]
    for index, name in enumerate(others):
        colour, style = COLOURS[index % len(COLOURS)], _STYLES[index % len(_STYLES)]
        axes.plot(*_scaled(curves[name], scale), style, color=colour, linewidth=1.1, label=_words(name))
    if STATIC_MIX in curves:
        mix = _scaled(curves[STATIC_MIX], scale)
        axes.plot(*mix, "--", color=BLACK, linewidth=1.3, label="static mix (hull of fixed arms)")
    for name, points in fixed.items():
        ((x,), (y,)) = _scaled(points, scale)
        axes.plot(x, y, "o", color=BLACK, markersize=4)
        label = plain(name.removeprefix("fixed:"))
        axes.annotate(label, (x, y), xytext=(5, -9), textcoords="offset points", fontsize=7.5)
    _draw_router(axes, report, scale, router)
    _frame(axes)


def _draw_router(axes: Any, report: Mapping[str, Any], scale: tuple[float, float], name: str) -> None:
    line = _scaled(report["overall"]["frontier"], scale)
    axes.plot(*line, "-", color=BLUE, linewidth=2.2, label=_words(name), zorder=5)
    interval = f"{_words(name)}, 95 % interval"
    axes.fill_between(*band(report), color=BLUE, alpha=0.15, linewidth=0, label=interval)


def band(report: Mapping[str, Any]) -> tuple[list[float], list[float], list[float]]:
    """The router's costs, rising, and the interval of its quality at each, in per cent of the reference's."""
    reference = report["overall"]["reference_cost"]
    ordered = sorted(
        (100 * point["cost"] / reference, 100 * (1 - drop["drop_high"]), 100 * (1 - drop["drop_low"]))
        for point, drop in zip(report["overall"]["frontier"], report["band"], strict=True)
    )
    costs, low, high = map(list, zip(*ordered, strict=True))
    return costs, low, high


def _frame(axes: Any) -> None:
    axes.axhline(100, color="#AAAAAA", linewidth=0.8, zorder=0)
    axes.axhline(99, color="#AAAAAA", linewidth=0.8, linestyle=(0, (1, 3)), zorder=0)
    axes.set_xlabel("cost, % of always asking the reference")
    axes.set_ylabel("quality, % of the reference's")
    axes.spines[["top", "right"]].set_visible(False)
    axes.figure.legend(loc="outside right center", frameon=False)


def _scaled(points: list[dict[str, float]], scale: tuple[float, float]) -> tuple[list[float], list[float]]:
    """Costs and qualities as per cent of the reference's, by rising cost."""
    ordered = sorted((point["cost"], point["quality"]) for point in points)
    return [100 * cost / scale[0] for cost, _ in ordered], [100 * value / scale[1] for _, value in ordered]


def _words(name: str) -> str:
    return name.replace("_", " ")
