"""The command line as a whole: its help, its guesses, its start."""

import subprocess
import sys

from tests.cli.typed import run


def test_help_of_every_command_has_an_example():
    listed = run("--help").output
    for name in (
        "ask", "bench", "calibrate", "check", "completion", "diff", "dry-run", "init", "pick", "route",
        "schema", "test", "train",
    ):  # fmt: skip
        assert name in listed
        result = run(name, "--help")
        assert result.exit_code == 0
        assert "Example: " in result.output
    for kind in ("router", "reward"):
        assert "Example: bestroute train" in " ".join(run("train", kind, "--help").output.split())


def test_a_mistyped_command_is_corrected():
    result = run("dryrun")
    assert result.exit_code == 2
    assert "Did you mean 'dry-run'?" in result.stderr


def test_python_dash_m_runs_the_command_line():
    shown = subprocess.run([sys.executable, "-m", "bestroute", "--version"], capture_output=True, text=True)
    assert shown.stdout.startswith("bestroute ")
