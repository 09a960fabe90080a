"""What a request may say for itself, in each of the ways it may say so."""

import pytest

from bestroute.serve.refusals import Refusal
from bestroute.serve.wishes import Wishes, wishes_of, without_wishes


@pytest.mark.parametrize(
    ("headers", "metadata", "wishes"),
    [
        ({}, None, Wishes()),
        ({}, "no object", Wishes()),
        (
            {},
            {"bestroute": "explain, max_gap=0.02, model=gpt-4o, route-only"},
            Wishes(0.02, "gpt-4o", True, True),
        ),
        ({}, {"bestroute": {"explain": True, "max_gap": 0.02}}, Wishes(0.02, explain=True)),
        ({}, {"bestroute": {"route-only": True, "max-gap": 0.02}}, Wishes(0.02, route_only=True)),
        ({"x-bestroute-route_only": "true"}, {"bestroute": {"route_only": False}}, Wishes(route_only=True)),
        ({"x-bestroute-max-gap": "0.01"}, {"bestroute": {"max_gap": 0.02}}, Wishes(0.01)),
        ({"x-bestroute-route-only": "false"}, {"bestroute": "route-only"}, Wishes()),
        ({"x-bestroute-model": "a"}, {"bestroute": "model=b"}, Wishes(model="a")),
    ],
)
def test_wishes(headers, metadata, wishes):
    assert wishes_of(headers, metadata) == wishes


@pytest.mark.parametrize(
    ("headers", "metadata", "told"),
    [
        ({"x-bestroute-explian": "true"}, None, "'x-bestroute-explian' .did you mean 'x-bestroute-explain'"),
        ({"x-bestroute-route": "true"}, None, "did you mean 'x-bestroute-route-only'"),
        ({"x-bestroute-": ""}, None, "x-bestroute- takes explain, max_gap"),
        ({"x-bestroute-zzz": ""}, None, "x-bestroute- takes explain, max_gap"),
        ({}, {"bestroute": "zzz"}, "has 'zzz'; it takes"),
        ({}, {"bestroute": {"max_gab": 0.1}}, "'max_gab' .did you mean 'max_gap'"),
        ({}, {"bestroute": "explian"}, "'explian' .did you mean 'explain'"),
    ],
)
def test_a_wish_that_nobody_knows(headers, metadata, told):
    with pytest.raises(Refusal, match=told):
        wishes_of(headers, metadata)


@pytest.mark.parametrize("gap", ["nan", "inf", "-1e999", "", "0,1"])
def test_a_gap_that_is_no_number(gap):
    with pytest.raises(Refusal, match="x-bestroute-max-gap must be a number"):
        wishes_of({"x-bestroute-max-gap": gap}, None)


def test_what_is_for_the_gateway_goes_no_further():
    body = {"model": "m", "metadata": {"bestroute": "explain", "team": "law"}}
    assert without_wishes(body) == {"model": "m", "metadata": {"team": "law"}}
    assert without_wishes({"metadata": {"bestroute": "explain"}}) == {}
    assert without_wishes({"metadata": {"team": "law"}}) == {"metadata": {"team": "law"}}
    assert body["metadata"]["bestroute"] == "explain"


def test_what_a_response_told_may_come_back(gateway):
    told = gateway.ask(headers={"x-bestroute-max-gap": "0.05"}).headers
    back = {name: value for name, value in told.items() if name.startswith("x-bestroute-")}
    assert {"x-bestroute-request-id", "x-bestroute-rule"} <= set(back)
    assert gateway.ask(headers=back).status == 200
    assert wishes_of({"x-bestroute-budget-day-left": "1", "X-Bestroute-Cost": "2"}, None) == Wishes()
