"""Bounds on what a change of policy may do: `cost > +5%`, read and judged.

BOUND  = METRIC OP VALUE
METRIC = cost | quality | calls | moved | share of ARM | share of reference
OP     = > | >= | < | <=
VALUE  = 12.5 | 30%       what the new policy reaches; % for moved and share only
       | +0.5 | -0.01     how much more or less than the old one
       | +5% | -2%        how much more or less, as a part of the old one; moved takes no sign
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.policy.arms import Arm
from bestroute.policy.document import clip
from bestroute.policy.wording import did_you_mean
from bestroute.retune.diff.changes import Changes

Against = Literal["level", "change", "relative"]

METRICS = ("cost", "quality", "calls", "moved", "share of ARM", "share of reference")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_PARTS = re.compile(r"([^<>=!]*?)\s*([<>=!]+)\s*([^<>=!]*)")
_VALUE = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)")
_SHARES = ("moved", "share")


@dataclass(frozen=True)
class Bound:
    """A condition under which a diff fails. `arm` is empty for the reference of each policy."""

    text: str
    metric: str
    arm: str
    operator: str
    value: float
    against: Against

    def judge(self, changes: Changes) -> Verdict:
        """Whether it holds of what was counted; a number that cannot be had fails too."""
        figure = changes.figure(self.metric, self.arm)
        found = {"level": figure.new, "change": figure.change, "relative": figure.relative}[self.against]
        failed = found is None or _OPERATORS[self.operator](float(f"{found:.9g}"), self.value)
        return Verdict(self, found, failed)


@dataclass(frozen=True)
class Verdict:
    """A bound with the value that was found (None: it cannot be had), and whether the diff fails by it."""

    bound: Bound
    found: float | None
    failed: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"bound": self.bound.text, "found": self.found, "failed": self.failed}

    def __str__(self) -> str:
        if self.found is None:
            return f"fails if {self.bound.text}: cannot be told"
        sign = "" if self.bound.against == "level" else "+"
        shown = format(self.found, f"{sign}.2%" if self._percent else f"{sign}.4g")
        return f"fails if {self.bound.text}: it is {shown}, " + ("FAILS" if self.failed else "holds")

    @property
    def _percent(self) -> bool:
        return self.bound.against == "relative" or self.bound.metric in _SHARES


def parse_bound(text: str, arms: Collection[str]) -> Bound:
    """Read a bound; `arms` are the labels that either policy can decide for.

    Raises InputError, saying what is wrong with which part.
    """
    words = " ".join(text.split())

    def bad(why: str) -> NoReturn:
        raise InputError(f"the bound {clip(words)}: {why}")

    parts = _PARTS.fullmatch(words)
    if not parts or parts[2] not in _OPERATORS:
        bad("give a metric, one of > >= < <=, and a value, as in 'cost > +5%'")
    name, compares, written = parts.groups()
    metric, arm = _metric(name, arms, bad)
    value = _VALUE.fullmatch(written)
    if not value:
        bad(f"{clip(written)} is not a value such as +5%, +0.5 or 12")
    plus, digits, percent = value.groups()
    number = float(plus + digits) / (100 if percent else 1)
    if not plus and percent and metric not in _SHARES:
        bad(f"a value with % needs a sign: +{digits}% is {digits} % more than under the old policy")
    if plus and metric == "moved":
        bad("moved has no value under the old policy; remove the sign")
    if not plus and metric in _SHARES and number > 1:
        bad(f"a share is at most 1, or 100%; perhaps {digits}% is meant")
    against: Against = "level" if not plus else "relative" if percent else "change"
    return Bound(words, metric, arm, compares, number, against)


def _metric(name: str, arms: Collection[str], bad: Callable[[str], NoReturn]) -> tuple[str, str]:
    if name in ("cost", "quality", "calls", "moved"):
        return name, ""
    if not name.startswith("share of "):
        bad(f"unknown metric {clip(name)}; there are {', '.join(METRICS)}{did_you_mean(name, METRICS[:4])}")
    arm = name.removeprefix("share of ")
    if arm == "reference":
        return "share", ""
    if arm not in arms:
        hint = did_you_mean(arm, arms) or f" (there are {', '.join(sorted(arms)[:8])})"
        bad(f"neither policy has the arm {clip(arm)}{hint}")
    return "share", arm


def arms_of(policy: Policy) -> set[str]:
    """The labels of all arms that a policy may ask first."""
    arms = [tier.arm for tier in policy.tiers]
    arms += [rule.route for rule in policy.rules if rule.route is not None]
    labels = {arm.label for arm in arms}
    single = [arm for arm in arms if len(arm.parts) == 1]
    parts = [Arm(model=arm.model, n=n) for arm in single for n in policy.sampling.parts_of(arm.n)]
    return labels | {part.label for part in parts}
