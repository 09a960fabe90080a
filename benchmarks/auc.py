"""Who tells best from a query alone whether one response of a class is right: AUC on the test split.

    python benchmarks/auc.py exported_models/router mmlu_pro.jsonl.gz

The router model beside kNN, logistic regression, random forest and ridge on the embedded frozen encoder, each
fitted on the train split of the same records (`split_of` in bestroute.records.record). Intervals are
95 % bootstrap over queries; that of a difference (router - baseline) resamples both alike. `mean` is that
over the classes. Where several sources are given, each is judged by itself too: `all` is flattered by one
source being easier than another. The router must not have been trained on the test split. Extra: evaluate.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.errors import BestRouteError, InputError
from bestroute.evaluate.baselines.embedding import frozen_features, principal
from bestroute.evaluate.baselines.examples import Examples, fold_of
from bestroute.evaluate.baselines.predict import PREDICTORS
from bestroute.records.lines import read_records
from bestroute.records.quality import auc, bootstrap_interval
from bestroute.records.record import scores_of, split_of
from bestroute.train.labels import prompt_text

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def main() -> None:
    """Fit, measure, print a table or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("router", type=Path, help="a router artefact folder")
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--draws", type=int, default=500, help="bootstrap resamples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        report = measure(options.router, options.records, options.seed, options.draws)
    except BestRouteError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(json.dumps(report, indent=2) if options.json else "\n".join(table(report)))


def measure(folder: Path, paths: Sequence[Path], seed: int, draws: int) -> dict[str, object]:
    """`{"fitted", "left_out", "sources": {name: {"queries", "models": {model: {column: ...}}}}}`."""
    router = OnnxPredictor(folder)
    classes = router.manifest.classes
    everything = list(read_records(paths))
    records = [record for record in everything if all(name in record.responses for name in classes)]
    texts = [prompt_text(record) for record in records]
    scores = np.array(
        [[np.mean(scores_of(record.responses[name])) for name in classes] for record in records]
    )
    splits = np.array([split_of(text) for text in texts])
    train, test = np.flatnonzero(splits == "train"), np.flatnonzero(splits == "test")
    if not len(train) or not len(test):
        raise InputError(f"no query with responses of {', '.join(classes)} to fit on, or none to judge by")
    asked = [texts[index] for index in test]
    predicted = {"router": router.predict(router.tokenize(asked)).quality[:, :, 0].astype(float)}
    predicted |= baselines([texts[index] for index in train], scores[train], asked, seed)
    families = np.array([records[index].source.split("/")[0] for index in test])
    sources = [*sorted(set(families)), "all"] if len(set(families)) > 1 else ["all"]
    return {
        "fitted": len(train),
        "left_out": len(everything) - len(records),
        "sources": {
            str(name): _source(predicted, scores[test], classes, _of(families, name), seed, draws)
            for name in sources
        },
    }


def baselines(known: Sequence[str], targets: Floats, asked: Sequence[str], seed: int) -> dict[str, Floats]:
    """Predictions of every baseline for the asked texts."""
    print(f"embedding {len(known) + len(asked)} queries", file=sys.stderr)
    fitted, vectors = principal(frozen_features(known), frozen_features(asked))
    examples = Examples(fitted, targets, fold_of(known, seed))
    predicted = {}
    for name, predict in PREDICTORS.items():
        print(f"fitting {name}", file=sys.stderr)
        predicted[name] = predict(examples, vectors, seed)
    return predicted


def _of(families: NDArray[np.str_], name: str) -> Indices:
    return np.flatnonzero((families == name) | (name == "all"))


def _source(
    predicted: Mapping[str, Floats],
    scores: Floats,
    classes: Sequence[str],
    chosen: Indices,
    seed: int,
    draws: int,
) -> dict[str, object]:
    """AUC of each model in each column, with the router's lead over it."""
    columns = {name: [column] for column, name in enumerate(classes)}
    columns["mean"] = list(range(len(classes)))

    def mean_auc(model: str, part: Sequence[int], at: Indices) -> float:
        return float(np.mean([auc(predicted[model][at, column], scores[at, column]) for column in part]))

    def entry(model: str, part: Sequence[int]) -> dict[str, object]:
        def lead(at: Indices) -> float:
            return mean_auc("router", part, at) - mean_auc(model, part, at)

        own = with_interval(lambda at: mean_auc(model, part, at), chosen, seed, draws)
        return {
            "auc": own,
            "router_lead": None if model == "router" else with_interval(lead, chosen, seed, draws),
        }

    return {
        "queries": len(chosen),
        "models": {
            model: {name: entry(model, part) for name, part in columns.items()} for model in predicted
        },
    }


def with_interval(
    statistic: Callable[[Indices], float], chosen: Indices, seed: int, draws: int
) -> dict[str, float | None]:
    """`{"value", "low", "high"}`; null where it cannot be had. A seed draws the same resamples for all."""
    low, high = bootstrap_interval(
        lambda at: statistic(chosen[at]), len(chosen), np.random.default_rng(seed), draws
    )
    values = {"value": statistic(chosen), "low": low, "high": high}
    return {name: None if np.isnan(value) else round(value, 4) for name, value in values.items()}


def table(report: Mapping[str, Any]) -> list[str]:
    """Markdown, a table a source."""
    lines = []
    for source, part in report["sources"].items():
        columns = list(part["models"]["router"])
        lines.append(f"\n{source}: {part['queries']} test queries, fitted on {report['fitted']}\n")
        lines.append("| AUC | " + " | ".join(columns) + " | router leads by (mean) |")
        lines.append("|---|" + "---:|" * (len(columns) + 1))
        for model, row in part["models"].items():
            cells = [_cell(row[column]["auc"]) for column in columns]
            lines.append(f"| {model} | " + " | ".join([*cells, _cell(row["mean"]["router_lead"])]) + " |")
    return lines


def _cell(entry: Mapping[str, float | None] | None) -> str:
    if entry is None or entry["value"] is None:
        return "-"
    return f"{entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}]"


if __name__ == "__main__":
    main()
