"""`bestroute calibrate`: set the dial of a policy by what it may lose, cost, or ask of the reference."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.output import POLICY, Counter, json_option, print_json, skip_bad_option, threads_option
from bestroute.cli.reading import FILES, Reader, cautions, divide_records
from bestroute.errors import InputError

if TYPE_CHECKING:
    from bestroute.calibrate.choose import Objective, Verdict
    from bestroute.calibrate.trials import Outcome, Trials
    from bestroute.policy import Policy

_NAMED = 4  # files in the comment; more are counted


class Share(click.ParamType):  # type: ignore[type-arg]
    """`1%` or `0.01` as 0.01."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        if isinstance(value, float):
            return value
        digits, percent = value.removesuffix("%"), value.endswith("%")
        try:
            found = float(digits)
        except ValueError:
            self.fail(f"{value!r} is not a share; write 1% or 0.01", param, ctx)
        if not percent and found >= 1:
            self.fail(
                f"{value!r} is {100 * found:g} %; write {found:g}% for that many in a hundred", param, ctx
            )
        return found / 100 if percent else found


@click.command(
    epilog="Example: bestroute calibrate policy.yaml records.jsonl.gz --max-drop 1% --write",
)
@click.argument("policy", type=POLICY)
@click.argument("records", nargs=-1, required=True, type=FILES)
@click.option("--max-drop", type=Share(), help="Share of the reference's quality that may be lost, as 1%.")
@click.option("--budget", type=float, help="US$ that a query may cost on average.")
@click.option("--reference-share", type=Share(), help="Share of queries the reference may answer, as 30%.")
@click.option(
    "--confidence", type=Share(), default=0.95, show_default=True, help="How sure --max-drop must be."
)
@click.option("--write", is_flag=True, help="Set max_gap in the policy file; all else of it stays.")
@click.option("--all", "judge_all", is_flag=True, help="Use records that training saw too.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the halves.")
@threads_option
@skip_bad_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, policy: Path, records: tuple[Path, ...], max_drop: float | None, budget: float | None,
    reference_share: float | None, confidence: float, write: bool, judge_all: bool, seed: int,
    threads: int | None, skip_bad: bool, as_json: bool,
) -> None:  # fmt: skip
    """Set the dial, max_gap, from labelled records, to exactly one aim.

    Half of the records choose the dial, the other half tells what it gives. --max-drop is a promise about
    queries like the records, each counting alike, and holds with the --confidence whatever the scores'
    distribution; where the records are too few for it, that is said, and nothing is promised or written.
    Records that training saw are left out. --budget and --reference-share also take plain queries, .txt
    or .jsonl as for dry-run; costs are then the router's own expectation. Exit code 1: no dial was chosen.
    """
    from bestroute.calibrate.choose import Choice, Refusal
    from bestroute.calibrate.telling import as_text, in_short
    from bestroute.policy import load_policy

    objective = _objective(max_drop, budget, reference_share, confidence)
    checked = load_policy(policy)
    warnings: list[str] = []
    cores = threads or os.cpu_count() or 1
    if _labelled(records):
        trials = _on_records(checked, records, Reader(skip_bad), judge_all, seed, cores, warnings)
    elif objective.needs_labels:
        raise InputError(f"{records[0]}: --max-drop needs records with scored responses, not plain queries")
    else:
        trials = _on_queries(checked, records, Reader(skip_bad), seed, cores)
    verdict = _choose(objective, trials[0])
    report = _report(checked, objective, verdict, trials, seed) | {"warnings": warnings}
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if write and isinstance(verdict, Choice):
        comment = f"{_said(ctx, records)}: {in_short(report, objective.words)}"
        _write(checked, policy, verdict.outcome.dial, comment)
        report["written"] = True
    if as_json:
        print_json(report)
    else:
        click.echo(as_text(report, objective.words, policy))
    if isinstance(verdict, Refusal):
        ctx.exit(1)


def _report(
    policy: Policy, objective: Objective, verdict: Verdict, trials: tuple[Trials, Trials], seed: int
) -> dict[str, Any]:
    """What was chosen, and what the dials give on the half that did not choose, as JSON values."""
    from bestroute.calibrate.choose import Choice
    from bestroute.calibrate.held_out import figures

    chooses, judges = trials
    report: dict[str, Any] = {
        "policy": policy.digest,
        "objective": objective.as_dict(),
        "labelled": judges.reference_quality is not None,
        "chosen_on": len(chooses),
        "dials_tried": verdict.tried,
        "dial": None,
        "before": figures(judges.at(policy.max_gap), judges, seed),
        "after": None,
        "why_not": None,
        "records_needed": None,
        "written": False,
    }
    if isinstance(verdict, Choice):
        dial = verdict.outcome.dial
        return report | {"dial": dial, "after": figures(judges.at(dial), judges, seed)}
    return report | {"why_not": verdict.why, "records_needed": verdict.records_needed}


def _objective(
    max_drop: float | None, budget: float | None, reference_share: float | None, confidence: float
) -> Objective:
    from bestroute.calibrate.choose import Budget, MaxDrop, ReferenceShare

    if [max_drop, budget, reference_share].count(None) != 2:
        raise click.UsageError("give exactly one of --max-drop, --budget and --reference-share")
    if max_drop is not None:
        return MaxDrop(max_drop, confidence)
    if budget is not None:
        return Budget(budget)
    assert reference_share is not None
    return ReferenceShare(reference_share)


def _labelled(paths: Sequence[Path]) -> bool:
    """Whether the files hold records, by the first line that is an object. Raises InputError where some do
    and others hold plain queries.
    """
    kinds = {path: _holds_records(path) for path in paths}
    if len(set(kinds.values())) > 1:
        plain = next(path for path, labelled in kinds.items() if not labelled)
        raise InputError(f"{plain}: holds plain queries, other files records; give one kind")
    return kinds[paths[0]]


def _holds_records(path: Path) -> bool:
    from bestroute.files import read_lines

    if ".txt" in path.suffixes[-2:]:
        return False
    for value in read_lines(path, json.loads, lambda _: None):
        return isinstance(value, dict) and ("responses" in value or "prompt" in value)
    raise InputError(f"{path}: holds no record and no query")


def _on_records(
    policy: Policy, paths: Sequence[Path], reader: Reader, judge_all: bool, seed: int, threads: int,
    warnings: list[str],
) -> tuple[Trials, Trials]:  # fmt: skip
    """Trials on the half of the records that chooses, and on the other."""
    from bestroute.calibrate.trials import first_of_each, halves, part_of, trials_of
    from bestroute.evaluate.routed import Recall
    from bestroute.evaluate.seen import Seen
    from bestroute.predictor import OnnxPredictor

    folders = [policy.router, policy.reward, *([policy.posterior] if policy.sampling.plans else [])]
    seen = Seen(folders)
    divided = divide_records(policy, reader.records(paths), iter(()), seen, judge_all, threads)
    reader.tell()
    warnings += cautions(divided, seen, judge_all)
    if divided.saw and not judge_all:
        warnings.append(f"left out: {divided.saw} records that training saw")
    first = first_of_each(divided.judged.replay.texts)
    if repeated := len(divided.judged.queries) - len(first):
        warnings.append(f"left out: {repeated} records whose query stands before")
    judged = part_of(divided.judged, first)
    sides = halves(judged.replay.texts, seed)
    _check_sides(sides)
    recall = Recall(OnnxPredictor(policy.router, threads), judged.replay.texts)
    chooses, judges = (trials_of(policy, part_of(judged, side), recall, seed) for side in sides)
    return chooses, judges


def _on_queries(
    policy: Policy, paths: Sequence[Path], reader: Reader, seed: int, threads: int
) -> tuple[Trials, Trials]:
    """As `_on_records`, of plain queries."""
    from bestroute.calibrate.trials import Expected, halves
    from bestroute.evaluate.routed import Recall
    from bestroute.predictor import OnnxPredictor
    from bestroute.query import read_queries

    queries = [query for path in paths for query in read_queries(path, reader.on_bad)]
    reader.tell()
    texts = [query.text for query in queries]
    sides = halves(texts, seed)
    _check_sides(sides)
    recall = Recall(OnnxPredictor(policy.router, threads), texts)
    chooses, judges = (Expected(policy, [queries[place] for place in side], recall) for side in sides)
    return chooses, judges


def _check_sides(sides: tuple[list[int], list[int]]) -> None:
    if not all(sides):
        raise InputError(
            f"{sum(map(len, sides))} queries cannot be divided into those that choose and those that judge; "
            "give more"
        )


def _choose(objective: Objective, trials: Trials) -> Verdict:
    counter = Counter("dials tried")
    verdict = objective.choose(_Counted(trials, counter))
    counter.close()
    return verdict


class _Counted:
    """Trials that count on stderr."""

    def __init__(self, trials: Trials, counter: Counter) -> None:
        self._trials, self._counter = trials, counter
        self.arms = trials.arms
        self.reference_cost, self.reference_quality = trials.reference_cost, trials.reference_quality

    def __len__(self) -> int:
        return len(self._trials)

    def at(self, dial: float) -> Outcome:
        outcome = self._trials.at(dial)
        self._counter.advance()
        return outcome


def _write(policy: Policy, path: Path, dial: float, comment: str) -> None:
    from bestroute.calibrate.write import write_dial

    write_dial(path, policy, dial, f"{date.today().isoformat()} {comment}")


def _said(ctx: click.Context, records: Sequence[Path]) -> str:
    """The command as it was given, but for how it reports."""
    words = ["bestroute", "calibrate", str(ctx.params["policy"]), *map(str, records[:_NAMED])]
    if len(records) > _NAMED:
        words.append(f"(and {len(records) - _NAMED} more files)")
    for name in ("max_drop", "budget", "reference_share", "confidence", "seed"):
        value, option = ctx.params[name], "--" + name.replace("_", "-")
        if value is None or ctx.get_parameter_source(name) == click.core.ParameterSource.DEFAULT:
            continue
        words += [option, f"{100 * value:g}%" if name in ("max_drop", "reference_share") else f"{value:g}"]
    return " ".join([*map(_quoted, words), *(["--all"] if ctx.params["judge_all"] else [])])


def _quoted(word: str) -> str:
    return word if word.startswith("(and ") else shlex.quote(word)
