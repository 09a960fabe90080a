"""A request and its key: let in, limited, charged.

A request is counted before its body is read. What it may cost is reserved before any model is asked, and
replaced by its bill once that is known, so that requests that come at once cannot spend a budget twice.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NamedTuple

from bestroute.serve.door import Door
from bestroute.serve.keys.ledger import Ledger
from bestroute.serve.keys.ring import KeyRing
from bestroute.serve.keys.schema import Key
from bestroute.serve.refusals import Refusal

KEY_PREFIX = "key."
"""How the names of a key's metadata begin, and those of no caller's own."""
_MINUTE, _DAY = 60, 86400
_NANO = 1e9  # dollars are counted in whole billionths
_RETRIED_S = 60  # clients wait no longer by themselves
_CHALLENGE = {"www-authenticate": "Bearer"}
_BROWSERS_TOO = {"www-authenticate": 'Bearer, Basic realm="bestroute, the key as password"'}


class Reserved(NamedTuple):
    """So much was added to a count before the bill was known."""

    limit: Limit
    window: int
    amount: int


class Limit(NamedTuple):
    """What may be used in a window of the clock: `most`, in whole units, `unit` of which are one."""

    name: str
    of: str
    window_s: int
    most: int
    unit: float


@dataclass
class Caller:
    """Who asks. `key` is None where no keys are asked for; `headers` tell what is left of its limits."""

    key: Key | None = None
    headers: dict[str, str] = field(default_factory=dict)
    reserved: list[Reserved] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The key's name, "" for none."""
        return "" if self.key is None else self.key.name

    @property
    def metadata(self) -> dict[str, Any]:
        """What rules see of the key."""
        if self.key is None:
            return {}
        named = {f"{KEY_PREFIX}{name}": value for name, value in self.key.metadata.items()}
        return {**named, f"{KEY_PREFIX}name": self.key.name}

    @property
    def charged(self) -> bool:
        """Whether what its requests come to counts."""
        return next(_limits(self.key), None) is not None

    def may_name(self, model: str) -> bool:
        """Whether a request of this caller may give this as its model."""
        return self.key is None or self.key.models is None or model in self.key.models


class Guard:
    """Lets requests in by the keys of a ring (None: whoever comes through the door), within what the ledger
    says they used.

    `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        ring: KeyRing | None,
        ledger: Ledger,
        clock: Callable[[], float] = time.time,
        door: Door | None = None,
    ) -> None:
        self.ring, self._ledger, self._clock = ring, ledger, clock
        self._door = Door(None) if door is None else door
        self._charging: set[asyncio.Task[None]] = set()

    def known(self, headers: Mapping[str, str]) -> Caller:
        """Who asks, not counted. Raises Refusal: 401 where keys are asked for and none holds, where none are
        as Door does."""
        if self.ring is None:
            self._door.check(headers)
            return Caller()
        given = _given(headers)
        if given is None:
            raise Refusal(
                401,
                "no key was given: send it as Authorization: Bearer KEY, never in the address",
                "missing_api_key",
                headers=_CHALLENGE,
            )
        key = self.ring.find(given)
        if key is None:
            raise Refusal(
                401, "the key that was given is not known here", "invalid_api_key", headers=_CHALLENGE
            )
        return Caller(key)

    def operator(self, headers: Mapping[str, str]) -> Caller:
        """As `known`, for what concerns all callers. Raises Refusal (403) for a key that may not see it."""
        try:
            caller = self.known(headers)
        except Refusal as refusal:
            if refusal.status == 401:
                refusal.headers = _BROWSERS_TOO
            raise
        if caller.key is not None and not caller.key.operator:
            raise Refusal(403, "this takes the key of an operator", "operator_only")
        return caller

    def check_body(self, headers: Mapping[str, str]) -> None:
        """Raise Refusal (415) where no keys are asked for and the body is said to be no JSON."""
        if self.ring is None:
            self._door.check_body(headers)

    async def count(self, caller: Caller) -> None:
        """Count a request. Raises Refusal (429) where the key's rate is used up."""
        most = None if caller.key is None else caller.key.rate.requests
        if most is None:
            return
        used = await self._ledger.hit(f"{caller.name}/requests", most, _MINUTE)
        caller.headers = {
            "x-ratelimit-limit-requests": str(most),
            "x-ratelimit-remaining-requests": str(used.left),
            "x-ratelimit-reset-requests": _span(used.wait_s),
        }
        if not used.within:
            raise _over("requests", f"{most} requests a minute", used.wait_s, caller)

    async def reserve(self, caller: Caller, dollars: float, tokens: int) -> None:
        """Set aside what a request may come to. Raises Refusal (429) where that is more than is left."""
        for limit in _limits(caller.key):
            amount = ceil((dollars if limit.of == "dollars" else tokens) * limit.unit)
            window = int(self._clock()) // limit.window_s
            total = await self._add(caller, limit, window, amount)
            left = limit.most - total
            wait_s = (window + 1) * limit.window_s - self._clock()
            _tell(caller, limit, max(0, left), wait_s)
            if left < 0:
                await self._give_back(caller, Reserved(limit, window, amount))
                _tell(caller, limit, max(0, left + amount), wait_s)
                raise _spent(limit, left + amount, amount, wait_s, caller)
            caller.reserved.append(Reserved(limit, window, amount))

    def charge(self, caller: Caller, dollars: float | None, tokens: int | None) -> None:
        """Replace what was reserved by the bill, soon; where it is not known (None) that stays."""
        if caller.reserved:
            task = asyncio.get_running_loop().create_task(self._charge(caller, dollars, tokens))
            self._charging.add(task)
            task.add_done_callback(self._charging.discard)

    async def close(self) -> None:
        """Charge what is to be charged, and let go."""
        if self._charging:
            await asyncio.wait(self._charging)
        await self._ledger.close()

    async def _charge(self, caller: Caller, dollars: float | None, tokens: int | None) -> None:
        reserved, caller.reserved = caller.reserved, []
        for one in reserved:
            bill = dollars if one.limit.of == "dollars" else tokens
            if bill is None:
                continue
            more = ceil(bill * one.limit.unit) - one.amount
            # What is given back was reserved in that window; what was not foreseen counts now.
            window = one.window if more < 0 else int(self._clock()) // one.limit.window_s
            if more:
                await self._add(caller, one.limit, window, more)

    async def _give_back(self, caller: Caller, last: Reserved) -> None:
        reserved, caller.reserved = [*caller.reserved, last], []
        for one in reserved:
            await self._add(caller, one.limit, one.window, -one.amount)

    async def _add(self, caller: Caller, limit: Limit, window: int, amount: int) -> int:
        return await self._ledger.add(f"{caller.name}/{limit.name}", window, limit.window_s, amount)


def _given(headers: Mapping[str, str]) -> str | None:
    """The key of a request: of Bearer, the password of Basic, which browsers ask for, or x-api-key, as
    Anthropic's clients send it."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip() or None
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
        except ValueError:
            return None
    return headers.get("x-api-key") or None


def _limits(key: Key | None) -> Iterator[Limit]:
    """What is reserved of a key, the tightest window first."""
    if key is None:
        return
    if key.rate.tokens is not None:
        yield Limit("tokens", "tokens", _MINUTE, key.rate.tokens, 1)
    if key.budget.minute is not None:
        yield Limit("minute", "dollars", _MINUTE, round(key.budget.minute * _NANO), _NANO)
    if key.budget.day is not None:
        yield Limit("day", "dollars", _DAY, round(key.budget.day * _NANO), _NANO)


def _tell(caller: Caller, limit: Limit, left: int, wait_s: float) -> None:
    if limit.of == "tokens":
        caller.headers |= {
            "x-ratelimit-limit-tokens": str(limit.most),
            "x-ratelimit-remaining-tokens": str(left),
            "x-ratelimit-reset-tokens": _span(wait_s),
        }
    else:
        caller.headers[f"x-bestroute-budget-{limit.name}-left"] = f"{left / limit.unit:.6g}"


def _over(what: str, told: str, wait_s: float, caller: Caller) -> Refusal:
    return Refusal(
        429,
        f"the key {caller.name!r} may use {told}; try again in {_span(wait_s)}",
        "rate_limit_exceeded",
        kind=what,
        headers={**caller.headers, **_again(wait_s)},
    )


def _spent(limit: Limit, left: int, amount: int, wait_s: float, caller: Caller) -> Refusal:
    if limit.of == "tokens":
        told = f"{limit.most} tokens a minute; {max(0, left)} are left, this request may take {amount}"
        return _over("tokens", told, wait_s, caller)
    told = (
        f"the key {caller.name!r} may spend ${limit.most / limit.unit:g} a {limit.name}; "
        f"${max(0, left) / limit.unit:.6g} is left, this request may cost ${amount / limit.unit:.6g}"
    )
    headers = {**caller.headers, **_again(wait_s)}
    return Refusal(429, told, "insufficient_quota", kind="insufficient_quota", headers=headers)


def _again(wait_s: float) -> dict[str, str]:
    """When to try again; a client that could only wait in vain is told to leave it."""
    told = {"retry-after": str(max(1, ceil(wait_s)))}
    return told if wait_s <= _RETRIED_S else {**told, "x-should-retry": "false"}


def _span(seconds: float) -> str:
    """A time as OpenAI writes it: 120ms, 7s, 6m0s, 2h0m0s."""
    if seconds < 1:
        return f"{ceil(1000 * seconds)}ms"
    minutes, rest = divmod(ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
