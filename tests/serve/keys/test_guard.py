"""Who is let in, and what is reserved of their limits and charged to them."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.serve.keys.guard import Caller, Guard, _span
from bestroute.serve.keys.ledger import Ledger
from bestroute.serve.keys.load import new_key
from bestroute.serve.keys.ring import KeyRing
from bestroute.serve.refusals import Refusal

NOON = 1_800_000_000 // 86400 * 86400 + 43200


class Clock:
    now = NOON

    def __call__(self):
        return self.now


def door(*names, **settings):
    """A guard, its clock, and keys of these names with these settings."""
    made = [new_key(name, **settings) for name in names or ("a",)]
    clock = Clock()
    guard = Guard(KeyRing(None, [kept for _, kept in made]), Ledger(), clock)
    return guard, clock, *(key for key, _ in made)


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def refused(work):
    with pytest.raises(Refusal) as refusal:
        asyncio.run(work) if asyncio.iscoroutine(work) else work()
    return refusal.value


def basic(key):
    return {"authorization": "Basic " + base64.b64encode(f"any:{key}".encode()).decode()}


def test_a_key_lets_in_however_it_is_sent():
    guard, _, key = door()
    for headers in (bearer(key), {"authorization": f"bearer  {key} "}, basic(key)):
        assert guard.known(headers).name == "a"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"authorization": ""}, "missing_api_key"),
        ({"authorization": "Bearer "}, "missing_api_key"),
        ({"authorization": "Basic ???"}, "missing_api_key"),
        ({"authorization": "Basic /////w=="}, "missing_api_key"),
        (bearer("br-wrong"), "invalid_api_key"),
        (bearer("\udcff"), "invalid_api_key"),
        (basic("br-wrong"), "invalid_api_key"),
    ],
)
def test_nobody_else_is_let_in(headers, code):
    guard, _, _ = door()
    refusal = refused(lambda: guard.known(headers))
    assert (refusal.status, refusal.code, refusal.kind) == (401, code, "invalid_request_error")
    assert refusal.headers["www-authenticate"] == "Bearer"
    assert "br-wrong" not in str(refusal)


def test_without_keys_whoever_comes_is_let_in():
    caller = Guard(None, Ledger()).known({})
    assert (caller.name, caller.metadata, caller.may_name("x"), caller.charged) == ("", {}, True, False)


def test_what_concerns_all_takes_an_operator():
    guard, _, key = door(operator=False)
    assert refused(lambda: guard.operator(bearer(key))).status == 403
    assert "Basic" in refused(lambda: guard.operator({})).headers["www-authenticate"]
    guard, _, key = door(operator=True)
    assert guard.operator(bearer(key)).name == "a"


def test_a_rate_of_requests():
    async def work():
        guard, _, one, other = door("one", "other", rate={"requests": 2})
        callers = [guard.known(bearer(key)) for key in (one, one, other, one)]
        for caller in callers[:3]:
            await guard.count(caller)
        assert callers[1].headers["x-ratelimit-remaining-requests"] == "0"
        assert callers[2].headers["x-ratelimit-remaining-requests"] == "1"
        await guard.count(callers[3])

    refusal = refused(work())
    assert (refusal.status, refusal.code, refusal.kind) == (429, "rate_limit_exceeded", "requests")
    assert 1 <= int(refusal.headers["retry-after"]) <= 60
    assert refusal.headers["x-ratelimit-limit-requests"] == "2"


async def reserve(guard, key, dollars=0.0, tokens=0):
    caller = guard.known(bearer(key))
    await guard.reserve(caller, dollars, tokens)
    return caller


async def charge(guard, caller, dollars, tokens=0):
    guard.charge(caller, dollars, tokens)
    await asyncio.wait(guard._charging)


def test_a_budget_is_charged_from_the_bill():
    async def work():
        guard, clock, key = door(budget={"day": 1.0})
        first = await reserve(guard, key, 0.6)
        assert first.headers == {"x-bestroute-budget-day-left": "0.4"}
        await charge(guard, first, 0.1)
        second = await reserve(guard, key, 0.6)
        assert second.headers == {"x-bestroute-budget-day-left": "0.3"}
        await charge(guard, second, 0.85)  # dearer than foreseen
        refusal = None
        try:
            await reserve(guard, key, 0.06)
        except Refusal as error:
            refusal = error
        assert refusal.headers["x-bestroute-budget-day-left"] == "0.05"
        await reserve(guard, key, 0.05)
        clock.now += 86400
        assert (await reserve(guard, key, 1.0)).headers == {"x-bestroute-budget-day-left": "0"}
        return refusal

    refusal = asyncio.run(work())
    assert (refusal.status, refusal.code, refusal.kind) == (429, "insufficient_quota", "insufficient_quota")
    assert "may spend $1 a day; $0.05 is left, this request may cost $0.06" in str(refusal)
    assert refusal.headers["retry-after"] == "43200"
    assert refusal.headers["x-should-retry"] == "false"


def test_a_burst_cannot_overrun_a_budget():
    async def work():
        guard, _, key = door(budget={"minute": 1.0})
        found = await asyncio.gather(*(reserve(guard, key, 0.3) for _ in range(50)), return_exceptions=True)
        return [one for one in found if isinstance(one, Caller)]

    assert len(asyncio.run(work())) == 3


def test_what_one_limit_refuses_no_other_is_charged():
    async def work():
        guard, _, key = door(rate={"tokens": 100}, budget={"minute": 1.0, "day": 0.5})
        with pytest.raises(Refusal):
            await reserve(guard, key, 0.6, 10)
        return (await reserve(guard, key, 0.5, 100)).headers

    assert asyncio.run(work())["x-ratelimit-remaining-tokens"] == "0"


def test_a_bill_that_is_not_known_leaves_what_was_reserved():
    async def work():
        guard, _, key = door(budget={"day": 1.0})
        await charge(guard, await reserve(guard, key, 0.7), None, None)
        await reserve(guard, key, 0.7)

    assert refused(work()).code == "insufficient_quota"


def test_a_bill_of_the_minute_before():
    """What comes back was of that minute; what was not foreseen counts in this one."""

    async def work():
        guard, clock, key = door(budget={"minute": 1.0})
        less, more = await reserve(guard, key, 0.4), await reserve(guard, key, 0.4)
        clock.now += 60
        await charge(guard, less, 0.0)
        await charge(guard, more, 0.9)
        return (await reserve(guard, key, 0.0)).headers

    assert asyncio.run(work()) == {"x-bestroute-budget-minute-left": "0.5"}


@given(
    bills=st.lists(
        st.tuples(st.floats(0, 0.4), st.none() | st.floats(0, 0.6), st.booleans()), min_size=1, max_size=30
    )
)
def test_never_more_is_spent_than_the_budget_and_what_was_not_foreseen(bills):
    """Requests may be charged at once or while others are under way."""

    async def work():
        guard, _, key = door(budget={"day": 1.0})
        spent = unforeseen = 0.0
        for estimate, bill, at_once in bills:
            try:
                caller = await reserve(guard, key, estimate)
            except Refusal:
                continue
            if at_once and bill is not None:
                await charge(guard, caller, bill)
            spent += estimate if bill is None else bill
            unforeseen += max(0.0, (bill or 0.0) - estimate)
        assert spent <= 1.0 + unforeseen + 1e-6

    asyncio.run(work())


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0ms"), (0.1201, "121ms"), (6.2, "7s"), (360, "6m0s"), (7200, "2h0m0s")]
)
def test_times_as_openai_writes_them(seconds, told):
    assert _span(seconds) == told
