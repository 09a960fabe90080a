"""LLMs by name on test queries: their own columns, their nearest class as it is, and a constant.

    python benchmarks/known.py my/router responses/*.jsonl.gz extra/tasks.jsonl.gz

For each source, medians over the LLMs with 20 test queries or more there. `auc`: of telling its better
responses from worse ones, a fractional score being a positive of that weight and a negative of the rest.
`level`: |mean predicted - mean scored|. `gap`: correlation of predicted and true gap to the LLM that is best
there in training (0 where both rest on one class). The constant is the LLM's mean score on the training and
validation queries of that very source, which no router knows; so only its level is shown. Of the columns,
test queries fitted nothing. With --route it times route()
with two classes and with two LLMs in turn, on one core. With --json one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from bestroute.artefacts.adapter import open_predictor
from bestroute.artefacts.known import Llm, read_known
from bestroute.artefacts.manifest import read_manifest
from bestroute.artefacts.predictor import Prediction
from bestroute.errors import BestRouteError
from bestroute.policy import Policy
from bestroute.records.lines import read_records
from bestroute.records.quality import auc
from bestroute.router import Router
from bestroute.train.adapt.judge import correlation
from bestroute.train.adapt.own import predict_all
from bestroute.train.llms.read import Answers, Corpus, read_corpus

FEWEST = 20
PROMPT = "Which of the two proofs below is right, and why? Answer in one paragraph. "
Row = dict[str, list[float]]


def measure(corpus: Corpus, said: Prediction, llms: dict[str, Llm], classes: list[str]) -> dict[str, Row]:
    """For every source, a list over LLMs of each figure."""
    column = {name: place for place, name in enumerate([*classes, *llms])}
    found: dict[str, Row] = defaultdict(lambda: defaultdict(list))
    for source in sorted(set(corpus.sources)):
        here = {one.name: part_of(corpus, one, source) for one in corpus.answers if one.name in llms}
        judged = {name: one for name, one in here.items() if len(one.places) >= FEWEST}
        if not judged:
            continue
        best = max(judged, key=lambda name: level_of(llms[name], source))
        for name, one in judged.items():
            kinds = {"llm": name, "class": llms[name].class_}
            for kind, own in kinds.items():
                quality = said.quality[one.places, column[own], 0].astype(float)
                found[source][f"auc {kind}"].append(auc(quality, one.scores))
                found[source][f"level {kind}"].append(abs(quality.mean() - one.scores.mean()))
                if name != best:
                    top = best if kind == "llm" else llms[best].class_
                    found[source][f"gap {kind}"].append(
                        gap(said, one, judged[best], column[own], column[top])
                    )
            found[source]["level constant"].append(abs(level_of(llms[name], source) - one.scores.mean()))
    return found


def part_of(corpus: Corpus, one: Answers, source: str) -> Answers:
    """Those of one source."""
    return one.at(corpus.sources[one.places] == source)


def level_of(llm: Llm, source: str) -> float:
    """Its mean score in training."""
    level = llm.levels.get(source)
    return float("nan") if level is None else level.score


def gap(said: Prediction, one: Answers, best: Answers, own: int, top: int) -> float:
    """Correlation of predicted and true gap on the queries that both answered."""
    _, mine, its = np.intersect1d(one.places, best.places, return_indices=True)
    at = one.places[mine]
    predicted = said.quality[at, top, 0].astype(float) - said.quality[at, own, 0]
    return correlation(predicted, best.scores[its] - one.scores[mine])


def timed(folder: Path, names: list[str], rounds: int = 300) -> dict[str, float]:
    """Median milliseconds of route() with the first classes and with LLMs by name, in turn."""
    classes = read_manifest(folder, "router").classes
    routers = {
        "classes": router_of(folder, [classes[0], classes[-1]]),
        "llms": router_of(folder, names),
    }
    times: dict[str, list[float]] = {kind: [] for kind in routers}
    for turn in range(rounds + 20):
        for kind, router in routers.items():
            start = perf_counter()
            router.route(f"{PROMPT}{turn}")
            times[kind].append((perf_counter() - start) * 1000)
    return {kind: round(median(spent[20:]), 4) for kind, spent in times.items()}


def router_of(folder: Path, columns: list[str]) -> Router:
    """A router of two models."""
    models = [
        {"name": f"m{place}", "class": name, "price": {"input": 1.0 + place, "output": 2.0 + place}}
        for place, name in enumerate(columns)
    ]
    tiers = [{"model": "m0"}, {"model": "m1"}]
    content = {"version": 1, "router": folder, "models": models, "reference": "m1", "max_gap": 0.03}
    return Router(Policy.model_validate({**content, "tiers": tiers}, strict=False))


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("router", type=Path, help="folder of a router model that knows LLMs")
    parser.add_argument("records", type=Path, nargs="*", help="scored responses by the LLMs' names")
    parser.add_argument("--route", nargs=2, metavar="LLM", help="time route() with these two")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        report = {"route": timed(options.router, options.route)} if options.route else {}
        if options.records:
            report["sources"] = sources(options.router, options.records)
    except BestRouteError as error:
        sys.exit(f"error: {error}")
    print(json.dumps(report) if options.json else shown(report))


def sources(folder: Path, paths: list[Path]) -> dict[str, dict[str, float]]:
    """Medians over LLMs."""
    manifest = read_manifest(folder, "router")
    corpus = read_corpus(read_records(paths), ("test",))
    known = {llm.name: llm for llm in read_known(folder, manifest).llms}
    spelt = {spelling: llm.name for llm in known.values() for spelling in (llm.name, *llm.also)}
    answers = tuple(
        Answers(spelt.get(one.name, one.name), (), one.places, one.scores, one.tokens)
        for one in corpus.answers
    )
    corpus = Corpus(corpus.texts, corpus.sources, corpus.splits, answers)
    said = predict_all(open_predictor(folder, None, known), corpus.texts)
    found = measure(corpus, said, known, list(manifest.classes))
    return {
        source: {"llms": len(row["auc llm"]), **{key: float(np.nanmedian(row[key])) for key in row}}
        for source, row in found.items()
    }


def shown(report: dict) -> str:
    """Markdown."""
    lines = [f"{kind}: {spent} ms" for kind, spent in report.get("route", {}).items()]
    keys = ["auc llm", "auc class", "level llm", "level class", "level constant", "gap llm", "gap class"]
    if "sources" in report:
        lines += [f"| source | LLMs | {' | '.join(keys)} |", "|---|" + "---:|" * (len(keys) + 1)]
    for source, row in report.get("sources", {}).items():
        cells = [f"{row[key]:.3f}" if key in row else "-" for key in keys]
        lines.append(f"| {source} | {row['llms']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
