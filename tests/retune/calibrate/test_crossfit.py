"""What dials give that were chosen without the queries they are tried on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bestroute.policy.objective import MaxGap
from bestroute.records.record import bucket
from bestroute.retune.calibrate.aim import Choice
from bestroute.retune.calibrate.crossfit import FOLDS, cross_fitted
from bestroute.retune.calibrate.trials import Outcome, Part, remembered
from bestroute.retune.calibrate.within import Budget, ReferenceShare
from tests.evaluate.replays import CHEAP, DEAR


class Gaps:
    """Queries of these gaps: within the dial a cheap arm answers at a tenth of the price."""

    objective, arms, reference_quality = MaxGap(0.0), (CHEAP, DEAR), None

    def __init__(self, gaps):
        self._gaps = np.asarray(gaps, float)
        self.reference_cost = np.ones(len(gaps))
        self.tried = []

    def __len__(self):
        return len(self._gaps)

    def at(self, dial):
        self.tried.append(dial)
        cheap = self._gaps <= dial
        shares = np.stack([cheap, ~cheap], axis=1).astype(float)
        return Outcome(dial, np.where(cheap, 0.1, 1.0), np.ones(len(self)), shares, gap=self._gaps)


def texts(count):
    return [f"query {place}" for place in range(count)]


def folds(count):
    return np.array([bucket(text, "fold 0", FOLDS) for text in texts(count)])


@given(st.lists(st.floats(-0.3, 0.4), min_size=30, max_size=60))
def test_no_query_has_a_part_in_its_own_dial(gaps):
    trials = Gaps(gaps)
    found = cross_fitted(ReferenceShare(0.3), trials, texts(len(gaps)))
    which = folds(len(gaps))
    for fold, dial in enumerate(found.dials):
        verdict = ReferenceShare(0.3).choose(Part(trials, np.flatnonzero(which != fold)))
        assert isinstance(verdict, Choice)
        assert dial == verdict.outcome.dial
        here, there = which == fold, trials.at(dial)
        assert (found.outcome.shares[here] == there.shares[here]).all()
        assert (found.outcome.cost[here] == there.cost[here]).all()
    assert (found.outcome.gap == trials.at(0).gap).all()
    assert found.outcome.quality is None


def test_where_a_fold_keeps_to_no_dial_there_is_none():
    """All but one query cost too much at every dial; without that one, none keeps to the bound."""
    gaps = [0.0] * 3 + [1.5] * 30
    assert cross_fitted(Budget(0.93), Gaps(gaps), texts(33)) is None
    assert isinstance(Budget(0.93).choose(Gaps(gaps)), Choice)


def test_a_single_query_leaves_nothing_to_choose_from():
    assert cross_fitted(ReferenceShare(1.0), Gaps([0.1]), texts(1)) is None


def test_a_setting_is_tried_once():
    trials = Gaps([0.1, 0.2])
    memory = remembered(trials)
    assert memory.at(0.15) is memory.at(0.15)
    assert trials.tried == [0.15]
    assert len(memory) == 2


def test_a_part_is_what_it_is_of_the_whole():
    part = Part(Gaps([0.0, 0.2, 0.4]), np.array([2, 0]))
    assert len(part) == 2
    assert part.at(0.1).shares.tolist() == [[0, 1], [1, 0]]
    assert part.reference_cost.tolist() == [1, 1]
