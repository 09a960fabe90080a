"""Which records judge, and which may fit: those that no training step of the artefacts saw, and the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bestroute.artefacts.manifest import seen_queries
from bestroute.artefacts.reward import RewardModel
from bestroute.errors import InputError
from bestroute.evaluate.replay import Collector, Replay, Replayed, query_of
from bestroute.policy import Policy
from bestroute.query import Query
from bestroute.records.record import Record, query_hash

REPEATED = "whose query stands before"
"""Why a record is left out that asks what an earlier one did."""


class Seen:
    """The queries that artefact folders were trained or tuned on, by hash: `text in seen`.

    `silent` lists the folders that do not say; nothing counts as seen by them. Raises ArtefactError for a
    list that cannot be read.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        lists = {folder: seen_queries(folder) for folder in folders}
        self.silent = tuple(folder for folder, hashes in lists.items() if not len(hashes))
        self._hashes = np.unique(np.concatenate([np.empty(0, np.uint64), *lists.values()]))

    def __contains__(self, text: str) -> bool:
        if not len(self._hashes):
            return False
        wanted = np.uint64(query_hash(text))
        place = int(np.searchsorted(self._hashes, wanted))
        return place < len(self._hashes) and bool(self._hashes[place] == wanted)


@dataclass(frozen=True)
class Divided:
    """Records on their two sides.

    `judged` are replayed to judge, `fit` to fit baselines (None for none); `saw` counts the records that
    training saw, `repeated` those given to fit on that judge already, which were left out, and `rewarded` the
    responses that the reward model had to reward. `unfit`: why others to fit on cannot be replayed, counted.
    """

    judged: Replayed
    fit: Replay | None
    saw: int
    repeated: int
    rewarded: int
    unfit: str = ""


def divide(
    policy: Policy,
    records: Iterable[Record],
    fit: Iterable[Record] | None,
    seen: Seen,
    reward: RewardModel | None,
    *,
    margin: float = 0.0,
    judge_all: bool = False,
) -> Divided:
    """Replay records: those whose query nobody saw judge (all of them with `judge_all`), the others fit.

    `fit` are more to fit on; None where nothing is fitted, and so the others are only counted. No query is on
    both sides. Raises InputError where none is left to judge.
    """
    judging = Collector(policy, reward, margin, keep_responses=policy.sampling.plans)
    fitting = Collector(policy, reward, margin)
    judges: set[int] = set()
    played: set[int] = set()
    saw = repeated = 0
    for record, query in _asked(records, judging.left_out):
        known = query.text in seen
        if known and not judge_all:
            saw += 1
            if fit is not None:
                fitting.add(record, query)
        elif query_hash(query.text) in played:  # else it would choose a dial and judge it too
            judging.left_out[REPEATED] += 1
        else:
            before = len(judging)
            judging.add(record, query)
            judges.add(query_hash(query.text))
            if len(judging) > before:
                played.add(query_hash(query.text))
                saw += known
    if not len(judging) and saw and not judge_all:
        rest = f"the others cannot be replayed ({judging.reasons})" if judging.left_out else "none is left"
        raise InputError(
            f"{'' if judging.left_out else 'all '}{saw} records were seen in training, {rest}; give others, "
            "or --all where nothing is promised by them"
        )
    for record, query in _asked(fit or (), fitting.left_out):
        if query_hash(query.text) in judges:
            repeated += 1
        else:
            fitting.add(record, query)
    fitted = fitting.finish().replay if len(fitting) else None
    rewarded = judging.rewarded + fitting.rewarded
    return Divided(judging.finish(), fitted, saw, repeated, rewarded, fitting.reasons)


def _asked(records: Iterable[Record], left_out: Counter[str]) -> Iterator[tuple[Record, Query]]:
    for record in records:
        try:
            yield record, query_of(record)
        except InputError:
            left_out["without a query that can be routed on"] += 1
