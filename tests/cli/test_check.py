"""`bestroute check` as a user types it."""

import json
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.typed import run, write

EXAMPLE = str(ROOT / "policy.example.yaml")


def test_check_holds():
    result = run("check", EXAMPLE)
    assert result.exit_code == 0
    assert "holds (policy " in result.stdout


def test_check_reports_every_fault_with_its_place(tmp_path):
    text = (
        Path(EXAMPLE)
        .read_text()
        .replace("max_gap: 0.03 ", "max_gap: wide ")
        .replace("class: small", "clas: small")
    )
    text = text.replace("exported_models", str(ROOT / "exported_models"))
    path = write(tmp_path, "policy.yaml", text)
    result = run("check", path)
    assert result.exit_code == 1
    assert f"{path}:12:5: unknown key 'clas' in models[0] (did you mean 'class'?)" in result.stdout
    assert "max_gap" in result.stdout
    report = json.loads(run("check", path, "--json").stdout)["policies"][0]
    assert report["valid"] is False
    assert report["errors"][0].keys() == {"line", "column", "message"}


def test_check_reads_on_after_a_missing_file():
    result = run("check", "nowhere.yaml", EXAMPLE, "--json")
    assert result.exit_code == 2
    missing, example = json.loads(result.stdout)["policies"]
    assert (missing["valid"], example["valid"]) == (False, True)
    assert missing["errors"] == [
        {"line": None, "column": None, "message": "nowhere.yaml: No such file or directory"}
    ]


def test_check_finds_a_damaged_artefact(tmp_path, copy_of):
    copy = copy_of("router")
    copy.truncate("model.onnx")
    text = (ROOT / "policies" / "balanced.yaml").read_text() + f"router: {copy.folder}\n"
    result = run("check", write(tmp_path, "policy.yaml", text))
    assert result.exit_code == 1
    assert "differs from the digest in manifest.json" in result.stdout


def test_check_of_a_file_that_is_not_there_is_wrong_usage():
    result = run("check", "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml: No such file" in result.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    class: medium", "      class: medium"),
        ("    class: medium", "   class: medium"),
        ("    class: medium", "  class: medium"),
    ],
)
def test_check_calls_wrong_indentation_by_its_name(tmp_path, old, new):
    text = Path(EXAMPLE).read_text().replace(old, new)
    result = run("check", write(tmp_path, "policy.yaml", text))
    assert result.exit_code == 1
    line = Path(EXAMPLE).read_text().split(old)[0].count("\n") + 1
    assert any(f":{near}:" in result.stdout for near in (line, line + 1))
    assert "this line is indented unlike its neighbours" in result.stdout
