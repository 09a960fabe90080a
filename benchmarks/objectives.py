"""Compare the three objectives on the same records: the frontier of each, and what it saves at a drop.

    python benchmarks/objectives.py POLICY RECORDS... --plot docs/concepts/objectives.svg

The policy's dial is replaced by each objective's in turn; all other parts stay. Where the policy escalates,
plans are played under `max_gap` and `cost_per_point`, and each objective in one shot stands beside them.
Settings are chosen on one half of the queries and judged on the other, as in `bestroute evaluate`. Judged are
queries that no training step saw. Needs the `plot` extra for --plot.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bestroute.artefacts.manifest import read_manifest
from bestroute.artefacts.posterior import Posterior
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.errors import BestRouteError
from bestroute.evaluate.fixed import fixed_strategies
from bestroute.evaluate.planned import Table, planned
from bestroute.evaluate.plot import write_plot
from bestroute.evaluate.replay import Replayed
from bestroute.evaluate.report import Judge, build_report
from bestroute.evaluate.routed import Routed, routed
from bestroute.evaluate.seen import Seen, divide
from bestroute.policy import Policy, load_policy
from bestroute.policy.objective import OBJECTIVES
from bestroute.records.lines import read_records

SETTINGS = {"max_gap": 0.05, "min_match": 0.5, "cost_per_point": 0.05}
DROPS = ("0.0", "0.01", "0.02", "0.05")


def main() -> None:
    """Compare, print a table, and draw."""
    parser = argparse.ArgumentParser(description="The three objectives on the same records.")
    parser.add_argument("policy", type=Path)
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path, help=".svg or .png to write")
    parser.add_argument("--json", type=Path, help="report to write")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    try:
        policy = load_policy(options.policy)
        report = compare(policy, options.records, options.threads)
        if options.json is not None:
            options.json.write_text(json.dumps(report), "utf-8")
        show(report)
        if options.plot is not None:
            write_plot(report, options.plot, name=policy.objective.key)
    except BestRouteError as error:
        sys.exit(f"error: {error}")


def compare(policy: Policy, paths: list[Path], threads: int) -> dict[str, Any]:
    """The report of `bestroute evaluate`, with the other objectives among the baselines."""
    plans = policy.sampling.plans
    seen = Seen([policy.router, policy.reward, *([policy.posterior] if plans else [])])
    margin = read_manifest(policy.router, "router").margin
    reward = OnnxRewardModel(policy.reward, threads)
    judged = divide(policy, read_records(paths), iter(()), seen, reward, margin=margin).judged
    found = list(_routers(policy, judged, threads))
    by_name = {one.strategy.name: one for one in found}
    router = by_name.pop("router")
    judge = Judge(judged.replay)
    return build_report(judge, router, [*fixed_strategies(judged.replay), *by_name.values()])


def _routers(policy: Policy, judged: Replayed, threads: int) -> Iterator[Routed]:
    """Every objective in one shot and, where the policy plans, in plans; the policy's own is `router`."""
    one_shot = policy.sampling.model_copy(update={"escalate": False, "stop_early": False})
    predictor = OnnxPredictor(policy.router, threads)
    for key, setting in SETTINGS.items():
        own = with_dial(policy, key, setting)
        single = own.model_copy(update={"sampling": one_shot})
        words = f"{key}, one shot" if policy.sampling.plans else key
        is_own = policy.objective.key == key
        name = "router" if is_own and not policy.sampling.plans else words
        found = routed(single, judged.queries, judged.replay.arms, predictor, name)
        yield found
        if policy.sampling.plans and key != "min_match":
            table = Table(own, judged.replay, judged.queries, judged.recorded, Posterior.load(own.posterior))
            yield planned(table, found, name="router" if is_own else key)
        print(f"{key} done", file=sys.stderr)


def with_dial(policy: Policy, key: str, setting: float) -> Policy:
    """The policy under another objective."""
    return policy.model_copy(update={**dict.fromkeys(OBJECTIVES), key: setting})


def show(report: dict[str, Any]) -> None:
    """Print savings at drops, overall, then at 1 % by source, as Markdown."""
    rows = {"router": report, **{name: part for name, part in report["baselines"].items() if part}}
    print("| objective | " + " | ".join(f"saving at {float(drop):.0%} drop" for drop in DROPS) + " | AIQ |")
    print("|---|" + "---:|" * (len(DROPS) + 1))
    for name, part in rows.items():
        if not name.startswith("fixed:"):
            cells = [_saving(part["overall"]["saving"][drop]) for drop in DROPS]
            print(f"| {name} | {' | '.join(cells)} | {part['overall']['aiq']:.4f} |")
    sources = list(report["sources"])
    print(f"\n| at 1 % drop | {' | '.join(sources)} |\n|---|" + "---:|" * len(sources))
    for name, part in rows.items():
        if not name.startswith("fixed:"):
            cells = [_saving(part["sources"][source]["saving"]["0.01"]) for source in sources]
            print(f"| {name} | {' | '.join(cells)} |")


def _saving(of: dict[str, float]) -> str:
    """`12.3 % [10.1, 14.0], drop 0.9 %`."""
    mean, low, high, drop = (100 * of[name] for name in ("mean", "low", "high", "drop"))
    return f"{mean:.1f} % [{low:.1f}, {high:.1f}], drop {drop:.1f} %"


if __name__ == "__main__":
    main()
