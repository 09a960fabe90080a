"""From an LLM's scores to its column: that of its nearest class, moved as far as validation queries bear out.

The train split fits, the validation split chooses: the router model learned from the former, so what it says
of those queries is better than what it says of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.odds import log_odds, sigmoid
from bestroute.artefacts.predictor import Prediction
from bestroute.train.adapt.fit import fit_tokens
from bestroute.train.adapt.line import fit_lines
from bestroute.train.adapt.steps import MOST_ROWS, Mapping, Step, ridges
from bestroute.train.llms.read import Answers, Corpus, Floats, Indices

FEWEST = 50
"""Queries of the train split that an LLM needs to be known."""
Way: TypeAlias = tuple[Step, float]
"""A step, and the strength of the ridge where it takes features."""
_STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)  # of the ridge, in units of the number of features
_SIMPLE: tuple[Way, ...] = (("base", 0.0), ("level", 0.0), ("slope", 0.0))


class Column(NamedTuple):
    """How an LLM's quality and output tokens follow from what is said of a class, and by which step."""

    answers: Answers
    class_: int
    step: Step
    mapping: Mapping
    tokens: tuple[float, float]
    mean_tokens: float


@dataclass(frozen=True)
class _Tried:
    """The mapping of every way, fitted on the train split, and its squared errors on the validation split."""

    answers: Answers
    class_: int
    mappings: dict[Way, Mapping]
    errors: dict[Way, Floats]


def fit_columns(corpus: Corpus, said: Prediction, llms: Sequence[Answers]) -> list[Column]:
    """The columns of LLMs. `said`: what the router model says of the queries of the corpus, in their order.

    The ridge has the strength that is best for all LLMs together. Each LLM then goes as far as its own
    validation queries find best: its class as it is, level, slope, or features.
    """
    tried = [_try(corpus, said, llm) for llm in llms]
    strengths = _STRENGTHS if said.features is not None else ()
    ways = list(_SIMPLE)
    if strengths:
        ways.append(
            min(
                (("features", one) for one in strengths),
                key=lambda way: sum(t.errors[way].sum() for t in tried),
            )
        )
    return [_column(corpus, said, one, min(ways, key=lambda way: _mean(one.errors[way]))) for one in tried]


def nearest_class(said: Prediction, answers: Answers) -> int:
    """The class whose level on the same queries is nearest."""
    levels = said.quality[answers.places, :, 0].mean(axis=0)
    return int(np.argmin(np.abs(levels - answers.scores.mean())))


def _try(corpus: Corpus, said: Prediction, llm: Answers) -> _Tried:
    fit, judge = corpus.of(llm, "train"), corpus.of(llm, "validation")
    column = nearest_class(said, fit)
    mappings = _mappings(fit, said, column, corpus.sources[fit.places])
    odds, features = _inputs(said, judge.places, column)
    errors = {
        way: (sigmoid(mapping(odds, features)[:, 0]) - judge.scores) ** 2 for way, mapping in mappings.items()
    }
    return _Tried(llm, column, mappings, errors)


def _mappings(fit: Answers, said: Prediction, column: int, sources: NDArray[np.str_]) -> dict[Way, Mapping]:
    weights = balanced(sources)[:, None]
    odds = _odds(said, fit.places, column)
    score = fit.scores[:, None]
    width = 0 if said.features is None else said.features.shape[1]
    nothing, none = np.zeros((width, 1)), np.zeros(1)
    level, _ = fit_lines(odds, score, weights, slope_pull=np.inf)
    levels, slope = fit_lines(odds, score, weights)
    slopes = np.array([slope])
    found: dict[Way, Mapping] = {
        ("base", 0.0): Mapping(none, np.ones(1), nothing, none),
        ("level", 0.0): Mapping(level, np.ones(1), nothing, none),
        ("slope", 0.0): Mapping(levels, slopes, nothing, none),
    }
    if width:
        rows = spread(sources)
        line = levels + slope * odds[rows]
        features = _inputs(said, fit.places[rows], column)[1]
        fits, centre = ridges(features, line, score[rows], balanced(sources[rows])[:, None], _STRENGTHS)
        for strength, (ridge, shift) in zip(_STRENGTHS, fits, strict=True):
            found["features", strength] = Mapping(levels, slopes, ridge, shift - centre @ ridge)
    return found


def _column(corpus: Corpus, said: Prediction, tried: _Tried, way: Way) -> Column:
    fit = corpus.of(tried.answers, "train")
    tokens = said.output_tokens[fit.places, tried.class_].astype(np.float64)
    scale, shift = fit_tokens(fit.tokens, tokens)
    mean = scale * float(tokens.mean()) + shift
    return Column(tried.answers, tried.class_, way[0], tried.mappings[way], (scale, shift), mean)


def balanced(sources: NDArray[np.str_]) -> Floats:
    """Weights (rows,) by which a source counts as the square root of its queries; mean 1."""
    _, place, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weights = counts[place.ravel()] ** -0.5
    found: Floats = weights / weights.mean()
    return found


def spread(sources: NDArray[np.str_]) -> Indices:
    """As many rows as a ridge is fitted on, of each source as the square root of its queries, in order."""
    rank = np.empty(len(sources))
    for source in np.unique(sources):
        rows = np.flatnonzero(sources == source)
        rank[rows] = (np.arange(len(rows)) + 0.5) / len(rows) ** 0.5
    return np.sort(np.argsort(rank, kind="stable")[:MOST_ROWS])


def _inputs(said: Prediction, places: Indices, column: int) -> tuple[Floats, Floats]:
    """Log-odds of one response of a class (rows, 1), and features (rows, d)."""
    features = said.features
    nothing = np.zeros((len(places), 0))
    return _odds(said, places, column), nothing if features is None else features[places].astype(np.float64)


def _odds(said: Prediction, places: Indices, column: int) -> Floats:
    found: Floats = log_odds(said.quality[places, column, :1].astype(np.float64))
    return found


def _mean(errors: Floats) -> float:
    """0 for nothing, so that the first way is taken where no query judges."""
    return float(errors.mean()) if len(errors) else 0.0
