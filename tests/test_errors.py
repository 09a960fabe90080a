"""What is said of an optional package that cannot be had."""

import pytest

from bestroute.errors import MissingExtra, require


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "import no_such_part",
            r"broken_one is installed, but .* \(No module named 'no_such_part'\); it comes",
        ),
        ("raise ImportError('libx.so')", r"broken_one is installed, but cannot be imported \(libx.so\)"),
    ],
)
def test_a_package_that_is_there_and_fails_says_why(tmp_path, monkeypatch, text, told):
    (tmp_path / "broken_one.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match=told):
        require("broken_one", "serve")


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.inner"])
def test_a_package_that_is_not_there(module):
    with pytest.raises(MissingExtra, match=f"{module} is not installed"):
        require(module, "serve")
