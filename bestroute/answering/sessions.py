"""What is remembered of conversations, in this process: bounded, expiring, safe to share between threads.

A conversation is known by the key of its metadata that the policy names or else, as a prefix cache knows
it, by what its prompt begins with: of all beginnings that were answered the longest counts. One whose history
was edited is still known by its head, up to the user's first message; nothing of it counts as cached then.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from bestroute.answering.given import check_call, check_whole
from bestroute.policy.sampling import Sessions
from bestroute.query import Query, Session

FORGOTTEN_S = 24 * 3600.0
"""Seconds after which a conversation that nobody went on with is forgotten."""


class _Entry(NamedTuple):
    model: str
    tokens: int
    length: int
    at: float


class SessionMemory:
    """Which model answered a conversation last, and how many tokens its prompt cache then held.

    Of at most `most` beginnings of conversations, the latest used. `clock`: seconds that do not go back. A
    copy in another process begins with nothing. Raises InputError for a number or a clock that is none.
    """

    def __init__(self, most: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        check_whole("most", most, 1)
        check_call("clock", clock)
        self._most, self._clock = most, clock
        self._known: OrderedDict[bytes, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._most, self._clock)

    def recall(self, query: Query, settings: Sessions) -> Query:
        """The query with its session; as it is where it has one, or nothing was answered in it yet."""
        if query.session is not None or all(message["role"] != "assistant" for message in query.messages):
            return query
        keys, now = _keys(query, settings), self._clock()
        with self._lock:
            for length, key in zip(range(len(keys), 0, -1), reversed(keys), strict=True):
                entry = self._known.get(key)
                if entry is None or now - entry.at > FORGOTTEN_S:
                    continue
                self._known.move_to_end(key)
                warm = now - entry.at <= settings.ttl_s and entry.length == length
                return replace(query, session=Session(entry.model, entry.tokens if warm else 0))
        return query

    def note(self, query: Query, model: str, settings: Sessions) -> None:
        """Remember that a model answered this: its cache holds the prompt from now on."""
        keys = _keys(query, settings)
        entry = _Entry(model, query.input_tokens, len(keys), self._clock())
        with self._lock:
            for key in {*keys[:1], *keys[-1:]}:
                self._known[key] = entry
                self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)


def _keys(query: Query, settings: Sessions) -> list[bytes]:
    """Keys of a conversation: of the id where it has one, else of every beginning of its prompt from the
    user's first message on, since many may share a system prompt."""
    named = None if settings.id is None else query.metadata.get(settings.id)
    if named is not None:
        return [b"id:" + str(named).encode("utf-8", "replace")]
    digest = hashlib.blake2b(_bytes(query.beside), digest_size=16)
    keys: list[bytes] = []
    for message in query.messages:
        digest.update(_bytes(message))
        if keys or message["role"] == "user":
            keys.append(digest.digest())
    return keys


def _bytes(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=repr).encode("ascii") + b"\0"
