"""Plot: the frontier of the router and of what stands beside it, cost against quality, from a report.

Two panels, since one line through both would say nothing of either: sources that are right or wrong, and
sources that are graded. Six lines at most, each labelled at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bestroute.errors import InputError
from bestroute.evaluate.curve import hull
from bestroute.evaluate.fixed import STATIC_MIX
from bestroute.evaluate.picture import BLACK, BLUE, COLOURS, check_plot, picture, plain

MOST_LINES = 6
_FIRST = ("one_shot", STATIC_MIX, "oracle")  # what is drawn in any case; then the best of the others
_STYLES = {STATIC_MIX: "--", "oracle": ":"}
_TITLES = {False: "right or wrong", True: "graded"}
_APART = 0.052  # of the height, from label to label


class Line(NamedTuple):
    """A strategy on some sources: its costs, rising, and qualities, in per cent of the reference's."""

    name: str
    cost: list[float]
    quality: list[float]


def write_plot(report: Mapping[str, Any], path: Path, name: str = "router") -> None:
    """Write the frontiers as `.svg` (the same bytes for the same report) or `.png`.

    Axes are shares of the reference's own cost and quality, sources of a panel counting equally; `name` is
    what the router is called. Raises InputError for another kind of file and where the reference costs
    nothing or is never right, MissingExtra without matplotlib.
    """
    check_plot(path)
    if not (report["overall"]["reference_cost"] > 0 and report["overall"]["reference_quality"] > 0):
        raise InputError(
            f"{path}: not drawn, as nothing can be a share of a reference's cost or quality of 0; "
            "give the reference a price in the policy, and records on which it is sometimes right"
        )
    panels = panels_of(report)
    chosen = chosen_of(report)
    with picture(path, 5.4 * len(panels) + 0.6, 4.6) as figure:
        for axes, (title, sources) in zip(
            np.atleast_1d(figure.subplots(1, len(panels))), panels.items(), strict=True
        ):
            _draw(axes, report, sources, chosen, name)
            axes.set_title(f"{title}: {', '.join(sources)}", fontsize=9, wrap=True)
        figure.axes[0].set_ylabel("quality, % of the reference's")


def panels_of(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """The sources of each panel by its title; a panel without any is left out."""
    found: dict[str, list[str]] = {}
    for graded, title in _TITLES.items():
        sources = [name for name, part in report["sources"].items() if part["graded"] == graded]
        if sources:
            found[title] = sources
    return found


def chosen_of(report: Mapping[str, Any]) -> list[str]:
    """The baselines that are drawn as lines: those that always are, then the best of the others by area."""
    there = {name: part["overall"]["aiq"] for name, part in report["baselines"].items() if part}
    first = [name for name in _FIRST if name in there]
    others = [
        name for name in there if name not in first and not name.startswith("fixed:") and name != "random"
    ]
    best = sorted(others, key=lambda name: -np.nan_to_num(there[name], nan=-1.0))
    return [*first, *best][: MOST_LINES - 1]


def line_of(report: Mapping[str, Any], name: str | None, sources: Sequence[str]) -> Line:
    """A strategy's frontier on some sources, counting equally; `name` is None for the router."""
    parts = report["sources"] if name is None else report["baselines"][name]["sources"]
    if name == STATIC_MIX:
        fixed = [line_of(report, arm, sources) for arm in report["baselines"] if arm.startswith("fixed:")]
        cost, quality = hull(
            np.array([arm.cost[0] for arm in fixed]), np.array([arm.quality[0] for arm in fixed])
        )
        return Line(name, cost.tolist(), quality.tolist())
    scaled = np.mean([_scaled(parts[source]) for source in sources], axis=0)
    cost, quality = scaled[:, np.lexsort(scaled[::-1])]
    return Line(name or "router", cost.tolist(), quality.tolist())


def _scaled(part: Mapping[str, Any]) -> list[list[float]]:
    """Costs and qualities of one source's frontier, in per cent of its reference's."""
    scale = {"cost": part["reference_cost"], "quality": part["reference_quality"]}
    return [[100 * point[key] / (scale[key] or 1.0) for point in part["frontier"]] for key in scale]


def _draw(
    axes: Any, report: Mapping[str, Any], sources: Sequence[str], chosen: Iterable[str], router: str
) -> None:
    lines = [line_of(report, name, sources) for name in chosen]
    colours = dict(zip((line.name for line in lines), COLOURS, strict=False)) | {STATIC_MIX: BLACK}
    for line in lines:
        axes.plot(
            line.cost, line.quality, _STYLES.get(line.name, "-"), color=colours[line.name], linewidth=1.2
        )
    own = line_of(report, None, sources)._replace(name=router)
    axes.plot(own.cost, own.quality, "-", color=BLUE, linewidth=2.2, zorder=5)
    for name in report["baselines"]:
        if name.startswith("fixed:"):
            ((x,), (y,)) = line_of(report, name, sources)[1:]
            axes.plot(x, y, "o", color=BLACK, markersize=4)
            label = plain(name.removeprefix("fixed:"))
            axes.annotate(label, (x, y), xytext=(5, -9), textcoords="offset points", fontsize=7)
    _frame(axes)
    _label_ends(axes, [own, *lines], colours | {router: BLUE})


def _frame(axes: Any) -> None:
    axes.axhline(100, color="#AAAAAA", linewidth=0.8, zorder=0)
    axes.axhline(99, color="#AAAAAA", linewidth=0.8, linestyle=(0, (1, 3)), zorder=0)
    axes.set_xlabel("cost, % of always asking the reference")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(left=0)


def _label_ends(axes: Any, lines: Sequence[Line], colours: Mapping[str, str]) -> None:
    """The name of each line to the right of its last point, from the highest down, none upon another."""
    (low, high), edge = axes.get_ylim(), axes.get_xlim()[1]
    place = high + _APART * (high - low)
    for line in sorted(lines, key=lambda line: -line.quality[-1]):
        place = min(place - _APART * (high - low), line.quality[-1])
        axes.annotate(
            plain(line.name.replace("_", " ")), (line.cost[-1], line.quality[-1]), (edge * 1.06, place),
            color=colours[line.name], fontsize=8, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colours[line.name], "linewidth": 0.5, "relpos": (0, 0.5)},
        )  # fmt: skip
