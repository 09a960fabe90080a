"""Who runs the tasks: threads of this process, or Ray. Both run the same Scorer, with the same results."""

from __future__ import annotations

import json
import logging
import os
import pickle
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

from bestroute.errors import BestRouteError, require
from bestroute.records.score.work import Recipe, Result, Scorer, Task

_AHEAD = 64


class Engine(Protocol):
    """Runs tasks, in any order."""

    def run(self, recipe: Recipe, tasks: Iterable[Task]) -> Iterator[list[Result]]:
        """Results as they come, several at a time; closing the iterator stops the work."""
        ...


class LocalEngine:
    """Threads of this process, a bounded number of tasks ahead of what is done."""

    def run(self, recipe: Recipe, tasks: Iterable[Task]) -> Iterator[list[Result]]:
        """Results as they come.

        Raises InputError or ArtefactError where the scorer cannot work at all; results that are there by
        then come first.
        """
        with closing(recipe.build()) as scorer:
            yield from run_in_threads(scorer, recipe.workers, tasks)


def run_in_threads(scorer: Scorer, workers: int, tasks: Iterable[Task]) -> Iterator[list[Result]]:
    """Results of a scorer as they come. Stopped before the end, it closes the scorer.

    What a task or `tasks` itself raises is raised once the results of all that was under way are out.
    """
    waiting: set[Future[Result]] = set()
    failures: list[BaseException] = []
    source = iter(tasks)
    pool = ThreadPoolExecutor(workers)
    try:
        while True:
            try:
                for task in islice(source, 0 if failures else max(_AHEAD, 2 * workers) - len(waiting)):
                    waiting.add(pool.submit(scorer.run, task))
            except Exception as raised:
                failures.append(raised)
            if not waiting:
                break
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            ended = [future for future in done if not future.cancelled()]
            failures += [error for future in ended if (error := future.exception()) is not None]
            yield [future.result() for future in ended if future.exception() is None]
            if failures:
                for future in waiting:
                    future.cancel()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        if waiting:
            scorer.close()
        pool.shutdown(wait=True)
    if failures:
        raise failures[0]


class RayEngine:
    """Ray Data: `map_batches` of the Scorer over `actors` processes (extra `ray`).

    Connects to the cluster that RAY_ADDRESS names, else starts Ray on this machine. Every node needs
    bestroute, the artefact folders, the command and the key variables that scoring uses. `chunk` tasks are
    handed over at a time, which bounds the memory here.
    """

    def __init__(self, actors: int = 2, batch: int = 16, chunk: int = 2048) -> None:
        self._actors, self._batch, self._chunk = actors, batch, chunk

    def run(self, recipe: Recipe, tasks: Iterable[Task]) -> Iterator[list[Result]]:
        """Results as they come. Raises MissingExtra where ray is not installed."""
        ray = require("ray", "ray")
        data = require("ray.data", "ray")
        started = not ray.is_initialized()
        if started:
            address = os.environ.get("RAY_ADDRESS") or "local"
            ray.init(address=address, log_to_driver=False, logging_level="warning", include_dashboard=False)
        data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.WARNING)
        source = iter(tasks)
        try:
            while chunk := list(islice(source, self._chunk)):
                rows = [{"task": task.to_json()} for task in chunk]
                results = data.from_items(rows).map_batches(
                    _BatchScorer,
                    fn_constructor_args=(recipe,),
                    batch_size=self._batch,
                    compute=data.ActorPoolStrategy(size=min(self._actors, len(rows))),
                )
                for row in results.iter_rows():
                    if row["error"]:
                        raise pickle.loads(row["error"])
                    yield [Result(**json.loads(row["result"]))]
        finally:
            if started:
                ray.shutdown()


class _BatchScorer:
    """The Scorer as Ray Data calls it: one for each actor, rows of text in and out.

    An error of ours travels as a row of its own, because Ray passes on only the words of what is raised.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    @cached_property
    def _scorer(self) -> Scorer:
        return self._recipe.build()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        tasks = [Task.from_json(line) for line in batch["task"]]
        lines, errors = [], []
        try:
            for results in run_in_threads(self._scorer, self._recipe.workers, tasks):
                lines += [json.dumps(asdict(result)) for result in results]
        except BestRouteError as error:
            errors.append(pickle.dumps(error))
        return {
            "result": lines + [""] * len(errors),
            "error": [b""] * len(lines) + errors,
        }
