"""Train the posterior: replay asking on recorded responses, and learn from what was kept.

Queries are those of the validation split, which taught neither the router model nor the reward model: on
training queries both would look surer than they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import SEEN, Manifest, sha256
from bestroute.artefacts.posterior import (
    AGREE_FEATURES,
    FALLING,
    KEPT_REWARD,
    RISING,
    WEIGHTS,
    Logistic,
    Outlook,
    Posterior,
)
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.reward import RewardModel
from bestroute.errors import TrainingError
from bestroute.records.quality import calibration_error
from bestroute.records.record import Record
from bestroute.train.folder import new_folder, write_json, write_manifest, write_seen
from bestroute.train.logistic import fit_logistic
from bestroute.train.walks import Move, Walked, Ways, walk_records

Floats = NDArray[np.float64]
_DIALS = (-0.15, 0.3)


@dataclass(frozen=True)
class PosteriorSettings:
    """`ways`: how responses are walked through.

    `balance`: a query of a source with m queries weighs m ** -balance. `strength` holds the
    weights near 0, `hold` near those of the posterior that training starts from, where it does.
    """

    ways: Ways = Ways()
    balance: float = 0.5
    strength: float = 1.0
    hold: float = 10.0


def train_posterior(
    records: Sequence[Record],
    predictor: OnnxPredictor,
    reward: RewardModel | None,
    out: Path,
    settings: PosteriorSettings,
    recipe: Mapping[str, Any],
    start: Posterior | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Manifest:
    """Fit the posterior on the validation queries of records, write the folder `out`, measure on the test
    ones.

    Rewards are the recorded ones where a list has them all, else those of `reward`. Raises TrainingError
    where no validation query has responses of the reference and of another class.
    """
    walks = {
        split: list(walk_records(records, split, predictor, reward, settings.ways, advance))
        for split in ("validation", "test")
    }
    fitted = walks["validation"]
    if not fitted:
        raise TrainingError(
            "no query of the validation split has responses of the reference and of another class that the "
            "router model knows; give more records"
        )
    posterior = fit_posterior(fitted, settings, start)
    test = walks["test"]
    with new_folder(out, "posterior") as folder:
        write_json(folder / WEIGHTS, posterior.as_dict())
        write_seen(folder, [walk.text for walk in fitted])
        manifest = Manifest(
            kind="posterior",
            max_tokens=0,
            files={name: sha256(folder / name) for name in (WEIGHTS, SEEN)},
            reference=predictor.manifest.reference,
            recipe={"settings": asdict(settings), "queries": len(fitted), **recipe},
            metrics={"test": posterior_metrics(posterior, test)},
        )
        return write_manifest(folder, manifest)


def fit_posterior(
    walks: Sequence[Walked], settings: PosteriorSettings, start: Posterior | None = None
) -> Posterior:
    """The three models, fitted on walks; `start` is where weights stay for want of data."""
    states = [(walk, move.after) for walk in walks for move in walk.moves]
    weigh = _weights(walks, settings.balance)
    weights = np.array([weigh[walk.text] / len(walk.moves) for walk, _ in states])
    rows = np.array([state.evidence.features() for _, state in states])
    sureness = np.array([state.evidence.sureness.features() for _, state in states])
    if sureness.any() or (start is not None and start.reads_sureness):
        rows = np.column_stack([rows, sureness])
        start = None if start is None else _widened(start, rows.shape[1])
    strength = settings.strength if start is None else settings.hold
    kept = fit_logistic(
        rows, np.array([state.score for _, state in states]), weights,
        rising=RISING, falling=FALLING, toward=None if start is None else start.kept, strength=strength,
    )  # fmt: skip
    reference = fit_logistic(
        rows, np.array([state.reference_score for _, state in states]), weights,
        toward=None if start is None else start.reference, strength=strength,
    )  # fmt: skip
    odds = np.average(rows[:, KEPT_REWARD], weights=weights)
    never = Logistic(0.0, (0.0,) * len(AGREE_FEATURES))
    judges = Posterior(kept, reference, never, reward=float(1 / (1 + np.exp(-odds))))
    seen = [
        (_outlook(judges, move), judges.judge(move.after.evidence).gap)
        for walk in walks
        for move in walk.moves
    ]
    agrees = fit_logistic(
        np.array([outlook.features() for outlook, _ in seen]),
        np.array([_share_of_agreement(outlook, gap) for outlook, gap in seen]),
        weights, toward=None if start is None else start.agrees, strength=strength,
    )  # fmt: skip
    return replace(judges, agrees=agrees)


def _widened(start: Posterior, columns: int) -> Posterior:
    """The posterior that training starts from, with nothing to say of the columns that it does not have."""

    def widened(model: Logistic) -> Logistic:
        return replace(model, weights=model.weights + (0.0,) * (columns - len(model.weights)))

    return replace(start, kept=widened(start.kept), reference=widened(start.reference))


def posterior_metrics(posterior: Posterior, walks: Sequence[Walked]) -> dict[str, Any]:
    """Calibration on walks, a source family each: of the kept quality, the reference's, and the chance.

    Empty where there are no walks. `reliability` lists, for ten bins of equally many states, mean
    prediction, mean outcome and count.
    """
    report: dict[str, Any] = {}
    families = sorted({walk.family for walk in walks})
    for family in [*families, "overall"] if families else []:
        part = [walk for walk in walks if family in (walk.family, "overall")]
        states = [move.after for walk in part for move in walk.moves]
        judged = [posterior.judge(state.evidence) for state in states]
        quality = np.array([one.quality for one in judged])
        scores = np.array([state.score for state in states])
        chances, fits = _outcomes(part, posterior)
        report[family] = {
            "queries": len(part),
            "states": len(states),
            "ece_quality": calibration_error(quality, scores),
            "ece_reference": calibration_error(
                [one.reference for one in judged], [state.reference_score for state in states]
            ),
            "ece_chance": calibration_error(chances, fits),
            "cross_entropy": _cross_entropy(quality, scores),
            "cross_entropy_of_prior": _cross_entropy(
                np.array([state.evidence.priors[state.evidence.kept] for state in states]), scores
            ),
            "reliability": _reliability(quality, scores),
        }
    return report


def _outlook(posterior: Posterior, move: Move) -> Outlook:
    """What could be known of a move before it was made."""
    before = None if move.before is None else move.before.evidence
    return posterior.outlook(before, move.after.evidence.reference, [(move.prior, move.more)])


def _share_of_agreement(outlook: Outlook, gap: float) -> float:
    """How near a gap after came to that of full agreement, 1, from that of none, 0."""
    span = outlook.differed - outlook.agreed
    return min(1.0, max(0.0, (outlook.differed - gap) / span)) if span > 0 else 0.5


def _outcomes(walks: Sequence[Walked], posterior: Posterior) -> tuple[Floats, Floats]:
    """The chance of every move at some dials, and whether its gap fitted."""
    generator = np.random.default_rng(0)
    chances, fits = [], []
    for walk in walks:
        for move in walk.moves:
            outlook, gap = _outlook(posterior, move), posterior.judge(move.after.evidence).gap
            for dial in generator.uniform(*_DIALS, size=2):
                chances.append(posterior.chance(outlook, float(dial)).probability)
                fits.append(float(gap <= dial))
    return np.array(chances), np.array(fits)


def _weights(walks: Sequence[Walked], balance: float) -> dict[str, float]:
    """A weight a query, 1 on average."""
    families = [walk.family for walk in walks]
    raw = {walk.text: families.count(walk.family) ** -balance for walk in walks}
    mean = sum(raw.values()) / len(raw)
    return {text: weight / mean for text, weight in raw.items()}


def _cross_entropy(predicted: Floats, observed: Floats) -> float:
    held = np.clip(predicted, 1e-3, 1 - 1e-3)
    return float(-(observed * np.log(held) + (1 - observed) * np.log(1 - held)).mean())


def _reliability(predicted: Floats, observed: Floats, bins: int = 10) -> list[list[float]]:
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [[float(predicted[p].mean()), float(observed[p].mean()), float(len(p))] for p in parts]
