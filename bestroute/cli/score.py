"""`bestroute score`: oracle scores and proxy rewards for the responses of records."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from bestroute.cli.options import FILE, FOLDER, INPUT, json_option, records_argument, skip_bad_option
from bestroute.cli.output import BadLines, print_json, print_table, print_thinking
from bestroute.errors import InputError
from bestroute.table import number

if TYPE_CHECKING:
    from bestroute.answering.agreement import Kind
    from bestroute.records.score import Oracle, Summary
    from bestroute.records.score.command import OnFailure

_WAITING = 8  # programs and judges at once: they are waited for
_LINE_S, _TERMINAL_S = 30.0, 0.2
_OWN_OPTIONS = {
    "kind": "exact",
    "command": "command",
    "timeout": "command",
    "on_failure": "command",
    "judge": "judge",
    "rubric": "judge",
    "reference": "judge",
    "absolute": "judge",
    "artifact": "artifact",
}
_HAD = {"score": "had_scores", "reward": "had_rewards"}
_NEEDED = {"command": "command", "judge": "judge", "artifact": "artifact"}


@click.command(epilog="Example: bestroute score collected.jsonl --oracle exact --out scored.jsonl.gz")
@records_argument
@click.option(
    "--oracle",
    type=click.Choice(["exact", "command", "judge", "artifact", "none"]),
    required=True,
    help="Who scores; none gives rewards only.",
)
@click.option("--out", type=FILE, required=True, help="Records to write: .jsonl or .jsonl.gz.")
@click.option(
    "--kind",
    type=click.Choice(["auto", "number", "choice", "literal", "text"]),
    help="exact: how answers compare; auto, the default, goes by the right answer's form.",
)
@click.option("--command", metavar="'PROGRAM ARGUMENT…'", help="command: the program that scores.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="command: seconds; 60 if absent.")
@click.option(
    "--on-failure",
    type=click.Choice(["missing", "zero"]),
    help="command: a program that fails gives no score (the default), or 0.",
)
@click.option("--judge", nargs=2, metavar="POLICY MODEL", help="judge: a policy file and a model in it.")
@click.option("--rubric", type=INPUT, help="judge: what counts.")
@click.option(
    "--reference", metavar="NAME", help="judge: model or class whose first response is the measure."
)
@click.option("--absolute", is_flag=True, default=None, help="judge: a grade by the rubric, no reference.")
@click.option("--artifact", type=FOLDER, help="artifact: folder of the reward model that scores.")
@click.option("--reward", type=FOLDER, help="Reward model for rewards; the embedded one if absent.")
@click.option("--no-reward", is_flag=True, help="Leave rewards as they are.")
@click.option("--again", is_flag=True, help="Give new values to responses that have some.")
@click.option(
    "--workers", type=click.IntRange(1, 256), help="At once; 8 for command and judge, else one a core."
)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--actors", type=click.IntRange(1), help="ray: processes; 2 if absent.")
@skip_bad_option
@json_option
def command(
    records: tuple[Path, ...], oracle: str, out: Path, reward: Path | None, no_reward: bool, again: bool,
    workers: int | None, engine: str, actors: int | None, skip_bad: bool, as_json: bool, **own: Any,
) -> None:  # fmt: skip
    """Give the responses of RECORDS an oracle's score (0 to 1) and the proxy's reward, where they lack them.

    exact compares with the record's answer. command runs your program for each response: JSON on standard
    input, a number on the last line of its output. judge has an LLM compare each response with the
    reference's, in both orders; the reference's own score 0.5. artifact takes a reward model's reward.

    Results are kept beside --out as they come. A stopped command goes on where it was when it is given
    again; where something failed (exit 1), it tries that again. --out may be the file that is read.
    """
    from bestroute.artefacts.manifest import default_folder
    from bestroute.records.score import Job, LocalEngine, RayEngine, Recipe, score_files

    _check_options(oracle, own, reward, no_reward)
    if actors is not None and engine != "ray":
        raise click.UsageError("--actors belongs to --engine ray")
    make, settings = _oracle(oracle, own)
    folder = None if no_reward else reward or default_folder("reward")
    paid = oracle in ("command", "judge")
    recipe = Recipe(make, folder, paid, workers or (_WAITING if paid else os.cpu_count() or 1))
    settings = {"oracle": oracle, **settings, "reward": folder and _manifest_digest(folder)}
    bad = BadLines(skip_bad, listed=inf)
    with _Progress() as progress:
        summary = score_files(
            job := Job(records, out, recipe, settings, again),
            RayEngine(actors or 2) if engine == "ray" else LocalEngine(),
            bad.on_bad,
            progress,
        )
    bad.tell()
    _report(summary, out, job.journal, bad.count, as_json)
    sys.exit(0 if summary.complete else 1)


def _check_options(oracle: str, own: dict[str, Any], reward: Path | None, no_reward: bool) -> None:
    for name, owner in _OWN_OPTIONS.items():
        if own[name] is not None and owner != oracle:
            raise click.UsageError(f"--{name.replace('_', '-')} belongs to --oracle {owner}")
    needed = _NEEDED.get(oracle)
    if needed and own[needed] is None:
        raise click.UsageError(f"--oracle {oracle} needs --{needed}")
    if oracle == "judge" and (own["reference"] is None) == (own["absolute"] is None):
        raise click.UsageError("--oracle judge needs either --reference NAME or --absolute")
    if no_reward and (reward or oracle == "none"):
        raise click.UsageError("--no-reward leaves nothing for --reward or --oracle none to do")


def _oracle(name: str, own: dict[str, Any]) -> tuple[Callable[[], Oracle] | None, dict[str, Any]]:
    """How to make the oracle, and what tells its scores from those of another one."""
    if name == "exact":
        from bestroute.records.score.exact import ExactOracle

        kind: Kind | Literal["auto"] = own["kind"] or "auto"
        return partial(ExactOracle, kind), {"kind": kind}
    if name == "command":
        from bestroute.records.score.command import CommandOracle

        failing: OnFailure = own["on_failure"] or "missing"
        made = partial(CommandOracle, own["command"], own["timeout"] or 60.0, failing)
        return made, {"command": own["command"], "on_failure": failing}
    if name == "artifact":
        from bestroute.records.score.artifact import ArtifactOracle

        return partial(ArtifactOracle, own["artifact"]), {"artifact": _manifest_digest(own["artifact"])}
    return _judge(own) if name == "judge" else (None, {})


def _judge(own: dict[str, Any]) -> tuple[Callable[[], Oracle], dict[str, Any]]:
    from bestroute.policy import load_policy
    from bestroute.records.score.judge import RUBRIC, AbsoluteJudge, PairwiseJudge

    path, name = own["judge"]
    policy = load_policy(path)
    model, settings = policy.model(name), policy.sampling
    rubric = _read_rubric(own["rubric"]) if own["rubric"] else RUBRIC
    first = model.places[0] if model.places else None
    asked = first and {"base_url": first.base_url, "model": first.model or name}
    told = {"judge": asked, "rubric": rubric, "reference": own["reference"]}
    if own["absolute"]:
        return partial(AbsoluteJudge, model, settings, rubric), told
    return partial(PairwiseJudge, model, settings, own["reference"], rubric), told


def _read_rubric(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not text:
        raise InputError(f"{path}: is empty; write down what counts")
    return text


def _manifest_digest(folder: Path) -> str:
    from bestroute.artefacts.manifest import read_manifest, sha256

    read_manifest(folder, "reward")
    return sha256(folder / "manifest.json")


class _Progress:
    """Counts pieces of work on stderr: one line that changes on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._done, self._started, self._terminal = 0, time.monotonic(), sys.stderr.isatty()
        self._shown = self._started

    def __call__(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._shown > (_TERMINAL_S if self._terminal else _LINE_S):
            self._shown = now
            line = f"{self._done:,} tasks scored, {self._done / (now - self._started):,.1f} a second"
            click.echo(f"\r{line} " if self._terminal else line, err=True, nl=not self._terminal)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._terminal:
            click.echo("\r" + " " * 60 + "\r", err=True, nl=False)


def _report(summary: Summary, out: Path, journal: Path, skipped: int, as_json: bool) -> None:
    for message in summary.failures:
        click.echo(message, err=True)
    had = {name: getattr(summary, field) for name, field in _HAD.items() if getattr(summary, field)}
    if had:
        counts = " and ".join(f"{count:,} had a {name} already" for name, count in had.items())
        click.echo(f"of {summary.responses:,} responses {counts}; --again gives new ones", err=True)
    if not summary.complete:
        lacking = f"{summary.missing_scores} scores and {summary.missing_rewards} rewards are missing"
        kept = f" ({journal} keeps the rest)" if journal.exists() else ""
        click.echo(f"{lacking}; give the same command again to try them again{kept}", err=True)
    if as_json:
        print_json({"out": str(out), **summary.as_dict(), "skipped": skipped})
        return
    rows = [
        [source or "-", model, number(mean)]
        for source, models in summary.as_dict()["mean_scores"].items()
        for model, mean in models.items()
    ]
    print_table(["source", "model", "mean score"], rows)
    print_thinking(summary.as_dict()["mean_thinking_tokens"])
    click.echo(
        f"\n{out}: {summary.records:,} records, {summary.responses:,} responses; "
        f"{summary.scored:,} scores and {summary.rewarded:,} rewards given"
    )
