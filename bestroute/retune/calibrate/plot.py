"""Pictures of a dial: the share of every arm at each setting, and cost against quality; or a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from bestroute.evaluate.picture import BLACK, BLUE, COLOURS, TABLE, check_plot, picture, plain
from bestroute.evaluate.replay import Floats
from bestroute.files import atomic_write
from bestroute.policy.objective import CostPerPoint
from bestroute.retune.calibrate.sweep import Sweep
from bestroute.table import dollars, number, share, table

_REFERENCE = "#BBBBBB"  # a quiet ground: it is most of the picture where the dial is safe
_HATCHES = ("", "///", "...", "xxx")
_ARMS = COLOURS[:-1]
_SHAPES = (("D", "--"), ("*", "-"))  # of the marks: on the curve, and across the shares
_WIDTH = 36  # characters of a line in the legend
_STILL = 0.002  # where fewer queries have another arm than at the end of the dial, nothing is to be seen
_LABELS, _APART = 7, 0.12  # at most so many settings are named on the curve, so far apart in its extent


@dataclass(frozen=True)
class Mark:
    """A setting to point out. `drop`: from `low` to `high`, the share of the reference's quality it loses."""

    name: str
    setting: float
    drop: Mapping[str, float] | None = None


@dataclass(frozen=True)
class _Frontier:
    """The right panel in its own units: the curve, what always asking the reference gives, and the labels."""

    costs: Floats
    values: Floats
    reference: tuple[float, float]
    cost_label: str
    quality_label: str


def write_plot(sweep: Sweep, marks: Sequence[Mark], title: str, note: str, path: Path) -> None:
    """Write a picture of a sweep: `.svg`, the same bytes for the same sweep, or `.png`; or `.txt`, a table.

    `marks`: at most two settings of the sweep. `title` stands above, `note` below. Raises InputError for
    another kind of file, MissingExtra without matplotlib.
    """
    check_plot(path, table=True)
    if sweep.with_quality < sweep.queries:
        note += f"; quality is predicted of {sweep.with_quality:,} of them, as rules route the others"
    if path.suffix.lower() == TABLE:
        text = f"{title}: {note}; shares of whose response is kept\n\n{_table(sweep, marks)}\n"
        with atomic_write(path) as file:
            file.write(text.encode("utf-8", "replace"))
        return
    with picture(path, 11.5, 4.8) as figure:
        left, right = figure.subplots(1, 2)
        handles = [*_draw_shares(left, sweep, marks), *_draw_frontier(right, sweep, marks)]
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
        figure.suptitle(plain(title), fontsize=10)
        if any(mark.drop is not None for mark in marks):
            note += "; bars are 95 % intervals"
        figure.supxlabel(plain(note), fontsize=8, color="#444444")
        figure.legend(handles=handles, loc="outside right center", frameon=False)


def _table(sweep: Sweep, marks: Sequence[Mark]) -> str:
    """A row a setting on the stretch of the dial where something moves; where nothing does, its ends and the
    marks."""
    part = _moving(sweep, marks)
    names = {sweep.at(mark.setting): mark.name for mark in marks}
    places: Sequence[int] = range(part.start, part.stop)
    if np.abs(sweep.shares - sweep.shares[0]).max() <= _STILL:
        places = sorted({0, *names, len(sweep.settings) - 1})
    gap = "predicted gap" if sweep.reference_quality is None else "quality"
    told = -sweep.quality if sweep.reference_quality is None else sweep.quality
    rows = [
        [
            f"{sweep.settings[at]:g}",
            dollars(1000 * sweep.cost[at]),
            number(told[at] + 0.0, 4),
            *(share(part_of) for part_of in sweep.shares[at]),
            names.get(at, ""),
        ]
        for at in places
    ]
    return table([sweep.objective.key, "US$ per 1,000", gap, *sweep.arms, ""], rows)


def _draw_shares(axes: Any, sweep: Sweep, marks: Sequence[Mark]) -> list[Any]:
    """The left panel; what its areas are, from the top down."""
    part = _moving(sweep, marks)
    settings = sweep.settings[part]
    areas = axes.stackplot(settings, 100 * sweep.shares[part].T, edgecolor="white", linewidth=0.5)
    for index, (area, label) in enumerate(zip(areas, sweep.arms, strict=True)):
        turn, colour = divmod(index, len(_ARMS))
        area.set_label(plain("\n".join(wrap(label, _WIDTH, drop_whitespace=False))))
        area.set_facecolor(_ARMS[colour])
        area.set_hatch(_HATCHES[turn % len(_HATCHES)])
    areas[-1].set(facecolor=_REFERENCE, hatch="")
    for mark, (_, style) in zip(marks, _SHAPES, strict=False):
        axes.axvline(mark.setting, color=BLACK, linewidth=1.4, linestyle=style, zorder=5, clip_on=False)
    if isinstance(sweep.objective, CostPerPoint):
        axes.set_xscale("symlog", linthresh=sweep.settings[sweep.settings > 0].min())  # 0 is a setting too
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlim(settings[0], settings[-1])
    axes.set_ylim(0, 100)
    axes.set_xlabel(f"{sweep.objective.key}, from the safest setting to the loosest")
    axes.set_ylabel("whose response is kept, % of queries")
    return [*reversed(areas)]


def _draw_frontier(axes: Any, sweep: Sweep, marks: Sequence[Mark]) -> list[Any]:
    """The right panel; what its line and points are."""
    shown = _frontier(sweep)
    axes.set_xlabel(shown.cost_label)
    axes.set_ylabel(shown.quality_label)
    if not sweep.with_quality:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not known of any query", ha="center", transform=axes.transAxes)
        return []
    axes.margins(0.06, 0.09)  # room for the names of settings
    axes.axhline(shown.reference[1], color="#AAAAAA", linewidth=0.8, zorder=0)
    handles: list[Any] = axes.plot(
        shown.costs, shown.values, "o-", color=BLUE, linewidth=1.8, markersize=3, label=sweep.objective.key
    )
    handles += axes.plot(
        *shown.reference, "s", color=BLACK, markerfacecolor=_REFERENCE, zorder=4, label="always the reference"
    )
    places = [sweep.at(mark.setting) for mark in marks]
    moving = _moving(sweep, marks)
    for mark, at, (shape, style) in zip(marks, places, _SHAPES, strict=False):
        where = shown.costs[at], shown.values[at]
        if mark.drop is not None:
            ends = [(1 - mark.drop[end]) * shown.reference[1] for end in ("low", "high")]
            axes.plot([where[0]] * 2, ends, color=BLACK, linewidth=1.0, zorder=5)
        handles += axes.plot(
            *where, shape, color=BLACK, linestyle=style, markersize=8, zorder=6,
            label=f"{mark.name}: {mark.setting:g}",
        )  # fmt: skip
    for at in (*dict.fromkeys(places), *_named(shown, places, range(moving.start, moving.stop))):
        where = shown.costs[at], shown.values[at]
        axes.annotate(
            f"{sweep.settings[at]:g}", where, xytext=(6, -11), textcoords="offset points", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    return handles


def _frontier(sweep: Sweep) -> _Frontier:
    cost, best = sweep.reference_cost, sweep.reference_quality
    cost_scale, cost_label = 1000.0, r"cost, US\$ per 1,000 queries"
    if cost > 0:
        cost_scale = 100 / cost
        cost_label = rf"cost, % of the reference's (US\$ {dollars(1000 * cost)} per 1,000 queries)"
    if best is None:
        scale, level, label = 1.0, 0.0, "predicted quality less the reference's, in points"
    elif best > 0:
        scale, level, label = 100 / best, 100.0, f"quality, % of the reference's ({best:.3f})"
    else:
        scale, level, label = 1.0, 0.0, "quality"
    reference = cost_scale * cost, level
    return _Frontier(cost_scale * sweep.cost, scale * sweep.quality, reference, cost_label, label)


def _moving(sweep: Sweep, marks: Sequence[Mark]) -> slice:
    """The stretch of the dial on which shares change and marks are, and one setting more on either side."""
    first, last = (
        np.flatnonzero(np.abs(sweep.shares - end).max(axis=1) > _STILL)
        for end in (sweep.shares[0], sweep.shares[-1])
    )
    if not (first.size and last.size):
        return slice(0, len(sweep.settings))
    places = [int(first[0]), int(last[-1]), *(sweep.at(mark.setting) for mark in marks)]
    return slice(max(0, min(places) - 1), min(len(sweep.settings), max(places) + 2))


def _named(shown: _Frontier, taken: Sequence[int], open_: Sequence[int]) -> list[int]:
    """Places on the curve to name beside those `taken`: of those open, each the farthest from all so far."""
    points = np.stack([shown.costs, shown.values], axis=1)
    points = (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-12)
    named: list[int] = []
    while len(named) < _LABELS:
        others = points[[*taken, *named] or [open_[0]]]
        apart = np.hypot(*(points[[*open_], None] - others).T).min(axis=0)
        if apart.max() < _APART:
            break
        named.append(open_[int(apart.argmax())])
    return named
