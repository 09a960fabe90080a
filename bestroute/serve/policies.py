"""The policies that are served, by name, each following its file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bestroute.answering.sampling import Sampler
from bestroute.errors import InputError
from bestroute.policy import Overrides, Policy
from bestroute.policy.arms import Arm
from bestroute.policy.rules import Rule, When
from bestroute.policy.rules.conditions import Turns
from bestroute.router import Router
from bestroute.serve.callers import caller_of, drawn
from bestroute.serve.calls import NotedSampler
from bestroute.serve.canaries import Canaries
from bestroute.serve.entry import Side
from bestroute.serve.held import Held
from bestroute.serve.kept import check_records
from bestroute.serve.refusals import Refusal
from bestroute.serve.wishes import Wishes

AUTO = "auto"
NAMED = "the request names its model"
_VARIANTS = 64
_NOBODY: Mapping[str, Any] = MappingProxyType({})
_NO_OVERRIDES = Overrides()


class NotServed(Exception):
    """A request gives a model that there is none of."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


class Policies:
    """Policies by name: `auto` the first, the others by the names of their files; each in use is a router.

    `sampler` makes what asks the endpoints of each policy. Constructing opens their models, and those of
    their canaries, and raises as Router.from_policy and `check_records` do, and InputError where two names
    are one; what is refused then is refused of a file that changes, too. Where a file held since the gateway
    started, by `held`, nothing is raised for what it is now.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sampler: Callable[[], Sampler] = NotedSampler,
        held: Held | None = None,
    ) -> None:
        names = [AUTO, *(path.stem for path in paths[1:])]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError(f"two policies would be served as {twice[0]!r}; rename a file")
        self._variant = lru_cache(_VARIANTS)(_variant)
        held = Held() if held is None else held
        goes_on = all(held.text(path) is not None for path in paths)

        def check(policy: Policy) -> None:
            _check_names(policy, names)
            check_records(policy)

        self._watchers = {
            name: held.watcher(path, self._reloaded, check=check, sampler=sampler())
            for name, path in zip(names, paths, strict=True)
        }
        self._canaries = Canaries(sampler, held)
        self._canaries.follow(self.routers, must_hold=not goes_on)

    @property
    def routers(self) -> dict[str, Router]:
        """The routers that are in use now, by name of their policy."""
        return {name: watcher.router for name, watcher in self._watchers.items()}

    @property
    def reloads(self) -> int:
        """How often a policy was taken over anew."""
        return sum(watcher.reloads for watcher in self._watchers.values())

    @property
    def faults(self) -> dict[str, str]:
        """Policies whose file does not hold as it now is, and why; the last that held is served."""
        errors = {name: watcher.last_error for name, watcher in self._watchers.items()}
        told = {name: str(error) for name, error in errors.items() if error is not None}
        return told | self._canaries.faults

    @property
    def models(self) -> list[str]:
        """The names that a request may give as its model."""
        named = (
            model.name
            for router in self.routers.values()
            if _overrides(router.policy).models
            for model in router.policy.models
        )
        return list(dict.fromkeys([*self._watchers, *named]))

    def start(self) -> None:
        """Follow the files from now on."""
        for watcher in self._watchers.values():
            watcher.start()
        self._canaries.start()

    def close(self) -> None:
        """Follow them no more."""
        for watcher in self._watchers.values():
            watcher.close()
        self._canaries.close()

    def find(
        self, model: str | None, wishes: Wishes, body: Mapping[str, Any] = _NOBODY, key: str = ""
    ) -> Found:
        """What decides a request that gives this as its model; where the policy has a canary, by who sends
        this body, with the key of this name. Raises Refusal, and NotServed."""
        routers = self.routers
        asked = AUTO if model is None else model
        if asked in routers:
            found = self._found(asked, routers[asked], wishes)
            tried = self._tried(asked, routers[asked], body, key) if wishes.as_decided else None
            return tried or found
        for name, router in routers.items():
            if _may_name(router.policy, asked):
                return self._found(name, router, replace(wishes, model=wishes.model or asked))
        raise NotServed(asked)

    def _tried(self, name: str, router: Router, body: Mapping[str, Any], key: str) -> Found | None:
        """Who decides where a canary is tried; None where none is, or nobody knows whose request it is."""
        settings, canary = router.policy.canary, self._canaries.of(router.policy)
        asker = "" if settings is None or canary is None else caller_of(body, router.policy, key)
        if settings is None or canary is None or not asker:
            return None
        if drawn(asker, settings):
            return Found(name, canary, side="canary", asker=asker)
        return Found(name, router, side="base", asker=asker)

    def _reloaded(self) -> None:
        self._variant.cache_clear()
        self._canaries.follow(self.routers)

    def _found(self, name: str, router: Router, wishes: Wishes) -> Found:
        if wishes.model is not None and not _may_name(router.policy, wishes.model):
            raise NotServed(wishes.model)
        if wishes.session is not None and not _overrides(router.policy).models:
            raise Refusal(
                400, "this policy lets no request say which model holds it", "not_allowed", "session"
            )
        if wishes.max_gap is not None:
            _check_gap(router.policy, wishes.max_gap)
        if wishes.model is None and wishes.max_gap is None:
            return Found(name, router)
        return Found(name, router, lambda: self._variant(router, wishes.max_gap, wishes.model))


class Found:
    """The policy that decides a request, by the name it is served by; `side` and `asker` as in Entry."""

    def __init__(
        self,
        name: str,
        router: Router,
        vary: Callable[[], Router] | None = None,
        side: Side = "",
        asker: str = "",
    ) -> None:
        self.name, self._router, self._vary = name, router, vary
        self.side, self.asker = side, asker

    @property
    def digest(self) -> str:
        """The policy's, as its file has it."""
        return self._router.digest

    @property
    def may_name_models(self) -> bool:
        """Whether a request may say which model is to answer, or holds its conversation."""
        return _overrides(self._router.policy).models

    async def router(self) -> Router:
        """What decides; made for this request, in milliseconds, where it has wishes of its own."""
        return self._router if self._vary is None else await asyncio.to_thread(self._vary)

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Let no error tell where the policy lies."""
        try:
            yield
        except InputError as error:
            told = str(error).replace(str(self._router.policy.path), "the policy")
            raise InputError(told, error.param) from error


def _variant(router: Router, max_gap: float | None, model: str | None) -> Router:
    """The router with another dial, or with every request going to one model."""
    policy = router.policy if max_gap is None else router.policy.at(max_gap)
    if model is not None:
        rule = Rule(name=NAMED, when=When(turns=Turns(min=0)), route=Arm(model=model))
        policy = policy.model_copy(update={"rules": (rule,)})
    return router.under(policy)


def _overrides(policy: Policy) -> Overrides:
    return policy.overrides or _NO_OVERRIDES


def _may_name(policy: Policy, model: str) -> bool:
    return _overrides(policy).models and any(one.name == model for one in policy.models)


def _check_gap(policy: Policy, gap: float) -> None:
    bounds = _overrides(policy).max_gap
    if bounds is None or policy.max_gap is None:
        raise Refusal(400, "this policy lets no request set max_gap", "not_allowed", "max_gap")
    if not bounds.min <= gap <= bounds.max:
        raise Refusal(
            400,
            f"max_gap may be from {bounds.min:g} to {bounds.max:g}, not {gap:g}",
            "out_of_bounds",
            "max_gap",
        )


def _check_names(policy: Policy, names: Container[str]) -> None:
    """Raise InputError where a model of a policy could not be told from a policy."""
    for model in policy.models:
        if model.name in names:
            raise InputError(
                f"{policy.path}: the model {model.name!r} has the name of a policy that is served"
            )
