"""Mutated policies: whatever befalls a policy that ships, `check` ends, and a mistyped key never passes.

The policies stand beside small artefacts, so that the whole check runs on each mutation: file, YAML, values,
names, artefacts with their digests, warnings. Their comments are left out: a mutated comment tries nothing.
What several of them say alike is mutated in the shortest. There are 5,000 mutations.
"""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import commonprefix

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bestroute.artefacts.manifest import FORMAT_VERSION, sha256
from bestroute.errors import PolicyError
from bestroute.policy import Policy, check_policy, parse_policy
from bestroute.policy.json_schema import policy_schema
from tests.policy.files import GOOD, SHIPPED, write_artefacts

SCHEMA = policy_schema()
HERE = "version: 1\nrouter: router\nreward: reward\nposterior: posterior\n"


def beside_artefacts(text):
    """The policy without comments, with its artefacts beside it."""
    text = re.sub(r"(?m)^(#|(router|reward|posterior):).*\n| +#.*", "", text)
    return text.replace("version: 1\n", HERE, 1)


# What no policy that ships has: other dials, a portfolio as a route, a lower bound, an adapter.
OTHERS = [
    GOOD.replace("max_gap: 0.03", "min_match: 0.7")
    .replace("max_gap: 0", "min_match: 0.9")
    .replace("n: 4", "n: 4, min_match: 0.8"),
    GOOD.replace("max_gap: 0.03", "cost_per_point: 0.05")
    .replace("max_gap: 0", "cost_per_point: 0.5")
    .replace("route: {model: tiny}", "route: {models: {tiny: 2, big: 1}}")
    .replace("{max: 12}", "{min: 2, max: 12}"),
    GOOD.replace("models:", "adapter: adapter\nmodels:", 1),
    GOOD + "sampling: {forbid: [temperature]}\n",
    GOOD + "overrides: {max_gap: {min: 0.0, max: 0.05}, models: false}\n",
]
TEXTS = [beside_artefacts(text) for text in [*(path.read_text("utf-8") for path in SHIPPED), *OTHERS]]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = write_artefacts(tmp_path_factory.mktemp("mutated"))
    (folder / "policies").mkdir()
    canary = re.sub(
        r"(?m)^(router|reward|posterior): ", r"\g<0>../", beside_artefacts(SHIPPED[1].read_text("utf-8"))
    )
    (folder / "policies" / "balanced.yaml").write_text(canary, "utf-8")
    learned = {"classes": ["tiny", "big"], "max_n": 10, "mean_output_tokens": [300.0, 200.0]}
    router = {"router": sha256(folder / "router" / "model.onnx")}
    write_weights(folder / "posterior", "weights.json", {})
    write_weights(folder / "adapter", "weights.npz", {**learned, "reference": "big", "recipe": router})
    return folder / "policy.yaml"


def write_weights(folder, name, parts):
    folder.mkdir()
    (folder / name).write_bytes(b"weights")
    head = {"format_version": FORMAT_VERSION, "kind": folder.name, "max_tokens": 0}
    manifest = {**head, "files": {name: sha256(folder / name)}, **parts}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


class Hang(BaseException):
    """No error that the code under test could take for one of its own."""


@contextmanager
def within(seconds):
    """Fail where the block does not end in so much processor time."""

    def end(*_):
        raise Hang

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    except Hang:
        raise AssertionError(f"did not end within {seconds} s") from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def checked(text, path):
    """What a policy file with this text is: a Policy, or its issues. Any other exception fails the test."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with within(5):
        try:
            policy, warnings = check_policy(path)
        except PolicyError as error:
            str(error).encode("utf-8")  # whatever stood in the file, the message can be printed
            return error.issues
        assert len(policy.digest) == 12
    assert all(issue.line >= 1 for issue in warnings)
    return policy


def holds_or_is_told(text, path):
    found = checked(text, path)
    if isinstance(found, Policy):
        assert not list(strange_keys(text))
    else:
        assert found
        assert all(issue.line >= 1 and issue.column >= 1 and issue.message for issue in found)


def test_the_policies_hold_before_they_are_mutated(path):
    for text in TEXTS:
        assert isinstance(checked(text, path), Policy), text
        assert not list(strange_keys(text))


# --- keys, by PyYAML and the JSON Schema alone -------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A key of a mapping in which only some may stand."""

    text: str
    node: yaml.ScalarNode
    legal: frozenset[str]

    def mistyped(self, typo: str) -> str:
        return self.text[: self.node.start_mark.index] + typo + self.text[self.node.end_mark.index :]

    @property
    def place(self) -> tuple[int, int]:
        return self.node.start_mark.line + 1, self.node.start_mark.column + 1


def keys_of(text: str | bytes) -> Iterator[Key]:
    yield from _keys(text, yaml.compose(text, yaml.BaseLoader), SCHEMA)


def _keys(text, node, schema):
    schema = next((one for one in schema.get("anyOf", ()) if "$ref" in one), schema)
    schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys(text, item, schema.get("items", {}))
    elif isinstance(node, yaml.MappingNode):
        known = schema.get("properties", {})
        for key, value in node.value:
            if known:
                yield Key(text, key, frozenset(known))
            yield from _keys(text, value, known.get(key.value, {}))


def strange_keys(text):
    """Keys that stand where the schema has no such key."""
    own = re.compile(r"x-.*|<<", re.DOTALL)  # the writer's own, and what merges
    strange = (key.node.value for key in keys_of(text) if key.node.value not in key.legal)
    return (key for key in strange if not own.fullmatch(key))


# Longest text first: of keys that are the same to the schema, that of the shortest text stays.
KEYS = [
    *{
        (key.legal, key.node.value): key
        for text in sorted(TEXTS, key=len, reverse=True)
        for key in keys_of(text)
    }.values()
]


def test_every_key_of_a_policy_is_mistyped_below():
    """All that the schema has at least once; names of models and of metadata are no such keys."""
    legal = {(key.legal, key.node.value) for key in KEYS}
    parts = [part["properties"] for part in [SCHEMA, *SCHEMA["$defs"].values()] if "properties" in part]
    assert legal == {(frozenset(part), key) for part in parts for key in part}


# --- one slip of the pen and another -----------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGMNST_-.019é\u0435"  # the last is Cyrillic
SLIP = st.tuples(
    st.sampled_from(["delete", "insert", "replace", "swap"]), st.integers(0, 20), st.sampled_from(LETTERS)
)


def slipped(word, slip):
    """The word with one character missing, too many, wrong, or in the place of the next."""
    kind, at, letter = slip
    at %= len(word) + (kind == "insert")
    before, here, after = word[:at], word[at : at + 1], word[at + 1 :]
    if kind == "swap":
        return before + after[:1] + here + after[1:]
    return before + {"delete": "", "insert": letter + here, "replace": letter}[kind] + after


def one_slip(left, right):
    """Whether one word is the other with at most one slip."""
    start = len(commonprefix([left, right]))
    left, right = left[start:], right[start:]
    end = len(commonprefix([left[::-1], right[::-1]]))
    left, right = left[: len(left) - end], right[: len(right) - end]
    return max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])


def mutations(times):
    """So many times 250 examples."""
    return settings(max_examples=250 * times, suppress_health_check=[HealthCheck.too_slow])


@mutations(4)
@given(st.sampled_from(KEYS), st.lists(SLIP, min_size=1, max_size=2))
def test_a_mistyped_key_never_passes(path, key, slips):
    typo = key.node.value
    for slip in slips:
        typo = slipped(typo, slip) if typo else typo
    assume(typo not in key.legal and re.match(r"[^\W\d]", typo))  # else it is no text, and told as that
    issues = checked(key.mistyped(typo), path)
    assert not isinstance(issues, Policy)
    told = [issue.message for issue in issues if (issue.line, issue.column) == key.place]
    unknown = [message for message in told if message.startswith(f"unknown key {typo!r} in ")]
    assert unknown
    if len(slips) == 1:
        words = set(re.findall(r"\w+", unknown[0].rpartition(" (")[2]))
        assert words & {word for word in key.legal if one_slip(word.casefold(), typo.casefold())}


# --- characters, lines, tokens -----------------------------------------------------------------------------

AT = st.integers(0, 5000)
ODD = [
    ": ", "- ", "{", "}", "[", "]", "'", '"', "? ", "|\n", ">", "%", "#", "@", "`", "=", "<<: *a",
    "[[1]]: 2", "&a ", "*a", "!!int ", "!!binary ", "!!set ", "!<x> ", "\t", "\n", "\r", "---\n", "...\n",
    "\\U00110000", "null", "true", "~", ".nan", "-1", "\u202e", "\u2028", "\ud800", "\0", "\x85",
    "\ufeff", "\\", ",", " ",
]  # fmt: skip
EDIT = st.tuples(
    st.sampled_from(["delete", "duplicate", "swap", "insert", "truncate"]),
    AT,
    st.integers(1, 12),
    st.sampled_from(ODD) | st.text(min_size=1, max_size=4),
)


def edited(text, edit):
    """The text, or bytes, with an edit at a place of it."""
    kind, at, length, snippet = edit
    at %= len(text) + 1
    before, here, after = text[:at], text[at : at + length], text[at + length :]
    if isinstance(text, bytes):
        snippet = snippet.encode("utf-16", "surrogatepass")[2:]
    inserted = {"duplicate": here + here, "insert": snippet + here, "swap": after[:length] + here}
    if kind == "truncate":
        return before
    return before + inserted.get(kind, text[:0]) + (after[length:] if kind == "swap" else after)


@mutations(5)
@given(st.sampled_from(TEXTS), st.booleans(), st.lists(EDIT, min_size=1, max_size=3))
def test_characters_and_bytes(path, text, as_bytes, edits):
    mutated = text.encode("utf-8") if as_bytes else text
    for edit in edits:
        mutated = edited(mutated, edit)
    holds_or_is_told(mutated, path)


LINES = st.tuples(
    st.sampled_from(["drop", "duplicate", "swap", "indent", "tab", "dedent", "join"]),
    AT,
    AT,
    st.integers(1, 4),
)


def relined(lines, change):
    """The lines with one dropped, written twice, swapped with another, moved right or left, or joined on."""
    kind, at, other, width = change
    at, other = at % len(lines), other % len(lines)
    lines = list(lines)
    if kind == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "join":
        lines[at] = lines[at].rstrip("\n")
    else:
        line = lines[at]
        made = {"drop": [], "duplicate": [line, line], "indent": [" " * width + line], "tab": ["\t" + line]}
        lines[at : at + 1] = made.get(kind, [line.removeprefix(" " * width)])
    return lines or [""]


@mutations(3)
@given(st.sampled_from(TEXTS), st.lists(LINES, min_size=1, max_size=3))
def test_lines(path, text, changes):
    lines = text.splitlines(keepends=True)
    for change in changes:
        lines = relined(lines, change)
    holds_or_is_told("".join(lines), path)


def spans(text):
    """Where scalars and flow collections begin and end."""
    todo = [yaml.compose(text, yaml.BaseLoader)]
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.ScalarNode) or node.flow_style:
            yield node.start_mark.index, node.end_mark.index
        if isinstance(node, yaml.MappingNode):
            todo += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value


def line_of(text, start, end):
    """Where in its line a span stands, and the lines."""
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    return start - first, end - first, text[first:last]


SPANS = [(text, span) for text in TEXTS for span in spans(text)]
PLACES = [
    *{
        line_of(text, *span): (text, span) for text, span in sorted(SPANS, key=lambda one: -len(one[0]))
    }.values()
]
VALUES = [
    "", "null", "~", "true", "yes", "0", "1", "-1", "2.0", "0.5", "010", "0x10", "1_000", ".inf", "-.inf",
    ".nan", "1e999", "1e308", "-1e308", "9" * 400, "1" + "0" * 299, "0x" + "f" * 6000, "0o" + "7" * 6000,
    "9" * 5000, "2024-01-01", "12:30", "''", '"\\0"', "'\u200b'", "|\n x", "x", "x" * 300, "x: y", "- x",
    "*a", "'(('", "[]", "[[x]]", "[x, x]", "[1, true, null]", "[" * 50 + "]" * 50,
    "[" + "x, " * 300 + "]", "&a [*a]", "&a {x: *a}", "{}", "{x: y}", "{? [x] : y}", "{min: 1, max: 2}",
    "{model: gpt-4o}", "{models: {gpt-4o: 1}}", "gpt-4o", "large", "http://[::1", "http://x:99999999",
    "../..", "/dev/null", "!!python/object:os.system x", "!x y",
]  # fmt: skip
AROUND = [
    "&a {}", "!!str {}", "!!int {}", "!!float {}", "!!map {}", "!!seq {}", "!!null {}", "! {}", "[{}]",
    "'{}'", '"{}"',
]  # fmt: skip
TOKEN = (
    st.tuples(st.just("value"), st.sampled_from(VALUES))
    | st.tuples(st.just("around"), st.sampled_from(AROUND))
    | st.tuples(st.just("another"), AT)
)


def retold(text, start, end, change):
    """The text with another value in a place, something around it, or what stands in another place."""
    kind, with_ = change
    old = text[start:end]
    if kind == "around":
        with_ = with_.replace("{}", old)
    elif kind == "another":
        other, (first, last) = SPANS[with_ % len(SPANS)]
        with_ = other[first:last]
    return text[:start] + with_ + text[end:]


@mutations(5)
@given(st.sampled_from(PLACES), TOKEN, st.none() | st.tuples(AT, TOKEN))
def test_tokens(path, place, change, second):
    text, (start, end) = place
    mutated = retold(text, start, end, change)
    if second is not None:  # of what comes before, so that the places still hold
        earlier = [span for other, span in SPANS if other is text and span[1] <= start]
        if earlier:
            mutated = retold(mutated, *earlier[second[0] % len(earlier)], second[1])
    holds_or_is_told(mutated, path)


@mutations(3)
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_what_is_no_policy_at_all_is_told(path, text):
    with within(5), pytest.raises(PolicyError) as caught:
        parse_policy(text, path)
    assert caught.value.issues
