"""What modules on calibrating share: records of sums, and a policy that routes them in one shot."""

import pytest

from tests.cli.sums import ONE_SHOT, copied, sums, write


@pytest.fixture
def records(tmp_path):
    return write(tmp_path / "records.jsonl", sums(60))


@pytest.fixture
def policy(tmp_path):
    return copied(ONE_SHOT, tmp_path)
