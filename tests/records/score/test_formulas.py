"""Formulas are compared in a process that is killed when it takes too long."""

import threading
import time
from contextlib import closing

import pytest

from bestroute.records.score.formulas import Formulas

pytest.importorskip("math_verify")


@pytest.fixture(scope="module")
def formulas():
    with closing(Formulas(limit_s=30)) as checker:
        yield checker


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}", True),
        ("(x+1)^2", "x^2 + 2x + 1", True),
        ("x >= 5", r"5 \leq x", True),
        ("x >= 5", "x <= 5", False),
        ("x = 5", r"x \neq 5", False),
        (r"(-\infty,2)\cup(3,\infty)", r"(-\infty,2]\cup(3,\infty)", False),
        ("2", r"\sqrt{2}", False),
        ("e^x", "e^{-x}", False),
        (r"\frac{", "1", False),
        ("", "", False),
        ("x" * 2000, "x" * 2000, False),
    ],
)
def test_equal(formulas, one, other, equal):
    assert formulas.equal(one, other) is equal


def test_one_that_takes_too_long_is_given_up_and_the_next_is_answered(formulas):
    with closing(Formulas(limit_s=0.5)) as impatient:
        assert not impatient.equal("2", "3")  # starts, which does not count
        started = time.monotonic()
        assert not impatient.equal("9^{9^{9^9}}", "9^{9^9}")
        assert time.monotonic() - started < 20
        assert impatient._process is None
    assert formulas.equal("x + y", "y + x")


def test_threads_share_one_process(formulas):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(formulas.equal(r"2\sqrt{2}", r"\sqrt{8}")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def test_nothing_starts_before_it_is_asked():
    checker = Formulas()
    assert checker._process is None
    checker.close()
