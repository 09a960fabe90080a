"""Policies that decide for some callers of another's, each following its file."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from bestroute.answering.sampling import Sampler
from bestroute.errors import BestRouteError
from bestroute.policy import Policy, load_canary
from bestroute.retune.watch import PolicyWatcher
from bestroute.router import Router
from bestroute.serve.held import Held
from bestroute.serve.kept import check_records

_LOG = logging.getLogger("bestroute.serve")


class Canaries:
    """The canaries of the policies that are served, by their files.

    One that does not hold when its policy is taken over decides nothing, and `faults` says why; one that
    changes later, and does not hold, decides as it did before. `sampler` makes what asks their endpoints,
    `held` has what decided before this worker was started.
    """

    def __init__(self, sampler: Callable[[], Sampler], held: Held) -> None:
        self._sampler, self._held = sampler, held
        self._watchers: dict[Path, PolicyWatcher] = {}
        self._refused: dict[str, str] = {}
        self._started = False
        self._following = threading.Lock()

    def follow(self, routers: Mapping[str, Router], must_hold: bool = False) -> None:
        """Open the canaries of these policies, and end others. With `must_hold`, raises as `load_canary` does
        and as Router does where one does not."""
        with self._following:
            wanted = {name: router.policy for name, router in routers.items() if router.policy.canary}
            self._refused = {}
            for name, policy in wanted.items():
                try:
                    self._open(policy)
                except BestRouteError as error:
                    if must_hold:
                        raise
                    _LOG.error("the canary of %s decides nothing: %s", name, error)
                    self._refused[f"{name}/canary"] = str(error)
            files = {_file(policy) for policy in wanted.values()}
            for file in self._watchers.keys() - files:
                self._watchers.pop(file).close()

    @property
    def faults(self) -> dict[str, str]:
        """Canaries that do not hold as their files now are, and why."""
        watchers = [*self._watchers.items()]
        errors = {file.name: watcher.last_error for file, watcher in watchers}
        return self._refused | {name: str(error) for name, error in errors.items() if error is not None}

    def of(self, policy: Policy) -> Router | None:
        """What decides for some callers of a policy; None where nothing does."""
        if policy.canary is None:
            return None
        watcher = self._watchers.get(_file(policy))
        return None if watcher is None else watcher.router

    def start(self) -> None:
        """Follow the files from now on."""
        with self._following:
            self._started = True
            for watcher in self._watchers.values():
                watcher.start()

    def close(self) -> None:
        """Follow them no more."""
        with self._following:
            for watcher in self._watchers.values():
                watcher.close()

    def _open(self, policy: Policy) -> None:
        file = _file(policy)
        if file in self._watchers:
            return
        if self._held.text(file) is None:
            load_canary(policy)
        watcher = self._held.watcher(file, check=check_records, sampler=self._sampler())
        if self._started:
            watcher.start()
        self._watchers[file] = watcher


def _file(policy: Policy) -> Path:
    assert policy.canary is not None
    return policy.beside(policy.canary.policy)
