"""What is warned of in a policy that holds."""

import json

import pytest

from bestroute.policy import check_policy
from tests.policy.files import GOOD, write_artefacts


@pytest.fixture
def folder(tmp_path):
    return write_artefacts(tmp_path)


def warnings_of(text, folder):
    path = folder / "policy.yaml"
    path.write_text(text, "utf-8")
    _, warnings = check_policy(path)
    return [str(warning).removeprefix(f"{path}:") for warning in warnings]


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
            "max_gap: 0.03",
            "max_gap: -1",
            ["12:10: max_gap -1: no response is a whole point better than the reference, "
                "so it answers what no rule routes"],
        ),
        ("max_gap: 0.03", "max_gap: -0.9", []),
        (
            "    max_gap: 0",
            "    max_gap: -1",
            ["22:14: rules[1] (paying), max_gap -1: no response is a whole point better than the reference, "
                "so it answers; `route` to it says that this is meant"],
        ),
        (
            "    class: large",
            "    class: large\n    endpoint: {base_url: 'http://x/v1', api_key_env: BESTROUTE_BLANK}",
            ["10:54: models[1].endpoint: environment variable BESTROUTE_BLANK is blank"],
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
            "    when: {tokens: {max: 12}, pattern: ^hi$}",
            ["20:5: rules[1] can never be reached: rules[0] ('greetings') has the same conditions"],
        ),
        (
            "{input: 2.5, output: 10}",
            "{input: 2.5, cached_input: 3, output: 10}",
            ["10:39: models[1].price.cached_input (3) is above input (2.5), which is counted then"],
        ),
        (
            "    class: large",
            "    class: large\n    thinking_tokens: 2000",
            ["10:22: models[1] thinks for 2000 tokens a response, and max_tokens leaves it 1024; raise "
                "sampling.max_tokens, or set max_completion_tokens in its params"],
        ),
    ],
)  # fmt: skip
def test_warnings(old, new, expected, folder, monkeypatch):
    monkeypatch.delenv("BESTROUTE_UNSET", raising=False)
    monkeypatch.setenv("BESTROUTE_BLANK", " \t")
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


def rewritten(folder, **fields):
    """The router's manifest with these fields in place of its own."""
    path = folder / "router" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


@pytest.mark.parametrize(
    ("said", "places"), [("", ["2:9"]), ("abstain: true\n", ["16:10"]), ("abstain: false\n", [])]
)
def test_abstaining_by_a_router_that_cannot_tell_novelty_is_warned_of(folder, said, places):
    rewritten(folder, max_novelty=None)
    found = warnings_of(GOOD.replace("rules:", f"{said}rules:"), folder)
    assert [warning.split(": ")[0] for warning in found] == places
    assert all("abstain: true changes nothing: the router model cannot tell" in warning for warning in found)


@pytest.mark.parametrize(
    ("tier", "told"),
    [
        ("{model: tiny, n: 3}", []),
        ("{model: tiny, n: 4}", ["tiny@4"]),
        ("{models: {tiny: 3, big: 1}}", ["big@1+tiny@3"]),
    ],
)
def test_an_n_that_was_not_taught_is_warned_of(folder, tier, told):
    rewritten(folder, taught_n=[3, 10, 10])
    found = warnings_of(GOOD.replace("{model: tiny, n: 4}", tier), folder)
    assert [warning for warning in found if "taught" in warning] == [
        f"14:5: tiers[0] ({label}): the router model was taught n = 3 at most of 'small', so no more is "
        "predicted of 4 responses; records with as many responses a query, and their rewards, teach it"
        for label in told
    ]


def test_schemas_that_nothing_reads(monkeypatch, folder):
    text = GOOD.replace("    class: large\n", "    class: large\n    capabilities: [tools]\n")
    assert warnings_of(text, folder) == []
    monkeypatch.setattr("bestroute.policy.warnings.find_spec", lambda name: None)
    (warning,) = warnings_of(text, folder)
    assert 'pip install "bestroute[schema]"' in warning
    assert warnings_of(GOOD, folder) == []
