"""The breaker, by hand and by whatever may befall it."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.answering.health.breaker import FIRST_REST_S, LONGEST_REST_S, MOST_STRIKES, Breaker
from bestroute.answering.health.fault import LATE, NONSENSE, Fault

SERVER = Fault("server", "HTTP 500")


def failed(breaker, times, now=0.0, fault=SERVER):
    for _ in range(times):
        breaker = breaker.fail(now, fault, probe=False)
    return breaker


def test_opens_at_five_strikes_in_a_row():
    assert failed(Breaker(), 4).state(0.0) == "closed"
    assert failed(Breaker(), 5).state(0.0) == "open"
    assert failed(failed(Breaker(), 4).succeed(probe=False), 4).state(0.0) == "closed"


def test_time_outs_weigh_double():
    assert failed(Breaker(), 2, fault=LATE).lets(0.0)
    assert not failed(Breaker(), 3, fault=LATE).lets(0.0)


def test_one_probe_tells_whether_it_closes():
    opened = failed(Breaker(), 5)
    assert [opened.state(now) for now in (0.0, 0.99, 1.0)] == ["open", "open", "half-open"]
    probing, probe = opened.begin(1.0)
    assert probe
    assert not probing.lets(1.0)
    assert probing.succeed(probe) == Breaker()
    again = probing.fail(1.0, SERVER, probe)
    assert (again.openings, again.until) == (2, 3.0)
    assert probing.abandon(probe).lets(1.0)


def test_every_further_rest_is_twice_as_long_up_to_a_minute():
    breaker, rests = failed(Breaker(), 5), []
    for _ in range(9):
        now = breaker.until
        rests.append(now)
        probing, probe = breaker.begin(now)
        breaker = probing.fail(now, SERVER, probe)
    spans = [later - earlier for earlier, later in zip([0.0, *rests], rests, strict=False)]
    assert spans == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    ("status", "retry_after_s", "rest_s"),
    [(429, 7.0, 7.0), (503, 3.0, 3.0), (429, 1e6, 600.0), (401, None, 300.0), (402, None, 300.0)],
)
def test_some_statuses_open_it_at_once_for_as_long_as_they_say(status, retry_after_s, rest_s):
    breaker = Breaker().fail(10.0, Fault.of_status(status, retry_after_s), probe=False)
    assert (breaker.state(10.0), breaker.until) == ("open", 10.0 + rest_s)


def test_one_prompt_that_is_refused_shuts_nobody_out():
    refusal = Fault.of_status(403, None)
    assert failed(Breaker(), 2, fault=refusal).lets(0.0)
    assert failed(Breaker(), 3, fault=refusal).until == 300.0


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_at_fault_says_nothing_of_the_endpoint(status):
    assert Fault.of_status(status, None) is None


def test_calls_from_before_it_opened_change_nothing_but_what_the_server_asks_for():
    opened = failed(Breaker(), 5)
    assert opened.succeed(probe=False) == opened
    assert opened.fail(0.5, SERVER, probe=False) == opened
    assert opened.fail(0.5, Fault.of_status(429, 20.0), probe=False).until == 20.5


def test_it_says_what_it_rests_for():
    refused = failed(Breaker(), 5).fail(0.5, Fault.of_status(401, None), probe=False)
    assert (refused.why, refused.until) == ("HTTP 401", 300.5)
    assert refused.fail(1.0, Fault.of_status(429, 20.0), probe=False) == refused


def test_who_insists_is_let_through_where_it_rests_by_judgement_alone():
    opened = failed(Breaker(), 5)
    assert opened.lets(0.5, insists=True)
    assert opened.begin(1.0)[0].lets(1.0, insists=True)  # beside the probe
    assert (opened.rest_s(0.25), opened.rest_s(0.25, insists=True)) == (0.75, 0.0)


@pytest.mark.parametrize("fault", [Fault.of_status(429, 3.0), Fault.of_status(401, None)])
def test_nobody_is_let_through_where_it_was_told_to_rest(fault):
    for breaker in (Breaker().fail(0.0, fault, probe=False), failed(Breaker(), 5).fail(0.0, fault, False)):
        assert not breaker.lets(2.9, insists=True)
        assert breaker.rest_s(2.0, insists=True) == breaker.rest_s(2.0) == fault.rest_s - 2.0
        assert breaker.lets(fault.rest_s, insists=True)


def test_what_hangs_again_and_again_holds_nobody_up():
    breaker, lets = Breaker(strikes=MOST_STRIKES), []
    for _ in range(3):
        probing, probe = breaker.begin(breaker.until)
        breaker = probing.fail(max(0.0, breaker.until), LATE, probe)
        lets.append(breaker.lets(breaker.until - 0.1, insists=True))
    assert lets == [True, True, False]


# --- whatever befalls it -----------------------------------------------------------------------------------

FAULTS = st.sampled_from(
    [SERVER, LATE, NONSENSE, *(Fault.of_status(s, r) for s, r in ((429, 3.0), (401, None)))]
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["call", "succeed", "fail", "abandon"]), st.floats(0, 100), st.integers(0, 9), FAULTS
    ),
    max_size=60,
)


@dataclass
class Played:
    """A breaker and the calls that are under way through it."""

    breaker: Breaker = field(default_factory=Breaker)
    now: float = 0.0
    calls: list[bool] = field(default_factory=list)

    def step(self, kind, seconds, which, fault):
        self.now += seconds
        if kind == "call":
            if self.breaker.lets(self.now):
                self.breaker, probe = self.breaker.begin(self.now)
                self.calls.append(probe)
        elif self.calls:
            probe = self.calls.pop(which % len(self.calls))
            ends = {"succeed": self.breaker.succeed, "abandon": self.breaker.abandon}
            given = ends[kind](probe) if kind in ends else self.breaker.fail(self.now, fault, probe)
            self.breaker = given


@given(EVENTS)
def test_always(events):
    played = Played()
    for event in events:
        before = played.breaker
        played.step(*event)
        breaker = played.breaker
        assert sum(played.calls) <= 1  # never two probes
        assert breaker.probing == any(played.calls)
        assert breaker.lets(played.now) == (
            breaker.state(played.now) == "closed"
            or (breaker.state(played.now) == "half-open" and not breaker.probing)
        )
        assert breaker.lets(played.now, insists=True) >= breaker.lets(played.now)
        assert (breaker.rest_s(played.now, insists=True) == 0) >= (breaker.rest_s(played.now) == 0)
        assert (breaker.openings == 0) == (breaker.state(played.now) == "closed")
        assert breaker.openings == 0 or breaker.until >= before.until  # a rest is never cut short
        assert breaker.openings or breaker.strikes < MOST_STRIKES
    assert played.calls or played.breaker.lets(max(played.now, played.breaker.until))  # never shut for good


@given(st.integers(1, 50))
def test_its_own_rest_is_within_bounds(openings):
    opened = Breaker(openings=openings, until=0.0).begin(0.0)[0].fail(0.0, SERVER, probe=True)
    assert FIRST_REST_S <= opened.until <= LONGEST_REST_S
