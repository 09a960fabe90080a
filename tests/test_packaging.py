"""The wheel holds what a user needs and nothing else; the version has one home."""

import zipfile
from importlib.metadata import version

import pytest
from hatchling.builders.wheel import WheelBuilder

import bestroute
from tests import ROOT


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> dict[str, int]:
    folder = tmp_path_factory.mktemp("wheel")
    wheel = next(iter(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}


@pytest.mark.parametrize("kind", ["router", "reward"])
def test_the_wheel_embeds_both_artefacts(members, kind):
    for name in ("model.onnx", "tokenizer.json", "manifest.json"):
        assert members[f"bestroute/exported_models/{kind}/{name}"] > 100
    folder = [size for name, size in members.items() if name.startswith(f"bestroute/exported_models/{kind}/")]
    assert sum(folder) <= 30e6


def test_the_wheel_is_typed_and_licensed(members):
    assert "bestroute/py.typed" in members
    for name in ("LICENSE", "NOTICE"):
        assert any(member.endswith(f".dist-info/licenses/{name}") for member in members)


def test_the_wheel_holds_nothing_else(members):
    tops = {name.split("/")[0] for name in members}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bestroute"}


def test_version_is_the_changelogs():
    assert bestroute.__version__ == version("bestroute")
    assert f"## [{bestroute.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
