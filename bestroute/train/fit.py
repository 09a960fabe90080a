"""One training loop for both models: seeded, resumable at any step, best epoch by validation loss."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from bestroute.files import atomic_write


class Task(Protocol):
    """What is learnt: items with a length in tokens, and the loss of a batch of them."""

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each item."""
        ...

    @property
    def digest(self) -> str:
        """Tells this data from other data."""
        ...

    def loss(self, indices: Sequence[int]) -> Tensor:
        """Mean loss of these items, a scalar."""
        ...


@dataclass(frozen=True)
class FitSettings:
    """How to train. Rates are AdamW's; `head_rate` is for the layers that start from nothing.

    Training ends early after `patience` epochs without a better validation loss.
    """

    epochs: int = 3
    batch_size: int = 32
    rate: float = 4e-5
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.06
    seed: int = 0
    device: str = "cpu"
    patience: int = 2
    checkpoint_every: int = 50


@dataclass(frozen=True)
class Progress:
    """Where a training stands, for a progress bar."""

    step: int
    steps: int
    epoch: int
    loss: float


Report = Callable[[Progress], None]


@dataclass
class _State:
    step: int = 0
    history: tuple[float, ...] = ()
    best: dict[str, Tensor] | None = None
    seconds: float = 0.0
    running: float = float("nan")


def seed_everything(seed: int) -> None:
    """Make what follows repeatable on the same machine and library versions."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def fit(
    model: nn.Module, train: Task, validation: Task, settings: FitSettings, checkpoint: Path, report: Report
) -> dict[str, Any]:
    """Train `model` in place and leave it with the weights of its best epoch.

    A checkpoint is written every few steps; when one of the same recipe lies there, training resumes from it
    with the same batches, dropout and result as if it had not stopped. Returns the history for the manifest.
    """
    optimizer = _optimizer(model, settings)
    per_epoch = -(-len(train.lengths) // settings.batch_size)
    steps = per_epoch * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _ramp(steps, settings.warmup))
    recipe = _fingerprint(settings, model, train, validation)
    state = _load(checkpoint, recipe, settings.device, model, optimizer, schedule) or _State()
    while state.step < steps and not _stale(state, settings.patience):
        started = perf_counter()
        epoch, position = divmod(state.step, per_epoch)
        batch = _batches(train.lengths, settings.batch_size, settings.seed + epoch)[position]
        loss = _train_step(model, train, batch, optimizer, schedule, settings.device)
        state.step += 1
        state.running = loss if np.isnan(state.running) else 0.98 * state.running + 0.02 * loss
        report(Progress(state.step, steps, epoch + 1, state.running))
        if state.step % per_epoch == 0:
            _end_epoch(model, validation, state, settings)
        state.seconds += perf_counter() - started
        if state.step % settings.checkpoint_every == 0 or state.step == steps:
            _save(checkpoint, recipe, model, optimizer, schedule, state)
    if state.best is not None:
        model.load_state_dict(state.best)
    model.eval()
    return {
        "validation_loss": [round(loss, 5) for loss in state.history],
        "best_epoch": int(np.argmin(state.history)) + 1,
        "seconds": round(state.seconds),
    }


def _stale(state: _State, patience: int) -> bool:
    return bool(state.history) and len(state.history) - 1 - int(np.argmin(state.history)) >= patience


def _optimizer(model: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    encoder: list[nn.Parameter] = []
    heads: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        (encoder if name.startswith("encoder.") else heads).append(weight)
    trained = [weight for weight in encoder if weight.requires_grad]
    groups = [{"params": trained, "lr": settings.rate}, {"params": heads, "lr": settings.head_rate}]
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)


def _ramp(steps: int, warmup: float) -> Callable[[int], float]:
    """Linear warm-up, then linear to zero."""
    rise = max(1, round(steps * warmup))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))


def _batches(lengths: Sequence[int], size: int, seed: int) -> list[list[int]]:
    """Shuffled batches of items of about equal length: sorted within blocks of 32 batches."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(lengths))
    block = 32 * size
    batches: list[list[int]] = []
    for start in range(0, len(order), block):
        part = sorted(order[start : start + block].tolist(), key=lambda index: lengths[index])
        batches += [part[at : at + size] for at in range(0, len(part), size)]
    return [batches[index] for index in generator.permutation(len(batches))]


def _train_step(
    model: nn.Module, task: Task, batch: Sequence[int], optimizer: Any, schedule: Any, device: str
) -> float:
    model.train()
    with torch.autocast(device, dtype=torch.bfloat16):
        loss = task.loss(batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return float(loss.detach())


def _end_epoch(model: nn.Module, validation: Task, state: _State, settings: FitSettings) -> None:
    loss = mean_loss(model, validation, settings)
    if not state.history or loss < min(state.history):
        state.best = {name: value.detach().clone() for name, value in model.state_dict().items()}
    state.history = (*state.history, loss)


def mean_loss(model: nn.Module, task: Task, settings: FitSettings) -> float:
    """Mean loss over a task's items, without training."""
    model.eval()
    total = 0.0
    with torch.no_grad(), torch.autocast(settings.device, dtype=torch.bfloat16):
        for batch in _batches(task.lengths, settings.batch_size, 0):
            total += float(task.loss(batch)) * len(batch)
    return total / len(task.lengths)


def _fingerprint(settings: FitSettings, model: nn.Module, train: Task, validation: Task) -> str:
    """Tells a checkpoint of another recipe, network or other data from one to resume."""
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    content = [asdict(settings), shapes, train.digest, validation.digest]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _save(path: Path, recipe: str, model: nn.Module, optimizer: Any, schedule: Any, state: _State) -> None:
    buffer = io.BytesIO()
    content = {
        "recipe": recipe,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state_all(),
        "state": vars(state),
    }
    torch.save(content, buffer)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def _load(
    path: Path, recipe: str, device: str, model: nn.Module, optimizer: Any, schedule: Any
) -> _State | None:
    if not path.is_file():
        return None
    content = torch.load(path, weights_only=True, map_location=device)
    if content["recipe"] != recipe:
        return None
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    schedule.load_state_dict(content["schedule"])
    torch.set_rng_state(content["random"].cpu())
    torch.cuda.set_rng_state_all([state.cpu() for state in content["cuda_random"]])
    return _State(**content["state"])
