"""The unit of scoring: some responses of one record. Every engine runs the same `Scorer` over `Task`s."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.errors import InputError, ScoringError
from bestroute.records.lines import parse_record, record_as_json
from bestroute.records.record import Record
from bestroute.records.score.oracle import Oracle, query_of

Wanted = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Task:
    """Responses of one record that want a score or a reward: indices for each of its models."""

    key: int
    record: Record
    scores: Wanted
    rewards: Wanted

    def to_json(self) -> str:
        """One line, for engines on other machines."""
        content = {"key": self.key, "scores": self.scores, "rewards": self.rewards}
        return json.dumps({**content, "record": record_as_json(self.record)})

    @classmethod
    def from_json(cls, line: str) -> Task:
        """The task of a line that `to_json` gave."""
        raw = json.loads(line)
        record = parse_record(raw["record"], scored=False)
        return cls(raw["key"], record, raw["scores"], raw["rewards"])


@dataclass
class Result:
    """What came of a task: (model, index, value) of each score and reward, and messages of what failed."""

    key: int
    scores: list[tuple[str, int, float]] = field(default_factory=list)
    rewards: list[tuple[str, int, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Scorer:
    """An oracle and a reward model (either may be missing) at work. Safe to share between threads."""

    def __init__(self, oracle: Oracle | None, reward: OnnxRewardModel | None) -> None:
        self._oracle, self._reward = oracle, reward

    def run(self, task: Task) -> Result:
        """Score and reward what the task wants. What fails is told in the result, in words.

        Responses of a model that are word for word the same are scored once.
        """
        result = Result(task.key)
        if self._oracle is not None:
            for model, indices in task.scores.items():
                self._score(self._oracle, task.record, model, indices, result)
        if self._reward is not None and task.rewards:
            self._add_rewards(self._reward, task.record, task.rewards, result)
        return result

    def close(self) -> None:
        """Stop what runs."""
        if self._oracle is not None:
            self._oracle.close()

    def _score(
        self, oracle: Oracle, record: Record, model: str, indices: Sequence[int], result: Result
    ) -> None:
        by_text = _by_text(record, model, indices)
        without = by_text.pop(None, [])
        if without:
            result.failures.append(f"{_name(record, model, without)}: no text to score")
        if not by_text:
            return
        different = [record.responses[model][same[0]] for same in by_text.values()]
        try:
            scores = oracle.score(record, model, different)
        except ScoringError as error:
            failed = [index for same in by_text.values() for index in same]
            result.failures.append(f"{_name(record, model, failed)}: {error}")
            return
        for score, same in zip(scores, by_text.values(), strict=True):
            result.scores += [(model, index, score) for index in same]

    def _add_rewards(self, reward: OnnxRewardModel, record: Record, wanted: Wanted, result: Result) -> None:
        try:
            query = query_of(record).text
        except InputError as error:
            result.failures.append(f"record {record.id!r}: cannot be rewarded: {error}")
            return
        pairs = []
        for model, indices in wanted.items():
            for index in indices:
                text = record.responses[model][index].text
                if text is None:
                    result.failures.append(f"{_name(record, model, [index])}: no text to reward")
                else:
                    pairs.append((model, index, text))
        values = reward.rewards_of_pairs([(query, text) for _, _, text in pairs]).tolist()
        result.rewards += [
            (model, index, value) for (model, index, _), value in zip(pairs, values, strict=True)
        ]


@dataclass(frozen=True)
class Recipe:
    """How to make a Scorer, here or on another machine: pickles, and opens nothing before `build`.

    `paid` is the oracle's own; `workers` how many tasks one process runs at once.
    """

    oracle: Callable[[], Oracle] | None
    reward: Path | None
    paid: bool
    workers: int

    def build(self) -> Scorer:
        """Open the artefacts and connections."""
        return Scorer(
            self.oracle() if self.oracle else None, OnnxRewardModel(self.reward) if self.reward else None
        )


def record_key(record: Record) -> int:
    """64 bits that tell a record by all that its scores depend on: id, query, answer, names and texts."""
    texts = {model: [item.text for item in items] for model, items in record.responses.items()}
    content = json.dumps([record.id, record.prompt, record.answer, texts])
    return int.from_bytes(hashlib.sha256(content.encode("ascii")).digest()[:8], "big", signed=True)


def tasks_of(record: Record, scores: Wanted, rewards: Wanted, paid: bool) -> Iterator[Task]:
    """A record's work: one task; where scores are paid for, one for each different text of each model."""
    if not paid:
        if scores or rewards:
            yield Task(record_key(record), record, scores, rewards)
        return
    for model, indices in scores.items():
        for same in _by_text(record, model, indices).values():
            yield Task(record_key(record), record, {model: same}, {})
    if rewards:
        yield Task(record_key(record), record, {}, rewards)


def missing(record: Record, attribute: str) -> dict[str, list[int]]:
    """Indices, for each model, of the responses that lack a `score` or a `reward`."""
    return {
        model: indices
        for model, items in record.responses.items()
        if (indices := [index for index, item in enumerate(items) if getattr(item, attribute) is None])
    }


def _by_text(record: Record, model: str, indices: Sequence[int]) -> dict[str | None, list[int]]:
    """The indices of the responses that are word for word the same, together."""
    groups: dict[str | None, list[int]] = {}
    for index in indices:
        groups.setdefault(record.responses[model][index].text, []).append(index)
    return groups


def _name(record: Record, model: str, indices: Sequence[int]) -> str:
    which = f"response {indices[0]}" if len(indices) == 1 else f"responses {', '.join(map(str, indices))}"
    return f"record {record.id!r}, {model}, {which}"
