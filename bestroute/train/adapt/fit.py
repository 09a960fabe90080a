"""From what is known of own models to an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.adapter import Adapter
from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.odds import log_odds, sigmoid
from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.train.adapt.growth import fit_growth
from bestroute.train.adapt.line import fit_lines
from bestroute.train.adapt.novelty import farthest_of, fit_cloud, upper
from bestroute.train.adapt.own import Own
from bestroute.train.adapt.steps import Chosen, choose, features_of, fit_mapping

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_CALIBRATION_PULL = 10.0


@dataclass(frozen=True)
class Fitted:
    """An adapter, the columns that it rests on, and how far each model went from the router model."""

    adapter: Adapter
    columns: Indices
    chosen: Chosen


def columns_of_models(policy: Policy, manifest: Manifest, own: Own) -> Indices:
    """The column of the router model that a model rests on: its class, its name, else the nearest by level.

    Raises InputError for a model with neither a class that is known nor a record.
    """
    levels = own.said.quality[:, :, 0].mean(axis=0)
    found = []
    for place, model in enumerate(policy.models):
        scores = own.score[:, place]
        named = next((name for name in (model.column, model.name) if name in manifest.classes), None)
        if named is not None:
            found.append(manifest.classes.index(named))
        elif np.isnan(scores).all():
            raise InputError(
                f"no record has a response of {model.name}, and the router model does not know it; add "
                f"records of it, or give it a `class`: {', '.join(manifest.classes)}"
            )
        else:
            found.append(int(np.argmin(np.abs(levels - np.nanmean(scores)))))
    return np.array(found, np.intp)


def fit_adapter(own: Own, columns: Indices, manifest: Manifest, reference: int) -> Fitted:
    """Fit on all of `own`; `columns` are the models' (M,), `reference` is one of the models."""
    chosen, held_out = choose(own, columns)
    mapping = fit_mapping(own, columns, chosen)
    level, slope = fit_lines(
        held_out, own.score, own.weights,
        level_pull=_CALIBRATION_PULL, slope_pull=_CALIBRATION_PULL,
    )  # fmt: skip
    first = level + slope * held_out  # of queries that fitted nothing but these two numbers
    growth, rise = _growth(own, columns, first)
    match_level, match_slope = _matches(own, sigmoid(first), reference)
    scale, shift = _tokens(own, columns)
    levels = level + slope * (mapping.level + mapping.shift)
    known = _known(own, manifest, slope * mapping.ridge, levels)
    adapter = Adapter(
        columns=columns,
        slope=_single(slope * mapping.slope),
        growth=growth,
        lift=np.exp(rise),
        match_factor=_single(np.exp(-match_level)),
        match_slope=np.full(len(columns), match_slope, np.float32),
        tokens_scale=scale,
        tokens_shift=shift,
        readout=known.readout,
        bias=known.bias,
        inside=known.inside,
        outside=known.outside,
        familiar=known.familiar,
        reference=reference,
    )
    return Fitted(adapter, columns, chosen)


def _growth(own: Own, columns: Indices, first: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    curves = log_odds(own.said.quality[:, columns].astype(np.float64))
    fits = [
        fit_growth(first[:, model], curves[:, model], own.quality[:, model]) for model in range(len(columns))
    ]
    paces, rises = zip(*fits, strict=True)
    return _single(np.array(paces)), _single(np.stack(rises))


def _matches(own: Own, quality: Floats, reference: int) -> tuple[Floats, float]:
    """Level of each model's matches, and their slope, from what they would be were either right by itself."""
    apart = log_odds(1 - quality[:, [reference]] * (1 - quality))
    return fit_lines(apart, own.match, np.ones(apart.shape))


def _tokens(own: Own, columns: Indices) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How each model's output tokens follow from those of its column."""
    lines = [
        fit_tokens(own.tokens[:, model], own.said.output_tokens[:, column].astype(np.float64))
        for model, column in enumerate(columns)
    ]
    scale, shift = np.array(lines).T
    return _single(scale), _single(shift)


def fit_tokens(recorded: Floats, said: Floats) -> tuple[float, float]:
    """Scale and shift of output tokens: a multiple of what is said, or a constant, whichever is nearer to
    those recorded; as it is said where none are (NaN)."""
    known = ~np.isnan(recorded)
    if not known.any():
        return 1.0, 0.0
    wanted, said = recorded[known], said[known]
    mean, ratio = float(wanted.mean()), float(wanted.mean() / max(said.mean(), 1e-9))
    constant = ((wanted - mean) ** 2).sum() <= ((wanted - ratio * said) ** 2).sum()
    return (0.0, mean) if constant else (ratio, 0.0)


class _Known(NamedTuple):
    """The readout, and by what own traffic is known; see bestroute.artefacts.adapter.Adapter."""

    readout: NDArray[np.float32]
    bias: NDArray[np.float32]
    inside: NDArray[np.float32]
    outside: NDArray[np.float32]
    familiar: NDArray[np.float32]


def _known(own: Own, manifest: Manifest, ridge: Floats, levels: Floats) -> _Known:
    """By its features own traffic is known; without any, by what the router model says of its novelty."""
    features = features_of(own)
    limit = np.inf if manifest.max_novelty is None else manifest.max_novelty
    if not features.shape[1]:
        if own.said.novelty is not None:
            limit = max(limit, upper(own.said.novelty.astype(np.float64)))
        readout, bias = np.zeros((0, len(levels) + 1)), np.append(levels, 0.0)
        return _Known(*map(_single, (readout, bias, np.zeros(0), np.zeros(()), np.array(1 / limit))))
    cloud = fit_cloud(features)
    farthest = farthest_of(features, own.fold)
    outside = 1 / (cloud.outside * farthest**2)
    return _Known(
        readout=_single(np.column_stack([ridge, cloud.directions, -2 * cloud.centre])),
        bias=_single(
            np.concatenate([levels, -cloud.centre @ cloud.directions, [cloud.centre @ cloud.centre]])
        ),
        inside=_single(outside - 1 / (cloud.inside * farthest**2)),
        outside=_single(np.array(outside)),
        familiar=_single(np.array(1 / limit)),
    )


def _single(values: Floats) -> NDArray[np.float32]:
    """In the precision that the router model has."""
    return values.astype(np.float32)
