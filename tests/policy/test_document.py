"""How the text of a policy is read: scalars, merge keys, keys of one's own, blocks, spaces that are none."""

import pytest

from bestroute.errors import PolicyError
from bestroute.policy import parse_policy
from bestroute.policy.document import read_document
from bestroute.policy.rules.conditions import Pattern
from tests.policy.files import GOOD, write_artefacts

TINY = "  - name: tiny\n    class: small\n    price: {input: 0.1, output: 0.2}\n"
BASES = "x-base: &base\n  price: {input: 0.1, output: 0.2}\n  class: medium\nx-two: &two {class: small}\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_artefacts(tmp_path_factory.mktemp("yaml")) / "policy.yaml"


def faults(path, text):
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, path)
    return [f"{one.line}:{one.column}: {one.message}" for one in caught.value.issues]


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


class TestMergeKeys:
    @pytest.mark.parametrize(
        "tiny",
        [
            "  - {name: tiny, <<: *two, price: {input: 0.1, output: 0.2}}\n",
            "  - name: tiny\n    <<: [*two, *base]\n",  # the first that has a key
            "  - <<: *base\n    name: tiny\n    class: small\n",  # what a mapping says itself
            "  - {name: tiny, <<: {<<: *base, class: small}}\n",
            "  - {name: tiny, <<: *two, <<: *base}\n",
        ],
    )
    def test_they_are_as_if_written_out(self, path, tiny):
        merged = parse_policy(BASES + GOOD.replace(TINY, tiny), path)
        assert merged.digest == parse_policy(GOOD, path).digest

    def test_at_the_top(self, path):
        text = "x-dial: &dial {max_gap: 0.03}\n" + GOOD.replace("max_gap: 0.03", "<<: *dial")
        assert parse_policy(text, path).max_gap == 0.03

    @pytest.mark.parametrize(("value", "column"), [("3", 9), ("[*two, 3]", 16), ("small", 9)])
    def test_only_mappings_are_merged(self, path, value, column):
        text = "x-two: &two {class: small}\n" + GOOD.replace("class: small", f"<<: {value}")
        told = f"7:{column}: << in models[0] merges mappings: write `<<: *name` or `<<: [*name, ...]`"
        assert told in faults(path, text)

    def test_a_fault_is_told_where_it_is_written(self, path):
        text = "x-two: &two {clas: small}\n" + GOOD.replace("class: small", "<<: *two")
        assert "1:14: unknown key 'clas' in models[0] (did you mean 'class'?)" in faults(path, text)

    def test_none_holds_itself(self, path):
        text = GOOD.replace("- name: tiny\n", "- &a\n    name: tiny\n    <<: *a\n")
        assert faults(path, text) == ["5:5: this anchor holds an alias to itself"]

    def test_many_times_many_are_too_many(self, path):
        bombs = "".join(f"x-{i + 1}: &m{i + 1} {{<<: [{', '.join([f'*m{i}'] * 20)}]}}\n" for i in range(8))
        text = "x-0: &m0 {a: 1, b: 2, c: 3}\n" + bombs + GOOD.replace("class: small", "<<: *m8")
        assert "more than 20,000 values" in faults(path, text)[0]

    def test_in_quotes_it_is_a_key_like_any_other(self, path):
        assert "unknown key '<<' in models[0]" in faults(path, GOOD.replace("class: small", "'<<': {}"))[-1]


class TestKeysOfOnesOwn:
    @pytest.mark.parametrize(
        "own", ["x-note: anything\n", "x-a: ~\n", "x-b: {? [q] : !tag 2}\n", "x-a: 1\nx-a: 2\n"]
    )
    def test_hold_what_they_like(self, path, own):
        assert parse_policy(own + GOOD, path).digest == parse_policy(GOOD, path).digest

    @pytest.mark.parametrize("key", ["X-note", "x_note", "xnote"])
    def test_begin_with_an_x_and_a_hyphen(self, path, key):
        assert f"unknown key '{key}' in the policy" in faults(path, f"{key}: 1\n{GOOD}")[0]

    def test_stand_at_the_top(self, path):
        assert (
            "unknown key 'x-note'"
            in faults(path, GOOD.replace("class: small", "class: small\n    x-note: 1"))[0]
        )


@pytest.mark.parametrize("style", ["|", "|-", "|+", ">", ">-", "|2"])
def test_a_block_keeps_no_line_break_at_its_end(path, style):
    text = GOOD.replace(
        "{pattern: '^hi$', tokens", f"\n      pattern: {style}\n        ^hi$\n\n      tokens"
    ).replace("{max: 12}}", "{max: 12}")
    assert parse_policy(text, path).rules[0].when.pattern == Pattern("^hi$" if style != "|2" else "^hi$")


def test_a_line_break_in_quotes_is_meant(path):
    text = GOOD.replace("'^hi$'", r'"hi\n"')
    assert parse_policy(text, path).rules[0].when.pattern == Pattern("hi\n")


SPACES = {
    "\u00a0": "a no-break space (U+00A0)",
    "\u2003": "an em space (U+2003)",
    "\u202f": "a narrow no-break space (U+202F)",
    "\u3000": "an ideographic space (U+3000)",
    "\u200b": "a zero width space (U+200B)",
    "\u2060": "a word joiner (U+2060)",
    "\ufeff": "a zero width no-break space (U+FEFF)",
    "\u200e": "a left-to-right mark (U+200E)",
}


@pytest.mark.parametrize("space", SPACES, ids=SPACES.get)
@pytest.mark.parametrize(
    ("line", "number", "column"),
    [
        ("    class: small", 6, 1),
        ("  - name: tiny", 5, 1),
        ("reference: big", 11, 1),
        ("  - {model: big}", 15, 1),
        ("  - name: paying", 20, 1),
    ],
)
def test_a_space_that_is_none_is_told_at_its_line_by_its_name(path, space, line, number, column):
    width = len(line) - len(line.lstrip())
    odd = space * max(1, width) + line.lstrip()
    told = [one for one in faults(path, GOOD.replace(line, odd, 1)) if one.startswith(f"{number}:{column}: ")]
    assert len(told) == 1
    assert SPACES[space] in told[0]


def test_a_space_that_is_none_after_plain_ones(path):
    found = faults(path, GOOD.replace("    class: small", "  \u00a0\u00a0class: small"))
    assert found == ["6:3: not valid YAML: a no-break space (U+00A0) indents this line; use plain spaces"]


def test_a_space_that_is_none_after_a_colon(path):
    found = faults(path, GOOD.replace("reference: big", "reference:\u00a0big"))
    assert found == ["11:11: not valid YAML: a no-break space (U+00A0) stands here; use plain spaces"]


def test_a_tab_is_told_at_its_line(path):
    assert faults(path, GOOD.replace("    class: small", "\tclass: small"))[0].startswith(
        "6:1: a tab stands here"
    )


def test_an_item_that_a_no_break_space_makes_part_of_the_one_above(path):
    words = "\n      keywords:\n        - a\n\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0- b\n"
    text = GOOD.replace("{pattern: '^hi$', tokens: {max: 12}}\n", words)
    assert any("21:1: " in one and "a no-break space (U+00A0)" in one for one in faults(path, text))
    deeper = text.replace("\n\u00a0", "\n         \u00a0")
    assert faults(path, deeper) == ["21:10: a no-break space (U+00A0) indents this line; use plain spaces"]


def test_odd_spaces_inside_texts_and_comments_are_fine(path):
    text = GOOD.replace("name: greetings", "name: 'greet\u00a0ings'  # a\u00a0b").replace(
        "models:", "# \u00a0x\n\u0020# y\nmodels:"
    )
    assert parse_policy(text, path).rules[0].name == "greet\u00a0ings"
