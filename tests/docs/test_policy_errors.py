"""Every message in docs/policy-errors.md is what the command prints for the policy shown with it."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bestroute.cli import cli
from tests import ROOT
from tests.policy.files import write_artefacts

PAGE = (ROOT / "docs" / "policy-errors.md").read_text("utf-8")
[GOOD] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = re.findall(r"```diff\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)


def applied(diff):
    """The page's policy with its lines of `-` out and those of `+` in; ` ` marks a line that stays."""
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
    before, found, after = f"\n{GOOD}".partition(f"\n{old}")
    assert found, f"the page's policy has no lines {old!r}"
    assert f"\n{old}" not in f"\n{after}", f"the page's policy has the lines {old!r} more than once"
    return f"{before}\n{new}{after}".removeprefix("\n")


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """The exit code and output of the command for a policy, beside the folders that the page tells of."""
    write_artefacts(tmp_path / "my")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "set")

    def check(text):
        Path("policy.yaml").write_text(text, "utf-8")
        result = CliRunner().invoke(cli, ["check", "policy.yaml"])
        return result.exit_code, result.output.replace(str(tmp_path), "/srv/app")

    return check


def test_there_are_twenty():
    assert PAGE.count("```diff\n") == PAGE.count("```text\n") == len(EXAMPLES) == 20
    assert len({message for _, message in EXAMPLES}) == 20


def test_the_policy_itself_holds(checked):
    code, output = checked(GOOD)
    assert code == 0
    assert re.fullmatch(r"policy\.yaml: holds \(policy [0-9a-f]{12}\)\n", output)


@pytest.mark.parametrize(("diff", "message"), EXAMPLES)
def test_a_broken_one_is_told_as_shown(diff, message, checked):
    assert checked(applied(diff)) == (1, message)


def test_a_file_that_is_not_there(tmp_path):
    assert CliRunner().invoke(cli, ["check", str(tmp_path / "policy.yaml")]).exit_code == 2
