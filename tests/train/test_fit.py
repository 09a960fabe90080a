"""The training loop: seeded, resumable at any step, and left with its best epoch."""

import pytest
import torch
from torch import nn

from bestroute.train.fit import FitSettings, Progress, fit, seed_everything

SETTINGS = FitSettings(epochs=3, batch_size=8, rate=0.05, head_rate=0.05, checkpoint_every=1)


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(4, 4)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.encoder(x)))[:, 0]


class Sums:
    """Learn the sum of four numbers."""

    def __init__(self, model: Toy, seed: int) -> None:
        self._model = model
        self._inputs = torch.randn(40, 4, generator=torch.Generator().manual_seed(seed))

    @property
    def lengths(self) -> list[int]:
        return [4] * len(self._inputs)

    @property
    def digest(self) -> str:
        return str(self._inputs.sum())

    def loss(self, indices) -> torch.Tensor:
        inputs = self._inputs[list(indices)]
        return nn.functional.mse_loss(self._model(inputs).float(), inputs.sum(1))


class Stopped(Exception):
    pass


def train(checkpoint, stop_after: int | None = None, settings: FitSettings = SETTINGS):
    def report(progress: Progress) -> None:
        if progress.step == stop_after:
            raise Stopped

    seed_everything(settings.seed)
    model = Toy()
    history = fit(model, Sums(model, 1), Sums(model, 2), settings, checkpoint, report)
    return history, torch.cat([weight.flatten() for weight in model.parameters()]).detach()


def test_it_learns_and_a_seed_repeats_it(tmp_path):
    history, weights = train(tmp_path / "a.pt")
    assert history["validation_loss"][-1] < history["validation_loss"][0]
    assert history["best_epoch"] == history["validation_loss"].index(min(history["validation_loss"])) + 1
    again, same = train(tmp_path / "b.pt")
    assert again["validation_loss"] == history["validation_loss"]
    assert torch.equal(weights, same)


@pytest.mark.parametrize("step", [1, 5, 9])
def test_a_stopped_run_ends_as_if_it_had_not_stopped(tmp_path, step):
    _, whole = train(tmp_path / "whole.pt")
    with pytest.raises(Stopped):
        train(tmp_path / "stopped.pt", stop_after=step + 1)
    history, resumed = train(tmp_path / "stopped.pt")
    assert torch.equal(whole, resumed)


def test_a_checkpoint_of_another_recipe_is_not_used(tmp_path):
    train(tmp_path / "c.pt")
    other = FitSettings(**{**vars(SETTINGS), "seed": 7})
    assert torch.equal(
        train(tmp_path / "c.pt", settings=other)[1], train(tmp_path / "d.pt", settings=other)[1]
    )
