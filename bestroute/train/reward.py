"""Train the reward model, and give records out-of-fold rewards for the router's labels.

The encoder stays as it was pretrained, and every text is read once; what is learnt is the head.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bestroute.artefacts.manifest import Manifest, read_manifest
from bestroute.artefacts.reward import Head, OnnxRewardModel
from bestroute.errors import TrainingError
from bestroute.records.record import Preference, Record, Split, bucket, family_of, scores_of, split_of
from bestroute.train.evasions import evades, evasion_for
from bestroute.train.fit import FitSettings, Report, fit, seed_everything
from bestroute.train.folder import new_folder, write_manifest, write_seen
from bestroute.train.labels import prompt_text
from bestroute.train.logistic import fit_logistic
from bestroute.train.metrics import reward_metrics
from bestroute.train.readings import Readings, with_digests, write_head
from bestroute.train.reward_task import Group, HeadNet, RewardTask, facts_of_group
from bestroute.train.sentence.package import encoder_name


@dataclass(frozen=True)
class RewardSettings:
    """How the reward model reads and is trained.

    `max_tokens`: ids of a query, and of a response, at most; a longer one keeps its head and tail.
    `per_query`: responses of one query that are compared with one another. `per_source`: queries of one
    source family at most. `width` and `hidden` are those of bestroute.artefacts.reward.Head.
    """

    max_tokens: int = 256
    per_query: int = 10
    per_source: int = 2000
    width: int = 192
    hidden: int = 192
    dropout: float = 0.3
    fit: FitSettings = field(
        default_factory=lambda: FitSettings(
            epochs=6, batch_size=32, head_rate=1e-3, weight_decay=0.05, checkpoint_every=1000
        )
    )


def check_taught(
    records: Sequence[Record], preferences: Sequence[Preference], settings: RewardSettings, folds: int = 0
) -> None:
    """Raise TrainingError where a head, or that of one of `folds`, would have nothing to learn from."""
    _taught(records, preferences, settings)
    for fold in range(folds):
        _taught(*_beside(records, preferences, fold, folds), settings, f" outside fold {fold + 1} of {folds}")


def texts_of(
    records: Sequence[Record], preferences: Sequence[Preference], settings: RewardSettings
) -> Iterator[str]:
    """All that a training of these reads."""
    for split in ("train", "validation"):
        for group in _groups(records, preferences, split, settings):
            yield group.query
            yield from group.responses


def train_reward(
    records: Sequence[Record],
    preferences: Sequence[Preference],
    out: Path,
    readings: Readings,
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
    checkpoint = out.parent / f".{out.name}.checkpoint.pt"
    head, history = fit_head(records, preferences, readings, settings, checkpoint, report)
    told = {"records": len(records), "preferences": len(preferences)}
    manifest = replace(
        read_manifest(readings.folder, "reward"),
        recipe={
            "encoder": encoder_name(), "settings": asdict(settings), "history": history, **told, **recipe
        },
    )  # fmt: skip
    queries = [*map(prompt_text, records), *(pair.prompt for pair in preferences)]
    with new_folder(out, "reward") as folder:
        for name in ("model.onnx", "tokenizer.json"):
            shutil.copy(readings.folder / name, folder)
        write_head(folder, head)
        write_seen(folder, [text for text in queries if split_of(text) != "test"])
        manifest = write_manifest(folder, with_digests(folder, manifest))
    test = [record for record in measured if split_of(prompt_text(record)) == "test"]
    pairs = [pair for pair in preferences if split_of(pair.prompt) == "test"]
    tested = reward_metrics(OnnxRewardModel(out), test, pairs)
    checkpoint.unlink(missing_ok=True)
    return write_manifest(out, replace(manifest, metrics={"test": tested}))


def fit_head(
    records: Sequence[Record],
    preferences: Sequence[Preference],
    readings: Readings,
    settings: RewardSettings,
    checkpoint: Path,
    report: Report,
) -> tuple[Head, dict[str, Any]]:
    """The head after its best epoch, calibrated, and the history of the training."""
    groups = {
        "train": _taught(records, preferences, settings),
        "validation": _groups(records, preferences, "validation", settings),
    }
    chooses = "validation" if groups["validation"] else "train"  # a handful of queries may leave none
    seed_everything(settings.fit.seed)
    facts = np.concatenate([facts_of_group(group) for group in groups["train"]])
    model = HeadNet(settings.width, settings.hidden, settings.dropout, facts)
    train, judge = (RewardTask(model, readings, groups[name]) for name in ("train", chooses))
    history = fit(model, train, judge, settings.fit, checkpoint, report)
    head = model.head(*_platt(model.head(1.0, 0.0), readings, groups[chooses]))
    return head, {**history, "epoch_chosen_on": chooses}


def _platt(head: Head, readings: Readings, groups: Sequence[Group]) -> tuple[float, float]:
    """Scale and shift by which a logit tells a response's expected score; families count alike."""
    rows = [group for group in groups if group.calibrated]
    if not rows:
        return 1.0, 0.0
    logits = [
        head.logits(
            readings.of([group.query]),
            readings.of(group.responses),
            readings.buckets(group.responses),
            facts_of_group(group),
        )
        for group in rows
    ]
    sizes = Counter(group.family for group in rows)
    weights = np.concatenate([[1 / sizes[group.family]] * len(group.scores) for group in rows])
    scores = np.concatenate([group.scores for group in rows])
    found = fit_logistic(
        np.concatenate(logits)[:, None].astype(np.float64), scores, weights / weights.mean(), rising=(0,)
    )
    return max(found.weights[0], 1e-3), found.intercept


class OutOfFold:
    """Reward models that never saw the query they reward.

    The training queries are cut into `folds` by a hash; each fold is rewarded by a head trained on the
    others. Queries of the other splits are seen by no fold's head and get the first one's rewards. `scratch`
    is a folder for checkpoints.
    """

    def __init__(
        self,
        records: Sequence[Record],
        preferences: Sequence[Preference],
        folds: int,
        scratch: Path,
        readings: Readings,
        settings: RewardSettings,
        report: Report,
    ) -> None:
        self._readings = readings
        self._heads = []
        for fold in range(folds):
            kept, others = _beside(records, preferences, fold, folds)
            own = replace(settings, fit=replace(settings.fit, seed=settings.fit.seed + fold))
            checkpoint = scratch / f".fold-{fold}-of-{folds}.checkpoint.pt"
            self._heads.append(fit_head(kept, others, readings, own, checkpoint, report)[0])
        for file in scratch.glob(f".fold-*-of-{folds}.checkpoint.pt"):
            file.unlink()

    def rewarded(self, record: Record) -> Record:
        """The record with every response's reward set."""
        text = prompt_text(record)
        head = self._heads[_fold_of(text, len(self._heads)) if split_of(text) == "train" else 0]
        asked, responses = self._readings.of([text]), {}
        for name, items in record.responses.items():
            texts = [item.text or "" for item in items]
            read, buckets = self._readings.of(texts), self._readings.buckets(texts)
            rewards = head.rewards(asked, read, buckets, text, texts)
            responses[name] = tuple(
                replace(item, reward=float(reward)) for item, reward in zip(items, rewards, strict=True)
            )
        return replace(record, responses=responses)


def _fold_of(text: str, folds: int) -> int:
    return bucket(text, "fold", folds)


def _beside(
    records: Sequence[Record], preferences: Sequence[Preference], fold: int, folds: int
) -> tuple[list[Record], list[Preference]]:
    """All but those of a fold."""
    kept = [record for record in records if _fold_of(prompt_text(record), folds) != fold]
    return kept, [pair for pair in preferences if _fold_of(pair.prompt, folds) != fold]


def _taught(
    records: Sequence[Record],
    preferences: Sequence[Preference],
    settings: RewardSettings,
    where: str = "",
) -> list[Group]:
    """The groups of the train split. Raises TrainingError where there are none."""
    groups = _groups(records, preferences, "train", settings)
    if not groups:
        own = [record for record in records if split_of(prompt_text(record)) == "train"]
        several = sum(
            sum(bool(item.text) for part in record.responses.values() for item in part) > 1 for record in own
        )
        raise TrainingError(
            f"no query of the train split{where} has two responses with texts and different scores, and no "
            f"preference is of it: of {len(records):,} records {len(own):,} are in that split, and "
            f"{several:,} of these have two responses with texts. Give more prompts, or several responses to "
            "each, some better than others; --preferences teach too"
        )
    return groups


def _groups(
    records: Sequence[Record], preferences: Sequence[Preference], split: Split, settings: RewardSettings
) -> list[Group]:
    generator = np.random.default_rng(settings.fit.seed)
    groups, count = [], Counter[str]()
    ordered = sorted(records, key=lambda record: (prompt_text(record), record.source, record.id))
    for index in generator.permutation(len(ordered)):
        record = ordered[index]
        family = family_of(record.source)
        if split_of(prompt_text(record)) != split or count[family] >= settings.per_source:
            continue
        group = _group_of(record, settings.per_query, generator)
        if group is not None:
            count[family] += 1
            groups.append(group)
    own = (pair for pair in preferences if split_of(pair.prompt) == split)
    pairs = sorted(own, key=lambda pair: (pair.prompt, pair.chosen, pair.rejected, pair.source))
    kept = [pair for pair in pairs if not (evades(pair.chosen) or evades(pair.rejected))]
    evaded = [replace(pair, rejected=said) for pair in kept if (said := evasion_for(pair.prompt))]
    return groups + [_group_of_pair(pair) for pair in (*kept, *evaded)]


def _group_of_pair(pair: Preference) -> Group:
    family = f"pairs of {family_of(pair.source)}"
    return Group(family, pair.prompt, (pair.chosen, pair.rejected), (1.0, 0.0), calibrated=False)


def _group_of(record: Record, per_query: int, generator: np.random.Generator) -> Group | None:
    """Up to `per_query` responses of any scores, and an evasion beside some; None where all scored the
    same."""
    items = [
        item for part in record.responses.values() for item in part if item.text and not evades(item.text)
    ]
    chosen = [items[at] for at in generator.permutation(len(items))[:per_query]]
    scores, query = tuple(scores_of(chosen)), prompt_text(record)
    if len(set(scores)) < 2:
        return None
    texts, evasion = tuple(item.text or "" for item in chosen), evasion_for(query)
    if evasion is not None:
        texts, scores = (*texts, evasion), (*scores, 0.0)
    return Group(family_of(record.source), query, texts, scores, calibrated=True)
