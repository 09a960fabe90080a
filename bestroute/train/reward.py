"""Train the reward model, and give records out-of-fold rewards for the router's labels."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from bestroute.artefacts.manifest import Manifest, read_manifest
from bestroute.artefacts.reward import OnnxRewardModel, pair_rows
from bestroute.errors import TrainingError
from bestroute.records.record import Preference, Record, Split, bucket, family_of, scores_of, split_of
from bestroute.train.encoder import encoder_name, load_tokenizer, pad
from bestroute.train.export import export
from bestroute.train.fit import FitSettings, Report, fit, seed_everything
from bestroute.train.folder import write_manifest
from bestroute.train.labels import prompt_text
from bestroute.train.metrics import reward_metrics
from bestroute.train.models import RewardNet


@dataclass(frozen=True)
class RewardSettings:
    """How the reward model reads and is trained.

    `max_tokens`: ids of query and response together; `query_tokens`: at most so many are the query's.
    `per_query`: responses of one query that are compared with one another, half of them better ones.
    `per_source`: queries of one source family at most, so that a large set does not drown the small ones.
    """

    max_tokens: int = 256
    query_tokens: int = 80
    per_query: int = 4
    per_source: int = 2000
    fit: FitSettings = field(default_factory=lambda: FitSettings(epochs=1, batch_size=6))


@dataclass(frozen=True)
class _Group:
    """Responses to one query with their scores; `calibrated` where a score says how likely right it is."""

    query: str
    responses: tuple[str, ...]
    scores: tuple[float, ...]
    calibrated: bool


class _RewardTask:
    """Pairwise -log sigmoid of the difference within a query, plus cross entropy of each score."""

    def __init__(self, model: RewardNet, groups: Sequence[_Group], settings: RewardSettings) -> None:
        self._model, self._groups, self._device = model, groups, settings.fit.device
        tokenizer = load_tokenizer()
        pairs = [(group.query, response) for group in groups for response in group.responses]
        rows = pair_rows(tokenizer, pairs, settings.max_tokens, settings.query_tokens)
        ends = np.cumsum([len(group.responses) for group in groups]).tolist()
        self._rows = [rows[end - len(group.responses) : end] for end, group in zip(ends, groups, strict=True)]
        self.lengths = [sum(len(row.ids) for row in part) for part in self._rows]

    @property
    def digest(self) -> str:
        """SHA-256 of the rows and scores."""
        content = [(row.ids, row.second_from) for part in self._rows for row in part]
        scores = [(group.scores, group.calibrated) for group in self._groups]
        return hashlib.sha256(repr((content, scores)).encode()).hexdigest()

    def sample_rows(self, count: int) -> list[Any]:
        """The first response of the first groups, for the parity check."""
        return [part[0] for part in self._rows[:count]]

    def loss(self, indices: Sequence[int]) -> Tensor:
        ids, mask, types = pad([row for index in indices for row in self._rows[index]], self._device)
        sizes = [len(self._rows[index]) for index in indices]
        parts = torch.split(self._model.logits(ids, mask, types), sizes)
        losses = [_group_loss(part, self._groups[index]) for part, index in zip(parts, indices, strict=True)]
        return torch.stack(losses).mean()


def _group_loss(logits: Tensor, group: _Group) -> Tensor:
    scores = torch.tensor(group.scores, dtype=torch.float32, device=logits.device)
    difference = scores[:, None] - scores[None, :]
    better = difference > 0
    loss = logits.sum() * 0.0
    if bool(better.any()):
        margins = logsigmoid(logits[:, None] - logits[None, :])
        loss = loss - (margins * difference)[better].sum() / difference[better].sum()
    if group.calibrated:
        loss = loss + binary_cross_entropy_with_logits(logits, scores)
    return loss


def train_reward(
    records: Sequence[Record],
    preferences: Sequence[Preference],
    out: Path,
    settings: RewardSettings,
    recipe: dict[str, Any],
    report: Report,
    measured: Sequence[Record] = (),
) -> Manifest:
    """Train on the train split of scored responses and preferences, write the folder `out`.

    The manifest's metrics come from the test split of `measured` (records with several responses a class) and
    of the preferences. Raises TrainingError when no training query has two responses of different score;
    where no validation query has, the training queries choose the epoch.
    """
    model, history, validation = _fit(records, preferences, out, settings, report)
    manifest = Manifest(
        kind="reward",
        max_tokens=settings.max_tokens,
        query_tokens=settings.query_tokens,
        files={},
        recipe={
            "encoder": encoder_name(),
            "settings": asdict(settings),
            "history": history,
            "records": len(records),
            "preferences": len(preferences),
            **recipe,
        },
    )
    queries = [*map(prompt_text, records), *(pair.prompt for pair in preferences)]
    seen = [text for text in queries if split_of(text) != "test"]
    manifest = export(model, ("reward",), manifest, validation.sample_rows(200), out, seen)
    test = [record for record in measured if split_of(prompt_text(record)) == "test"]
    pairs = [pair for pair in preferences if split_of(pair.prompt) == "test"]
    metrics = {**manifest.metrics, "test": reward_metrics(OnnxRewardModel(out), test, pairs)}
    finished = write_manifest(out, replace(manifest, metrics=metrics))
    _checkpoint(out).unlink(missing_ok=True)
    return finished


class OutOfFold:
    """Reward models that never saw the query they reward.

    The training queries are cut into `folds` by a hash; each fold is rewarded by a model trained on the
    others. Queries of the other splits are seen by no fold's model and get the first one's rewards. `scratch`
    is a folder for the folds' artefacts and checkpoints; a finished fold of the same data and settings is
    used again.
    """

    def __init__(
        self,
        records: Sequence[Record],
        preferences: Sequence[Preference],
        folds: int,
        scratch: Path,
        settings: RewardSettings,
        report: Report,
    ) -> None:
        self._models = []
        for fold in range(folds):
            folder = scratch / f"fold-{fold}-of-{folds}"
            kept = [record for record in records if _fold_of(prompt_text(record), folds) != fold]
            others = [pair for pair in preferences if _fold_of(pair.prompt, folds) != fold]
            own = replace(settings, fit=replace(settings.fit, seed=settings.fit.seed + fold))
            inputs = hashlib.sha256(repr((kept, others, own)).encode("utf-8", "replace")).hexdigest()
            if _inputs_of(folder) != inputs:
                train_reward(kept, others, folder, own, {"inputs": inputs}, report)
            self._models.append(OnnxRewardModel(folder, threads=0))

    def rewarded(self, record: Record) -> Record:
        """The record with every response's reward set."""
        text = prompt_text(record)
        unseen = _fold_of(text, len(self._models)) if split_of(text) == "train" else 0
        model, responses = self._models[unseen], {}
        for name, items in record.responses.items():
            rewards = model.rewards(text, [item.text or "" for item in items])
            responses[name] = tuple(
                replace(item, reward=float(reward)) for item, reward in zip(items, rewards, strict=True)
            )
        return replace(record, responses=responses)


def _inputs_of(folder: Path) -> str | None:
    """What a fold was trained on, as its manifest tells; None where there is no finished fold."""
    if not (folder / "manifest.json").is_file():
        return None
    inputs: str | None = read_manifest(folder, "reward").recipe.get("inputs")
    return inputs


def _fold_of(text: str, folds: int) -> int:
    return bucket(text, "fold", folds)


def _fit(
    records: Sequence[Record],
    preferences: Sequence[Preference],
    out: Path,
    settings: RewardSettings,
    report: Report,
) -> tuple[RewardNet, dict[str, Any], _RewardTask]:
    groups = {split: _groups(records, preferences, split, settings) for split in ("train", "validation")}
    if not groups["train"]:
        raise TrainingError("no query of the train split has two responses of different score")
    chooses = "validation" if groups["validation"] else "train"  # a handful of queries may leave none
    seed_everything(settings.fit.seed)
    model = RewardNet().to(settings.fit.device)
    train = _RewardTask(model, groups["train"], settings)
    validation = _RewardTask(model, groups[chooses], settings)
    history = fit(model, train, validation, settings.fit, _checkpoint(out), report)
    return model, {**history, "epoch_chosen_on": chooses}, validation


def _checkpoint(out: Path) -> Path:
    return out.parent / f".{out.name}.checkpoint.pt"


def _groups(
    records: Sequence[Record], preferences: Sequence[Preference], split: Split, settings: RewardSettings
) -> list[_Group]:
    generator = np.random.default_rng(settings.fit.seed)
    groups, count = [], Counter[str]()
    for index in generator.permutation(len(records)):
        record = records[index]
        family = family_of(record.source)
        if split_of(prompt_text(record)) != split or count[family] >= settings.per_source:
            continue
        group = _group_of(record, settings.per_query, generator)
        if group is not None:
            count[family] += 1
            groups.append(group)
    pairs = [pair for pair in preferences if split_of(pair.prompt) == split]
    return groups + [
        _Group(pair.prompt, (pair.chosen, pair.rejected), (1.0, 0.0), calibrated=False) for pair in pairs
    ]


def _group_of(record: Record, per_query: int, generator: np.random.Generator) -> _Group | None:
    """Up to `per_query` responses, half of them better than the mean; None where all scored the same."""
    items = [item for part in record.responses.values() for item in part if item.text]
    scores = scores_of(items)
    if len(set(scores)) < 2:
        return None
    above = np.array(scores) > np.mean(scores)
    chosen: list[int] = []
    for side in (np.flatnonzero(above), np.flatnonzero(~above)):
        chosen += side[generator.permutation(len(side))[: max(1, per_query // 2)]].tolist()
    texts = tuple(items[index].text or "" for index in chosen)
    return _Group(prompt_text(record), texts, tuple(scores[index] for index in chosen), calibrated=True)
