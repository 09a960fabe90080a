"""Warnings about rules: what is hidden, what YAML made of a value, what words are found in."""

import pytest

from bestroute.policy import check_policy
from tests.policy.files import GOOD, write_artefacts

GREETING = "{pattern: '^hi$', tokens: {max: 12}}"
PAYING = "{metadata: {plan: [enterprise, 2]}}"
HIDES = "does not match: of a query that both match the first decides, and routes to tiny@1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_artefacts(tmp_path_factory.mktemp("rules"))
    return folder


def warnings_of(folder, *changes):
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "policy.yaml"
    path.write_text(text, "utf-8")
    return [str(warning).removeprefix(f"{path}:") for warning in check_policy(path)[1]]


@pytest.mark.parametrize(
    "when",
    [
        r"{pattern: '(?i)^\s*(hi|hello)\b'}",
        "{pattern: '^hi.*$'}",
        r"{pattern: '^hi[\s\S]+$'}",
        "{pattern: '^hi[^x]{3,}$'}",
        "{pattern: '^hi|bye$'}",
        "{pattern: '(?m)^hi$'}",
        "{pattern: 'hi$'}",
        "{keywords: [refund]}",
        "{tokens: {max: 12}}",
        "{metadata: {team: sales}}",
    ],
)
def test_a_rule_that_routes_hides_one_that_tightens(folder, when):
    found = warnings_of(folder, (GREETING, when))
    assert found == [
        f"20:5: rules[1] ('paying') tightens the dial only where rules[0] ('greetings') {HIDES}; "
        "put rules[1] above it, or let rules[0] match less"
    ]


@pytest.mark.parametrize(
    ("action", "lost"),
    [
        ("route: {model: big}", "routes to the reference"),
        ("exclude: [tiny]", "excludes tiny"),
        ("max_gap: -0.1", "tightens the dial"),
        ("max_gap: 0.1", None),
        ("route: {model: tiny, n: 4}", None),
    ],
)
def test_what_a_later_rule_does_against_loss(folder, action, lost):
    found = warnings_of(folder, (GREETING, "{keywords: [hi]}"), ("max_gap: 0\n", f"{action}\n"))
    assert [HIDES in one for one in found] == [True] * (lost is not None)
    assert all(f"('paying') {lost} only where" in one for one in found)


@pytest.mark.parametrize(
    "when",
    [
        "{pattern: '^hi$'}",
        r"{pattern: '(?i)\A\W*(hi|hello)( there)?\W*\z'}",
        "{metadata: {plan: free}}",
        "{metadata: {plan: [enterprise]}, keywords: [hi]}",  # of the same customers, so it was meant
    ],
)
def test_what_hides_nothing(folder, when):
    assert warnings_of(folder, (GREETING, when)) == []


def test_ranges_that_never_meet_hide_nothing(folder):
    short, long = (GREETING, "{tokens: {max: 12}}"), (PAYING, "{tokens: {min: 13}}")
    assert warnings_of(folder, short, long) == []
    assert len(warnings_of(folder, short, (PAYING, "{tokens: {min: 12}}"))) == 1
    assert warnings_of(folder, (GREETING, "{turns: {max: 1}}"), (PAYING, "{turns: {min: 2}}")) == []


def test_a_route_to_the_reference_hides_nothing(folder):
    assert (
        warnings_of(folder, (GREETING, "{keywords: [hi]}"), ("route: {model: tiny}", "route: {model: big}"))
        == []
    )


def test_a_model_that_cannot_take_the_request_hides_nothing(folder):
    hi, sound = (GREETING, "{keywords: [hi]}"), (PAYING, "{has: [audio]}")
    assert warnings_of(folder, hi, sound) == []
    able = ("class: small\n", "class: small\n    capabilities: [audio]\n")
    assert len(warnings_of(folder, hi, sound, able)) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1_000", "1_000 is the text '1_000' here, no number; write it as a plain number, or in quotes"),
        ("010", "010 is the text '010' here, no number; write it as a plain number, or in quotes"),
        ("1,000", "1,000 is the text '1,000' here, no number; write it as a plain number, or in quotes"),
        ("0b11", "0b11 is the text '0b11' here, no number; write it as a plain number, or in quotes"),
        ("1.10", "1.10 is the number 1.1 here; put it in quotes to mean the text"),
        ("0x10", "0x10 is the number 16 here; put it in quotes to mean the text"),
        ("1e3", "1e3 is the number 1000.0 here; put it in quotes to mean the text"),
        ("yes", "yes is the text 'yes' here, not true or false; write that, or put it in quotes"),
        ("Off", "Off is the text 'Off' here, not true or false; write that, or put it in quotes"),
    ],
)
def test_a_value_that_is_not_what_it_looks_like(folder, value, words):
    alone, listed = (PAYING, f"metadata: {{plan: {value}}}"), (PAYING, f"metadata: {{plan: [x, {value}]}}")
    key = "rules[1].when.metadata.plan"
    if "," not in value:  # which ends an item of a list
        alone, listed = ((old, f"{{{new}}}") for old, new in (alone, listed))
        assert warnings_of(folder, alone) == [f"21:29: {key}: {words}"]
        assert warnings_of(folder, listed) == [f"21:33: {key}[1]: {words}"]
        quoted = (PAYING, f"{{metadata: {{plan: '{value}'}}}}")
        assert warnings_of(folder, quoted) == []
    else:
        block = (PAYING, f"\n      metadata:\n        plan: {value}")
        assert warnings_of(folder, block) == [f"23:15: {key}: {words}"]


@pytest.mark.parametrize(
    "value", ["1", "-1", "+1", "1.5", "1.0", "true", "2024-01-01", "v1.10", "eu-1", "no one"]
)
def test_a_value_that_is_what_it_looks_like(folder, value):
    assert warnings_of(folder, (PAYING, f"{{metadata: {{plan: {value}}}}}")) == []


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"'\b계약서\b$'", r": 서\b is not found where a particle follows"),
        (r"'\bعقد\b'", r": \bع is not found after an article or preposition"),
        (r"'\bחוזה$'", r": \bח is not found after an article or preposition"),
        ("'^hi\n\n        there$'", " holds a line break, which the query must then hold too"),
    ],
)
def test_slips_in_patterns(folder, pattern, words):
    found = warnings_of(folder, ("'^hi$'", pattern), ("route: {model: tiny}", "route: {model: big}"))
    assert len(found) == 1
    assert found[0].startswith(f"18:21: rules[0].when.pattern{words}")


@pytest.mark.parametrize("keyword", ["*", "*ly", "re*nd", "re*nd*", "refund* now"])
def test_a_star_that_is_not_at_the_end(folder, keyword):
    rule = ("pattern: '^hi$'", f"keywords: ['{keyword}', 'refund*', '返金*']")
    assert warnings_of(folder, rule, ("route: {model: tiny}", "route: {model: big}")) == [
        f"18:23: rules[0].when.keywords[0]: '{keyword}' has a * that stands for itself; "
        "only one at the end is the beginning of a word"
    ]


def test_slips_in_keywords(folder):
    words = ["demand", "LAW", "A*", "Kündigung*", "on-demand", "GDPR", "lawsuit", "契*"]
    route = ("route: {model: tiny}", "route: {model: big}")
    found = warnings_of(folder, (GREETING, f"{{keywords: [{', '.join(words)}]}}"), route)
    assert found == [
        "18:23: rules[0].when.keywords[0]: 'demand' is also found in 'on-demand', as a hyphen ends a word; "
        r"where that is not meant, write pattern: '(?i)(^|[^-\w])demand([^-\w]|$)'",
        "18:31: rules[0].when.keywords[1]: 'LAW' is also found in 'in-law', as a hyphen ends a word; "
        r"where that is not meant, write pattern: '(?i)(^|[^-\w])LAW([^-\w]|$)'",
        "18:36: rules[0].when.keywords[2]: 'A*' is every word that begins with 'A'",
    ]
