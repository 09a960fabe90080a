"""PolicyWatcher: a Router that follows its policy file. A file that does not hold changes nothing.

Looks are at content, not at events or times: what is read is what a reload would see, whether the file was
written in place, renamed over, reached through links that moved, or changed on another machine.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from bestroute.answering.given import check_call, check_calls
from bestroute.artefacts.adapter import router_model, standing_on
from bestroute.artefacts.manifest import read_manifest
from bestroute.artefacts.own_reward import reward_model, with_own
from bestroute.artefacts.predictor import OnnxPredictor, Predictor
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.errors import BestRouteError, InputError
from bestroute.policy import Policy, parse_policy, read_policy
from bestroute.router import Router

_LOG = logging.getLogger("bestroute.watch")
_AGAIN_S = 10.0  # what was refused may come to hold with no change to the file: an artefact that is mended

OnReload = Callable[[Router, Router], object]
Check = Callable[[Policy], object]


class PolicyWatcher:
    """Keeps `router` up to date with a policy file.

        with PolicyWatcher("policy.yaml") as watcher:
            decision = watcher.router.route("Why is the sky blue?")

    Take `watcher.router` anew for each request; reading it never blocks. A request in flight finishes on the
    router, and so on the policy, that it began with. The file is looked at every `interval_s` seconds, in a
    daemon thread between `start` and `close`, or whenever `poll` is called. A change, also one of the
    manifests of the artefacts that the policy names, is loaded once it has stood still for `debounce_s`
    seconds, so that a half-written file is not judged. A file that does not hold, has vanished, or names a
    broken artefact leaves the last good router in place; `last_error` and a log record of "bestroute.watch"
    say why, and it is tried again from time to time.

    `check` is the host's own: it raises BestRouteError for a policy that it cannot use, which is refused like
    one that does not hold. `parts` are Router's, and stay whatever the policy says. A new router keeps the
    network client of the one before, and its router model and reward model where the policy names the same
    artefact; it opens all else before it takes over. Its `fallbacks` count from 0: `on_reload(old, new)` may
    add up the old one's. It is called after each swap by the thread that polls; what it raises is logged.

    Constructing raises as Router.from_policy and `check` do, and InputError for a time that is out of range;
    with `held`, a text that held before, it begins on that where the file does not hold. It opens models, and
    `close` waits for a reload under way: with asyncio give both to `asyncio.to_thread`. Where processes are
    forked, `start` after the fork.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        interval_s: float = 1.0,
        debounce_s: float = 0.5,
        on_reload: OnReload | None = None,
        held: bytes | None = None,
        check: Check = lambda _: None,
        **parts: Any,
    ) -> None:
        for name, span in (("interval_s", interval_s), ("debounce_s", debounce_s)):
            if not (isinstance(span, (int, float)) and 0 <= span <= threading.TIMEOUT_MAX):
                raise InputError(f"{name} is {span!r:.80}; give seconds")
        if not interval_s:
            raise InputError("interval_s must be above 0")
        check_calls(on_reload=on_reload)
        check_call("check", check)
        self._path = Path(os.path.abspath(path))  # the host may change its working directory
        self._interval_s, self._debounce_s, self._on_reload = interval_s, debounce_s, on_reload
        self._check = check
        self._parts = {name: part for name, part in parts.items() if part is not None or name not in _OPENED}
        self._since = self._judged_at = 0.0
        self._last_error: BestRouteError | None = None
        self._begin(_content(self._path), held)
        self._reloads = 0
        self._polling = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def router(self) -> Router:
        """The router of the last policy that held."""
        return self._router

    @property
    def text(self) -> bytes:
        """What the file held when `router` was made."""
        return self._text

    @property
    def last_error(self) -> BestRouteError | None:
        """Why the file as it now is was refused; None where `router` follows it."""
        return self._last_error

    @property
    def reloads(self) -> int:
        """How often `router` has been replaced."""
        return self._reloads

    def poll(self, now: float | None = None) -> bool:
        """Look once, and reload where a change has stood still for long enough; True where `router` is new.

        `now`: seconds on any clock that does not go back, time.monotonic's if absent. Never raises for what
        the file says.
        """
        with self._polling:
            old = self._router
            swapped = self._look_once(monotonic() if now is None else now)
            new = self._router
        if swapped and self._on_reload is not None:
            try:
                self._on_reload(old, new)
            except Exception:  # the host's own fault, which must not end the watch
                _LOG.exception("%s: on_reload failed", self._path)
        return swapped

    def start(self) -> PolicyWatcher:
        """Look in a daemon thread from now on; does nothing where one is running. Gives the watcher back."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._watch,
                    args=(self._stop,),
                    name=f"bestroute-watch-{self._path.name}",
                    daemon=True,
                )
                self._thread.start()
        return self

    def close(self) -> None:
        """End the thread and wait for it. `router` stays usable, and `start` may be called again."""
        with self._starting:
            thread, self._thread = self._thread, None
            self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def __reduce__(self) -> NoReturn:
        raise InputError(
            f"a PolicyWatcher stays in its process; make one there: PolicyWatcher({str(self._path)!r})"
        )

    def __enter__(self) -> PolicyWatcher:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def _begin(self, content: bytes | str, held: bytes | None) -> None:
        """Make the first router, of what the file has; where that does not hold, of what it had."""
        try:
            self._open(content, self._check)
        except BestRouteError as error:
            if held is None:
                raise
            self._open(held)  # it was checked when it was taken over
            self._refuse(error)
        self._judged = self._latest = _Look(content, _manifests(self._router.policy))

    def _open(self, content: bytes | str, check: Check = lambda _: None) -> None:
        policy = parse_policy(_readable(content), self._path)
        check(policy)
        self._router, self._text = Router(policy, **self._parts), _readable(content)

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(self._wait_s()):
            self.poll()

    def _wait_s(self) -> float:
        unsettled = self._latest != self._judged
        return min(self._interval_s, self._debounce_s) if unsettled else self._interval_s

    def _look_once(self, now: float) -> bool:
        look = _look(self._path, self._router.policy)
        if look != self._latest:
            self._latest, self._since = look, now
        again = self._last_error is not None and now - self._judged_at >= _AGAIN_S
        if (look == self._judged and not again) or now - self._since < self._debounce_s:
            return False
        self._judged, self._judged_at = look, now
        try:
            self._reload(look)
        except BestRouteError as error:
            self._refuse(error)
        except Exception as error:  # an artefact may change between two looks at it; the watch must go on
            refusal = BestRouteError(f"{self._path}: cannot be loaded: {error!r}")
            refusal.__cause__ = error
            self._refuse(refusal)
        return self._last_error is None

    def _reload(self, look: _Look) -> None:
        text = _readable(look.content)
        policy = parse_policy(text, self._path)
        self._check(policy)
        # Read before the artefacts are opened: what changes after that is seen by the next look.
        seen = _Look(text, _manifests(policy))
        router = Router(policy, **{**_kept(self._router, policy, self._parts), **self._parts})
        self._judged = self._latest = seen
        before, self._router, self._last_error = self._router.policy, router, None
        self._text = text
        self._reloads += 1
        _LOG.info("%s: reloaded, policy %s%s", self._path, policy.digest, _moved(before, policy))

    def _refuse(self, error: BestRouteError) -> None:
        if str(error) != str(self._last_error):
            _LOG.error("policy %s stays, the file does not hold:\n%s", self._router.policy.digest, error)
        self._last_error = error


_OPENED = ("predictor", "reward", "posterior", "sampler", "sessions")


@dataclass(frozen=True)
class _Look:
    """What was seen: the file's bytes, or why it cannot be read, and those of each artefact's manifest."""

    content: bytes | str
    manifests: tuple[bytes | None, ...]


def _moved(old: Policy, new: Policy) -> str:
    """How the dial moved, where it did."""
    before, after = old.objective, new.objective
    if before == after:
        return ""
    was = f"{before.setting:g}" if before.key == after.key else f"{before.key} {before.setting:g}"
    return f", {after.key} {after.setting:g} (was {was})"


def _look(path: Path, policy: Policy) -> _Look:
    return _Look(_content(path), _manifests(policy))


def _content(path: Path) -> bytes | str:
    """The file's bytes, or why it cannot be read."""
    try:
        return read_policy(path)
    except InputError as error:
        return str(error)


def _readable(content: bytes | str) -> bytes:
    """The bytes. Raises InputError where there are none."""
    if isinstance(content, str):
        raise InputError(content)
    return content


def _manifests(policy: Policy) -> tuple[bytes | None, ...]:
    """The manifests of a policy's artefacts, None for one that cannot be read."""

    def read(folder: Path) -> bytes | None:
        try:
            return (folder / "manifest.json").read_bytes()
        except OSError:
            return None

    folders = (policy.router, policy.adapter, policy.reward, policy.posterior)
    return tuple(None if folder is None else read(folder) for folder in folders)


def _kept(old: Router, policy: Policy, given: dict[str, Any]) -> dict[str, Any]:
    """The parts that a new router takes over from the old one.

    A reward model that the old router does not have is opened here, so that a broken one is refused; where
    it would have been opened from the same folder anyway, it is left for when it is needed.
    """
    opened = old.opened
    kept: dict[str, Any] = {"sampler": opened.sampler, "sessions": opened.sessions}
    if "predictor" not in given:
        kept["predictor"] = _kept_predictor(opened.predictor, old.policy, policy)
    other = (policy.reward, policy.adapter) != (old.policy.reward, old.policy.adapter)
    if "reward" not in given and (opened.reward is not None or other):
        same = _same(reward_model(opened.reward), old.policy.reward, policy.reward)
        base = same if isinstance(same, OnnxRewardModel) else OnnxRewardModel(policy.reward)
        kept["reward"] = with_own(base, policy.adapter)
    return kept


def _kept_predictor(opened: Predictor, old: Policy, policy: Policy) -> Predictor | None:
    """The router model that is open, with the adapter that the policy names; None where it names another."""
    base = router_model(opened)
    same = _same(base, old.router, policy.router)
    return None if same is None else standing_on(base, policy.router, policy.adapter, policy.columns)


def _same(opened: object, folder: Path, named: Path) -> object | None:
    """What was opened from `folder`, where `named` is that artefact still; None where it is another."""
    if not isinstance(opened, (OnnxPredictor, OnnxRewardModel)) or named != folder:
        return None
    return opened if opened.manifest == read_manifest(named, opened.manifest.kind) else None
