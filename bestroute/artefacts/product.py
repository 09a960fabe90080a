"""Products of matrices on the calling thread alone.

numpy gives a large product to OpenBLAS, which takes all cores for it. A guest among other threads loses by
that: where the cores are taken the parts wait for one another (27 ms were seen in place of 0.1), and a
process that is forked meanwhile stands still. OpenBLAS stays on one thread up to a size (its
interface/gemm.c and interface/gemv.c), so a product is taken in parts of that size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MATRIX = 65536 * 4  # multiplications, at most
_VECTOR = 2304 * 4  # where a side is a vector: fewer than these
_ROWS = 8


def product(rows: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """rows @ weights of shapes (R, k) and (k, n), or (k,)."""
    if weights.ndim == 1:
        return product(rows, weights[:, None])[:, 0]
    count, width = len(rows), weights.shape[1]
    if rows.size * width < _VECTOR:
        small: NDArray[Any] = rows @ weights
        return small
    if count == 1:  # a vector's limit is low: with a twin it is a matrix
        return product(np.repeat(rows, 2, axis=0), weights)[:1]
    if width == 1:
        return product(rows, np.repeat(weights, 2, axis=1))[:, :1]
    if count > _ROWS:
        parts = (rows[start : start + _ROWS] for start in range(0, count, _ROWS))
        return np.concatenate([product(part, weights) for part in parts])
    step = max(1, _MATRIX // (count * width))
    found: NDArray[Any] = rows[:, :step] @ weights[:step]
    for start in range(step, rows.shape[1], step):
        found += rows[:, start : start + step] @ weights[start : start + step]
    return found
