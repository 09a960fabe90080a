"""How much of the best-of-n gain a reward model's choice takes, on records that it was not trained on.

    python benchmarks/best_of_n.py exported_models/reward records/*.jsonl.gz

Per source and n: the mean score of a random pick, of the kept response and of the oracle's best, and the
share of the oracle's gain with a 95 % bootstrap interval over pairs of query and class; and how well rewards
are calibrated as probabilities of being right. Rewards that the records hold (`bestroute score`) are used;
others are computed. With --json one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bestroute.artefact import seen_queries
from bestroute.errors import BestRouteError
from bestroute.records import Record, query_hash, read_records
from bestroute.reward import OnnxRewardModel
from bestroute.train.labels import prompt_text
from bestroute.train.metrics import best_of_n


class Recorded:
    """A reward model that remembers the rewards of records, and asks another for the rest."""

    def __init__(self, model: OnnxRewardModel, records: Sequence[Record]) -> None:
        self._model = model
        self._known = {
            (prompt_text(record), item.text or ""): item.reward
            for record in records
            for items in record.responses.values()
            for item in items
            if item.reward is not None
        }

    def rewards(self, query: str, responses: Sequence[str]) -> np.ndarray:
        """One reward for each response."""
        known = [self._known.get((query, text)) for text in responses]
        return self._model.rewards(query, responses) if None in known else np.array(known, np.float32)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description="Share of the oracle's best-of-n gain.")
    parser.add_argument("reward", type=Path, help="artefact folder")
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        seen = set(seen_queries(options.reward).tolist())
        records = [
            record for record in read_records(options.records) if query_hash(prompt_text(record)) not in seen
        ]
        report = best_of_n(Recorded(OnnxRewardModel(options.reward, threads=0), records), records)
    except BestRouteError as error:
        sys.exit(f"error: {error}")
    if options.json:
        print(json.dumps(report))
        return
    head = ["source", "n", "random", "kept", "oracle", "share of the gain", "calibration error"]
    print(f"| {' | '.join(head)} |\n|---|---:|---:|---:|---:|---|---:|")
    for source, part in report.items():
        for n, row in part["gains"].items():
            low, high = row["interval"]
            share = f"{row['share_of_gain']:.0%} [{low:.0%}, {high:.0%}]"
            figures = " | ".join(f"{row[name]:.3f}" for name in ("random", "kept", "oracle"))
            print(f"| {source} | {n[2:]} | {figures} | {share} | {part['ece']:.3f} |")


if __name__ == "__main__":
    main()
