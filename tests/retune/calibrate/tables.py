"""Trials whose outcome at each dial a table gives."""

import numpy as np

from bestroute.policy.objective import MaxGap
from bestroute.retune.calibrate.trials import (
    Outcome,
)
from tests.evaluate.replays import CHEAP, DEAR


class Table:
    """Trials from what each dial costs and loses, the same for each of `count` queries."""

    objective = MaxGap(0.0)

    def __init__(self, rows, count=2000, reference=1.0):
        self.rows, self.count = rows, count
        self.arms = (CHEAP, DEAR)
        self.reference_cost = np.ones(count)
        self.reference_quality = np.full(count, reference)
        self.tried = []

    def __len__(self):
        return self.count

    def at(self, dial):
        self.tried.append(dial)
        cost, drop = self.rows[dial]
        ones = np.ones(self.count)
        shares = np.outer(ones, [1 - cost, cost])
        return Outcome(dial, cost * ones, ones, shares, (1 - drop) * self.reference_quality)


ROWS = {-1: (1.0, 0.0), 0: (0.6, 0.005), 0.1: (0.7, 0.008), 0.2: (0.3, 0.05), 0.3: (0.1, 0.0)}
