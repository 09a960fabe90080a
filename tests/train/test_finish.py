"""What is fitted into the graph after training: calibration and novelty, on made-up numbers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bestroute.train import finish
from bestroute.train.models import Calibration, Novelty

pytestmark = pytest.mark.train

QUERIES, CLASSES, MAX_N, WIDTH = 4000, 2, 3, 6


def model(width=WIDTH):
    return SimpleNamespace(calibration=Calibration(CLASSES), novelty=Novelty(width))


def task(count, weights=None):
    return SimpleNamespace(rows=[None] * count, weights=np.ones(count) if weights is None else weights)


class TestCalibration:
    def test_undoes_what_is_too_sure_and_off(self, monkeypatch):
        """Logits are twice the true ones, plus 1 for the second class: halved and shifted back."""
        generator = np.random.default_rng(0)
        true = generator.normal(size=(QUERIES, 2, CLASSES, MAX_N))
        logits = (2 * true + np.array([0, 1])[None, None, :, None]).astype(np.float32)
        monkeypatch.setattr(finish, "_run", lambda model, rows: (None, logits))
        quality, match = (1 / (1 + np.exp(-true[:, curve])) for curve in (0, 1))
        quality[::2] = np.nan  # what the records do not tell has no say
        fitted = model()
        finish.fit_calibration(fitted, [None] * QUERIES, SimpleNamespace(quality=quality, match=match))
        np.testing.assert_allclose(fitted.calibration.scale[..., 0], 0.5, atol=0.02)
        np.testing.assert_allclose(fitted.calibration.shift[..., 0], [[0, -0.5]] * 2, atol=0.02)

    def test_a_scale_is_never_negative(self, monkeypatch):
        """So that quality still rises with n, whatever the validation queries say."""
        logits = np.linspace(-2, 2, 40, dtype=np.float32)[:, None, None, None] * np.ones(
            (1, 2, CLASSES, MAX_N)
        )
        monkeypatch.setattr(finish, "_run", lambda model, rows: (None, logits.astype(np.float32)))
        wrong = (logits[:, 0] < 0).astype(float)
        fitted = model()
        finish.fit_calibration(fitted, [None] * 40, SimpleNamespace(quality=wrong, match=wrong))
        assert (fitted.calibration.scale > 0).all()


class TestNovelty:
    def points(self, count, seed):
        """Two clouds, at 0 and at 10, wide along the first axis and narrow along the others."""
        generator = np.random.default_rng(seed)
        centres = np.where(np.arange(count)[:, None] % 2, 10.0, 0.0)
        return centres + generator.normal(size=(count, WIDTH)) * [5, 1, 1, 1, 1, 1]

    def fit(self, monkeypatch, validation, weights=None):
        known = {2000: self.points(2000, 0), validation: self.points(validation, 1)}
        monkeypatch.setattr(finish, "_run", lambda model, rows: (known[len(rows)].astype(np.float32), None))
        fitted = model()
        return (
            fitted.novelty,
            finish.fit_novelty(fitted, task(2000), task(validation, weights), seed=0),
            known,
        )

    def test_two_in_a_hundred_known_queries_pass_the_threshold(self, monkeypatch):
        novelty, threshold, known = self.fit(monkeypatch, 500)
        found = novelty(torch.tensor(known[500], dtype=torch.float32)).numpy()
        assert (found > threshold).mean() == pytest.approx(0.02, abs=0.004)

    def test_what_is_between_the_clouds_is_novel_and_what_lies_along_them_is_not(self, monkeypatch):
        novelty, threshold, _ = self.fit(monkeypatch, 500)
        between, along = torch.full((1, WIDTH), 5.0), torch.tensor([[7.0, 0, 0, 0, 0, 0]])
        assert novelty(along).item() < threshold < novelty(between).item()

    def test_too_few_validation_queries_fit_none(self, monkeypatch):
        novelty, threshold, _ = self.fit(monkeypatch, 9)
        assert threshold is None
        assert not novelty.whiten.any()

    def test_of_few_validation_queries_the_most_novel_is_the_threshold(self, monkeypatch):
        novelty, threshold, known = self.fit(monkeypatch, 15)
        found = novelty(torch.tensor(known[15], dtype=torch.float32)).numpy()
        assert threshold == found.max()
        assert novelty(torch.full((1, WIDTH), 5.0)).item() > threshold

    def test_a_threshold_counts_queries_by_weight(self):
        values, weights = np.array([4.0, 1.0, 3.0, 2.0]), np.array([1.0, 1.0, 1.0, 7.0])
        assert finish.quantile(values, weights, 0.75) == 2.0
        assert finish.quantile(values, np.ones(4), 0.75) == 3.0
        assert finish.quantile(values, np.ones(4), 1.0) == 4.0
