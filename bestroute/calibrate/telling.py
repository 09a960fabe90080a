"""A calibration in words and tables, from its JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bestroute.table import dollars, number, table


def as_text(report: dict[str, Any], words: str, path: Path) -> str:
    """The report for people; `words` are what the chosen dial keeps to, `path` the policy's file."""
    return "\n".join(_lines(report, words, path))


def in_short(report: dict[str, Any], words: str) -> str:
    """The outcome in one line, for the comment in the policy: of a dial that was chosen."""
    after = report["after"]
    if not report["labelled"]:
        return f"expected saving {_percent(after['saving'])}, {words}"
    promised = "max_drop" in report["aim"]
    drop = "" if promised else f"drop {_percent(after['drop'])}, "
    return f"saving {_percent(after['saving'])}, {drop}{words}"


def _lines(report: dict[str, Any], words: str, path: Path) -> Iterator[str]:
    before, after = report["before"], report["after"]
    yield _verdict(report, words, path)
    what = "What it gives on" if report["labelled"] else "What the router expects of"
    yield f"\n{what} the other {before['queries']:,} queries:\n"
    labels = [("as it was", before)] + ([("chosen", after)] if after is not None else [])
    plans = any(of["calls"] > 1 for _, of in labels)
    rounds = ["rounds of asking"] if plans else []
    head = ["", report["dial_key"], "saving", "quality", "drop", "US$ per 1,000", *rounds, "by the reference"]
    yield table(head, [_row(label, of, plans) for label, of in labels])
    yield ""
    arms = [[arm, *(f"{of['arms'][arm]:.1%}" for _, of in labels)] for arm in before["arms"]]
    yield table(["arm", *(label for label, _ in labels)], arms)
    if report["tiers"] is not None:
        yield from _tiers(report)
    quality = before["reference_quality"]
    told = "" if quality is None else f"quality {quality:.3f}, "
    cost = dollars(1000 * before["reference_cost"])
    yield f"\nAlways the reference: {told}${cost} per 1,000 queries. In brackets: 95 % intervals."


def _tiers(report: dict[str, Any]) -> Iterator[str]:
    """The limit of each tier, before and after, and how far it is from the dial now."""
    away = {tier: round(limit - report["dial"], 6) for tier, limit in report["tiers"].items()}
    yield ""
    yield table(
        ["tier", f"{report['dial_key']} as it was", "chosen", "from the dial"],
        [
            [
                tier,
                f"{report['tiers_before'][tier]:g}",
                f"{limit:g}",
                f"{away[tier]:+g}" if away[tier] else "0",
            ]
            for tier, limit in report["tiers"].items()
        ],
    )
    if report["shaped_on"] is not None:
        yield f"\nHow far each tier is from the dial was found on {report['shaped_on']:,} further queries."
    else:
        yield "\nEvery tier stays at the dial: none was found to gain enough by leaving it."


def _verdict(report: dict[str, Any], words: str, path: Path) -> str:
    if report["after"] is None:
        why = report["why_not"].replace(". ", ".\n")
        return f"No dial was chosen and nothing is written: {why}."
    by = f"chosen on {report['chosen_on']:,} queries, {report['dials_tried']} dials tried"
    where = f"written to {path}" if report["written"] else f"{path} stays as it is (--write sets it)"
    return f"{report['dial_key']} {report['dial']:g}: {words}; {by}; {where}."


def _row(label: str, of: dict[str, Any], plans: bool) -> list[str]:
    quality = of["quality"]
    told = (
        "-" if quality is None else f"{quality['value']:.3f} ({quality['low']:.3f} to {quality['high']:.3f})"
    )
    return [
        label,
        f"{of['dial']:g}",
        _percent(of["saving"]),
        told,
        _percent(of["drop"]),
        dollars(1000 * of["cost"]),
        *([number(of["calls"], 2)] if plans else []),
        f"{of['reference_share']:.1%}",
    ]


def _percent(interval: dict[str, float] | None) -> str:
    """`31.2 % (27.4 to 35.0)`."""
    if interval is None:
        return "-"
    value, low, high = (round(100 * interval[name], 1) + 0.0 for name in ("value", "low", "high"))  # no -0.0
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"
