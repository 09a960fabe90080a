"""How much of the best-of-n gain each selector takes, on records that the reward model was not trained on.

    python benchmarks/best_of_n.py exported_models/reward records/*.jsonl.gz --pairs preferences_*.jsonl.gz

Per source and n: the mean score of a random pick and of the oracle's best, and the share of the oracle's
gain, with a 95 % bootstrap interval over queries, that each selector takes (`sampling.select` in a policy);
`checked`: the last of them, of those responses alone that fail the fewest checks, as in a policy; and one
that keeps the longest. Every way to draw n of the recorded responses of a class counts once; where there are
more than 200, 200 seeded draws stand for them (--json has the standard error of that). `calibration error`:
of the rewards as probabilities of being right. Rewards that the records hold (`bestroute score`) are used;
others are computed. `--pairs`: how often the preferred of two gets the higher reward, and how often it is the
longer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bestroute.answering.agreement import group
from bestroute.answering.checks import Checks
from bestroute.answering.selection import SELECTORS, ByRewardedVote, Selector, failing_least
from bestroute.artefacts.manifest import seen_queries
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.errors import BestRouteError
from bestroute.evaluate.replay import query_of
from bestroute.policy.sampling import DEFAULT_CHECKS
from bestroute.records.lines import read_preferences, read_records
from bestroute.records.quality import best_of_n_quality, bootstrap_interval, calibration_error
from bestroute.records.record import Preference, Record, Response, family_of, query_hash, scores_of
from bestroute.train.labels import prompt_text

SIZES = (2, 4, 8)
MOST = 200


class ByLength(Selector):
    """The longest: what a judge may have liked, whatever was asked."""

    def select(
        self,
        texts: Sequence[str],
        rewards: Sequence[float],
        groups: Sequence[int],
        eligible: Sequence[int] | None = None,
    ) -> int:
        """Index of the longest text."""
        return max(range(len(texts)), key=lambda index: len(texts[index]))

    def _votes(self, rewards: Mapping[int, float]) -> dict[int, float]:
        return dict.fromkeys(rewards, 0.0)


CHECKED = "checked"
CHOOSERS: Mapping[str, Selector] = {
    **{name: kind() for name, kind in SELECTORS.items()},
    CHECKED: ByRewardedVote(),
    "longest": ByLength(),
}


class Pool(NamedTuple):
    """All recorded responses of one class to one query."""

    query: int
    texts: list[str]
    rewards: list[float]
    failed: list[tuple[str, ...]]
    scores: np.ndarray


class Outcome(NamedTuple):
    """What n of a pool's responses give: mean scores, each selector's too with its squared standard error."""

    query: int
    random: float
    oracle: float
    kept: dict[str, float]
    variance: dict[str, float]


def pool_of(query: int, record: Record, items: Sequence[Response], model: OnnxRewardModel) -> Pool:
    """The responses, each with its reward, 0 for a blank one, and the checks that it fails."""
    texts = [item.text or "" for item in items]
    rewards = [item.reward for item in items]
    if None in rewards:
        rewards = model.rewards(prompt_text(record), texts)
    return Pool(
        query,
        texts,
        [float(value) if text.strip() else 0.0 for value, text in zip(rewards, texts, strict=True)],
        list(map(Checks(DEFAULT_CHECKS).of(query_of(record)), texts)),
        np.array(scores_of(items)),
    )


def play(pool: Pool, n: int, generator: np.random.Generator) -> Outcome:
    """Draw n of the pool in every way, or 200 times, and let every selector choose."""
    count = len(pool.texts)
    every = comb(count, n) <= MOST
    draws = (
        list(combinations(range(count), n))
        if every
        else [generator.choice(count, n, replace=False).tolist() for _ in range(MOST)]
    )
    kept: dict[str, list[float]] = {name: [] for name in CHOOSERS}
    for draw in draws:
        texts = [pool.texts[index] for index in draw]
        groups = group(texts).of
        for name, selector in CHOOSERS.items():
            if any(text.strip() for text in texts):
                rewards = [pool.rewards[index] for index in draw]
                passing = failing_least(range(n), [pool.failed[index] for index in draw])
                best = selector.select(texts, rewards, groups, passing if name == CHECKED else None)
                kept[name].append(pool.scores[draw[best]])
            else:
                kept[name].append(pool.scores[list(draw)].mean())
    return Outcome(
        pool.query,
        float(pool.scores.mean()),
        float(best_of_n_quality(pool.scores, pool.scores, n)[n - 1]),
        {name: float(np.mean(values)) for name, values in kept.items()},
        {name: 0.0 if every else float(np.var(values)) / MOST for name, values in kept.items()},
    )


def gain(outcomes: Sequence[Outcome], name: str) -> dict[str, Any]:
    """One row of a selector's table; the interval resamples queries, whose classes go together."""
    random, oracle = (np.array([getattr(row, part) for row in outcomes]) for part in ("random", "oracle"))
    kept = np.array([row.kept[name] for row in outcomes])
    _, query = np.unique([row.query for row in outcomes], return_inverse=True)
    taken, possible = np.bincount(query, kept - random), np.bincount(query, oracle - random)

    def share(at: Any) -> float:
        total = float(possible[at].sum())
        return float(taken[at].sum()) / total if total else float("nan")

    return {
        "random": float(random.mean()),
        "kept": float(kept.mean()),
        "standard_error_of_draws": float(np.sqrt(sum(row.variance[name] for row in outcomes)))
        / len(outcomes),
        "oracle": float(oracle.mean()),
        "share_of_gain": share(np.arange(len(taken))),
        "interval": bootstrap_interval(share, len(taken), np.random.default_rng(0)),
    }


def measure(records: Sequence[Record], model: OnnxRewardModel) -> dict[str, Any]:
    """`{source: {"ece", "gains": {selector: {"n=2": row, ...}}}}`."""
    report: dict[str, Any] = {}
    for family in sorted({family_of(record.source) for record in records}):
        pools = [
            pool_of(query, record, items, model)
            for query, record in enumerate(records)
            if family_of(record.source) == family
            for items in record.responses.values()
            if len(items) > 1
        ]
        generator = np.random.default_rng(0)
        rows = {n: [play(pool, n, generator) for pool in pools if len(pool.texts) >= n] for n in SIZES}
        report[family] = {
            "ece": calibration_error(
                [reward for pool in pools for reward in pool.rewards],
                [score for pool in pools for score in pool.scores],
            ),
            "gains": {name: {f"n={n}": gain(rows[n], name) for n in SIZES if rows[n]} for name in CHOOSERS},
        }
    return report


def _mean_at(values: np.ndarray, at: np.ndarray) -> float:
    return float(values[at].mean())


def judge_pairs(pairs: Sequence[Preference], model: OnnxRewardModel) -> dict[str, Any]:
    """`{source: {"pairs", "accuracy", "interval", "longer"}}`."""
    report: dict[str, Any] = {}
    for family in sorted({family_of(pair.source) for pair in pairs}):
        part = [pair for pair in pairs if family_of(pair.source) == family]
        rewards = model.rewards_of_pairs(
            [(pair.prompt, text) for pair in part for text in (pair.chosen, pair.rejected)]
        )
        right = (rewards[0::2] > rewards[1::2]).astype(float)
        longer = np.array([len(pair.chosen) > len(pair.rejected) for pair in part])
        report[family] = {
            "pairs": len(part),
            "accuracy": float(right.mean()),
            "interval": bootstrap_interval(partial(_mean_at, right), len(part), np.random.default_rng(0)),
            "longer": float(longer.mean()),
        }
    return report


def print_pairs(report: dict[str, Any]) -> None:
    """A Markdown table."""
    print("\n| preferences | pairs | right | the longer is right |\n|---|---:|---|---:|")
    for source, row in report.items():
        low, high = row["interval"]
        right = f"{row['accuracy']:.0%} [{low:.0%}, {high:.0%}]"
        print(f"| {source} | {row['pairs']} | {right} | {row['longer']:.0%} |")


def print_table(report: dict[str, Any]) -> None:
    """A Markdown table."""
    print("| " + " | ".join(["source", "n", "random", "oracle", *CHOOSERS, "calibration error"]) + " |")
    print("|---|---:|---:|---:|" + "---|" * len(CHOOSERS) + "---:|")
    for source, part in report.items():
        for n in part["gains"][CHECKED]:
            rows = [part["gains"][name][n] for name in CHOOSERS]
            cells = [source, n[2:], f"{rows[0]['random']:.3f}", f"{rows[0]['oracle']:.3f}"]
            for row in rows:
                low, high = row["interval"]
                cells.append(f"{row['share_of_gain']:.0%} [{low:.0%}, {high:.0%}]")
            print("| " + " | ".join([*cells, f"{part['ece']:.3f}"]) + " |")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description="Share of the oracle's best-of-n gain, by selector.")
    parser.add_argument("reward", type=Path, help="artefact folder")
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--pairs", type=Path, nargs="*", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        seen = set(seen_queries(options.reward).tolist())
        records = [
            record for record in read_records(options.records) if query_hash(prompt_text(record)) not in seen
        ]
        pairs = [pair for pair in read_preferences(options.pairs) if query_hash(pair.prompt) not in seen]
        model = OnnxRewardModel(options.reward, threads=0)
        report, judged = measure(records, model), judge_pairs(pairs, model)
    except BestRouteError as error:
        sys.exit(f"error: {error}")
    if options.json:
        print(json.dumps({"best_of_n": report, "pairs": judged}))
    else:
        print_table(report)
        if judged:
            print_pairs(judged)


if __name__ == "__main__":
    main()
