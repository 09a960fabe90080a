"""Probabilities and their log-odds, in which levels add up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CLIP = 1e-4
_FAR = 9.2


def odds_of(probability: NDArray[Any]) -> NDArray[Any]:
    """Odds, of what is cut off at 0.0001 and 0.9999."""
    clipped = np.minimum(np.maximum(probability, _CLIP), 1 - _CLIP)  # clip is Python, and slow when cold
    odds: NDArray[Any] = clipped / (1 - clipped)
    return odds


def log_odds(probability: NDArray[Any]) -> NDArray[Any]:
    """The logarithm of the odds."""
    odds: NDArray[Any] = np.log(odds_of(probability))
    return odds


def bounded(odds: NDArray[Any]) -> NDArray[Any]:
    """Log-odds that are cut off at about those bounds too."""
    found: NDArray[Any] = np.minimum(np.maximum(odds, -_FAR), _FAR)
    return found


def sigmoid(odds: NDArray[Any]) -> NDArray[Any]:
    """The probability of log-odds."""
    probability: NDArray[Any] = 1 / (1 + np.exp(-odds))
    return probability
