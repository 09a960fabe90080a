"""How the text of a policy is read: scalars follow YAML 1.2."""

import pytest

from bestroute.policy.document import read_document


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("0777", "0777"),
        ("1_000", "1_000"),
        ("'1'", "1"),
        ("1", 1),
        ("-3", -3),
        ("0o17", 15),
        ("0xff", 255),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("+.inf", float("inf")),
        ("true", True),
        ("False", False),
        ("!!str 1", "1"),
        ("=", "="),
    ],
)
def test_scalars_follow_yaml_1_2(written, value):
    found = read_document(f"a: {written}").value["a"]
    assert (type(found), found) == (type(value), value)
