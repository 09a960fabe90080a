"""Rewards of a reward model that never saw the query, so that records tell what best-of-n keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from bestroute.artefacts.manifest import seen_queries
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.records.record import Record, Response, family_of, query_hash
from bestroute.train.labels import prompt_text


def rewarded(records: Iterable[Record], folder: Path, per_source: int) -> Iterator[Record]:
    """The records, with rewards on the first `per_source` of each source that the reward model did not see.

    Other records, and those with a response without text, are left as they are.
    """
    model, seen = OnnxRewardModel(folder), set(seen_queries(folder).tolist())
    done: Counter[str] = Counter()
    for record in records:
        text, family = prompt_text(record), family_of(record.source)
        items = [item for part in record.responses.values() for item in part]
        if done[family] >= per_source or query_hash(text) in seen or not all(item.text for item in items):
            yield record
            continue
        done[family] += 1
        yield replace(
            record,
            responses={name: _with_rewards(model, text, part) for name, part in record.responses.items()},
        )


def _with_rewards(model: OnnxRewardModel, query: str, part: tuple[Response, ...]) -> tuple[Response, ...]:
    rewards = model.rewards(query, [item.text or "" for item in part])
    return tuple(replace(item, reward=float(reward)) for item, reward in zip(part, rewards, strict=True))
