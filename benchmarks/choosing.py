"""Which prompts of a log to pay for: adapters on some that lie apart or stand for all, beside a sample.

    python benchmarks/choosing.py my/router records/*.jsonl.gz --pool ifeval m_ifeval ko_arena_hard

The sources of the pool are left out of the base, as in adapt.py. In each draw 60 % of their prompts are the
log and the others judge; each rule chooses from the same log. `random`: a sample, as `collect --choose`
takes. `farthest`: each next one is farthest from those before (k-centre). `cells`: the log is halved along
its widest direction until there are as many cells as prompts to choose, and one of each is taken. `herding`:
each next one brings the mean of a kernel over those chosen nearer to its mean over the log (Chen, Welling and
Smola 2010). `stratified`: at even steps in the order of predicted quality. All but the first and the last go
by the router model's features. Measures are those of adapt.py; then the difference to random, draw by draw,
with 95 % intervals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from adapt import CLASSES, MEASURES, Found, cell, measure, other_sources, part_of, policy, routed, with_base

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.evaluate.replay import Replay, replay
from bestroute.records.lines import read_records
from bestroute.records.record import family_of
from bestroute.train.adapt.fit import fit_adapter
from bestroute.train.adapt.own import Own, read_own

LOG = 0.6
Rule: TypeAlias = "Callable[[Own, int, np.random.Generator], np.ndarray]"


def at_random(log: Own, count: int, generator: np.random.Generator) -> np.ndarray:
    """A sample."""
    return generator.permutation(len(log))[:count]


def farthest(log: Own, count: int, generator: np.random.Generator) -> np.ndarray:
    """From the one nearest to the middle on."""
    features = features_of(log)
    chosen = [int(np.argmin(away(features, features.mean(axis=0))))]
    nearest = away(features, features[chosen[0]])
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, away(features, features[chosen[-1]]))
    return np.array(chosen)


def cells(log: Own, count: int, generator: np.random.Generator) -> np.ndarray:
    """One at random of each cell."""
    features = features_of(log)

    def divide(rows: np.ndarray, parts: int) -> list[np.ndarray]:
        if parts == 1:
            return [rows]
        inside = features[rows] - features[rows].mean(axis=0)
        order = rows[np.argsort(inside @ widest(inside, generator), kind="stable")]
        few = parts // 2
        cut = round(len(rows) * few / parts)
        return [*divide(order[:cut], few), *divide(order[cut:], parts - few)]

    return np.array([generator.choice(cell) for cell in divide(np.arange(len(log)), count)])


def herding(log: Own, count: int, generator: np.random.Generator) -> np.ndarray:
    """With a normal kernel of width 1 / sqrt 2 on features of length 1."""
    features = features_of(log)
    features = features - features.mean(axis=0)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    kernel = np.exp(2 * features @ features.T - 2)
    wanted, had, chosen = kernel.mean(axis=1), np.zeros(len(log)), list[int]()
    for place in range(count):
        gain = wanted - had / (place + 1)
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        had += kernel[:, chosen[-1]]
    return np.array(chosen)


def stratified(log: Own, count: int, generator: np.random.Generator) -> np.ndarray:
    """The middle one of as many equal parts, by mean predicted quality."""
    order = np.argsort(log.said.quality[:, :, 0].mean(axis=1), kind="stable")
    return order[((np.arange(count) + 0.5) * len(log) / count).astype(int)]


RULES: dict[str, Rule] = {
    "random": at_random,
    "farthest": farthest,
    "cells": cells,
    "herding": herding,
    "stratified": stratified,
}


def features_of(log: Own) -> np.ndarray:
    """What the router model's encoder says, (prompts, d)."""
    if log.said.features is None:
        sys.exit("error: the router model gives no features")
    return log.said.features.astype(np.float64)


def away(features: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Squared distances."""
    return ((features - place) ** 2).sum(axis=1)


def widest(inside: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The direction of most spread, by twelve steps of power iteration."""
    along = generator.normal(size=len(inside))
    for _ in range(12):
        direction = inside.T @ along
        direction /= np.linalg.norm(direction) + 1e-12
        along = inside @ direction
    return direction


def play(pool: Own, whole: Replay, size: int, draws: int, manifest: Manifest) -> dict[str, list[Found]]:
    """What every rule came to, draw by draw."""
    columns, reference = np.arange(len(CLASSES)), len(CLASSES) - 1
    of_text = {text: place for place, text in enumerate(whole.texts)}
    played: dict[str, list[Found]] = {name: [] for name in RULES}
    for draw in range(draws):
        order = np.random.default_rng(draw).permutation(len(pool))
        cut = int(LOG * len(pool))
        log, rest = pool.at(order[:cut]), pool.at(order[cut:])
        judged = part_of(whole, np.array([of_text[text] for text in rest.texts]))
        for name, rule in RULES.items():
            chosen = np.sort(rule(log, size, np.random.default_rng(draw)))
            adapter = fit_adapter(log.at(chosen), columns, manifest, reference).adapter
            quality = adapter.apply(rest.said).quality[:, :, 0].astype(float)
            played[name].append(measure(quality, rest, reference, routed(quality), judged))
    return played


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("router", type=Path, help="artefact folder of a router model with features")
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--pool", nargs="+", required=True, metavar="SOURCE")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--most", type=int, default=3000, help="records of one file, at most")
    options = parser.parse_args()
    records = [record for path in options.records for record in islice(read_records([path]), options.most)]
    predictor = OnnxPredictor(options.router, threads=1)
    own, whole = read_own(policy(), records, predictor), replay(policy(), records, None).replay
    families = np.array([family_of(kind) for kind in own.kinds])
    inside = np.flatnonzero(np.isin(families, options.pool))
    pool = with_base(own, other_sources(own, families, options.pool)).at(inside)
    print(f"{len(pool)} prompts, {int(LOG * len(pool))} of them the log\n")
    print(
        f"| chosen | by | {' | '.join(MEASURES)} |{' | '.join(f' {one} less' for one in MEASURES)} random |"
    )
    print("|---:|---|" + "---:|" * 2 * len(MEASURES))
    for size in options.sizes:
        played = play(pool, whole, size, options.draws, predictor.manifest)
        for name, found in played.items():
            less = np.array(found) - np.array(played["random"])
            cells_of = [*map(cell, np.array(found).T), *(map(cell, less.T) if less.any() else "----")]
            print(f"| {size} | {name} | {' | '.join(cells_of)} |", flush=True)


if __name__ == "__main__":
    main()
