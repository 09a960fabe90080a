"""What commands share in what they are given: kinds of files, options, texts from standard input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bestroute.errors import InputError

if TYPE_CHECKING:
    from bestroute.artefacts.manifest import Kind

Command = TypeVar("Command", bound=Callable[..., Any])


class InPlace(click.Path):
    """A file that, by the end of its name, is not what another argument takes: else they were exchanged."""

    def __init__(self, other: str, ends: tuple[str, ...], exists: bool = False) -> None:
        super().__init__(path_type=Path, dir_okay=False, exists=exists)
        self._other, self._ends = other, ends

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.name.lower().endswith(self._ends) and ctx is not None:
            arguments = [one for one in ctx.command.params if isinstance(one, click.Argument)]
            order = " ".join([ctx.command_path, *(one.human_readable_name for one in arguments)])
            self.fail(f"{path} is {self._other} by its name; write `{order}`", param, ctx)
        return path


POLICY = InPlace("a file of queries or records", (".jsonl", ".jsonl.gz"))
QUERIES = RECORDS = InPlace("a policy", (".yaml", ".yml"), exists=True)
FILE = click.Path(path_type=Path, dir_okay=False)
INPUT = click.Path(path_type=Path, dir_okay=False, exists=True)
FOLDER = click.Path(path_type=Path, file_okay=False)

records_argument = click.argument("records", nargs=-1, required=True, type=RECORDS)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
skip_bad_option = click.option(
    "--skip-bad", is_flag=True, help="Pass over lines that cannot be read; list them on stderr."
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(1, max(64, os.cpu_count() or 1)),
    default=lambda: os.cpu_count() or 1,
    help="Threads; all cores by default.",
)


def artefact_option(kind: Kind) -> Callable[[Command], Command]:
    """--out, for a folder that is written at the end: looked at before what takes long."""

    def looked_at(_: click.Context, __: click.Parameter, out: Path) -> Path:
        from bestroute.artefacts.manifest import check_replaceable

        check_replaceable(out, kind)
        return out

    told = f"Folder of the {kind} to write; one that is there is replaced."
    return click.option("--out", type=FOLDER, required=True, help=told, callback=looked_at)


metadata_option = click.option(
    "--metadata",
    "-m",
    "metadata",
    multiple=True,
    metavar="KEY=VALUE",
    help="What rules may look at; repeatable.",
)


def read_text(argument: str) -> str:
    """The argument itself, or standard input where it is `-`."""
    if argument != "-":
        return argument
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8 (byte {error.start + 1}); convert it first") from error


def parse_metadata(pairs: Sequence[str]) -> dict[str, Any] | None:
    """KEY=VALUE pairs, None for none.

    A value that reads as JSON true, false, number or text is that, else it is a text.
    """
    metadata: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--metadata")
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        metadata[key] = parsed if isinstance(parsed, (bool, int, float, str)) else value
    return metadata or None


def refuse_to_overwrite(out: Path, *read: Path) -> None:
    """Raise UsageError where the file to write is one of those that are read."""
    if out.exists() and any(out.samefile(path) for path in read):
        raise click.UsageError(f"--out {out} is one of the files read; give another name")
