"""Folders of what was trained: whole or not at all, and named where they cannot be written."""

import re

import pytest

from bestroute.errors import InputError
from bestroute.train.folder import new_folder


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "adapter"
    with pytest.raises(InputError, match=f"{re.escape(str(out))}: cannot be written: "), new_folder(out):
        pass


def test_what_stood_there_stays_when_the_disk_is_full(tmp_path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "old").touch()
    with pytest.raises(InputError, match="No space left"), new_folder(tmp_path / "adapter"):
        raise OSError(28, "No space left on device")
    assert [path.name for path in tmp_path.rglob("*")] == ["adapter", "old"]
