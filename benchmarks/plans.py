"""Compare plans: several policies that ask twice, on the same records, each held against the first.

    python benchmarks/plans.py POLICY POLICY... --records RECORDS...

The policies share their models, reference and objective, and differ in tiers or sampling. Each is played at
every dial on the queries that no training step saw and all of them can replay, with the responses in the
same seeded order. The dial is chosen on one half of the queries and judged on the other; halves are random
and their queries drawn with replacement, alike for all policies, so that differences are paired: means and
95 % intervals. Sources count equally. `responses` and `rounds` are means a query at the chosen dials. With
--dials what each policy gives at the same dials stands below.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from bestroute.artefacts.manifest import read_manifest
from bestroute.artefacts.posterior import Posterior
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.errors import BestRouteError
from bestroute.evaluate.curve import Played
from bestroute.evaluate.planned import Table, planned
from bestroute.evaluate.replay import Floats, Replay, Replayed, arms_of
from bestroute.evaluate.routed import routed
from bestroute.evaluate.saving import held_out
from bestroute.evaluate.seen import Seen, divide
from bestroute.evaluate.weights import Weighting, everything, halves, overall
from bestroute.policy import Policy, load_policy
from bestroute.records.lines import read_records
from bestroute.records.quality import interval
from bestroute.records.record import Record

DROPS = (0.0, 0.01)
ALL = "all, each alike"


@dataclass(frozen=True)
class Player:
    """One policy's plans: what each query gave at every dial, beside the reference's own."""

    name: str
    played: Played
    replay: Replay


@dataclass(frozen=True)
class Chosen:
    """What the chosen dials gave, a value a half: `saving` and `drop` are shares of the reference's."""

    saving: Floats
    drop: Floats
    responses: Floats
    rounds: Floats


def main() -> None:
    """Play, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policies", type=Path, nargs="+")
    parser.add_argument("--records", type=Path, nargs="+", required=True)
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--plays", type=int, default=4, help="orders of the responses to play each query in")
    parser.add_argument("--every", type=int, default=1, help="play one dial in so many, to be quick")
    parser.add_argument("--dials", type=float, nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    try:
        policies = {path.stem: load_policy(path) for path in options.policies}
        players = list(play(policies, options))
    except BestRouteError as error:
        sys.exit(f"error: {error}")
    weighting = resampled_halves(players[0].replay.sources, options.splits)
    for drop in DROPS:
        show(players, weighting, drop)
    if options.dials:
        show_dials(players, options.dials)


def play(policies: dict[str, Policy], options: argparse.Namespace) -> Iterator[Player]:
    """Every policy's plans, played on the same queries."""
    first = next(iter(policies.values()))
    records = [record for record in read_records(options.records) if can_play(record, policies.values())]
    predictor = OnnxPredictor(first.router, options.threads)
    posterior = Posterior.load(first.posterior)
    for name, policy in policies.items():
        started = process_time()
        judged = judged_by(policy, records, options.threads)
        base = routed(policy.in_one_shot(), judged.queries, judged.replay.arms, predictor, name)
        table = Table(policy, judged.replay, judged.queries, judged.recorded, posterior, options.plays)
        strategy = planned(table, base, name=name, every=options.every).strategy
        assert isinstance(strategy, Played)
        print(f"{name}: {len(judged.queries)} queries, {process_time() - started:.0f} s", file=sys.stderr)
        yield Player(name, strategy, judged.replay)


def can_play(record: Record, policies: Iterator[Policy] | Sequence[Policy]) -> bool:
    """Whether a record has as many responses of each model as any of the policies may ask for."""
    for policy in policies:
        for name, n in (part for arm in arms_of(policy) for part in arm.parts):
            found = record.responses.get(name) or record.responses.get(policy.model(name).column) or ()
            if len(found) < n or (name != policy.reference and any(one.text is None for one in found)):
                return False
    return True


def judged_by(policy: Policy, records: Sequence[Record], threads: int) -> Replayed:
    """The queries that no training step saw, replayed under a policy."""
    seen = Seen([policy.router, policy.reward, policy.posterior])
    margin = read_manifest(policy.router, "router").margin
    reward = OnnxRewardModel(policy.reward, threads)
    return divide(policy, records, None, seen, reward, margin=margin).judged


def resampled_halves(sources: Sequence[str], splits: int, seed: int = 0) -> Weighting:
    """Random halves of every source, each drawn anew with replacement; first halves come first."""
    generator = np.random.default_rng(seed)
    split = halves(sources, splits, seed)

    def again(rows: Floats) -> Floats:
        counts = (rows > 0).sum(axis=1)
        return np.stack([generator.multinomial(n, row) / n for n, row in zip(counts, rows, strict=True)])

    return Weighting(split.names, tuple((at, again(rows)) for at, rows in split.parts))


def choose(player: Player, weighting: Weighting, drop: float) -> dict[str, Chosen]:
    """By source and over all: what the dial that each half chose gives on the other."""
    played, replay = player.played, player.replay
    with np.errstate(divide="ignore", invalid="ignore"):
        saved = 1 - weighting.of(played.cost.T) / weighting.of(replay.cost[:, -1:])
        lost = 1 - weighting.of(played.quality.T) / weighting.of(replay.quality[:, -1:])
    asked, rounds = weighting.of(played.responses.T), weighting.of(played.rounds.T)
    parts = dict(zip(weighting.names, zip(saved, lost, asked, rounds, strict=True), strict=True))
    if len(weighting.names) > 1:
        parts |= {ALL: (overall(saved), overall(lost), overall(asked), overall(rounds))}
    found = {}
    for name, values in parts.items():
        never = np.zeros((len(values[0]), 1))  # always asking the reference is allowed too
        columns = [np.hstack([never + at, of]) for at, of in zip((0, 0, 1, 1), values, strict=True)]
        judges, chosen = held_out(columns[0], columns[1], drop)
        found[name] = Chosen(*(of[judges, chosen] for of in columns))
    return found


def show(players: Sequence[Player], weighting: Weighting, drop: float) -> None:
    """A row a source and policy."""
    print(f"\nAt {drop:.0%} drop:\n")
    print("| source | policy | saving, % | drop, % | responses | rounds | saving less the first's |")
    print("|---|---|---:|---:|---:|---:|---:|")
    found = {player.name: choose(player, weighting, drop) for player in players}
    first = players[0].name
    for source in next(iter(found.values())):
        for name, by_source in found.items():
            one = by_source[source]
            cells = [_interval(100 * one.saving), f"{100 * np.nanmean(one.drop):.1f}"]
            cells += [f"{np.nanmean(one.responses):.2f}", f"{np.nanmean(one.rounds):.2f}"]
            cells.append("" if name == first else _interval(100 * (one.saving - found[first][source].saving)))
            print(f"| {source} | {name} | {' | '.join(cells)} |")


def show_dials(players: Sequence[Player], dials: Sequence[float]) -> None:
    """What every policy gives at the same dials, means over sources."""
    weighting = everything(players[0].replay.sources)
    print("\n| dial | policy | quality | cost, % of the reference's | responses | rounds |")
    print("|---:|---|---:|---:|---:|---:|")
    for dial in dials:
        for player in players:
            played = player.played
            at = int(np.argmin(abs(played.dials - dial)))
            share = weighting.of(played.cost[at : at + 1].T) / weighting.of(player.replay.cost[:, -1:])
            quality, asked, rounds = (
                float(overall(weighting.of(of[at : at + 1].T))[0, 0])
                for of in (played.quality, played.responses, played.rounds)
            )
            cells = f"{quality:.3f} | {100 * float(overall(share)[0, 0]):.1f} | {asked:.2f} | {rounds:.2f}"
            print(f"| {played.dials[at]:g} | {player.name} | {cells} |")


def _interval(values: Floats) -> str:
    low, high = interval(values)
    return f"{np.nanmean(values):.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    main()
