"""Metadata: what matches, and how what does not is told."""

from decimal import Decimal

import numpy as np
import pytest

from bestroute.policy.rules.metadata import Metadata
from bestroute.query import Query


@pytest.mark.parametrize(
    ("wanted", "metadata", "expected"),
    [
        ({"plan": "pro"}, {"plan": "pro"}, True),
        ({"plan": "pro"}, {"plan": "Pro"}, False),
        ({"plan": "pro"}, {}, False),
        ({"plan": ("pro", "max")}, {"plan": "max"}, True),
        ({"plan": "pro", "seats": 3}, {"plan": "pro", "seats": 3.0}, True),
        ({"plan": "pro", "seats": 3}, {"plan": "pro"}, False),
        ({"beta": True}, {"beta": 1}, False),
        ({"beta": 1}, {"beta": True}, False),
        ({"beta": True}, {"beta": True}, True),
        ({"beta": False}, {"beta": 0}, False),
        ({"beta": True}, {"beta": "true"}, False),
        ({"level": 1}, {"level": "1"}, True),
        ({"level": "1"}, {"level": 1}, True),
        ({"level": "1"}, {"level": "1.0"}, False),
        ({"level": 1}, {"level": " 1 "}, False),
        ({"level": 1}, {"level": "one"}, False),
        ({"level": 1}, {"level": "nan"}, False),
        ({"tier": 2}, {"tier": np.int64(2)}, True),
        ({"tier": 2}, {"tier": np.float32(2)}, True),
        ({"tier": 2}, {"tier": Decimal("2.0")}, True),
        ({"beta": 1}, {"beta": np.True_}, False),
        ({"beta": True}, {"beta": np.True_}, True),
        ({"plan": "pro"}, {"plan": np.str_("pro")}, True),
        ({"plan": "é"}, {"plan": "e\u0301"}, True),
        ({"tags": "free"}, {"tags": ["free", "eu"]}, True),
        ({"tags": "free"}, {"tags": ("eu",)}, False),
        ({"tags": ("us", "eu")}, {"tags": {"eu"}}, True),
        ({"tags": 2}, {"tags": np.array([1, 2])}, True),
        ({"tags": "a"}, {"tags": []}, False),
        ({"tags": "a"}, {"tags": {"a": 1}}, False),
        ({"tags": "a"}, {"tags": None}, False),
    ],
)
def test_metadata(wanted, metadata, expected):
    assert Metadata(wanted).matches(Query.of("x", metadata=metadata)) is expected


@pytest.mark.parametrize(
    ("wanted", "metadata", "words"),
    [
        ({"plan": "pro"}, {}, "lacks metadata plan"),
        ({"plan": "pro"}, {"Plan": "pro"}, "lacks metadata plan (there is 'Plan')"),
        ({"user_id": "a"}, {"userId": "a"}, "lacks metadata user_id (there is 'userId')"),
        ({"plan": "pro"}, {"user": {"plan": "pro"}}, "lacks metadata plan (it stands in 'user')"),
        ({"plan": "pro"}, {"plan": "free"}, "has metadata plan 'free'"),
        ({"plan": "pro"}, {"plan": "Pro"}, "has metadata plan 'Pro', which is 'pro' but for case or spaces"),
        (
            {"plan": "pro"},
            {"plan": "pro "},
            "has metadata plan 'pro ', which is 'pro' but for case or spaces",
        ),
        ({"plan": "pro"}, {"plan": ["a", "b"]}, "has metadata plan ['a', 'b'], of which none does"),
        ({"plan": "pro"}, {"plan": {"is": "pro"}}, "has metadata plan {'is': 'pro'}, an object"),
        ({"a": True}, {"a": "true"}, "has metadata a 'true', which is the text 'true' and not true or false"),
        ({"a": "true"}, {"a": True}, "has metadata a True"),
    ],
)
def test_what_comes_close_is_told(wanted, metadata, words):
    assert Metadata(wanted).why_not(Query.of("x", metadata=metadata)) == words
