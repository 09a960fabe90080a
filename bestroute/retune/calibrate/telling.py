"""A calibration in words and tables, from its JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bestroute.table import dollars, number, table


def as_text(report: dict[str, Any], words: str, path: Path, asked: bool = False) -> str:
    """The report for people; `words` are what the chosen dial keeps to, `path` the policy's file; `asked`:
    the dial was to be written there."""
    return "\n".join(_lines(report, words, path, asked))


def in_short(report: dict[str, Any], words: str) -> str:
    """The outcome in one line, for the comment in the policy: of a dial that was chosen."""
    after = report["after"]
    if "max_drop" in report["aim"]:
        return f"saving {_percent(after['saving'])}, {words}"
    kept = f"{words}, on the {report['chosen_on']:,} queries that chose"
    if not report["labelled"]:
        return f"expected saving {_percent(after['saving'])}, {kept}"
    return f"saving {_percent(after['saving'])}, drop {_percent(after['drop'])}, {kept}"


def _lines(report: dict[str, Any], words: str, path: Path, asked: bool) -> Iterator[str]:
    before, after = report["before"], report["after"]
    yield _verdict(report, words, path, asked)
    what = "What it gives on" if report["labelled"] else "What the router expects of"
    which = "the other" if report["held_out"] else "these"
    yield f"\n{what} {which} {before['queries']:,} queries:\n"
    labels = [("as it was", before)] + ([("chosen", after)] if after is not None else [])
    plans = any(of["calls"] > 1 for _, of in labels)
    rounds = ["rounds of asking"] if plans else []
    told = "" if before["with_gap"] == before["queries"] else f" ({before['with_gap']:,} queries)"
    lost = ["quality", "drop"] if report["labelled"] else [f"predicted gap{told}"]
    head = ["", report["dial_key"], "saving", *lost, "US$ per 1,000", *rounds, "by the reference"]
    yield table(head, [_row(label, of, plans, report["labelled"]) for label, of in labels])
    yield ""
    arms = [[arm, *(f"{of['arms'][arm]:.1%}" for _, of in labels)] for arm in before["arms"]]
    yield table(["arm", *(label for label, _ in labels)], arms)
    if report["tiers"] is not None:
        yield from _tiers(report)
    quality = before["reference_quality"]
    best = "" if quality is None else f"quality {quality:.3f}, "
    cost = dollars(1000 * before["reference_cost"])
    yield f"\nAlways the reference: {best}${cost} per 1,000 queries. In brackets: 95 % intervals."
    if report["reached"] is not None:
        yield from _sureness(report)


def _sureness(report: dict[str, Any]) -> Iterator[str]:
    """What the aim bounds, with its interval, here and where the dial was chosen without."""
    said, told, found = _bounded(report["aim"])
    yield said.format(told(report["reached"]))
    apart = report["cross_fitted"]
    if apart is not None:
        dials = f"{report['dial_key']} {min(apart['dials']):g} to {max(apart['dials']):g}"
        yield f"A dial chosen without a fifth of them ({dials}) gave that fifth {told(found(apart))}."


def _bounded(aim: dict[str, Any]) -> tuple[str, Callable[[Any], str], Callable[[dict[str, Any]], Any]]:
    """What an aim bounds: a sentence with a gap for it, how it is written, and where figures have it."""
    if "budget" in aim:
        return "A query like these costs US$ {}.", _dollars, lambda of: of["cost_interval"]
    if "share" in aim:
        [model] = aim["share"]
        return f"Of queries like these {model} answers {{}}.", _percent, lambda of: of["shares"][model]
    said = "Of queries like these the reference answers {}."
    return said, _percent, lambda of: of["reference_share_interval"]


def _tiers(report: dict[str, Any]) -> Iterator[str]:
    """The limit of each tier, before and after, and how far it is from the dial now."""
    yield ""
    rows = []
    for tier in report["tiers"]:
        away = round(tier["after"] - report["dial"], 6)
        shown = f"{away:+g}" if away else "0"
        rows.append([tier["tier"], f"{tier['before']:g}", f"{tier['after']:g}", shown])
    yield table(["tier", f"{report['dial_key']} as it was", "chosen", "from the dial"], rows)
    if report["shaped_on"] is not None:
        yield f"\nHow far each tier is from the dial was found on {report['shaped_on']:,} further queries."
    else:
        yield "\nEvery tier stays at the dial: no limits of their own did better on these queries."


def _verdict(report: dict[str, Any], words: str, path: Path, asked: bool) -> str:
    if report["after"] is None:
        why = report["why_not"].replace(". ", ".\n")
        return f"No dial was chosen and nothing is written: {why}."
    tried = report["dials_tried"]
    by = f"chosen on {report['chosen_on']:,} queries, {tried} {'dial' if tried == 1 else 'dials'} tried"
    stays = f"{path} stays as it is" + ("" if asked else " (--write sets it)")
    where = f"written to {path}" if report["written"] else stays
    return f"{report['dial_key']} {report['dial']:g}: {words}; {by}; {where}."


def _row(label: str, of: dict[str, Any], plans: bool, labelled: bool) -> list[str]:
    told = [_points(of["quality"]), _percent(of["drop"])] if labelled else [_points(of["gap"], 4)]
    return [
        label,
        f"{of['dial']:g}",
        _percent(of["saving"]),
        *told,
        dollars(1000 * of["cost"]),
        *([number(of["calls"], 2)] if plans else []),
        f"{of['reference_share']:.1%}",
    ]


def _percent(interval: dict[str, float | None] | None) -> str:
    """`31.2 % (27.4 to 35.0)`."""
    if interval is None:
        return "-"
    value, low, high = (
        None if part is None else round(100 * part, 1) + 0.0  # no -0.0
        for part in (interval[name] for name in ("value", "low", "high"))
    )
    return f"{number(value, 1)} %" + ("" if low is None else f" ({number(low, 1)} to {number(high, 1)})")


def _dollars(interval: dict[str, float | None]) -> str:
    """`0.0002143 (0.0001812 to 0.0002501)`."""
    value, low, high = ("-" if part is None else dollars(part) for part in interval.values())
    return value if interval["low"] is None else f"{value} ({low} to {high})"


def _points(interval: dict[str, float | None] | None, digits: int = 3) -> str:
    """`0.967 (0.934 to 0.991)`."""
    if interval is None:
        return "-"
    value, low, high = (number(interval[name], digits) for name in ("value", "low", "high"))
    return value if interval["low"] is None else f"{value} ({low} to {high})"
