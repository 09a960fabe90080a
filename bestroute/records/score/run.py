"""Score files of records: read, score what lacks it, keep every result on disk, write the records again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from bestroute.errors import InputError
from bestroute.files import OnBad, atomic_write, packed
from bestroute.records.journal import Journal
from bestroute.records.lines import read_records, record_line
from bestroute.records.record import Record
from bestroute.records.score.engines import Engine, LocalEngine
from bestroute.records.score.results import Results
from bestroute.records.score.work import Recipe, Result, Task, missing, tasks_of

_LISTED = 20


@dataclass(frozen=True)
class Job:
    """Which records to score into which file, and how.

    `settings` are JSON values that tell this scoring from any other: a stopped run is taken up again only
    with the same ones. `again` gives new scores and rewards to responses that have some.
    """

    records: tuple[Path, ...]
    out: Path
    recipe: Recipe
    settings: Mapping[str, Any]
    again: bool = False

    @property
    def journal(self) -> Path:
        """Where results are kept until `out` is written."""
        return self.out.with_name(f"{self.out.name}.partial.jsonl")


@dataclass
class Summary:
    """What scoring came to; memory does not grow with the records.

    `scored` and `rewarded` count responses that this run gave a value, `had_scores` and `had_rewards` those
    whose record had one that was asked for, `missing_scores` and `missing_rewards` those that still lack it;
    `failures` has the first 20 messages.
    """

    records: int = 0
    responses: int = 0
    scored: int = 0
    rewarded: int = 0
    had_scores: int = 0
    had_rewards: int = 0
    missing_scores: int = 0
    missing_rewards: int = 0
    failures: list[str] = field(default_factory=list)
    _sums: defaultdict[tuple[str, str], list[float]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0.0])
    )
    _thinking: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0, 0.0]))

    @property
    def complete(self) -> bool:
        """Whether every response has what was asked for."""
        return not self.missing_scores and not self.missing_rewards

    def note(self, results: Iterable[Result]) -> None:
        """Count what came of tasks."""
        for result in results:
            self.scored += len(result.scores)
            self.rewarded += len(result.rewards)
            self.failures += result.failures[: _LISTED - len(self.failures)]

    def had(self, record: Record, recipe: Recipe) -> None:
        """Count what a record has before it is scored."""
        items = [item for part in record.responses.values() for item in part]
        self.had_scores += sum(item.score is not None for item in items) if recipe.oracle else 0
        self.had_rewards += sum(item.reward is not None for item in items) if recipe.reward else 0

    def add(self, record: Record, recipe: Recipe) -> None:
        """Count a finished record."""
        self.records += 1
        for model, items in record.responses.items():
            scores = [item.score for item in items if item.score is not None]
            self.responses += len(items)
            self.missing_scores += len(items) - len(scores) if recipe.oracle else 0
            self.missing_rewards += sum(item.reward is None for item in items) if recipe.reward else 0
            count_and_sum = self._sums[record.source, model]
            count_and_sum[0] += len(scores)
            count_and_sum[1] += sum(scores)
            self._thinking[model][0] += len(items)
            self._thinking[model][1] += sum(item.thinking_tokens or 0.0 for item in items)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values; `mean_scores[source][model]` is null where nothing is scored, and
        `mean_thinking_tokens` has the models that were billed for thinking."""
        means: dict[str, dict[str, float | None]] = {}
        for (source, model), (count, total) in self._sums.items():
            means.setdefault(source, {})[model] = total / count if count else None
        counts = ["records", "responses"]
        counts += ["scored", "rewarded", "had_scores", "had_rewards", "missing_scores", "missing_rewards"]
        return {
            **{name: getattr(self, name) for name in counts},
            "failures": self.failures,
            "mean_scores": means,
            "mean_thinking_tokens": {
                model: total / count for model, (count, total) in self._thinking.items() if total
            },
        }


def score_files(
    job: Job,
    engine: Engine | None = None,
    on_bad: OnBad | None = None,
    on_progress: Callable[[int], None] = lambda tasks: None,
) -> Summary:
    """Score records and write them to `job.out`, in order.

    Every result is on disk before the next is waited for, in `job.journal`; a run that was stopped goes on
    from there when it is started again. Where something failed, the records are written all the same, and
    the journal stays, so that another run tries only what failed. `out` may be one of the files read.

    Raises InputError for records that cannot be read and for the journal of another scoring.
    """
    _check_target(job.out)
    summary = Summary()
    with Results(Journal(job.journal, _header(job))) as results:
        tasks = _tasks(job, results, on_bad)
        with closing(cast("Any", (engine or LocalEngine()).run(job.recipe, tasks))) as done:
            for found in done:
                results.add(found)
                summary.note(found)
                on_progress(len(found))
        results.sort()
        _write(job, results, summary, ignore if on_bad else None)
        if summary.complete:
            results.journal.remove()
    return summary


def ignore(error: InputError) -> None:
    """A bad line that was told of the first time."""


def _check_target(out: Path) -> None:
    if out.suffixes[-2:] != [".jsonl", ".gz"] and out.suffix != ".jsonl":
        raise InputError(f"{out}: records are written as .jsonl or .jsonl.gz; give such a name")


def _header(job: Job) -> dict[str, Any]:
    return {
        "journal": "bestroute score",
        "again": job.again,
        **job.settings,
    }


def _read(job: Job, on_bad: OnBad | None) -> Iterator[Record]:
    """Records, without the values that are to be given anew."""
    for record in read_records(job.records, on_bad, scored=False):
        yield _bare(record, job.recipe) if job.again else record


def _bare(record: Record, recipe: Recipe) -> Record:
    gone: dict[str, Any] = {}
    if recipe.oracle:
        gone["score"] = None
    if recipe.reward:
        gone["reward"] = None
    responses = {
        model: tuple(replace(item, **gone) for item in items) for model, items in record.responses.items()
    }
    return replace(record, responses=responses)


def _tasks(job: Job, results: Results, on_bad: OnBad | None) -> Iterator[Task]:
    recipe = job.recipe
    for record in _read(job, on_bad):
        known = results.fill(record)
        scores = missing(known, "score") if recipe.oracle else {}
        rewards = missing(known, "reward") if recipe.reward else {}
        yield from tasks_of(record, scores, rewards, recipe.paid)


def _write(job: Job, results: Results, summary: Summary, on_bad: OnBad | None) -> None:
    with atomic_write(job.out) as file, packed(file, job.out) as lines:
        for record in _read(job, on_bad):
            summary.had(record, job.recipe)
            filled = results.fill(record)
            summary.add(filled, job.recipe)
            lines.write(record_line(filled))
        if not summary.records:
            raise InputError(f"{', '.join(map(str, job.records))}: no record to score")
