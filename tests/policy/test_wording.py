"""Broken policies: every fault is told, at its place, in words that help; hostile files end soon."""

import time
from pathlib import Path

import pytest
import yaml

from bestroute.errors import InputError, PolicyError
from bestroute.policy import load_policy, parse_policy
from bestroute.policy.schema import Tier
from bestroute.policy.wording import did_you_mean
from tests.policy.files import GOOD, write_artefacts

BROKEN = yaml.safe_load((Path(__file__).parent / "broken_policies.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_artefacts(tmp_path_factory.mktemp("policies"))


def issues_of(text, folder):
    path = folder / "policy.yaml"
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, path)
    return [str(issue).removeprefix(f"{path}:") for issue in caught.value.issues]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["fault"])
def test_every_fault_is_told_at_its_place(case, folder):
    assert case["old"] in GOOD
    assert issues_of(GOOD.replace(case["old"], case["new"], 1), folder) == case["issues"]


@pytest.mark.parametrize("text", ["", "# only a comment\n", b"\xef\xbb\xbf"])
def test_empty_file(text, folder):
    assert issues_of(text, folder) == ["1:1: the file is empty; start from policy.example.yaml"]


@pytest.mark.parametrize("text", ["- a\n", "hello", "12"])
def test_not_a_mapping(text, folder):
    assert issues_of(text, folder) == ["1:1: a policy is a mapping; it starts with `version: 1`"]


def test_not_utf8(folder):
    text = GOOD.replace("reference: big", "reference: b\u00eeg").encode("latin-1")
    assert issues_of(text, folder) == ["11:13: not UTF-8; save the file as UTF-8"]


def test_missing_and_foreign_artefacts(folder):
    text = GOOD.replace("router: router", "router: nowhere").replace("reward: reward", "reward: router")
    assert issues_of(text, folder) == [
        f"2:9: router: {folder / 'nowhere'}: no such folder; name one that `bestroute train` wrote, "
        "or remove this to use the model that comes with bestroute",
        f"3:9: reward: {folder / 'router' / 'manifest.json'}: "
        "a router artefact stands where a reward artefact is needed",
    ]


def test_all_faults_at_once_in_file_order(folder):
    text = GOOD.replace("class: small", "clas: small").replace("n: 4", "n: 0").replace("[tiny]", "[tny]")
    lines = [int(issue.split(":")[0]) for issue in issues_of(text, folder)]
    assert lines == [5, 6, 14, 25]


def test_the_path_is_shown_as_given(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("broken.yaml").write_text(GOOD.replace("n: 4", "n: 0"), "utf-8")
    with pytest.raises(PolicyError, match=r"^broken\.yaml:14:22: tiers\[0\]\.n must be a whole number"):
        load_policy("broken.yaml")


@pytest.mark.parametrize("name", ["absent.yaml", ".", "with\0nul"])
def test_a_file_that_cannot_be_opened(name, folder):
    with pytest.raises(InputError):
        load_policy(f"{folder}/{name}")


def _bomb():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{letter}: &{letter} [{', '.join(['*' + before] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_bomb(), "more than 20,000 values"),
        ("a: &a {b: *a, c: *a}", "alias to itself"),
        ("a: " + "[" * 500_000, "nested more than 40 levels"),
        ("- " * 400_000, "nested more than 40 levels"),
        ("a: [" + "x," * 400_000 + "]", "more than 20,000 values"),
        ("#" * 1_000_001, "over 1 MB"),
        ("%YAML " + "1" * 5000 + ".1\n---\na: 1", "out of range"),
        ("version: " + "9" * 5000, "cannot be read as !!int"),
        ("version: 0x" + "f" * 5000, "cannot be read as !!int"),
    ],
)
def test_hostile_files_end_soon(text, words, folder):
    started = time.thread_time()
    assert any(words in issue for issue in issues_of(text, folder))
    assert time.thread_time() - started < 5


def test_a_whole_number_has_no_point(folder):
    """JSON Schema has 4.0 for a whole number, so this is not among the broken policies."""
    told = issues_of(GOOD.replace("n: 4", "n: 4.0"), folder)
    assert told == ["14:22: tiers[0].n must be a whole number, not 4.0 (write 4)"]


def test_a_tier_is_as_strict_in_python():
    with pytest.raises(ValueError, match="extra_forbidden"):
        Tier.model_validate({"model": "a", "N": 2})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("mai", "max"), ("mnx", "max"), ("mix", "min"), ("MAXX", "max"), ("mn", "min"), ("m", None)],
)
def test_what_is_meant_begins_and_ends_as_what_is_typed(typed, meant):
    """Where as many letters agree with each."""
    assert did_you_mean(typed, ["min", "max"]) == ("" if meant is None else f" (did you mean {meant!r}?)")
