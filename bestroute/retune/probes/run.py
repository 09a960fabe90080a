"""What a policy decides for its probes, and where that is not as expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bestroute.decision import Decision
from bestroute.policy import load_policy
from bestroute.retune.probes.load import read_probes
from bestroute.retune.probes.schema import Expect, Probe
from bestroute.router import Router


@dataclass(frozen=True)
class ProbeResult:
    """One probe with what was decided for it.

    `failures` says what is not as expected, nothing where the probe passes. `excused`: it fails, but it has
    tags with a minimum pass rate, and all of them reach theirs. `line` is where it starts in its file.
    """

    probe: Probe
    decision: Decision
    failures: tuple[str, ...]
    line: int
    excused: bool = False

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.failures

    @property
    def ok(self) -> bool:
        """Whether it passes or is excused."""
        return self.passed or self.excused

    def explain(self) -> str:
        """What is not as expected, and the decision as `bestroute route` shows it."""
        return "\n".join([*self.failures, "", self.decision.explain()]).strip()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.probe.name,
            "line": self.line,
            "tags": list(self.probe.tags),
            "passed": self.passed,
            "excused": self.excused,
            "failures": list(self.failures),
            "decision": self.decision.as_dict(),
        }


@dataclass(frozen=True)
class TagRate:
    """How many of a tag's probes pass; `minimum` is the least share that must, None where each is judged by
    itself."""

    tag: str
    passed: int
    probes: int
    minimum: float | None

    @property
    def rate(self) -> float:
        """The share that passes."""
        return self.passed / self.probes

    @property
    def ok(self) -> bool:
        """Whether enough pass; always where there is no minimum."""
        return self.minimum is None or self.rate >= self.minimum

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "passed": self.passed,
            "probes": self.probes,
            "rate": self.rate,
            "minimum": self.minimum,
            "ok": self.ok,
        }


@dataclass(frozen=True)
class ProbeReport:
    """Every probe's result, in file order, and the rate of every tag. `policy` is the policy's digest."""

    results: tuple[ProbeResult, ...]
    tags: tuple[TagRate, ...]
    policy: str

    @property
    def ok(self) -> bool:
        """Whether every probe passes or is excused; then every tag reaches its minimum too."""
        return all(result.ok for result in self.results)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "policy": self.policy,
            "ok": self.ok,
            "probes": len(self.results),
            "passed": sum(result.passed for result in self.results),
            "tags": {rate.tag: rate.as_dict() for rate in self.tags},
            "results": [result.as_dict() for result in self.results],
        }


def run_probes(policy: str | Path, probes: str | Path) -> list[ProbeResult]:
    """Decide every probe of a file by a policy, for tests: `assert result.ok, result.explain()`.

    No network, no key. Raises PolicyError or ProbesError with every fault of the file, InputError for a file
    that cannot be opened, ArtefactError.
    """
    return list(report_of(Router(load_policy(policy), time_budget_s=None), probes).results)


def report_of(router: Router, probes: str | Path) -> ProbeReport:
    """As `run_probes`, with the rates of the tags, for a router that is there."""
    policy = router.policy
    file, places = read_probes(probes, policy)
    results = []
    for probe, place in zip(file.probes, places, strict=True):
        decision = router.route(probe.asked)
        failures = tuple(_failures(probe.expect, decision))
        results.append(ProbeResult(probe, decision, failures, place.line))
    tags = _rates(results, file.min_pass_rate)
    reached = {rate.tag: rate.ok for rate in tags if rate.minimum is not None}
    return ProbeReport(tuple(_excused(result, reached) for result in results), tags, policy.digest)


def _excused(result: ProbeResult, reached: dict[str, bool]) -> ProbeResult:
    judged = [reached[tag] for tag in result.probe.tags if tag in reached]
    return replace(result, excused=not result.passed and bool(judged) and all(judged))


def _rates(results: list[ProbeResult], minimums: dict[str, float]) -> tuple[TagRate, ...]:
    found: dict[str, list[bool]] = {}
    for result in results:
        for tag in dict.fromkeys(result.probe.tags):
            found.setdefault(tag, []).append(result.passed)
    return tuple(TagRate(tag, sum(all_), len(all_), minimums.get(tag)) for tag, all_ in found.items())


def _failures(expect: Expect, decision: Decision) -> Iterator[str]:
    """What is not as expected, a sentence each."""
    same = (
        ("model", expect.model, decision.model),
        ("n", expect.n, decision.n),
        ("models", expect.models, dict(decision.models)),
        ("rule", expect.rule, decision.rule),
        ("cause", expect.cause, decision.cause),
    )
    for name, wanted, found in same:
        if wanted is not None and wanted != found:
            yield f"{name} is {found or 'none'}, expected {wanted}"
    most = (
        ("expected cost", expect.max_cost, decision.expected_cost),
        ("gap", expect.max_gap, decision.gap),
        ("expected calls", expect.max_calls, decision.expected_calls),
    )
    for name, bound, value in most:
        if bound is not None and (value is None or value > bound):
            yield f"{name} is {_shown(value)}, expected at most {bound:g}"
    match = decision.match_probability
    if expect.min_match is not None and (match is None or match < expect.min_match):
        yield f"match probability is {_shown(match)}, expected at least {expect.min_match:g}"
    if expect.no_rule and decision.rule is not None:
        yield f"rule {decision.rule!r} matches, and none must"
    if decision.rule in (expect.not_rule or ()):
        yield f"rule {decision.rule!r} matches, and must not"
    yield from _asked(expect, decision)


def _asked(expect: Expect, decision: Decision) -> Iterator[str]:
    planned = {*decision.models, *(name for step in decision.plan for name in step.arm.models)}
    for name in expect.not_model or ():
        if name in planned:
            yield f"{name} is asked{'' if name in decision.models else ' later in the plan'}, and must not be"
    for name, words in (expect.why_not or {}).items():
        tiers = [one for one in decision.candidates if name in one.models]
        if not tiers:
            yield f"no tier asks {name}, so none is left out because it {words!r}"
        for one in tiers:
            if words not in (one.why_not or ""):
                yield f"{one.arm.label} is left out because: {one.why_not or 'it is not'}, expected {words!r}"


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4g}"
