"""Fixtures that several modules share: the embedded models, opened once, and copies that may be damaged."""

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

import bestroute.artefacts.predictor
import bestroute.artefacts.reward
from bestroute.artefacts.manifest import Kind, default_folder, sha256
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.artefacts.session import Session
from tests.answering.fake_endpoint import fake_endpoint

__all__ = ["fake_endpoint"]

settings.register_profile("bestroute", deadline=None)  # a busy machine is no fault
settings.load_profile("bestroute")


@pytest.fixture(scope="session", autouse=True)
def _embedded_models_are_opened_once():
    """However many routers and commands open them; another folder is opened whenever it is asked for."""
    keep = cache(Session)

    def opened(folder: Path, kind: Kind, threads: int = 1) -> Session:
        embedded = default_folder(kind)
        return (
            keep(embedded, kind, threads) if folder.resolve() == embedded else Session(folder, kind, threads)
        )

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bestroute.artefacts.predictor, "Session", opened)
        patched.setattr(bestroute.artefacts.reward, "Session", opened)
        yield


@pytest.fixture(scope="session")
def predictor():
    return OnnxPredictor(default_folder("router"))


@pytest.fixture(scope="session")
def reward_model():
    return OnnxRewardModel(default_folder("reward"))


class Copy:
    """A copy of an embedded artefact folder, to be damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def edit(self, drop: str = "", **fields: object) -> None:
        """Change fields of the manifest, or drop one."""
        path = self.folder / "manifest.json"
        manifest = json.loads(path.read_text("utf-8")) | fields
        manifest.pop(drop, None)
        path.write_text(json.dumps(manifest), "utf-8")

    def sign(self) -> None:
        """Make the manifest's digests those of the files as they now are."""
        files = (path for path in self.folder.iterdir() if path.suffix in (".onnx", ".json", ".npy", ".npz"))
        self.edit(files={path.name: sha256(path) for path in files if path.name != "manifest.json"})

    def truncate(self, name: str) -> None:
        """Keep the first half of a file."""
        path = self.folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture
def copy_of(tmp_path):
    """`copy_of("router")`: a copy of the embedded artefact under tmp_path."""

    def copy(kind: str) -> Copy:
        return Copy(Path(shutil.copytree(default_folder(kind), tmp_path / kind)))

    yield copy
    for kind in ("router", "reward"):  # 24 MB each: too large for pytest to keep
        shutil.rmtree(tmp_path / kind, ignore_errors=True)
