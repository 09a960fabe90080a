"""A key file, with every fault at its place, and never a key in what is said."""

import json
import stat

import pytest
from click.testing import CliRunner

from bestroute.cli import cli
from bestroute.errors import InputError, KeysError
from bestroute.serve.keys.load import hashed, keys_of, line_of, load_keys, new_key

KEY = "br-0123456789012345678901234567890"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.yaml"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{name: a}", "3:5: missing key 'sha256' in keys[0]"),
        ("{name: a, sha256: abc}", "3:23: keys[0].sha256 must be 64 hexadecimal digits"),
        (f"{{name: a, sha256: {'A' * 64}}}", "must be 64 hexadecimal digits"),
        (f"{{name: a b, sha256: {'0' * 63}a}}", "keys[0].name must be a plain word"),
        (f'{{name: a, sha256: "{"0" * 64}", rat: 3}}', "unknown key 'rat' in keys[0] (did you mean 'rate'?)"),
        (f'{{name: a, sha256: "{"0" * 64}", rate: {{requests: 0}}}}', "keys[0].rate.requests must be"),
        (f'{{name: a, sha256: "{"0" * 64}", budget: {{day: -1}}}}', "keys[0].budget.day must be"),
        (f'{{name: a, sha256: "{"0" * 64}", budget: {{day: .inf}}}}', "keys[0].budget.day must be"),
    ],
)
def test_faults_are_told_at_their_place(path, entry, told):
    path.write_text(f"version: 1\nkeys:\n  - {entry}\n", "utf-8")
    with pytest.raises(KeysError) as failure:
        load_keys(path)
    assert told in str(failure.value)


def test_a_key_in_place_of_its_hash_is_not_quoted(path):
    path.write_text(f"version: 1\nkeys:\n  - {{name: a, sha256: {KEY}}}\n", "utf-8")
    with pytest.raises(KeysError) as failure:
        load_keys(path)
    assert KEY not in str(failure.value)


@pytest.mark.parametrize("content", ["", "[]", "version: 2\nkeys: []", "keys: {}", "version: 1\nkeys: [1]"])
def test_what_is_no_key_file(path, content):
    path.write_text(content, "utf-8")
    with pytest.raises(KeysError):
        load_keys(path)


def test_two_that_are_one(path):
    for other in ("name: a, sha256: " + "b" * 64, "name: b, sha256: " + "a" * 64):
        lines = f"  - {{name: a, sha256: {'a' * 64}}}\n  - {{{other}}}\n"
        path.write_text(f"version: 1\nkeys:\n{lines}", "utf-8")
        with pytest.raises(KeysError, match="has two keys with the"):
            load_keys(path)


def test_keys_of_the_environment():
    found = keys_of({"BESTROUTE_KEYS": f"one:{KEY}1, two:{KEY}2\n"})
    assert [(key.name, key.sha256) for key in found] == [
        ("one", hashed(KEY + "1")),
        ("two", hashed(KEY + "2")),
    ]
    assert keys_of({}) == keys_of({"BESTROUTE_KEYS": "  "}) == ()


@pytest.mark.parametrize("said", [KEY, f"a b:{KEY} c", f"a/b:{KEY}", "a:short-key", f"a:{KEY} a:{KEY}2"])
def test_an_environment_that_does_not_hold_is_not_quoted(said):
    with pytest.raises(InputError) as failure:
        keys_of({"BESTROUTE_KEYS": said})
    assert KEY not in str(failure.value)
    assert "short-key" not in str(failure.value)


def run(*words):
    return CliRunner().invoke(cli, ["key", "new", *map(str, words)])


def test_a_new_key_goes_to_a_file_as_its_hash(path):
    first = run("team-a", "--to", path, "-m", "team=a", "--requests", 60, "--day", 5, "--model", "auto")
    path.write_text(path.read_text("utf-8").rstrip("\n"), "utf-8")  # as an editor may leave it
    second = run("ops", "--to", path, "--operator")
    assert (first.exit_code, second.exit_code) == (0, 0)
    key, other = first.stdout.strip(), second.stdout.strip()
    assert key not in path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    a, ops = load_keys(path)
    assert (a.name, a.sha256, a.metadata, a.models) == ("team-a", hashed(key), {"team": "a"}, ("auto",))
    assert (a.rate.requests, a.budget.day, a.budget.minute) == (60, 5.0, None)
    assert (ops.sha256, ops.operator, ops.limited) == (hashed(other), True, False)


def test_a_new_key_that_does_not_hold_changes_nothing(path):
    run("a", "--to", path)
    before = path.read_bytes()
    for words in (("a",), ("b c",), ("b", "--day", "-1"), ("b", "--requests", "0")):
        result = run(*words, "--to", path)
        assert result.exit_code == 2
        assert result.stdout == ""
    assert path.read_bytes() == before


def test_a_new_key_as_json_and_its_line():
    said = json.loads(run("a", "--json").stdout)
    assert said["file"] is None
    assert hashed(said["key"]) in said["line"]
    plain = run("a")
    assert plain.stdout.startswith("br-")
    assert "sha256" in plain.stderr
    key, kept = new_key("x")
    assert key not in line_of(kept)
    assert len({new_key("x")[0] for _ in range(50)}) == 50


def test_the_command_names_what_is_wrong(tmp_path):
    path = tmp_path / "made" / "keys.yaml"
    asked = ["key", "new", "team-a", "--to", str(path)]
    assert CliRunner().invoke(cli, asked).exit_code == 0
    again = CliRunner().invoke(cli, asked)
    assert (again.exit_code, "the name 'team-a' is taken" in again.output) == (2, True)
    assert len(load_keys(path)) == 1
    for option, value in (("--day", "-5"), ("--minute", "nan"), ("--requests", "0"), ("--tokens", "-1")):
        wrong = CliRunner().invoke(cli, ["key", "new", "b", option, value])
        assert (wrong.exit_code, f"Invalid value for {option}: " in wrong.output) == (2, True), wrong.output
    assert "Invalid value for NAME: " in CliRunner().invoke(cli, ["key", "new", "a b"]).output
