"""`bestroute completion` as a user types it."""

import pytest

from tests.cli.typed import run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_BESTROUTE_COMPLETE" in result.stdout
