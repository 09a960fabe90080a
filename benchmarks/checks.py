"""What each check of responses is worth, on scored records and preferences with texts.

    python benchmarks/checks.py ifeval.jsonl.gz samples_tulu_bon.jsonl.gz preferences_ifbench.jsonl.gz

For each file and check: the queries that ask for what it checks, the share of responses that fail it, and of
pairs of responses to one query (of one class or model), one failing and one not, the share in which the
failing one scored lower (half of it where they scored the same: .5 says nothing). Then, over the queries on
which some response failed, the mean score of a random response, of the longest of four, and of one of those
of four that fail least. `all` puts the checks together. Preferences count as two responses, chosen 1 and
rejected 0.
`--time`: the milliseconds that four responses of 500 tokens take.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np

from bestroute.answering.checks import Checks
from bestroute.policy.sampling import CHECKS
from bestroute.query import Query
from bestroute.records.quality import bootstrap_interval

DRAWN, MOST = 4, 200


@dataclass
class Tally:
    """What was seen of one check."""

    asked: set[int] = field(default_factory=set)
    failed: int = 0
    responses: int = 0
    lower: list[tuple[int, float]] = field(default_factory=list)
    gains: list[tuple[int, float, float, float, float]] = field(default_factory=list)


def pools(path: Path) -> Iterator[tuple[Query, list[list[tuple[str, float]]]]]:
    """Every query with its responses, a list of texts and scores for each class or model."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            query = Query.of({key: row[key] for key in ("query", "messages") if row.get(key)})
            if "chosen" in row:
                yield query, [[(row["chosen"], 1.0), (row["rejected"], 0.0)]]
            else:
                parts = row["responses"].values()
                scored = [[(one["text"], one["score"]) for one in part if whole(one)] for part in parts]
                yield query, [part for part in scored if len(part) > 1]


def whole(response: dict[str, Any]) -> bool:
    """Whether a response has its whole text, of which records give the length in tokens."""
    text = response.get("text")
    return bool(text) and len(text) >= 3.5 * (response.get("output_tokens") or 0) - 8


def best_of(scores: Sequence[float], texts: Sequence[str], fails: Sequence[int]) -> tuple[float, ...]:
    """Mean scores of a random one, the longest, one that fails least, the best: of four, however drawn."""
    drawn = list(combinations(range(len(scores)), min(DRAWN, len(scores))))
    if len(drawn) > MOST:
        generator = np.random.default_rng(0)
        drawn = [drawn[place] for place in generator.choice(len(drawn), MOST, replace=False)]
    longest = [scores[max(draw, key=lambda one: len(texts[one]))] for draw in drawn]
    kept = [fmean(scores[one] for one in draw if fails[one] == min(fails[i] for i in draw)) for draw in drawn]
    return (
        fmean(scores),
        fmean(longest),
        fmean(kept),
        fmean(max(scores[one] for one in draw) for draw in drawn),
    )


def tally(path: Path) -> tuple[int, dict[str, Tally]]:
    """The number of queries, and what each check, and `all`, saw of them."""
    checks, found, count = Checks(CHECKS), defaultdict(Tally), 0
    for number, (query, parts) in enumerate(pools(path)):
        count = number + 1
        checked = checks.of(query)
        asked = {demand.check for demand in checked.demands}
        for part in parts:
            texts, scores = [text for text, _ in part], [score for _, score in part]
            failed = [checked(text) for text in texts]
            for name in (*asked, "all"):
                fails = [len(one) if name == "all" else one.count(name) for one in failed]
                note(found[name], number, texts, scores, fails)
    return count, dict(found)


def note(one: Tally, query: int, texts: list[str], scores: list[float], fails: list[int]) -> None:
    """Add the responses of one class or model to one query."""
    one.asked.add(query)
    one.responses += len(fails)
    one.failed += sum(map(bool, fails))
    for a, b in combinations(range(len(fails)), 2):
        if fails[a] != fails[b]:
            worse, better = (a, b) if fails[a] > fails[b] else (b, a)
            one.lower.append((query, (np.sign(scores[better] - scores[worse]) + 1) / 2))
    if len(set(fails)) > 1:
        one.gains.append((query, *best_of(scores, texts, fails)))


def row_of(one: Tally, queries: int) -> dict[str, Any]:
    """The figures of a check; a query counts once, whatever its pairs."""
    by_query = defaultdict(list)
    for query, value in one.lower:
        by_query[query].append(value)
    lower = np.array([fmean(values) for values in by_query.values()])
    gains = np.array([gain[1:] for gain in one.gains])
    return {
        "asks": len(one.asked) / queries,
        "fails": one.failed / one.responses,
        "pairs": len(one.lower),
        "queries": len(lower),
        "lower": float(lower.mean()) if len(lower) else None,
        "interval": bootstrap_interval(
            lambda at: float(lower[at].mean()), len(lower), np.random.default_rng(0)
        )
        if len(lower) > 1
        else None,
        **dict(
            zip(
                ("random", "longest", "kept", "oracle"),
                map(float, gains.mean(axis=0)) if len(gains) else [None] * 4,
                strict=True,
            )
        ),
    }


def timed() -> float:
    """Milliseconds for four responses of 500 tokens to a query that asks for nothing, median of 200."""
    words = (
        "the river runs past old houses and people who live there say that it was once much wider than now"
    )
    texts = [" ".join(f"{words} {place}." for _ in range(22)) for place in range(4)]
    checks, query, spans = (
        Checks(CHECKS),
        Query.of("Why do rivers bend, and what becomes of the land beside them?"),
        [],
    )
    for _ in range(200):
        start = perf_counter()
        checked = checks.of(query)
        for text in texts:
            checked(text)
        spans.append(1000 * (perf_counter() - start))
    return float(np.median(spans))


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--time", action="store_true")
    options = parser.parse_args()
    if options.time:
        print(f"{timed():.3f} ms for four responses of 500 tokens")
    report = {}
    for path in options.files:
        queries, found = tally(path)
        report[path.name.split(".")[0]] = {name: row_of(one, queries) for name, one in sorted(found.items())}
    if options.json:
        print(json.dumps(report))
    elif report:
        print_table(report)


def print_table(report: dict[str, Any]) -> None:
    """One row for each file and check, where something failed."""
    print(
        "| file | check | asks | fails | failing one scored lower (queries) | random | longest | kept "
        "| oracle |"
    )
    print("|---|---|---:|---:|---|---:|---:|---:|---:|")
    for source, rows in report.items():
        for name, row in rows.items():
            if row["lower"] is None:
                continue
            low, high = row["interval"] or (float("nan"),) * 2
            lower = f"{row['lower']:.2f} [{low:.2f}, {high:.2f}] ({row['queries']})"
            scores = " | ".join(f"{row[key]:.3f}" for key in ("random", "longest", "kept", "oracle"))
            print(f"| {source} | {name} | {row['asks']:.1%} | {row['fails']:.1%} | {lower} | {scores} |")


if __name__ == "__main__":
    main()
