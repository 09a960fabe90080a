"""Folders of what was trained: whole or not at all, and named where they cannot be written."""

import re
from pathlib import Path

import pytest

from bestroute.artefacts.manifest import check_replaceable
from bestroute.errors import InputError
from bestroute.train.folder import new_folder


def artefact(folder):
    folder.mkdir()
    (folder / "old").touch()
    (folder / "manifest.json").write_text('{"kind": "adapter", "files": {"old": "0"}}')


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "adapter"
    with (
        pytest.raises(InputError, match=f"{re.escape(str(out))}: cannot be written: "),
        new_folder(out, "adapter"),
    ):
        pass


@pytest.mark.parametrize("out", [".", "..", "/", "/proc"])
def test_a_folder_in_use_is_refused_with_the_mend(tmp_path, monkeypatch, out):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    own = "give a folder of its own, such as " + str(Path(out) / "adapter")
    with pytest.raises(InputError, match=f"^{re.escape(out)}: .*{re.escape(own)}$"):
        check_replaceable(Path(out), "adapter")


def test_what_stood_there_stays_when_the_disk_is_full(tmp_path):
    artefact(tmp_path / "adapter")
    with pytest.raises(InputError, match="No space left"), new_folder(tmp_path / "adapter", "adapter"):
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == ["adapter", "adapter/manifest.json", "adapter/old"]


def test_an_artefact_is_replaced_but_for_its_card(tmp_path):
    artefact(tmp_path / "adapter")
    (tmp_path / "adapter" / "README.md").write_text("mine")
    with new_folder(tmp_path / "adapter", "adapter") as folder:
        (folder / "new").touch()
    assert names(tmp_path) == ["adapter", "adapter/README.md", "adapter/new"]
    assert (tmp_path / "adapter" / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        "{}",
        "[]",
        "not JSON",
        '{"kind": "adapter", "files": {"other": "0"}}',
        '{"kind": "router", "files": {"policy.yaml": "0", "notes": "0"}}',
    ],
)
def test_a_folder_with_anything_else_is_left_alone(tmp_path, manifest):
    (tmp_path / "notes").mkdir()
    (tmp_path / "policy.yaml").touch()
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    before = names(tmp_path)
    with (
        pytest.raises(InputError, match=r"holds .*policy\.yaml.* would delete"),
        new_folder(tmp_path, "adapter"),
    ):
        raise AssertionError("nothing is begun")
    assert names(tmp_path) == before
