"""Which failures are worth asking again, and when a model is given up."""

import pytest

from bestroute.answering.sampling import Sampled
from bestroute.records.collect.faults import Faults, is_final


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (400, True),
        (401, True),
        (404, True),
        (408, False),
        (409, False),
        (429, False),
        (500, False),
        (None, False),
    ],
)
def test_what_is_worth_asking_again(status, final):
    assert is_final(Sampled(errors=("no",), status=status)) is final


def test_a_model_is_given_up_for_its_endpoint_not_for_its_prompts():
    faults = Faults()
    for index in range(9):
        faults.add(str(index), "m", Sampled(errors=("too long",), status=400), hopeless=False)
    assert faults.given_up == {}
    assert faults.rule_out("8", "m")
    assert not faults.rule_out("9", "m")
    for index in range(9, 13):
        faults.add(str(index), "m", Sampled(errors=("gone",), status=404), hopeless=False)
    faults.clear_row("m")
    for index in range(13, 18):
        assert faults.given_up == {}
        faults.add(str(index), "m", Sampled(errors=("gone",)), hopeless=False)
    assert faults.given_up == {"m": "gone"}
    assert faults.rule_out("99", "m")
    assert not faults.rule_out("99", "other")
    assert len(faults) == len(faults.listed()) == 18
