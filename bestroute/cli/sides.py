"""The queries of a calibration on their sides: some choose the dial, the others judge it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bestroute.cli.output import BadLines
from bestroute.cli.reading import cautions, divide_records, replayed
from bestroute.errors import InputError

if TYPE_CHECKING:
    from bestroute.policy import Policy
    from bestroute.retune.calibrate.calibration import Sides
    from bestroute.retune.calibrate.trials import OnRecords, Trials


def labelled(paths: Sequence[Path]) -> bool:
    """Whether the files hold records with scores, by the first line that tells. Raises InputError where some
    do and others hold plain queries.
    """
    kinds = {path: _holds_records(path) for path in paths}
    if len(set(kinds.values())) > 1:
        plain = next(path for path, labelled in kinds.items() if not labelled)
        raise InputError(f"{plain}: holds plain queries, other files records; give one kind")
    return kinds[paths[0]]


def of_records(
    policy: Policy, paths: Sequence[Path], bad: BadLines, judge_all: bool, promises: bool, seed: int,
    threads: int, per_tier: bool, warnings: list[str],
) -> Sides:  # fmt: skip
    """Records, of which half choose and the other half judges; `per_tier`: a third of the former shapes.

    `promises`: something is to be promised of other queries. Where nothing is, and no shape is to be found,
    all choose.
    """
    from bestroute.artefacts.adapter import open_predictor
    from bestroute.evaluate.routed import Recall
    from bestroute.evaluate.seen import REPEATED, Seen
    from bestroute.retune.calibrate.calibration import PerTier, Sides
    from bestroute.retune.calibrate.trials import first_of_each, halves, part_of, thirds, trials_of

    seen = Seen(policy.learned)
    divided = divide_records(policy, replayed(paths, bad), None, seen, judge_all, threads)
    bad.tell()
    warnings += cautions(divided, seen, judge_all, policy)
    if promises and seen.silent:
        warnings.append("what is promised below holds only if training saw none of these records")
    if divided.saw and not judge_all:
        warnings.append(f"left out: {divided.saw} records that training saw")
    first = first_of_each(divided.judged.replay.texts)
    if alike := len(divided.judged.queries) - len(first):
        warnings.append(f"left out: {alike} records {REPEATED}")
    if not promises and (alike or REPEATED in divided.judged.left_out):
        warnings.append(
            "each query counts once, so shares and costs may differ from those of `dry-run` and `log`, which "
            "count all"
        )
    judged = part_of(divided.judged, first)
    texts = judged.replay.texts
    sides = halves(texts, seed)
    parts = thirds(texts, sides[0], seed) if per_tier else ()
    all_choose = not promises and not per_tier
    _check(*([sum(sides, [])] if all_choose else (*sides, *parts)))
    recall = Recall(open_predictor(policy.router, policy.adapter, policy.columns, threads), texts)

    def trials(places: Sequence[int]) -> OnRecords:
        return trials_of(policy, part_of(judged, places), recall, seed)

    if all_choose:
        return _everyone(trials, sides, texts)
    chooses, judges = map(trials, sides)
    asked = [texts[place] for place in sides[1]]
    if not parts:
        return Sides(chooses, judges, asked)
    shape, rest = map(trials, parts)
    return Sides(chooses, judges, asked, PerTier(shape, rest, chooses, judges))


def of_queries(policy: Policy, paths: Sequence[Path], bad: BadLines, seed: int, threads: int) -> Sides:
    """Plain queries, all of which choose."""
    from bestroute.artefacts.adapter import open_predictor
    from bestroute.evaluate.routed import Recall
    from bestroute.query import read_queries
    from bestroute.retune.calibrate.trials import Expected, halves

    queries = [query for path in paths for query in read_queries(path, bad.on_bad)]
    bad.tell()
    if not queries:
        raise InputError(f"{', '.join(map(str, paths))}: holds no query")
    texts = [query.text for query in queries]
    recall = Recall(open_predictor(policy.router, policy.adapter, policy.columns, threads), texts)

    def trials(places: Sequence[int]) -> Expected:
        return Expected(policy, [queries[place] for place in places], recall)

    return _everyone(trials, halves(texts, seed), texts)


def _everyone(
    trials: Callable[[Sequence[int]], Trials], sides: Iterable[Sequence[int]], texts: Sequence[str]
) -> Sides:
    """All queries on one side; what a setting gave them is kept, for choosing without some."""
    from bestroute.retune.calibrate.calibration import Sides
    from bestroute.retune.calibrate.trials import remembered

    places = [place for side in sides for place in side]
    everyone = remembered(trials(places))
    return Sides(everyone, everyone, [texts[place] for place in places])


def _holds_records(path: Path) -> bool:
    from bestroute.files import read_lines

    if ".txt" in path.suffixes[-2:]:
        return False
    bad: list[InputError] = []
    unscored = False
    for value in read_lines(path, json.loads, lambda error: bad.append(error) if not bad else None):
        if not isinstance(value, dict) or not ("prompt" in value or "responses" in value):
            return False
        if "prompt" in value or not _unscored(value["responses"]):
            return True
        unscored = True  # as where scoring failed: another record tells
    if unscored:
        return False
    raise bad[0] if bad else InputError(f"{path}: holds no record and no query")


def _unscored(responses: Any) -> bool:
    """Whether these are responses of a record, none of which has a score."""
    lists = responses.values() if isinstance(responses, dict) else ()
    items = [item for items in lists if isinstance(items, list) for item in items]
    return bool(items) and all(isinstance(item, dict) and item.get("score") is None for item in items)


def _check(*sides: Sized) -> None:
    """Raise InputError where a side is empty: those that choose, then those that judge, then of --per-tier
    those that shape and the rest. The fewest that are told leave none empty in 99 of 100 cases."""
    if all(sides):
        return
    first, fewest = ("that choose", 10) if len(sides) == 2 else ("that find the limits, that choose", 30)
    raise InputError(
        f"{sum(map(len, sides[:2]))} queries cannot be divided into those {first} and that judge; about "
        f"{fewest} are the fewest"
    )
