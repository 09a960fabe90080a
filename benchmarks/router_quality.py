"""What router models know of queries that none was trained on: artefacts side by side, source by source.

    python benchmarks/router_quality.py old/router exported_models/router mmlu_pro.jsonl.gz mt_bench.jsonl.gz

Folders are router models, files are records; only queries of the test split (`split_of`) are judged, or all
of them with `--everything` where the files were held out by other means. For each source, with 95 % bootstrap
intervals where a number has brackets:

AUC      of telling a query that a class answers better than its median query (right from wrong where scores
         are 0 or 1), mean of the classes
rho      Spearman correlation of the mean predicted and the mean true score: difficulty
gap      correlation of the predicted and the true gap between the first class and the reference
win      AUC of telling by the predicted gap where the reference's answer is the better one from where not
value    quality points that routing by the predicted gap wins over routing at random with the same share sent
         to the first class, mean of the shares 10 to 60 %
ECE      expected calibration error of one response's quality, mean of the classes
by luck  the ECE that is left, with so many queries, where nothing is wrong but luck: each query is off by as
         much as some other one of its class, less the mean
level    absolute error of a class's mean, mean of the classes
APGR     RouteLLM's (arXiv 2406.18665) average performance gap recovered between the first class and the
         reference, over all shares of calls to the reference; 0.5 at random, NaN where there is no gap
CPT50    the least share of calls to the reference that recovers half of the gap; 0.5 at random
within   as gap, the mean of each source taken out: nothing for telling the sources of a pair apart

    python benchmarks/router_quality.py exported_models/router tasks.jsonl.gz --pair weak strong

judges by two LLMs of the records as RouteLLM does: the first class stands for `weak`, the reference for
`strong`, and all sources count as one. Where the router model knows both by name, their own columns are
judged too (`by name`). Give `--pair` again for another pair.

    ... --apart mmlu_pro.jsonl.gz gsm8k.jsonl.gz

leaves out what the split cannot see: test queries of which half the runs of ten words stand in queries of
these files that taught, as where two sets ask one question in two frames.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.known import known_llms, with_known
from bestroute.artefacts.predictor import OnnxPredictor, Predictor
from bestroute.errors import BestRouteError, InputError
from bestroute.records.lines import read_records
from bestroute.records.quality import auc, bootstrap_interval, calibration_error
from bestroute.records.record import Record, family_of, scores_of, split_of
from bestroute.train.labels import prompt_text

Floats = NDArray[np.float64]
Measure = Callable[[Floats, Floats], float]
SHARES = np.arange(0.1, 0.61, 0.1)
DRAWS = 300
_DEALS = 20
RUN = 10
WITHIN = "within"


def main() -> None:
    """Measure, print a table or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+", help="router artefact folders, then records")
    parser.add_argument("--everything", action="store_true", help="judge every query, not the test split's")
    parser.add_argument(
        "--pair", nargs=2, action="append", metavar=("WEAK", "STRONG"), help="LLMs in the place of classes"
    )
    parser.add_argument("--apart", type=Path, nargs="+", default=[], help="leave out what is too like these")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        report = compare(options.paths, options.everything, options.pair or [], options.apart)
    except BestRouteError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(json.dumps(report, indent=2) if options.json else "\n".join(table(report)))


def compare(
    paths: Sequence[Path],
    everything: bool = False,
    pairs: Sequence[Sequence[str]] = (),
    apart: Sequence[Path] = (),
) -> dict[str, dict[str, object]]:
    """`{source: {"queries": n, "models": {folder: {measure: {"value", "low", "high"}}}}}`."""
    folders = [path for path in paths if path.is_dir()]
    models = {str(folder): OnnxPredictor(folder) for folder in folders}
    if not models:
        raise InputError("no router model to judge: name a folder")
    records = list(read_records([path for path in paths if not path.is_dir()]))
    if not everything:
        records = [record for record in records if split_of(prompt_text(record)) == "test"]
    if apart:
        records = unlike(records, read_records(apart, scored=False))
    classes = next(iter(models.values())).manifest.classes[:3]
    if pairs:
        return {
            " < ".join(pair): judged_by(models, records, (classes[0], classes[-1]), pair) for pair in pairs
        }
    sources: dict[str, list[Record]] = {}
    for record in records:
        if all(name in record.responses for name in classes):
            sources.setdefault(family_of(record.source), []).append(record)
    return {source: judged_by(models, part, classes, classes) for source, part in sources.items()}


def judged_by(
    models: Mapping[str, OnnxPredictor],
    records: Iterable[Record],
    classes: Sequence[str],
    asked: Sequence[str],
) -> dict[str, object]:
    """Every model on the records that all of `asked` answered, for the classes and, where it knows them, by
    name."""
    answered = [record for record in records if all(name in record.responses for name in asked)]
    found = {}
    for name, model in models.items():
        found[name] = judge(model, answered, classes, asked)
        if set(known_llms(model.manifest, Path(name), asked)) == {*asked}:
            found[f"{name}, by name"] = judge(with_known(model, Path(name), asked), answered, asked, asked)
    return {"queries": len(answered), "models": found}


def unlike(records: Iterable[Record], others: Iterable[Record]) -> list[Record]:
    """The records of which less than half stands in queries of the others that taught."""
    texts = {text for text in map(prompt_text, others) if split_of(text) != "test"}
    taught = set().union(*map(runs, texts))
    return [one for one in records if 2 * len(runs(prompt_text(one)) & taught) < len(runs(prompt_text(one)))]


def runs(text: str) -> set[tuple[str, ...]]:
    """Every ten words in a row; all of a shorter text."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))}


def judge(
    model: Predictor, records: Sequence[Record], classes: Sequence[str], asked: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """Every measure of one model on one source; `asked` answered for the classes."""
    columns = [model.manifest.classes.index(name) for name in classes]
    rows = model.tokenize([prompt_text(record) for record in records])
    predicted = model.predict(rows).quality[:, columns, 0].astype(float)
    true = np.array([[np.mean(scores_of(record.responses[name])) for name in asked] for record in records])
    found = {name: with_interval(measure, predicted, true) for name, measure in MEASURES.items()}
    sources = np.array([family_of(record.source) for record in records])
    return found | {WITHIN: with_interval(gap, centred(predicted, sources), centred(true, sources))}


def centred(values: Floats, sources: NDArray[np.str_]) -> Floats:
    """What is left of the values once the mean of each one's source is taken from it."""
    _, place, counts = np.unique(sources, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(place, column) / counts for column in values.T], axis=1)
    return values - means[place]


def with_interval(measure: Measure, predicted: Floats, true: Floats) -> dict[str, float | None]:
    """The measure with its interval; null where it cannot be had. The same resamples for every model."""
    generator = np.random.default_rng(0)
    low, high = bootstrap_interval(lambda at: measure(predicted[at], true[at]), len(true), generator, DRAWS)
    values = {"value": measure(predicted, true), "low": low, "high": high}
    return {name: None if np.isnan(value) else round(value, 4) for name, value in values.items()}


def mean_auc(predicted: Floats, true: Floats) -> float:
    """AUC above the class's median, of the classes that have two kinds of query."""
    values = [auc(said, _better(column)) for said, column in zip(predicted.T, true.T, strict=True)]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _better(scores: Floats) -> Floats:
    return scores if set(np.unique(scores)) <= {0.0, 1.0} else (scores > np.median(scores)).astype(float)


def win(predicted: Floats, true: Floats) -> float:
    """AUC of the predicted gap: does the reference win?"""
    gaps = predicted[:, -1] - predicted[:, 0]
    return auc(gaps, (true[:, -1] > true[:, 0]).astype(float))


def difficulty(predicted: Floats, true: Floats) -> float:
    """Spearman correlation of the mean scores."""
    return correlation(ranks(predicted.mean(1)), ranks(true.mean(1)))


def gap(predicted: Floats, true: Floats) -> float:
    """Correlation of predicted and true gap, first class to last."""
    return correlation(predicted[:, -1] - predicted[:, 0], true[:, -1] - true[:, 0])


def routing_value(predicted: Floats, true: Floats) -> float:
    """Points won over random routing at equal share."""
    order = np.argsort(predicted[:, -1] - predicted[:, 0], kind="stable")
    lost = (true[:, -1] - true[:, 0])[order]
    counts = np.maximum(1, np.round(SHARES * len(lost)).astype(int))
    by_gap = np.cumsum(lost)[counts - 1] / len(lost)
    return float(100 * np.mean(counts / len(lost) * lost.mean() - by_gap))


def recovered(predicted: Floats, true: Floats) -> Floats:
    """Performance gap recovered with the k widest predicted gaps sent to the reference, k = 0 to all."""
    order = np.argsort(predicted[:, 0] - predicted[:, -1], kind="stable")
    won = (true[:, -1] - true[:, 0])[order]
    total = won.sum()
    return np.append(0.0, np.cumsum(won)) / (total if abs(total) > 1e-9 else np.nan)


def apgr(predicted: Floats, true: Floats) -> float:
    """Mean over the shares of calls."""
    return float(recovered(predicted, true).mean())


def cpt50(predicted: Floats, true: Floats) -> float:
    """Least share of calls that recovers half."""
    found = recovered(predicted, true)
    return float("nan") if np.isnan(found[-1]) else float((found >= 0.5).argmax() / (len(found) - 1))


def ece(predicted: Floats, true: Floats) -> float:
    """Calibration error, mean of the classes."""
    return float(np.mean([calibration_error(*pair) for pair in zip(predicted.T, true.T, strict=True)]))


def ece_by_luck(predicted: Floats, true: Floats) -> float:
    """The calibration error of the same predictions with what they are off by dealt out anew."""
    off = true - predicted
    off -= off.mean(0)
    generator = np.random.default_rng(0)
    dealt = [ece(predicted, predicted + generator.permuted(off, axis=0)) for _ in range(_DEALS)]
    return float(np.mean(dealt))


def level(predicted: Floats, true: Floats) -> float:
    """Error of the classes' means."""
    return float(np.abs(predicted.mean(0) - true.mean(0)).mean())


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; NaN where one of them does not vary."""
    if one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def ranks(values: Floats) -> Floats:
    """Ranks; values that tie share their mean."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[group]


MEASURES: Mapping[str, Measure] = {
    "AUC": mean_auc,
    "rho": difficulty,
    "gap": gap,
    "win": win,
    "value": routing_value,
    "ECE": ece,
    "by luck": ece_by_luck,
    "level": level,
    "APGR": apgr,
    "CPT50": cpt50,
}
COLUMNS = (*MEASURES, WITHIN)


def table(report: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Markdown: a line for each source and model, then the mean over the sources of each model."""
    lines = [
        "| source | queries | model | " + " | ".join(COLUMNS) + " |",
        "|---|---:|---|" + "---:|" * len(COLUMNS),
    ]
    everywhere: dict[str, list[list[float]]] = {}
    for source, part in report.items():
        for name, measured in part["models"].items():
            cells = [_cell(measured[key]) for key in COLUMNS]
            lines.append(f"| {source} | {part['queries']} | {name} | " + " | ".join(cells) + " |")
            values = [np.nan if measured[key]["value"] is None else measured[key]["value"] for key in COLUMNS]
            everywhere.setdefault(name, []).append(values)
    for name, rows in everywhere.items():
        if len(rows) > 1:
            means = [f"{value:.3f}" for value in np.nanmean(rows, axis=0)]
            lines.append(f"| mean of {len(rows)} | | {name} | " + " | ".join(means) + " |")
    return lines


def _cell(entry: Mapping[str, float | None]) -> str:
    if entry["value"] is None:
        return "-"
    return f"{entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}]"


if __name__ == "__main__":
    main()
