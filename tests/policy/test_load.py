"""Policies that hold: their values, their digest, and those that come with the project."""

import pytest

from bestroute.errors import InputError, PolicyError
from bestroute.policy import Policy, Sampling, check_policy, load_canary, load_policy, parse_policy
from bestroute.policy.arms import Arm
from bestroute.policy.document import read_document
from bestroute.query import read_queries
from tests import ROOT
from tests.policy.files import GOOD, SHIPPED, write_artefacts


@pytest.fixture
def folder(tmp_path):
    return write_artefacts(tmp_path)


@pytest.fixture
def policy(folder):
    return parse_policy(GOOD, folder / "policy.yaml")


def test_the_values(policy, folder):
    assert policy.router == folder / "router"
    assert policy.router.is_absolute()
    assert policy.path == folder / "policy.yaml"
    assert [tier.arm for tier in policy.tiers] == [Arm(model="tiny", n=4), Arm(model="big")]
    assert policy.max_gap == 0.03
    assert policy.reference_model.name == "big"
    assert policy.model("tiny").price.output == 0.2
    assert policy.sampling == Sampling(temperature=0.8, timeout_s=60, max_tokens=1024)
    assert [rule.name for rule in policy.rules] == ["greetings", "paying", "pictures"]


def test_a_tier_or_a_route_may_be_a_portfolio(folder):
    text = GOOD.replace("{model: tiny, n: 4}", "{models: {tiny: 3, big: 1}, max_gap: 0.01}")
    text = text.replace("route: {model: tiny}", "route: {models: {tiny: 1, big: 1}}")
    policy = parse_policy(text, folder / "policy.yaml")
    assert policy.tiers[0].arm == Arm(models={"big": 1, "tiny": 3})
    assert policy.tiers[0].max_gap == 0.01
    assert policy.rules[0].route == Arm(models={"tiny": 1, "big": 1})
    reordered = text.replace("tiny: 3, big: 1", "big: 1, tiny: 3")
    assert parse_policy(reordered, folder / "policy.yaml").digest == policy.digest


def test_a_portfolio_of_one_model_is_that_model(policy, folder):
    text = GOOD.replace("{model: tiny, n: 4}", "{models: {tiny: 4}}")
    text = text.replace("{model: big}", "{models: {big: 1}}")
    assert parse_policy(text, folder / "policy.yaml").digest == policy.digest


def test_an_unknown_model_is_told(policy):
    with pytest.raises(InputError, match=r"no model is named 'x'; .*policy\.yaml has tiny, big"):
        policy.model("x")


def test_folders_are_relative_to_the_file(folder, monkeypatch):
    (folder / "deep").mkdir()
    text = GOOD.replace("router: router", "router: ../router").replace("reward: reward", "reward: ../reward")
    (folder / "deep" / "p.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(folder)
    assert load_policy("deep/p.yaml").router == folder / "router"


def test_the_digest_is_of_the_content(policy, folder):
    path = folder / "policy.yaml"
    same = "# a comment\n" + GOOD.replace("{model: big}", "{n: 1, model: 'big'}").replace("10}", "10.0}")
    assert len(policy.digest) == 12
    assert parse_policy(same, path).digest == policy.digest
    assert parse_policy(GOOD.replace("0.03", "0.04"), path).digest != policy.digest
    assert policy.model_copy(update={"max_gap": 0.04}).digest != policy.digest


def test_the_digest_does_not_tell_the_machine(policy, tmp_path_factory):
    elsewhere = write_artefacts(tmp_path_factory.mktemp("elsewhere"))
    assert parse_policy(GOOD, elsewhere / "policy.yaml").digest == policy.digest


def test_a_policy_is_frozen(policy):
    with pytest.raises(ValueError, match="frozen"):
        policy.max_gap = 1.0


def test_anchors_are_plain_yaml(folder):
    text = GOOD.replace("{input: 0.1", "&p {input: 0.1").replace("{input: 2.5, output: 10}", "*p")
    policy = parse_policy(text, folder / "policy.yaml")
    assert policy.model("big").price == policy.model("tiny").price


def test_every_key_has_a_description():
    def bare(schema):
        for key, value in schema.get("properties", {}).items():
            if "description" not in value and "$ref" not in value and not value.get("allOf"):
                yield key

    schema = Policy.model_json_schema()
    assert not list(bare(schema))
    assert not [key for name in ("Rule", "When", "Tier", "Sampling") for key in bare(schema["$defs"][name])]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_policies_hold_but_for_keys(path):
    policy, warnings = check_policy(path)
    assert policy.path == path
    assert all("environment variable" in warning.message for warning in warnings)


def test_a_canary_that_does_not_hold(tmp_path):
    text = (ROOT / "policies" / "two-models.yaml").read_text("utf-8")
    path = tmp_path / "policy.yaml"
    path.write_text(text + "canary: {policy: next.yaml, share: 0.1}\n", "utf-8")
    place = text.count("\n") + 1
    with pytest.raises(PolicyError, match=rf"{place}:18: canary.policy: next.yaml does not hold: .*No such"):
        check_policy(path)
    (tmp_path / "next.yaml").write_text(text.replace("version: 1", "version: 2"), "utf-8")
    with pytest.raises(PolicyError, match="next.yaml:.* must be 1"):
        check_policy(path)
    (tmp_path / "next.yaml").write_text(path.read_text("utf-8"), "utf-8")
    with pytest.raises(PolicyError, match="has a canary itself"):
        check_policy(path)
    (tmp_path / "next.yaml").write_text(text, "utf-8")
    assert load_canary(check_policy(path)[0]).path == tmp_path / "next.yaml"


def test_the_example_has_every_key_once():
    document = read_document((ROOT / "policy.example.yaml").read_bytes())
    written = {path[-1] for path in document.keys}
    schema = Policy.model_json_schema()
    known = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})}
    assert known - written == {"min", "min_match", "cost_per_point", "adapter"}
    text = (ROOT / "policy.example.yaml").read_text("utf-8")
    assert "# min_match:" in text  # in place of the dial that is set
    assert "# cost_per_point:" in text


def test_the_example_queries_are_many_and_named():
    queries = list(read_queries(ROOT / "examples" / "queries.jsonl"))
    assert len(queries) >= 44
    assert len({query.id for query in queries}) == len(queries)
    assert {feature for query in queries for feature in query.has} == {"code", "image", "math", "tools"}


def test_levels_are_guessed_until_own_models_were_scored(policy, tmp_path):
    own = [model.model_copy(update={"class_": None}) for model in policy.models]
    by_name = policy.model_copy(update={"models": tuple(own)})
    assert policy.guesses_levels
    assert not by_name.guesses_levels
    assert by_name.model_copy(
        update={"router": Policy.model_fields["router"].default_factory()}
    ).guesses_levels
    assert not policy.model_copy(update={"adapter": tmp_path}).guesses_levels
