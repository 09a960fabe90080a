"""Sums are read, done, and compared with what a response says comes out."""

import numpy as np
import pytest

from bestroute.artefacts.facts import FACTS, facts_of
from bestroute.artefacts.facts.sums import numbers_of, sums_of


@pytest.mark.parametrize(
    ("text", "right", "wrong", "results"),
    [
        ("so 3 + 4 = 7 and 5 x 6 = 31", 1, 1, [7, 31]),
        ("$1,200 / 7 = $171.43.", 1, 0, [171.43]),
        ("8 / 0 = 3", 0, 0, [3]),
        ("30 ounces/batch * 8 batches = 240 ounces", 1, 0, [240]),
        ("240 ounces + 70 ounces = 310 ounces.", 1, 0, [310]),
        ("1 + 2 + 3 = 6 / 2 = 3", 1, 1, [3, 3]),
        ("(54 - 2) / 2 = 26)", 1, 0, [26]),
        ("-3 * 4 = -12, 2(3) = 6", 1, 0, [-12, 6]),
        (r"$2 \times 3 = 7$, \frac{6}{3} = 2, 6 \div 4 = 1.5", 2, 1, [7, 2, 1.5]),
        ('- 4 x 64" = 256"\n* 2 · 3 = 6\n2. 5 + 3 = 8. 4 + 4 = 8', 4, 0, [256, 6, 8, 8]),
        ("a - 3 * 4 = 5; y2 + 1 = 4", 0, 0, [5, 4]),
        ("16 = 2^4 = 3x = 4k", 0, 0, []),
        ("x = 100 - 20 = 80 feet", 1, 0, [80, 80]),
        ("7 = 7", 0, 0, [7]),
        ("nothing = something", 0, 0, []),
        ("", 0, 0, []),
    ],
)
def test_sums(text, right, wrong, results):
    found = sums_of(text)
    assert (found.right, found.wrong, found.results) == (right, wrong, pytest.approx(results))


def test_numbers():
    text = "5-3, then -2 and 1,2,3; 12,345.6 at 7. (x)-1"
    assert numbers_of(text) == [5, 3, -2, 1, 2, 3, 12345.6, 7, 1]


def facts(query, response):
    return dict(zip(FACTS, facts_of(query, [response])[0].tolist(), strict=True))


def test_the_last_number():
    found = facts("Add 12 and 7, please", "12 + 7 = 19, so it is 19. Not 40.")
    assert found["of the query's numbers"] == 1
    assert found["numbers"] == pytest.approx(np.log(6))
    assert found["numbers from nowhere"] == pytest.approx(1 / 4)
    assert (found["last is the last result"], found["last stood before"]) == (0, 0)
    found = facts("Add 12 and 7, please", "12 + 7 = 19, so it is 19")
    assert (found["last is the last result"], found["last stood before"]) == (1, 1)
    assert (found["all sums right"], found["a sum is wrong"], found["numbers from nowhere"]) == (1, 0, 0)
    assert found["last beside the largest of the query"] == pytest.approx(np.log10(20 / 13))
    assert (found["last is a whole number"], found["last is of the query"], found["last is negative"]) == (
        1,
        0,
        0,
    )
    found = facts("Half of 7?", "-3.5")
    assert (found["last is a whole number"], found["last is negative"]) == (0, 1)
