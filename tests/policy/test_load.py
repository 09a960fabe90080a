"""Policies that hold: their values, digest, warnings, and those that come with the project."""

import pytest

from bestroute.errors import InputError
from bestroute.policy import Policy, Sampling, check_policy, load_policy, parse_policy
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


def warnings_of(text, folder):
    path = folder / "policy.yaml"
    path.write_text(text, "utf-8")
    _, warnings = check_policy(path)
    return [str(warning).removeprefix(f"{path}:") for warning in warnings]


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


def test_a_good_policy_has_no_warnings(folder):
    assert warnings_of(GOOD, folder) == []


# tiny: 100 * 0.1 + 300 * n * 0.2, parallel: n prompts; big: 100 * 2.5 + 200 * 10 = 2250; in US$ per million
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  - {model: tiny, n: 4}\n",
            "  - {model: tiny, n: 4, max_gap: 0.01}\n  - {model: tiny}\n",
            [
                "15:5: tiers[1] (tiny@1, $7e-05 a query) costs less than "
                "tiers[0] (tiny@4, $0.00028 a query) above it; swap them"
            ],
        ),
        (
            "price: {input: 0.1, output: 0.2}",
            "price: {input: 0.1, output: 2}",
            ["14:5: tiers[0] (tiny@4, $0.0024 a query) costs more than the reference, "
                "tiers[1] (big@1, $0.0022 a query)"],
        ),
        (
            "  - {model: tiny, n: 4}\n",
            "  - {model: tiny, n: 4}\n  - {model: tiny, n: 4}\n",
            ["15:5: tiers[1] can never be reached: "
                "tiers[0] (tiny@4) is at least as good and has no stricter dial"],
        ),
        (
            "  - {model: tiny, n: 4}\n",
            "  - {model: big}\n",
            ["15:5: tiers[1] can never be reached: tiers[0] (big@1) is the reference, which always serves"],
        ),
        (
            "{model: tiny, n: 4}",
            "{model: tiny, n: 4, max_gap: -1}",
            ["14:5: tiers[0] can never be reached: no response is a whole point better than the reference"],
        ),
        (
            "    class: large",
            "    class: large\n    endpoint: {base_url: 'http://x/v1', api_key_env: BESTROUTE_UNSET}",
            ["10:54: models[1].endpoint: environment variable BESTROUTE_UNSET is not set"],
        ),
        (
            "class: large",
            "class: giant",
            [
                "9:12: the router has not learned the class 'giant' of the reference "
                "(it knows small, medium, large), so it cannot predict a gap to it"
            ],
        ),
        (
            "    when: {metadata: {plan: [enterprise, 2]}}",
            "    when: {tokens: {max: 12}, pattern: ^hi}",
            ["20:5: rules[1] can never be reached: rules[0] ('greetings') has the same conditions"],
        ),
    ],
)  # fmt: skip
def test_warnings(old, new, expected, folder, monkeypatch):
    monkeypatch.delenv("BESTROUTE_UNSET", raising=False)
    assert old in GOOD
    assert warnings_of(GOOD.replace(old, new, 1), folder) == expected


WEE = "  - {name: wee, class: medium, price: {input: 0.1, output: 0.2}}\n"


# wee: 100 * 0.1 + 250 * 0.2 = 60 a response, tiny 70 and big 2250 as above; in US$ per million
@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        (["{tiny: 2, wee: 1}", "{tiny: 1, wee: 3}", "{tiny: 4, wee: 2}"], []),
        (
            ["{tiny: 4, wee: 4}", "{wee: 1, tiny: 1}"],
            [
                "16:5: tiers[1] (tiny@1+wee@1, $0.00013 a query) costs less than "
                "tiers[0] (tiny@4+wee@4, $0.00052 a query) above it; swap them",
                "16:5: tiers[1] can never be reached: "
                "tiers[0] (tiny@4+wee@4) is at least as good and has no stricter dial",
            ],
        ),
        (
            ["{tiny: 2, big: 1}"],
            [
                "15:5: tiers[0] (big@1+tiny@2, $0.0024 a query) costs more than the reference, "
                "tiers[1] (big@1, $0.0022 a query)"
            ],
        ),
    ],
)
def test_warnings_of_portfolios(tiers, expected, folder):
    written = "".join(f"  - {{models: {models}}}\n" for models in tiers)
    text = GOOD.replace("  - {model: tiny, n: 4}\n", written).replace("models:\n", f"models:\n{WEE}", 1)
    assert warnings_of(text, folder) == expected


def test_a_match_with_another_reference_is_warned_of(folder):
    text = GOOD.replace("max_gap: 0.03", "min_match: 0.5").replace("    max_gap: 0\n", "    min_match: 1\n")
    text = text.replace("class: large", "class: medium")
    assert warnings_of(text, folder) == [
        "12:12: the router has learned to match 'large', not 'medium', the reference's class, so the "
        "reference answers everything; max_gap goes with any reference"
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_policies_hold_but_for_keys(path):
    policy, warnings = check_policy(path)
    assert policy.path == path
    assert all("environment variable" in warning.message for warning in warnings)


def test_the_example_has_every_key_once():
    document = read_document((ROOT / "policy.example.yaml").read_bytes())
    written = {path[-1] for path in document.keys}
    schema = Policy.model_json_schema()
    known = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})}
    assert known - written == {"min", "min_match", "cost_per_point"}
    text = (ROOT / "policy.example.yaml").read_text("utf-8")
    assert "# min_match:" in text  # in place of the dial that is set
    assert "# cost_per_point:" in text


def test_the_example_queries_are_many_and_named():
    queries = list(read_queries(ROOT / "examples" / "queries.jsonl"))
    assert len(queries) >= 44
    assert len({query.id for query in queries}) == len(queries)
    assert {feature for query in queries for feature in query.has} == {"code", "image", "math", "tools"}
