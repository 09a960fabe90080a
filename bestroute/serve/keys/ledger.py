"""What each key has used: counted in this process, or in a Redis that replicas share. Extra `redis` for that.

While Redis does not answer, each process counts for itself, so that requests go on, within limits.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError

from bestroute.errors import InputError, require

_LOG = logging.getLogger("bestroute.serve")
_TIMEOUT_S = 0.5
_AGAIN_S = 1.0  # Redis is left alone so long after a failure, so that requests do not wait for it in turn
_NAMESPACE = "bestroute"
Storage = MemoryStorage | RedisStorage
T = TypeVar("T")


class Used(NamedTuple):
    """What became of a count: whether it was within its limit, what is left, seconds until there is more."""

    within: bool
    left: int
    wait_s: float


class Ledger:
    """Counts by name. `url` is that of a Redis, None for this process alone.

    Raises InputError, which does not quote it, for an address that is none. Use it in one event loop.
    """

    def __init__(self, url: str | None = None) -> None:
        # A storage looks through all of its counts at every request: each name has one of its own.
        self._own = defaultdict[str, MemoryStorage](MemoryStorage)
        self._shared = None if url is None else _opened(url)
        self._alone_until = 0.0

    async def hit(self, name: str, most: int, window_s: int) -> Used:
        """Count one, where fewer than `most` were counted in the last `window_s` seconds (the part of the
        window before the present one is taken to be evenly spread)."""
        item = RateLimitItemPerSecond(most, window_s, namespace=_NAMESPACE)

        async def counted(storage: Storage) -> Used:
            limiter = SlidingWindowCounterRateLimiter(storage)
            within = await limiter.hit(item, name)
            reset_at, left = await limiter.get_window_stats(item, name)
            return Used(within, left, max(0.0, reset_at - time.time()))

        return await self._do(name, counted)

    async def add(self, name: str, window: int, lives_s: int, amount: int) -> int:
        """Add to a count of one window; gives what it is then. It is forgotten after `lives_s` seconds."""
        place = f"{_NAMESPACE}/{name}/{lives_s}/{window}"
        return await self._do(name, lambda storage: storage.incr(place, lives_s, amount))

    async def close(self) -> None:
        """Let go of Redis."""
        if self._shared is not None:
            client: Any = self._shared.bridge
            await client.get_connection().aclose()

    async def _do(self, name: str, work: Callable[[Storage], Awaitable[T]]) -> T:
        if self._shared is None or time.monotonic() < self._alone_until:
            return await work(self._own[name])
        try:
            found = await work(self._shared)
        except StorageError as error:
            if not self._alone_until:
                _LOG.error("Redis does not answer (%s); each process counts for itself", _kind(error))
            self._alone_until = time.monotonic() + _AGAIN_S
            return await work(self._own[name])
        if self._alone_until:
            self._alone_until = 0.0
            _LOG.info("Redis answers again")
        return found


def _kind(error: StorageError) -> str:
    """What went wrong, without an address or a password."""
    return type(error.storage_error).__name__


def _opened(url: str) -> RedisStorage:
    require("redis", "redis")
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    again: Any = Retry(NoBackoff(), 1)  # a connection that went stale; requests wait for no more
    try:
        return RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=_NAMESPACE,
            retry=again,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
        )
    except (ValueError, ConfigurationError, AttributeError):
        raise InputError("the address of Redis must be like redis://[:PASSWORD@]HOST:PORT/0") from None
