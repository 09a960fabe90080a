"""What the documents show is run: Python blocks, policies, commands of `bestroute` in console blocks."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from bestroute.cli import cli
from bestroute.policy import check_policy

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OFFLINE = ("check", "route", "dry-run", "pick", "bench", "completion")


def blocks(language: str) -> list:
    found = []
    for page in PAGES:
        for index, block in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.S)):
            found.append(pytest.param(block, id=f"{page.name}-{index}"))
    return found


@pytest.mark.parametrize("path", [ROOT / "policy.example.yaml", *sorted((ROOT / "policies").glob("*.yaml"))])
def test_every_policy_holds(path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "set")
    _, warnings = check_policy(path)
    assert not warnings


@pytest.mark.parametrize("text", blocks("yaml"))
def test_policies_in_documents_hold(text, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(text, "utf-8")
    check_policy(path)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_in_documents_runs(code, tmp_path, monkeypatch):
    policy = next(block.values[0] for block in blocks("yaml"))
    (tmp_path / "policy.yaml").write_text(policy, "utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("text", blocks("console"))
def test_commands_in_documents_run(text, monkeypatch):
    monkeypatch.chdir(ROOT)
    for line in re.findall(r"^\$ bestroute (.*)$", text, re.M):
        words = shlex.split(line)
        if words[0] in OFFLINE:
            result = CliRunner().invoke(cli, words)
            assert result.exit_code == 0, result.output
