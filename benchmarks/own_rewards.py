"""What own scored responses add to the reward model: share of the best-of-4 gain, and pairs in order.

    python benchmarks/own_rewards.py exported_models/reward records/*.jsonl.gz

Of each source, `--queries` are taken that the reward model was not trained on; all of them with `--all`,
for a reward model that was trained on other sources. Each query is judged by a fit on the four fifths of the
folds that do not have it, choices and all (bestroute.train.adapt.own_rewards), and chosen from are the
responses of one class. A random choice takes none of the gain. Intervals: 95 % over queries.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bestroute.artefacts.manifest import seen_queries
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.errors import BestRouteError
from bestroute.policy import Policy
from bestroute.records.lines import read_records
from bestroute.records.record import Record, family_of, query_hash, scored_part
from bestroute.train.adapt.own_rewards import fit_own_rewards
from bestroute.train.adapt.sights import read_scored
from bestroute.train.labels import prompt_text

VARIANTS = ("own", "base", "longest")


def policy_of(records: list[Record]) -> Policy:
    """One that has a model for every key of the responses."""
    names = sorted({name for record in records for name in record.responses})
    models = [{"name": name, "price": {"input": 1, "output": 1}} for name in names]
    tiers = [{"model": names[0]}]
    content = {"version": 1, "models": models, "reference": names[0], "max_gap": 0.0, "tiers": tiers}
    return Policy.model_validate(content, strict=False)


def measure(records: list[Record], model: OnnxRewardModel) -> dict[str, Any] | None:
    """The report of one source; None where too few queries have responses of different scores."""
    scored = read_scored(policy_of(records), records, model, lambda: None)
    found = None if scored is None else fit_own_rewards(scored)
    return None if found is None else found.report


def cell(found: dict[str, float] | None) -> str:
    """Value and interval."""
    return "-" if found is None else f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def print_table(reports: dict[str, dict[str, Any]]) -> None:
    """In Markdown; the last row is the mean of the sources."""
    heads = [f"{name}: {what}" for what in ("share", "pairs") for name in VARIANTS]
    print(f"| source | queries | {' | '.join(heads)} | tells |\n|---|---:|{'---|' * len(heads)}---|")
    for source, report in reports.items():
        cells = [cell(report[key][name]) for key in ("share_of_gain", "pairs") for name in VARIANTS]
        print(f"| {source} | {report['queries']} | {' | '.join(cells)} | {report['tells']} |")
    means = [
        np.mean([report[key][name]["value"] for report in reports.values()])
        for key in ("share_of_gain", "pairs")
        for name in VARIANTS
    ]
    print(f"| mean | | {' | '.join(f'{mean:.2f}' for mean in means)} | |")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description="The reward model with own scores on it.")
    parser.add_argument("reward", type=Path, help="artefact folder")
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--queries", type=int, default=100, help="of one source, at most")
    parser.add_argument("--all", action="store_true", help="also queries that the reward model saw")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    reports: dict[str, dict[str, Any]] = {}
    try:
        model = OnnxRewardModel(options.reward, threads=1)
        seen = set() if options.all else set(seen_queries(options.reward).tolist())
        for path in options.records:
            records = [
                scored_part(record)
                for record in read_records([path], scored=False)
                if query_hash(prompt_text(record)) not in seen
            ]
            records.sort(key=lambda record: query_hash(prompt_text(record)))
            report = measure(records[: options.queries], model)
            if report is not None:
                reports[family_of(records[0].source)] = report
                print(f"{path.name} is measured", file=sys.stderr)
    except BestRouteError as error:
        sys.exit(f"error: {error}")
    if options.json:
        print(json.dumps(reports))
    else:
        print_table(reports)


if __name__ == "__main__":
    main()
