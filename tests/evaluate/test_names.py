"""Names of models in records that a policy does not know."""

from dataclasses import replace

from bestroute.evaluate.names import UnknownNames, told_unknown
from bestroute.records.record import Response
from tests.evaluate.records import EASY
from tests.fakes import make_policy


def test_names_of_models_and_of_their_classes_are_known():
    unknown = UnknownNames(make_policy())
    for name in ("tiny", "small", "big", "small ", "other"):
        unknown.add(replace(EASY, responses={name: (Response(1.0),)}))
    assert unknown.found == {"small ": 1, "other": 1}


def test_the_commonest_are_told_with_what_may_be_meant():
    assert told_unknown({}, ["tiny"]) is None
    found = {"other": 1, "tinny": 20, **{f"x{index}": 1 for index in range(9)}}
    told = told_unknown(found, ["tiny", "big"])
    assert told.startswith(
        "records have responses of models that the policy does not know: "
        "20 of 'tinny' (did you mean 'tiny'?), 1 of 'other', 1 of 'x0'"
    )
    assert told.endswith("1 of 'x5' and 3 more")
