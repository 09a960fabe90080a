"""The JSON Schema refuses what the loader refuses, as far as a schema can see, and nothing else."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bestroute.cli import cli
from bestroute.policy import Policy
from bestroute.policy.compose import Unreadable
from bestroute.policy.document import read_document
from bestroute.policy.json_schema import policy_schema, schema_text
from tests import ROOT
from tests.policy.files import GOOD, SHIPPED

BROKEN = yaml.safe_load((Path(__file__).parent / "broken_policies.yaml").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(policy_schema())

# What lies between two places, ...
UNSEEN = {
    "duplicate rule", "duplicate model", "unknown reference", "unknown model of a tier",
    "unknown model of a route", "unknown model excluded", "reference excluded", "reference not last",
    "reference sampled", "reference in a portfolio last", "reference sampled as a portfolio",
    "unknown models of a portfolio", "unknown model of a route's portfolio", "portfolio above all",
    "empty range", "a rule with another dial", "a tier with another dial", "match asked twice",
    "a shadow of a model that is not there", "a shadow of too many responses",
    "match asked twice, two at a time",
}  # fmt: skip
# ... in the router model, ...
UNSEEN |= {"n above max_n", "portfolio above max_n", "unknown class", "no class"}
# ... in another language's rules: RE2's, Unicode's, that of floating-point numbers.
UNSEEN |= {"broken pattern", "backreference", "invisible keyword", "price not a number", "price without end"}


def plain(text):
    """The values as a JSON document has them, or None where the YAML itself is at fault."""
    try:
        document = read_document(text)
    except Unreadable:
        return None
    return None if document.faults else json.loads(json.dumps(document.value))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(policy_schema())
    assert policy_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_committed_schema_is_what_the_command_prints():
    printed = CliRunner().invoke(cli, ["schema"])
    assert printed.exit_code == 0
    committed = (ROOT / "policies" / "policy.schema.json").read_text("utf-8")
    assert committed == printed.stdout, "run: bestroute schema --out policies/policy.schema.json"


def test_out_writes_the_same(tmp_path):
    result = CliRunner().invoke(cli, ["schema", "--out", str(tmp_path / "new" / "s.json")])
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "new" / "s.json").read_bytes() == schema_text().encode("ascii")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_policy_is_valid(path):
    VALIDATOR.validate(plain(path.read_text("utf-8")))


def test_broken_policies_are_refused():
    values = {case["fault"]: plain(GOOD.replace(case["old"], case["new"], 1)) for case in BROKEN}
    readable = {fault: value for fault, value in values.items() if value is not None}
    assert len(readable) >= 60
    assert {fault for fault, value in readable.items() if VALIDATOR.is_valid(value)} == UNSEEN


def everything():
    """A valid policy that has every key."""
    value = plain((ROOT / "policy.example.yaml").read_text("utf-8"))
    value["rules"][1]["when"]["turns"] = {"min": 1}
    return value


def places(value, path=()):
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


def changed(value, path, change):
    """A copy in which the part at `path` is removed, has one key more, or is another."""
    value = copy.deepcopy(value)
    around = value
    for step in path[:-1]:
        around = around[step]
    if not path:
        return {**value, "more": 1} if change == "add" else value
    if change == "remove":
        del around[path[-1]]
    elif change == "add":
        if isinstance(around, dict):
            around["more"] = 1
    else:
        around[path[-1]] = change
    return value


def holds(value):
    def frozen(part):
        if isinstance(part, dict):
            return {key: frozen(item) for key, item in part.items()}
        return tuple(map(frozen, part)) if isinstance(part, list) else part

    try:
        Policy.model_validate(frozen(value), by_alias=True, by_name=False)
    except ValidationError:
        return False
    return True


VALUES = [
    "remove", "add", True, 0, 1, 9, -2, 70, 0.5, 1.5, 99.5, 9e8 + 0.5, "", "x", "KEY", "http://h/v1", "vote",
    "x" * 201, [], ["x"], ["image"], {}, {"max": 3}, {"x": 1}, {"model": "x"},
    {"model": "x", "n": 2, "models": {"x": 1}}, {"models": {"x": 1}, "n": 1}, {"n": 1}, {"min": 2, "more": 1},
]  # fmt: skip


@settings(max_examples=400)
@given(st.sampled_from(list(places(everything()))), st.sampled_from(VALUES))
def test_one_change_is_refused_by_both_or_by_neither(path, change):
    value = changed(everything(), path, change)
    assert VALIDATOR.is_valid(value) == holds(value)


def objects(schema):
    yield from [part for part in [schema, *schema["$defs"].values()] if "properties" in part]


def test_every_object_is_closed_and_every_key_described():
    for part in objects(policy_schema()):
        assert part["additionalProperties"] is False
        for key, described in part["properties"].items():
            assert described.get("description"), (part["title"], key)


def test_every_key_shows_a_value():
    for part in objects(policy_schema()):
        for key, described in part["properties"].items():
            shown = {"examples", "default", "enum", "const", "$ref", "items"} & described.keys()
            assert shown, (part["title"], key)


def test_examples_are_valid():
    schema = policy_schema()
    for part in objects(schema):
        for described in part["properties"].values():
            for example in described.get("examples", []):
                jsonschema.validate(example, {**described, "$defs": schema["$defs"]})
