"""The keys that hold now, found by a key's hash; a file of them is followed."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

from bestroute.errors import BestRouteError, InputError
from bestroute.policy import read_policy
from bestroute.serve.held import Held
from bestroute.serve.keys.load import hashed, keys_of, parse_keys
from bestroute.serve.keys.schema import Key, check_apart

_LOG = logging.getLogger("bestroute.serve")
_LOOK_S = 0.4  # a change is taken over at the second look that sees it


class KeyRing:
    """The keys of a file and those of the environment.

    Constructing raises as `load_keys` does, unless the file held since the gateway started, by `held`.
    Between `start` and `close` a thread follows the file: a change that holds is taken over within a second,
    one that does not changes nothing, and `fault` says why.
    """

    def __init__(self, path: Path | None, given: Iterable[Key] = (), held: Held | None = None) -> None:
        self._path, self._given = path, tuple(given)
        self._held = Held() if held is None else held
        self._secret = secrets.token_bytes(32)
        self.fault: str | None = None
        before = None if path is None else self._held.text(path)
        if before is None:
            content = b"" if path is None else read_policy(path)
            self._seen: bytes | str = content
            self._known = self._read(content)
            self._keep(content)
        else:
            self._known, self._seen = self._read(before), self._look()
            if self._seen != before:
                self._take(self._seen)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, path: Path | None, held: Held | None = None) -> KeyRing | None:
        """Of a file and the environment; None where neither has any."""
        given = keys_of(os.environ)
        return cls(path, given, held) if path is not None or given else None

    def __len__(self) -> int:
        return len(self._known)

    @property
    def keys(self) -> list[Key]:
        """All of them."""
        return [*self._known.values()]

    def find(self, key: str) -> Key | None:
        """The key that this is. How long it takes tells nothing of any key: what is looked up is a hash that
        only this process can make, and what is found is compared in constant time."""
        digest = hashed(key)
        found = self._known.get(self._place(digest))
        return found if found is not None and hmac.compare_digest(found.sha256, digest) else None

    def start(self) -> None:
        """Follow the file from now on."""
        if self._path is not None and self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="bestroute-keys", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Follow it no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        latest = self._seen
        while not self._stop.wait(_LOOK_S):
            looked = self._look()
            if looked == latest and looked != self._seen:  # it has stood still, so it is written to its end
                self._seen = looked
                self._take(looked)
            latest = looked

    def _look(self) -> bytes | str:
        """What the file holds, or why it cannot be read."""
        assert self._path is not None
        try:
            return read_policy(self._path)
        except InputError as error:
            return str(error)

    def _take(self, content: bytes | str) -> None:
        try:
            if isinstance(content, str):
                raise InputError(content)
            self._known = self._read(content)
            self.fault = None
            self._keep(content)
            _LOG.info("%s: %d keys from now on", self._path, len(self))
        except BestRouteError as error:
            if str(error) != self.fault:
                _LOG.error("the keys stay as they were, their file does not hold:\n%s", error)
            self.fault = str(error)

    def _keep(self, content: bytes) -> None:
        if self._path is not None:
            self._held.keep(self._path, content)

    def _read(self, content: bytes) -> dict[bytes, Key]:
        own = () if self._path is None else parse_keys(content, self._path)
        try:
            check_apart((*self._given, *own))
        except ValueError as error:
            raise InputError(f"{self._path}, with the keys of the environment, {error}") from None
        return {self._place(key.sha256): key for key in (*self._given, *own)}

    def _place(self, digest: str) -> bytes:
        return hashlib.blake2b(digest.encode(), key=self._secret).digest()
