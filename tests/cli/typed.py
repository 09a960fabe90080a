"""What is typed, and what comes of it."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from bestroute.cli import cli


def run(*words: object, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, [*map(str, words)], input=stdin, prog_name="bestroute")


def document(result: Result, code: int = 0) -> dict:
    """The one JSON document that stands on stdout."""
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)
