"""What `bestroute adapt` gives on a kind of traffic that the router model never saw, by how many records.

    python benchmarks/adapt.py my/router records/*.jsonl.gz --measure ifeval llmeval2

Each source that is measured is left out in turn: class qualities are a ridge on the router model's features,
fitted on all other sources (--heads: the router model's own, for sources that it was not trained on). The
features are the router model's, so neither may its encoder have been trained on the source.

Adapters are fitted on 30, 100 and 300 of its records, five draws each, and judged on those not drawn. `gap`:
correlation of predicted and true gap to the large class, `difficulty`: rank correlation of the mean quality,
`level`: error of the levels, `saving`: at 1 % drop, one shot, threshold on one half and judged on the other
(20 splits). Beside it the router model as it is, levels alone, and the static mix of fixed arms. Intervals
are 95 % over draws, in the last rows over the sources. Rows come as they are measured; with --json one JSON
document at the end.

With --unseen only queries judge that the router model was not trained on, by its folder, and the others
fit: for a router model that was trained on the source.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from bestroute.artefacts.manifest import Manifest, seen_queries
from bestroute.artefacts.odds import sigmoid
from bestroute.artefacts.predictor import OnnxPredictor, Prediction
from bestroute.errors import BestRouteError
from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.fixed import static_mix
from bestroute.evaluate.replay import Replay, replay
from bestroute.evaluate.saving import SPLITS, savings
from bestroute.evaluate.weights import halves
from bestroute.policy import Policy
from bestroute.records.lines import read_records
from bestroute.records.record import family_of
from bestroute.train.adapt.fit import fit_adapter
from bestroute.train.adapt.judge import FEWEST, Told, difficulty, gap_correlation, level_error
from bestroute.train.adapt.own import Own, read_own
from bestroute.train.adapt.steps import Chosen, fit_mapping, odds_of

CLASSES = ("small", "medium", "large")
PRICES = ((0.18, 0.18), (0.30, 0.90), (2.50, 10.00))
RELATED = {"ifeval": ("m_ifeval",), "m_ifeval": ("ifeval",), "alpaca-eval": ("tulu_human",)}
"""Sources that are left out together: the same prompts, or the same checks."""
STRENGTH = 3000.0
MOST = 4000
Rows: TypeAlias = "dict[int, dict[str, dict[str, list[Found]]]]"
MEASURES = ("gap", "difficulty", "level", "saving")


class Found(NamedTuple):
    """One variant on one draw."""

    gap: float
    difficulty: float
    level: float
    saving: float


def policy() -> Policy:
    """The three classes as models, one response each."""
    models = [
        {"name": name, "class": name, "price": {"input": put, "output": out}}
        for name, (put, out) in zip(CLASSES, PRICES, strict=True)
    ]
    tiers = [{"model": name} for name in CLASSES]
    content = {"version": 1, "models": models, "reference": CLASSES[-1], "max_gap": 0.03, "tiers": tiers}
    return Policy.model_validate(content, strict=False)


def other_sources(own: Own, families: np.ndarray, left: Sequence[str]) -> np.ndarray:
    """Class qualities (Q, classes) by a ridge on the features of all sources but those left out."""
    inside = np.flatnonzero(~np.isin(families, left))
    inside = np.random.default_rng(0).permutation(inside)[:MOST]
    names, group = np.unique(families[inside], return_inverse=True)
    weights = np.bincount(group)[group] ** -0.5
    weights = np.sqrt(weights / weights.mean())[:, None]
    features = np.column_stack([own.said.features, np.full(len(own), 10.0)]).astype(np.float64)
    rows, target = features[inside] * weights, own.score[inside]
    target = np.where(np.isnan(target), np.nanmean(target, axis=0), target) * weights
    square = rows.T @ rows + STRENGTH * np.eye(rows.shape[1])
    return np.clip(features @ np.linalg.solve(square, rows.T @ target), 0.02, 0.98)


def with_base(own: Own, quality: np.ndarray) -> Own:
    """The same queries with other class qualities, n = 1 alone."""
    single = quality[:, :, None].astype(np.float32)
    said = Prediction(single, single, own.said.output_tokens, None, own.said.features)
    parts = {name: getattr(own, name) for name in Own.__dataclass_fields__}
    return Own(**{**parts, "quality": own.quality[:, :, :1], "said": said})


def routed(quality: np.ndarray) -> Strategy:
    """The first arm whose predicted gap is within the dial, at 60 quantiles of the gaps and the extremes."""
    gaps = quality[:, [-1]] - quality
    dials = np.unique(np.concatenate([[-1.0], np.quantile(gaps[:, :-1], np.linspace(0, 1, 60)), [1.0]]))
    within = gaps[None] <= dials[:, None, None]
    within[:, :, -1] = True
    return Strategy("router", dials, np.eye(quality.shape[1])[within.argmax(axis=2)])


def saving(strategy: Strategy, judged: Replay) -> float:
    """At 1 % drop."""
    weighting = halves(judged.sources, SPLITS, 0)
    quality, cost = (of.mean(axis=0) for of in strategy.means(judged, weighting))
    best, dearest = (weighting.of(of[:, -1:]).mean(axis=0)[:, 0] for of in (judged.quality, judged.cost))
    found = savings(quality, cost, best, dearest, strategy.calls(weighting).mean(axis=0), (0.01,))
    return found["0.01"]["mean"]


def part_of(whole: Replay, places: np.ndarray) -> Replay:
    """Some of the queries of a replay, as one source."""
    return Replay(
        tuple(whole.texts[place] for place in places), ("all",) * len(places), whole.arms,
        whole.quality[places], whole.cost[places], whole.single[places],
    )  # fmt: skip


def drawn(judges: np.ndarray, size: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which `size` queries fit, and which judge: all others, or `judges` (Q,) alone, which then never fit."""
    order = generator.permutation(len(judges))
    if judges.all():
        return order[:size], order[size:]
    return order[~judges[order]][:size], order[judges[order]]


def play(
    own: Own, judges: np.ndarray, whole: Replay, size: int, draws: int, manifest: Manifest
) -> list[dict[str, Found]]:
    """Fit on `size` queries and judge on the others, for each draw."""
    columns, reference = np.arange(len(CLASSES)), len(CLASSES) - 1
    of_text = {text: place for place, text in enumerate(whole.texts)}
    generator = np.random.default_rng(0)
    played = []
    for _ in range(draws):
        fit, rest = map(own.at, drawn(judges, size, generator))
        adapter = fit_adapter(fit, columns, manifest, reference).adapter
        level = fit_mapping(fit, columns, Chosen(("level",) * len(CLASSES), 1.0))
        known = np.array([place for place, text in enumerate(rest.texts) if text in of_text])
        judged = part_of(whole, np.array([of_text[rest.texts[place]] for place in known]))
        qualities = {
            "base": rest.said.quality[:, :, 0].astype(float),
            "level": sigmoid(level(odds_of(rest, columns), np.zeros((len(rest), len(level.ridge))))),
            "adapter": adapter.apply(rest.said).quality[:, :, 0].astype(float),
        }
        found = {
            name: measure(quality, rest, reference, routed(quality[known]), judged)
            for name, quality in qualities.items()
        }
        found["static mix"] = Found(np.nan, np.nan, np.nan, saving(static_mix(judged), judged))
        played.append(found)
    return played


def measure(quality: np.ndarray, rest: Own, reference: int, strategy: Strategy, judged: Replay) -> Found:
    """One variant."""
    told = Told(quality, rest.score, rest.weights, reference)
    return Found(gap_correlation(told), difficulty(told), level_error(told), saving(strategy, judged))


def cell(values: np.ndarray) -> str:
    """Mean and 95 % interval of the mean over rows."""
    known = values[~np.isnan(values)]
    if not len(known):
        return "-"
    wide = 1.96 * known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else 0.0
    return f"{known.mean():.3f} ± {wide:.3f}"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Adapters on traffic that the router model never saw.")
    parser.add_argument("router", type=Path, help="artefact folder of a router model with features")
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--measure", nargs="+", required=True, metavar="SOURCE")
    parser.add_argument("--heads", action="store_true", help="the router model's own class qualities")
    parser.add_argument("--unseen", action="store_true", help="judge by queries that it was not trained on")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--most", type=int, default=3000, help="records of one file, at most")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def line(label: str, name: str, cells: Sequence[str]) -> None:
    """A row of the table, as it comes."""
    print(f"| {label} | {name} | {' | '.join(cells)} |", flush=True)


def print_source(label: str, played: Sequence[dict[str, Found]]) -> None:
    """What every variant came to on one source."""
    for name in played[0]:
        columns = zip(*(found[name] for found in played), strict=True)
        line(label, name, [cell(np.array(column)) for column in columns])


def print_means(rows: Rows) -> None:
    """Means over the sources, at every size; of the adapter also less the levels alone."""
    for size, variants in rows.items():
        means = {
            name: np.array([np.mean(np.array(one), axis=0) for one in found.values()])
            for name, found in variants.items()
        }
        means["adapter less level"] = means["adapter"] - means["level"]
        for name, found in means.items():
            line(f"{size}, mean of {len(found)}", name, [cell(column) for column in found.T])


def measure_all(own: Own, whole: Replay, manifest: Manifest, options: argparse.Namespace) -> Rows:
    """Every source, at every size that leaves enough to judge by."""
    families = np.array([family_of(kind) for kind in own.kinds])
    seen = np.isin(own.hashes, seen_queries(options.router)) if options.unseen else np.zeros(len(own), bool)
    rows: Rows = {}
    for source in options.measure:
        left = (source, *RELATED.get(source, ()))
        quality = own.said.quality[:, :3, 0] if options.heads else other_sources(own, families, left)
        inside = np.flatnonzero(families == source)
        traffic, judges = with_base(own, quality).at(inside), ~seen[inside]
        most = len(traffic) - FEWEST if judges.all() else int((~judges).sum())
        for size in (size for size in options.sizes if size <= most and judges.sum() >= FEWEST):
            played = play(traffic, judges, whole, size, options.draws, manifest)
            for found in played:
                for name, one in found.items():
                    rows.setdefault(size, {}).setdefault(name, {}).setdefault(source, []).append(one)
            if not options.json:
                print_source(f"{source}, {size} of {len(traffic)}", played)
    return rows


def main() -> None:
    """Measure as the command line says."""
    options = parse()
    try:
        records = [
            record for path in options.records for record in islice(read_records([path]), options.most)
        ]
        predictor = OnnxPredictor(options.router, threads=0)
        own = read_own(policy(), records, predictor)
        whole = replay(policy(), records, None).replay
    except BestRouteError as error:
        sys.exit(f"error: {error}")
    if not options.json:
        print(f"| source | variant | {' | '.join(MEASURES)} |\n|---|---|" + "---:|" * 4)
    rows = measure_all(own, whole, predictor.manifest, options)
    if options.json:
        print(json.dumps(rows))
    else:
        print_means(rows)


if __name__ == "__main__":
    main()
