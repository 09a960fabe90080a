"""What `--plot` of dry-run and calibrate refuses; what it draws is tested beside either command."""

import sys

import pytest

from tests.cli.typed import run

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("command", [["dry-run"], ["calibrate", "--budget", "1"]])
class TestRefusals:
    """All before anything is read: the policy and the queries are nonsense."""

    @pytest.fixture
    def words(self, command, tmp_path):
        for name in ("policy.yaml", "queries.jsonl"):
            (tmp_path / name).write_text("{", "utf-8")
        return [*command, tmp_path / "policy.yaml", tmp_path / "queries.jsonl"]

    def test_another_suffix(self, words, tmp_path):
        result = run(*words, "--plot", tmp_path / "dial.pdf")
        assert result.exit_code == 2
        assert "dial.pdf: a plot is written as .png or .svg or .txt; give such a name" in result.stderr

    def test_a_missing_extra(self, words, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        result = run(*words, "--plot", tmp_path / "dial.svg")
        assert result.exit_code == 2
        assert 'pip install "bestroute[plot]"' in result.stderr
        assert not (tmp_path / "dial.svg").exists()
