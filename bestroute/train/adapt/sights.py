"""Own scored responses as the reward model sees them: what own rewards are fitted to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.reward import AdaptableReward, RewardModel
from bestroute.errors import InputError
from bestroute.evaluate.replay import query_of
from bestroute.policy import Policy
from bestroute.records.record import Record, Response, scores_of
from bestroute.text import clean, says_nothing
from bestroute.train.adapt.own import FOLDS, order_of

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
MOST_RESPONSES = 2000


@dataclass(frozen=True)
class Scored:
    """R responses to Q queries, those of a query one after another.

    `keys` (R,): the texts of query and response. `score`, the reward model's `odds`, and `characters` (R,);
    `features` (R, F) and `facts` (R, k) as it sees them. `query` (R,): which query a response is to; `rivals`
    (R,): responses of one number are chosen from together, which are those of one model, where one has
    several, else all to a query. `fold` (R,): that of the query.
    """

    keys: NDArray[np.object_]
    score: Floats
    odds: Floats
    characters: Floats
    features: Floats
    facts: Floats
    query: Indices
    rivals: Indices
    fold: Indices

    def __len__(self) -> int:
        return len(self.score)

    def at(self, rows: NDArray[np.bool_]) -> Scored:
        """Some of the responses; all to a query, or none."""
        return Scored(**{name: getattr(self, name)[rows] for name in Scored.__dataclass_fields__})

    def centred(self, values: Floats) -> Floats:
        """The values (R, ...) less their mean over the responses that are chosen from together."""
        _, group = np.unique(self.rivals, return_inverse=True)
        sums = np.zeros((group.max() + 1, *values.shape[1:]))
        np.add.at(sums, group, values)
        count = np.bincount(group).reshape(-1, *[1] * (values.ndim - 1))
        found: Floats = values - (sums / count)[group]
        return found

    def lists(self) -> list[Indices]:
        """Rows of responses that are chosen from together, two or more."""
        order = np.argsort(self.rivals, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(self.rivals[order])) + 1)
        return [part for part in parts if len(part) > 1]


def read_scored(
    policy: Policy, records: Sequence[Record], model: AdaptableReward, advance: Callable[[], None]
) -> Scored | None:
    """What the reward model sees of own responses; None where no query has two with a text.

    Of queries by the order of their hashes, until there are 2,000 responses.
    """
    parts, count = [], 0
    for text, record in sorted(_asked(records), key=lambda one: order_of(one[0])):
        lists = list(lists_of(policy, record))
        if not lists or count >= MOST_RESPONSES:
            continue
        parts.append(_seen(text, lists, model))
        count += len(parts[-1])
        advance()
    return _joined(parts) if parts else None


def _asked(records: Sequence[Record]) -> Iterator[tuple[str, Record]]:
    """Records with the text that is routed on, those that have one."""
    for record in records:
        with suppress(InputError):  # is told of where routers are fitted
            yield query_of(record).text, record


def lists_of(policy: Policy, record: Record) -> Iterator[tuple[Response, ...]]:
    """Responses that are chosen from together: a model's where some model has several, else all of them."""
    found = [
        tuple(item for item in record.responses.get(name) or () if _written(item))
        for name in dict.fromkeys(_names(policy, record))
    ]
    several = [items for items in found if len(items) > 1]
    together = tuple(item for items in found for item in items)
    yield from several or ([together] if len(together) > 1 else [])


def _names(policy: Policy, record: Record) -> Iterator[str]:
    for model in policy.models:
        name = model.name if record.responses.get(model.name) else model.column
        if name is not None:
            yield name


def _written(item: Response) -> bool:
    return item.text is not None and item.score is not None and not says_nothing(clean(item.text))


def _seen(query: str, lists: Sequence[Sequence[Response]], model: AdaptableReward) -> Scored:
    items = [item for part in lists for item in part]
    texts = [item.text or "" for item in items]
    sight = model.sight(query, texts)
    keys = np.empty(len(items), object)
    keys[:] = [(query, text) for text in texts]
    return Scored(
        keys=keys,
        score=np.array(scores_of(items)),
        odds=sight.odds.astype(np.float64),
        characters=np.array([len(text) for text in texts], float),
        features=sight.features.astype(np.float64),
        facts=sight.facts.astype(np.float64),
        query=np.zeros(len(items), np.intp),
        rivals=np.repeat(np.arange(len(lists)), [len(part) for part in lists]),
        fold=np.full(len(items), order_of(query) % FOLDS),
    )


def _joined(parts: Sequence[Scored]) -> Scored:
    """One query after another, each with a number."""
    starts = np.cumsum([0, *(part.rivals.max() + 1 for part in parts)])
    numbered = [
        replace(part, query=part.query + place, rivals=part.rivals + start)
        for place, (part, start) in enumerate(zip(parts, starts, strict=False))
    ]
    return Scored(
        **{
            name: np.concatenate([getattr(part, name) for part in numbered])
            for name in Scored.__dataclass_fields__
        }
    )


def rewarded(record: Record, known: Mapping[tuple[str, str], float], model: RewardModel) -> Record:
    """The record with a reward for each response: the known one by texts of query and response, else the
    model's. Responses without a text keep what was recorded."""
    try:
        query = query_of(record).text
    except InputError:
        return record
    texts = {item.text for items in record.responses.values() for item in items if item.text is not None}
    missing = sorted(text for text in texts if (query, text) not in known)
    rewards = {text: known[query, text] for text in texts.difference(missing)}
    rewards |= dict(zip(missing, map(float, model.rewards(query, missing)), strict=True))
    responses = {
        name: tuple(replace(item, reward=rewards.get(item.text or "", item.reward)) for item in items)
        for name, items in record.responses.items()
    }
    return replace(record, responses=responses)
