"""Two sides of a log compared; figures by hand, intervals by what must hold of them."""

import json

import numpy as np
import pytest

from bestroute.errors import InputError
from bestroute.serve.comparing import Comparison
from bestroute.serve.reading import read_log
from tests.serve.test_reading import line


@pytest.fixture
def compared(tmp_path):
    def made(lines):
        path = tmp_path / "log.jsonl"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        found = Comparison()
        for one in read_log([path]):
            found.add(one)
        return found.as_dict()

    return made


def of(side, caller, number=1, **fields):
    return line(number, side=side, caller=caller, **fields)


def test_figures(compared):
    told = compared(
        [
            of("base", "a", 10, cost=1.0),
            of("base", "b", 20, cost=3.0, first_ms=4.0),
            of("base", "b", 30, status=502, error="no_model_answered", input_tokens=None),
            of("base", "b", 50, cost=0.1, reference_cost=400.0, error="stream_broken"),
            of("canary", "c", 40, cost=0.5, cause="reference"),
            of("canary", "d", 60, cost=0.5),
            of("canary", "d", 1, status=499, error="caller_gone", input_tokens=None),
            of("canary", "d", 1, status=503, error="shutting_down", input_tokens=None, cause=None),
            line(7),  # of no side
        ]
    )
    assert told["base"] == {"requests": 4, "callers": 2}
    assert told["canary"] == {"requests": 4, "callers": 2}
    figures = {name: (one["base"], one["canary"]) for name, one in told["figures"].items()}
    assert figures["cost"] == (2.0, 0.5)
    assert figures["saving"] == (1 - 4 / 8, 1 - 1 / 8)
    assert figures["reference_share"] == (0, pytest.approx(1 / 3))
    assert figures["error_share"] == (pytest.approx(1 / 2), 0)  # who went away is no error
    assert figures["latency_p50_ms"] == (10.0, 40.0)
    assert figures["latency_p95_ms"] == (20.0, 60.0)
    assert figures["first_p50_ms"] == (4.0, None)


def test_a_caller_counts_as_a_whole(compared):
    """A hundred requests of two callers are two: the interval is as wide as what they differ by."""
    base = [of("base", "a", cost=1.0)] * 50 + [of("base", "b", cost=3.0)] * 50
    told = compared(base + [of("canary", f"c{number}", cost=2.0) for number in range(50)])
    cost = told["figures"]["cost"]
    assert (cost["difference"], cost["low"], cost["high"]) == (0, -1, 1)


def test_a_difference_is_found_and_none_is_not(compared):
    random = np.random.default_rng(3)

    def side(name, mean):
        costs = random.normal(mean, 0.2, 300)
        return [of(name, f"{name}{at // 2}", cost=float(cost)) for at, cost in enumerate(costs)]

    cheaper = compared(side("base", 2.0) + side("canary", 1.8))["figures"]["cost"]
    assert cheaper["low"] < cheaper["difference"] < cheaper["high"] < 0
    same = compared(side("base", 2.0) + side("canary", 2.0))["figures"]["cost"]
    assert same["low"] < 0 < same["high"]


def test_one_caller_has_no_interval(compared):
    cost = compared([of("base", "a"), of("canary", "b", cost=2.0)])["figures"]["cost"]
    assert cost == {"base": 1.0, "canary": 2.0, "difference": 1.0, "low": None, "high": None}


def test_a_log_of_one_side(compared):
    with pytest.raises(InputError, match="canary side"):
        compared([of("base", "a")])
    with pytest.raises(InputError, match="base side"):
        compared([json.dumps({**json.loads(line(1))})])
