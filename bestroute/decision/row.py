"""A row: an arm as a decider weighs it, with everything that does not depend on the query looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bestroute.artefacts.predictor import Columns
from bestroute.policy.arms import Arm, Model
from bestroute.policy.objective import AnyObjective


@dataclass(frozen=True, slots=True)
class Row:
    """An arm with everything that does not depend on the query looked up.

    `columns`: the router model's column of each model, with its n; None where one of them was not learned.
    `objective`: the tier's own, None where it is the policy's. `taught`: whether the router model was taught
    its n; `no_better`: where not, why a tier of fewer responses goes before it, None where none does.
    """

    arm: Arm
    models: tuple[tuple[Model, int], ...]
    columns: Columns | None
    objective: AnyObjective | None = None
    taught: bool = True
    no_better: str | None = None


def no_better(row: Row, rows: Sequence[Row]) -> str | None:
    """Why an arm of an n that was not taught is passed over: another tier asks the same models for less, and
    is predicted to be as good."""
    if row.taught or row.columns is None:
        return None
    same = next((one for one in rows if one.arm.n < row.arm.n and _predicted_alike(one, row)), None)
    if same is None:
        return None
    return f"so large an n was not taught: predicted to be no better than {same.arm.label}"


def _predicted_alike(less: Row, more: Row) -> bool:
    """Whether two arms ask the same models in the same shares, and the same is predicted of both."""
    shares = {name: n * more.arm.n for name, n in less.arm.parts}
    return shares == {name: n * less.arm.n for name, n in more.arm.parts} and all(
        min(less.arm.n, part.taught) == min(more.arm.n, part.taught) for part in more.columns or ()
    )
