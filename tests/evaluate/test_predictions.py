"""How far predictions are right: AUC, calibration, and routers that say the same of all queries."""

import numpy as np
import pytest

from bestroute.evaluate.curve import curves, mean_curve
from bestroute.evaluate.predictions import collapse, ece, model_aucs
from bestroute.evaluate.weights import everything
from bestroute.policy.arms import Arm
from tests.evaluate.replays import one_hot, replay_of


def test_auc_weights_groups_equally():
    """Group one is told apart right, group two the wrong way round: 1 and 0, so 0.5."""
    replay = replay_of([[0, 1], [1, 1], [0, 1], [1, 1]], [1, 10])
    predicted = np.array([[0.1, np.nan], [0.9, np.nan], [0.9, np.nan], [0.1, np.nan]])
    found = model_aucs(predicted, replay, [np.array([0, 1]), np.array([2, 3])], 20, 0)
    assert [report["tiny"]["value"] for report in found] == [1.0, 0.0, 0.5]
    assert "big" not in found[0]


def test_portfolios_have_no_auc():
    arms = (Arm(models={"tiny": 1, "mid": 1}), Arm(model="tiny"), Arm(model="big"))
    replay = replay_of([[0, 0, 1], [1, 1, 1]], [1, 2, 10], arms=arms)
    (found, overall) = model_aucs(np.array([[0.1] * 3, [0.9] * 3]), replay, [np.arange(2)], 20, 0)
    assert set(found) == set(overall) == {"tiny", "big"}


def test_ece_leaves_out_the_reference_and_what_was_not_predicted():
    predicted, outcome = np.array([[0.5, 0.0], [np.nan, 0.0]]), np.array([[1.0, 1.0], [0.0, 1.0]])
    assert ece(predicted, outcome, np.arange(2)) == pytest.approx(0.5)
    assert np.isnan(ece(predicted, outcome, np.array([1])))
    assert np.isnan(ece(None, outcome, np.arange(2)))


def test_one_arm_at_every_dial_is_a_collapse():
    replay = replay_of([[0, 1]] * 40, [1, 10])
    strategy = one_hot([[1] * 40, [1] * 39 + [0], [0] * 40], 2)
    curve = mean_curve(curves(strategy, replay, everything(replay.sources)))
    assert "one arm takes more than 95%" in collapse(curve, np.linspace(0, 1, 40)[:, None], replay.labels)[0]
