"""What a training came to, in words: which epoch was kept, what the test queries say, and what may be no
better than a coin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bestroute.artefacts.manifest import Manifest
from bestroute.table import number, share, table

_ALL = "overall"


def as_text(manifest: Manifest) -> str:
    """The whole report of a manifest, of whichever kind it is."""
    tables = {"router": _router, "reward": _reward, "posterior": _posterior}[manifest.kind]
    return "\n\n".join([*_epochs(manifest.recipe.get("history", {})), *tables(manifest.metrics)])


def coins(manifest: Manifest) -> Iterator[str]:
    """What a router model may tell no better than a coin, by the interval of its AUC; a sentence each."""
    for name, found in manifest.metrics["test"][_ALL]["classes"].items():
        verdict, known = _verdict(found), found.get("auc") is not None
        if verdict:
            said = f"is told by what {verdict}: {_auc(found)} on {found['queries']:,} test queries"
            yield (
                f"which queries {name} gets right {said if known else verdict}. More prompts may change "
                "that; `bestroute adapt` needs fewer"
            )


def _epochs(history: Mapping[str, Any]) -> Iterator[str]:
    """The epoch that was kept, of each training; their histories stand by seed where there may be several."""
    if not history:
        return
    runs = {"": history} if "best_epoch" in history else history
    for seed, run in runs.items():
        losses = run["validation_loss"]
        which = f" (seed {seed})" if len(runs) > 1 else ""
        yield (
            f"Epoch {run['best_epoch']} of {len(losses)} was kept, by its loss on the validation queries: "
            f"{', '.join(f'{loss:.3f}' for loss in losses)}{which}."
        )


def _router(metrics: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [source, name, str(told["queries"]), _auc(found), number(found.get("ece_quality")), _verdict(found)]
        for source, told in metrics["test"].items()
        for name, found in told["classes"].items()
    ]
    yield table(["test queries", "of", "count", "AUC of one response", "calibration error", ""], rows)


def _reward(metrics: Mapping[str, Any]) -> Iterator[str]:
    tested = metrics["test"]
    rows = [
        [source, n, *(number(gain[key]) for key in ("random", "kept", "oracle")), _gained(gain)]
        for source, told in tested["best_of_n"].items()
        for n, gain in told["gains"].items()
    ]
    if rows:
        yield table(["best of", "", "at random", "kept", "best", "share of the gain"], rows)
    pairs = [
        [source, str(told["pairs"]), f"{share(told['accuracy'])} ({_ends(told['interval'], 100)})"]
        for source, told in tested["pairwise_accuracy"].items()
    ]
    if pairs:
        yield table(["pairs of", "count", "ordered right"], pairs)
    if not rows and not pairs:
        yield "No test query with several responses or a pair measures it."


def _posterior(metrics: Mapping[str, Any]) -> Iterator[str]:
    keys = ("ece_quality", "ece_reference", "ece_chance", "cross_entropy", "cross_entropy_of_prior")
    rows = [
        [source, str(told["queries"]), str(told["states"]), *(number(told[key]) for key in keys)]
        for source, told in metrics["test"].items()
    ]
    if not rows:
        yield "No test query measures it."
        return
    head = ["kept quality", "reference's", "chances", "cross entropy", "of the prediction alone"]
    yield table(["calibration error on", "queries", "states", *head], rows)


def _verdict(found: Mapping[str, Any]) -> str:
    """What the interval of the AUC says beside a coin's 0.5; "" where it lies above."""
    if found.get("auc") is None:
        count, right = found["queries"], found.get("mean_quality")
        which = (
            f"all {count:,} are {'right' if right else 'wrong'}" if count else "no test query has a response"
        )
        return f"cannot be told: {which}"
    low, high = found["auc_interval"]
    return "" if low > 0.5 else "is worse than a coin" if high < 0.5 else "may be no better than a coin"


def _auc(found: Mapping[str, Any]) -> str:
    if found.get("auc") is None:
        return "-"
    return f"AUC {found['auc']:.2f} ({_ends(found['auc_interval'])})"


def _gained(gain: Mapping[str, Any]) -> str:
    found = gain["share_of_gain"]
    return "-" if found is None else f"{found:.0%} ({_ends(gain['interval'], 100)})"


def _ends(interval: Any, times: int = 1) -> str:
    low, high = (None if end is None else times * end for end in interval)
    digits = 2 if times == 1 else 0
    return f"{number(low, digits)} to {number(high, digits)}"
