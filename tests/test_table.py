"""Tables and numbers as people read them."""

from math import nan

import pytest

from bestroute.table import dollars, number, share, table


def test_columns_are_aligned_numbers_to_the_right():
    assert table(["arm", "cost"], [["a@1", "1.5"], ["bb@10", "12"], ["", "-"]]).splitlines() == [
        "arm    cost",
        "a@1     1.5",
        "bb@10    12",
        "          -",
    ]


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (number(0.12349), "0.123"),
        (number(None), "-"),
        (number(nan, 1), "-"),
        (share(0.9344), "93.4%"),
        (share(None), "-"),
        (dollars(0.00123456), "0.001235"),
        (dollars(12.0), "12"),
    ],
)
def test_numbers(shown, text):
    assert shown == text
