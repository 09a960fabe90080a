"""Whether a text looks like code or mathematics."""

import pytest

from bestroute.query import Query


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("Tell me a story.", set()),
        ("```\nx\n```", {"code"}),
        ("def f(x):\n    pass", {"code"}),
        ("What is 17 * 24?", {"math"}),
        ("Integrate $x^2$.", {"math"}),
    ],
)
def test_features(text, has):
    assert Query.of(text).has == has


@pytest.mark.parametrize(
    "text",
    [
        "We go from Paris to London by train.",
        "Let me know what you think.",
        "Is a class action lawsuit expensive?",
        "Import duties rose again.",
        "Is it cheaper :)\nThanks",
        "Call 555-1234 on 2024-01-15.",
        "It costs $5 or $6 a day.",
    ],
)
def test_plain_english_is_neither_code_nor_mathematics(text):
    assert not Query.of(text).has


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("```\nx\n```", "code"),
        ("def f(x):\n    return x", "code"),
        ("from os import path", "code"),
        ("import numpy\nprint(1)", "code"),
        ("const a = 1", "code"),
        ("SELECT name FROM users", "code"),
        ("for (;;) {\n}", "code"),
        ("Solve $x^2 = 4$.", "math"),
        ("What is \\frac{1}{2}?", "math"),
        ("What is 17 + 25?", "math"),
        ("12 / 4 is what?", "math"),
        ("Let x = 3", "math"),
        ("√2", "math"),
    ],
)
def test_code_and_mathematics_are_seen(text, feature):
    assert feature in Query.of(text).has
