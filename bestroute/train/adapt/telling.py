"""The report of `bestroute adapt` in words: tables for people, and what to make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bestroute.evaluate.names import told_unknown
from bestroute.table import number, share, table

_FEW = 100
_COVERED = 0.9
_WORDS = {
    "none": "no record: its class, as the others stand",
    "base": "as it is",
    "level": "level",
    "slope": "level and slope",
    "features": "features",
}


def as_text(report: Mapping[str, Any], out: str) -> str:
    """The whole report."""
    parts = [
        _heading(report, out),
        _models(report["models"]),
        "On queries that fitted nothing (five folds):\n\n" + _found(report),
        _savings(report["savings"]),
        _rewards(report["rewards"]),
    ]
    for title, key in (("source", "sources"), ("language", "languages")):
        if len(report[key]) > 1:
            parts.append(_groups(title, report[key]))
    if report["learning_curve"]:
        parts.append(_curve(report))
    return "\n\n".join(part for part in parts if part)


def _level(model: Mapping[str, Any]) -> str:
    wide = "" if model["level_interval"] is None else f" ± {model['level_interval']:.2f}"
    return number(model["level"], 2) + wide


def placed(model: Mapping[str, Any]) -> str:
    """How a model was placed: `placed from 40 records, level 0.62 ± 0.05`."""
    if not model["records"]:
        return _WORDS["none"]
    return f"placed from {model['records']:,} records, level {_level(model)}"


def cautions(report: Mapping[str, Any]) -> list[str]:
    """What a reader of the figures should know."""
    found = [f"left out: {count} records {why}" for why, count in report["left_out"].items()]
    if unknown := told_unknown(report["unknown_names"], report["models"]):
        found.append(unknown)
    if report["seen_by_router"]:
        found.append(
            f"the router model was trained on {report['seen_by_router']} of these queries; it knows them "
            "better than fresh ones, so the adapter trusts it too much, and figures flatter"
        )
    if not report["features"]:
        found.append(
            "the router model gives no features, so only levels and slopes can be adapted; train or take one "
            "that gives features, to learn which of your queries are hard"
        )
    for name, model in report["models"].items():
        if model["records"] < _FEW:
            found.append(f"{name}: {placed(model)}")
        if model["records"] and model["covered"] < _COVERED:
            found.append(
                f"{name} was asked in kinds of traffic and degrees of difficulty that make up "
                f"{model['covered']:.0%} of the queries; of the others its level is a guess from these"
            )
    if report["rewards"] is not None and not report["rewards"]["tells"]:
        found.append(
            "on these responses rewards cannot be told from chance; they are set equal, but for breaking "
            "ties, so that `select: reward+vote` counts heads alone"
        )
    if report["savings"]["why_not"]:
        found.append(f"no saving can be told: {report['savings']['why_not']}")
    if report["cross_fitted"]["gap_correlation"] is None:
        found.append(
            "no gap can be told: too few queries have responses of the reference and of another model, so "
            "what is saved stays unknown. To judge it, add about 100 prompts that every model answered: "
            "`bestroute collect --choose 100` takes them from your log"
        )
    return found


def more(report: Mapping[str, Any]) -> str | None:
    """How many more records would help, in a sentence; None where the curve has no two points."""
    rungs = [rung for rung in report["learning_curve"] if rung["gap_correlation"] is not None]
    now = report["cross_fitted"]["gap_correlation"]
    if not rungs or now is None:
        return None
    last = rungs[-1]
    risen = now["value"] - last["gap_correlation"]
    times = report["records"] / last["records"]
    seen = (
        f"From {last['records']:,} to {report['records']:,} records the correlation of predicted and true "
        f"gap went from {last['gap_correlation']:.2f} to {now['value']:.2f}"
    )
    if times < 1.5:
        return seen + "."
    if risen < 0.02:
        return seen + ": more of the same records would change little."
    return seen + ": it still rises, so three times as many would help again."


def _heading(report: Mapping[str, Any], out: str) -> str:
    known = report["known"]
    told = "" if known is None else f" {share(known)} of them are known to it"
    base = report["known_to_base"]
    told += "" if known is None or base is None else f" ({share(base)} without it)."
    return f"Wrote {out} from {report['records']:,} queries.{told}"


def _models(models: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            name,
            str(model["records"]),
            _level(model),
            number(model["predicted_level"], 2),
            number(model["base_level"], 2),
            _WORDS[model["goes_as_far_as"]],
            model["rests_on"],
        ]
        for name, model in models.items()
    ]  # fmt: skip
    return table(["model", "records", "level", "predicted", "without", "adapted by", "rests on"], rows)


def _found(report: Mapping[str, Any]) -> str:
    return table(
        ["", "gap correlation", "difficulty", "level error", "calibration error"],
        [["adapter", *_cells(report["cross_fitted"])], ["without", *_cells(report["base"])]],
    )


def _groups(title: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [[name, str(found["queries"]), *_cells(found)] for name, found in groups.items()]
    return table(
        [title, "queries", "gap correlation", "difficulty", "level error", "calibration error"], rows
    )


def _cells(found: Mapping[str, Any]) -> list[str]:
    return [
        *(_interval(found[name]) for name in ("gap_correlation", "difficulty")),
        number(found["level_error"]),
        number(found["ece"]),
    ]


def _interval(found: Mapping[str, float] | None) -> str:
    return "-" if found is None else f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def _savings(found: Mapping[str, Any]) -> str:
    if not found["saving"]:
        return ""
    words = {"adapter": "adapter", "base": "without", "static_mix": "static mix, which looks at no query"}
    rows = [[words[name], _saving(one)] for name, one in found["saving"].items()]
    head = f"saving at 1% drop ({found['queries']:,} queries, {', '.join(found['arms'])})"
    return table(["", head], rows)


def _saving(one: Mapping[str, float]) -> str:
    mean, low, high = (100 * one[name] + 0.0 for name in ("mean", "low", "high"))
    return f"{mean:.1f}% ({low:.1f} to {high:.1f})"


def _rewards(found: Mapping[str, Any] | None) -> str:
    """How well the best response is chosen; a random choice takes none of the gain, and half of the pairs."""
    if found is None:
        return ""
    words = {"own": "with own scores", "base": "as it is", "longest": "the longest"}
    if not found["adapted"]:
        words["own"] = "calibrated alone"
    rows = [
        [words[key], *(_interval(found[part][key]) for part in ("share_of_gain", "pairs"))] for key in words
    ]
    head = f"reward ({found['queries']:,} queries, {found['responses']:,} responses)"
    return table([head, "share of the gain by the best of 4", "pairs in order"], rows)


def _curve(report: Mapping[str, Any]) -> str:
    rows = [_rung(rung["records"], rung) for rung in report["learning_curve"]]
    text = table(["fitted on", "gap correlation", "difficulty", "level error"], rows)
    return "\n\n".join(filter(None, [text, more(report)]))


def _rung(records: int, found: Mapping[str, Any]) -> Sequence[str]:
    names = ("gap_correlation", "difficulty", "level_error")
    return [f"{records} queries", *(number(found[name], 3 if name == "level_error" else 2) for name in names)]
