"""What `evaluate` and `calibrate` share in reading records: a count on stderr, bad lines, who judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bestroute.cli.output import BadLines, counted

if TYPE_CHECKING:
    from bestroute.evaluate.seen import Divided, Seen
    from bestroute.policy import Policy
    from bestroute.records.record import Record

_MANY = 1000  # responses whose rewards are worth keeping


def replayed(paths: Sequence[Path], bad: BadLines) -> Iterator[Record]:
    """Records of the files, in order, with a count on stderr."""
    from bestroute.records.lines import read_records

    return counted("records replayed", read_records(paths, bad.on_bad))


def divide_records(
    policy: Policy,
    records: Iterator[Record],
    fit: Iterator[Record] | None,
    seen: Seen,
    judge_all: bool,
    threads: int,
) -> Divided:
    """Replay records under a policy: those that judge and, unless `fit` is None, those to fit on."""
    from bestroute.artefacts.manifest import read_manifest
    from bestroute.artefacts.own_reward import AdaptedReward, open_reward
    from bestroute.evaluate.seen import divide
    from bestroute.records.record import without_rewards

    reward = open_reward(policy.reward, policy.adapter, threads)
    if isinstance(reward, AdaptedReward):  # recorded rewards are those of the reward model without it
        records, fit = map(without_rewards, records), fit and map(without_rewards, fit)
    margin = read_manifest(policy.router, "router").margin
    return divide(policy, records, fit, seen, reward, margin=margin, judge_all=judge_all)


def cautions(divided: Divided, seen: Seen, judge_all: bool, policy: Policy) -> list[str]:
    """What a reader of the figures should know of the queries that judge, and of the rewards."""
    from bestroute.artefacts.own_reward import found_of_rewards
    from bestroute.evaluate.names import told_unknown

    own = found_of_rewards(policy.adapter)
    found = [
        f"{folder} does not say which queries it was trained on; figures flatter where records hold some"
        for folder in seen.silent
    ]
    if judge_all and divided.saw:
        found.append(f"{divided.saw} of the queries that judge were seen in training; figures flatter")
    if own is not None and not own["tells"]:
        found.append(
            f"{policy.adapter}: found that rewards say nothing of own responses; they only break ties, and "
            "`select: reward+vote` counts heads alone"
        )
    if divided.rewarded > _MANY and own is None:  # those of an adapter are not kept in records
        found.append(
            f"{divided.rewarded:,} responses were given a reward by the reward model, which takes time; "
            f"`bestroute score FILE --oracle none --reward {policy.reward} --out NEW` keeps them for "
            "the next time"
        )
    if divided.repeated:
        found.append(f"{divided.repeated} records of --fit judge already and were not fitted on")
    if divided.unfit:
        found.append(f"left out of those to fit on: {divided.unfit}")
    found += [f"left out: {count} records {why}" for why, count in divided.judged.left_out.items()]
    unknown = told_unknown(divided.judged.unknown, (model.name for model in policy.models))
    return [*found, unknown] if unknown else found
