"""Walks through recorded responses: what asking a model, then it for more or another, would have shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bestroute.answering.agreement.group import group as agreeing
from bestroute.answering.selection import ByRewardedVote
from bestroute.artefacts.posterior import Evidence
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.reward import RewardModel
from bestroute.errors import TrainingError
from bestroute.records.record import Record, Response, bucket, family_of, query_hash, scores_of, split_of
from bestroute.train.labels import prompt_text

_BATCH = 64
_DEPTH = 3


@dataclass(frozen=True)
class State:
    """Responses that a walk has asked for, and what they were worth."""

    evidence: Evidence
    score: float
    reference_score: float


@dataclass(frozen=True)
class Move:
    """One step of a walk: from a state (None: from nothing) to the next, by asking `more` of a class."""

    before: State | None
    after: State
    prior: float
    more: int


@dataclass(frozen=True)
class Walked:
    """All the moves of one query."""

    text: str
    family: str
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Ways:
    """`draws`: walks through the responses of a query. `most`: responses that a step asks a class for."""

    draws: int = 8
    most: int = 4
    seed: int = 0


def walk_records(
    records: Sequence[Record],
    split: str,
    predictor: OnnxPredictor,
    reward: RewardModel | None,
    ways: Ways,
    advance: Callable[[], None],
) -> Iterator[Walked]:
    """Random walks through the responses to every query of a split that has some to walk through.

    They are the same in any order of the records. Raises TrainingError where responses have neither rewards
    nor texts to reward.
    """
    chosen = [record for record in records if split_of(prompt_text(record)) == split]
    chosen.sort(key=_place)
    for start in range(0, len(chosen), _BATCH):
        batch = chosen[start : start + _BATCH]
        texts = [prompt_text(record) for record in batch]
        quality = predictor.predict(predictor.tokenize(texts)).quality[:, :, 0]
        for record, text, priors in zip(batch, texts, quality.astype(float), strict=True):
            advance()
            known = dict(zip(predictor.manifest.classes, map(float, priors), strict=True))
            moves = tuple(_moves(record, text, known, predictor.manifest.reference, reward, ways))
            if moves:
                yield Walked(text, family_of(record.source), moves)


def _place(record: Record) -> tuple[int, int]:
    """Where a record goes, whatever line it came from; the second number parts records of one query."""
    return query_hash(prompt_text(record)), query_hash(repr(record))


def _moves(
    record: Record,
    text: str,
    priors: Mapping[str, float],
    reference: str,
    reward: RewardModel | None,
    ways: Ways,
) -> Iterator[Move]:
    """Random walks: a class is asked for some responses, then it for more or a dearer class, and so on."""
    if reference not in record.responses or reference not in priors:
        return
    known = {
        name: _rewarded(text, record.responses[name], reward)
        for name in priors
        if name != reference and record.responses.get(name)
    }
    known = {name: items for name, items in known.items() if items}
    names = list(known)
    generator = np.random.default_rng(bucket(text, f"walks {ways.seed}", 1 << 64))
    reference_score = float(np.mean(scores_of(record.responses[reference])))
    for _ in range(ways.draws if names else 0):
        order = {name: generator.permutation(len(items)) for name, items in known.items()}
        there: dict[str, int] = {}
        before: State | None = None
        at = int(generator.integers(len(names)))
        for _ in range(_DEPTH):
            name = names[at]
            room = min(ways.most, len(known[name])) - there.get(name, 0)
            if room > 0:
                more = int(generator.integers(1, room + 1))
                there[name] = there.get(name, 0) + more
                heard = [(known[n][i], priors[n]) for n in there for i in order[n][: there[n]]]
                after = _state(heard, priors[reference], reference_score)
                yield Move(before, after, priors[name], more)
                before = after
            at = int(generator.integers(at, len(names)))


def _rewarded(text: str, responses: Sequence[Response], reward: RewardModel | None) -> list[Response]:
    """The responses that are not blank, each with its reward."""
    if any(item.text is None for item in responses):
        raise TrainingError("responses lack texts, by which they agree or not; give records with texts")
    written = [item for item in responses if item.text and item.text.strip()]
    if all(item.reward is not None for item in written):
        return written
    if reward is None:
        raise TrainingError("responses lack rewards; `bestroute score` gives them")
    values = reward.rewards(text, [item.text or "" for item in written])
    return [replace(item, reward=float(value)) for item, value in zip(written, values, strict=True)]


def _state(heard: Sequence[tuple[Response, float]], reference: float, reference_score: float) -> State:
    texts = [item.text or "" for item, _ in heard]
    rewards = [float(item.reward or 0.0) for item, _ in heard]
    groups = tuple(agreeing(texts).of) if len(texts) > 1 else (0,)
    kept = ByRewardedVote().select(texts, rewards, groups, range(len(texts)))
    sureness = heard[kept][0].sureness
    evidence = Evidence(tuple(prior for _, prior in heard), tuple(rewards), groups, reference, kept, sureness)
    return State(evidence, scores_of([heard[kept][0]])[0], reference_score)
