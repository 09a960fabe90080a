"""One calibration: the queries on their sides, the choice, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from bestroute.policy import Policy
from bestroute.retune.calibrate.aim import Aim, Choice, Refusal, Verdict
from bestroute.retune.calibrate.crossfit import cross_fitted
from bestroute.retune.calibrate.held_out import figures
from bestroute.retune.calibrate.shape import Shape
from bestroute.retune.calibrate.shaping import choose_per_tier
from bestroute.retune.calibrate.trials import OnRecords, Trials, counted, shaped
from bestroute.retune.calibrate.within import UNMOVED, Within


class PerTier(NamedTuple):
    """Trials where tiers get limits of their own: on the queries that `shape` these, on the `rest` that then
    chooses, on all of them, and on those that judge.
    """

    shape: OnRecords
    rest: OnRecords
    everything: OnRecords
    judges: OnRecords


class Sides(NamedTuple):
    """Trials on the queries that choose and on those that judge; `texts` are what the latter ask.

    Where nothing is promised all choose, and both are the same.
    """

    chooses: Trials
    judges: Trials
    texts: Sequence[str]
    per_tier: PerTier | None = None

    @property
    def held_out(self) -> bool:
        """Whether those that judge had no part in choosing."""
        return self.judges is not self.chooses


class Chosen(NamedTuple):
    """The verdict, trials of what was chosen on the queries that judge, and its shape, None for the tiers' as
    they are.
    """

    verdict: Verdict
    judges: Trials
    shape: Shape | None = None


def choose_dial(aim: Aim, sides: Sides, seed: int = 0, advance: Callable[[], None] = lambda: None) -> Chosen:
    """Choose a dial on the side that chooses; `advance` is called at every setting that is tried."""
    if sides.per_tier is None:
        trials = counted(sides.chooses, advance)
        verdict = aim.choose(trials)
        loose = isinstance(verdict, Choice) and verdict.tried == 1 and not aim.needs_labels
        return Chosen(_unless_idle(verdict, trials) if loose else verdict, sides.judges)
    shapes, rest, everything, judges = sides.per_tier
    verdict, shape = choose_per_tier(aim, shapes, rest, everything, seed, advance)
    return Chosen(verdict, shaped(judges, shape), shape)


def _unless_idle(verdict: Verdict, trials: Trials) -> Verdict:
    """What was chosen at the safest setting, unless the loosest gives the same: then the dial does nothing,
    and is best left as it is."""
    loosest = trials.at(trials.objective.grid[-1])
    if not isinstance(verdict, Choice) or not np.array_equal(verdict.outcome.shares, loosest.shares):
        return verdict
    why = f"no setting of {trials.objective.key} changes anything on the {len(trials):,} queries that choose"
    return Refusal(f"{why}. {UNMOVED}", verdict.tried + 1)


def slack(aim: Aim, chosen: Chosen, sides: Sides) -> str | None:
    """What to say where an aim allows even the safest setting, which seldom is what was meant."""
    verdict, trials = chosen.verdict, sides.chooses
    if aim.needs_labels or not isinstance(verdict, Choice) or verdict.tried > 1:
        return None
    cost, reference = (float(of.mean()) for of in (verdict.outcome.cost, trials.reference_cost))
    safest = f"{trials.objective.key} {verdict.outcome.dial:g}"
    return (
        f"the aim does not bind: even the safest setting, {safest}, keeps to it, at ${cost:.4g} a query; "
        f"always the reference costs ${reference:.4g}. A tighter aim lets cheaper models answer"
    )


def report_of(policy: Policy, aim: Aim, chosen: Chosen, sides: Sides, seed: int = 0) -> dict[str, Any]:
    """What was chosen, and what the dials give on the queries that judge, as JSON values.

    `held_out`: these had no part in choosing. `reached`: what the aim bounds, with a 95 % interval, None for
    a promise. `cross_fitted`, where all had a part: what queries give at a dial that was chosen without them,
    one of its `dials`; None where there is none.
    """
    objective, (verdict, judges, shape) = policy.objective, chosen
    report: dict[str, Any] = {
        "policy": policy.digest,
        "aim": aim.as_dict(),
        "dial_key": objective.key,
        "labelled": sides.judges.reference_quality is not None,
        "shaped_on": None,
        "chosen_on": len(sides.chooses),
        "held_out": sides.held_out,
        "dials_tried": verdict.tried,
        "dial": None,
        "tiers": None,
        "before": figures(sides.judges.at(objective.setting), sides.judges, sides.texts, seed),
        "after": None,
        "reached": None,
        "cross_fitted": None,
        "why_not": None,
        "records_needed": None,
        "written": False,
    }
    if sides.per_tier is not None and shape is not None and any(shape.offsets):
        report |= {"shaped_on": len(sides.per_tier.shape), "chosen_on": len(sides.per_tier.rest)}
    if not isinstance(verdict, Choice):
        return report | {"why_not": verdict.why, "records_needed": verdict.records_needed}
    dial = verdict.outcome.dial
    if shape is not None:
        report["tiers"] = [
            {"tier": tier.arm.label, "before": (tier.objective or objective).setting, "after": limit}
            for tier, limit in zip(policy.tiers, shape.limits(objective, dial), strict=False)
        ]
    report |= {"dial": dial, "after": figures(judges.at(dial), judges, sides.texts, seed)}
    if isinstance(aim, Within):
        report["reached"] = aim.reached(report["after"])
        report["cross_fitted"] = None if sides.held_out else _apart(aim, sides, seed)
    return report


def _apart(aim: Aim, sides: Sides, seed: int) -> dict[str, Any] | None:
    """The figures of queries under dials that were chosen without them."""
    found = cross_fitted(aim, sides.chooses, sides.texts, seed)
    if found is None:
        return None
    told = figures(found.outcome, sides.chooses, sides.texts, seed)
    return {"dials": list(found.dials), **{name: value for name, value in told.items() if name != "dial"}}
