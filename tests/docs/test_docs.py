"""What the documents show is run: Python blocks, policies, commands in console blocks, the how-to script."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bestroute.cli import cli
from bestroute.policy import check_policy
from tests import ROOT
from tests.policy.files import SHIPPED

HOW_TO = ROOT / "docs" / "how-to"
TOGETHER = {
    HOW_TO / name / "README.md" for name in ("retune", "your-traffic")
}  # test_retune, test_your_traffic
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").rglob("*.md")) - TOGETHER)]
OFFLINE = ("check", "route", "dry-run", "diff", "test", "pick", "bench", "completion")
TRAIN_YOUR_OWN = ROOT / "docs" / "how-to" / "train-your-own"


def blocks(language: str) -> list:
    found = []
    for page in PAGES:
        for index, block in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.S)):
            found.append(pytest.param(block, id=f"{page.relative_to(ROOT)}-{index}"))
    return found


@pytest.mark.parametrize("path", SHIPPED)
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


@pytest.mark.train
def test_the_whole_road_from_prompts_to_a_router(tmp_path):
    """Collects from a real local model, trains both models on what it said, evaluates and routes."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        [TRAIN_YOUR_OWN / "run.sh", tmp_path],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    records = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines()]
    assert len(records) == 30
    assert all(len(record["responses"][name]) == 4 for record in records for name in ("hot", "cold"))
    assert {item["score"] for r in records for part in r["responses"].values() for item in part} == {0.0, 1.0}
    assert (tmp_path / "policy.yaml").read_text().count("router: router") == 1
    judged = re.search(r"^(\d+) queries judge, (\d+) fit", ran.stdout, re.M)
    assert judged is not None
    assert judged.groups() == ("5", "25")
    assert re.search(r"^(hot|cold)@\d  \((tier|reference)\)$", ran.stdout, re.M)
