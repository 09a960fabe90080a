"""The command line: one module a command, loaded when it is called.

init, check, schema              a policy file: a first one, whether it holds, what may stand in it
models                           what a router model knows: classes, and LLMs by name
route, ask, pick                 one query
dry_run, diff, test, calibrate   a policy in use
collect, score, adapt, train/, evaluate  from prompts to artefacts, and what these give
serve, key, log                  a policy as a gateway, keys of its callers, and what it logged
bench, completion                this installation, this shell
questions, answers               what `init` asks, and what it was told
sides, reading                   the queries of a calibration; how it and `evaluate` read records
measure                          what `bench` measures
dashes                           texts that begin with a dash
options                          what commands share in what they are given
output                           what commands share in printing

A command parses, calls the library, and prints: a table for people, or with --json exactly one JSON
document on stdout. Progress, warnings and errors go to stderr. Exit codes: 0 fine, 1 what was checked does
not hold, 2 wrong usage or unreadable input, 130 interrupted by Ctrl-C, 143 by SIGTERM, and quietly 141 where
whoever reads stdout, as `head` does, has closed it.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bestroute.errors import BestRouteError

_INTERRUPTED = 130  # what shells have for SIGINT: click's own, 1, says that what was checked does not hold
_CLOSED = 141  # likewise of SIGPIPE, by which other tools end there
_UNWRITTEN = (errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC)  # of files, `atomic_write` says it
_COMMANDS = {
    "adapt": "bestroute.cli.adapt",
    "ask": "bestroute.cli.ask",
    "bench": "bestroute.cli.bench",
    "calibrate": "bestroute.cli.calibrate",
    "check": "bestroute.cli.check",
    "collect": "bestroute.cli.collect",
    "completion": "bestroute.cli.completion",
    "diff": "bestroute.cli.diff",
    "dry-run": "bestroute.cli.dry_run",
    "evaluate": "bestroute.cli.evaluate",
    "init": "bestroute.cli.init",
    "key": "bestroute.cli.key",
    "log": "bestroute.cli.log",
    "models": "bestroute.cli.models",
    "pick": "bestroute.cli.pick",
    "route": "bestroute.cli.route",
    "schema": "bestroute.cli.schema",
    "score": "bestroute.cli.score",
    "serve": "bestroute.cli.serve",
    "test": "bestroute.cli.test",
    "train": "bestroute.cli.train",
}


class LazyGroup(click.Group):
    """Knows its commands by name; imports one only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in alphabetical order."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        module = _COMMANDS.get(cmd_name)
        return None if module is None else importlib.import_module(module).command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a mistyped name."""
        from difflib import get_close_matches

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], _COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """As click does, which prints --help and --version here."""
        with _unwritten():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Turn bestroute's own errors, and Ctrl-C, into one message on stderr and their exit code."""
        try:
            with _unwritten():
                return super().invoke(ctx)
        except BestRouteError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nAborted!", err=True)  # a line of its own: the terminal has shown ^C
            ctx.exit(_INTERRUPTED)


@contextmanager
def _unwritten() -> Iterator[None]:
    """End the program where stdout takes nothing more: with a message or, where it is closed, without."""
    try:
        yield
    except OSError as error:
        closed = error.errno == errno.EPIPE
        if error.filename is not None or not (closed or error.errno in _UNWRITTEN):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try at its end to write what is left
        if closed:
            sys.exit(_CLOSED)
        click.echo(f"error: standard output cannot be written: {error.strerror}", err=True)
        sys.exit(BestRouteError.exit_code)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bestroute", message="%(prog)s %(version)s")
def cli() -> None:
    """Route each query to the cheapest model and number of samples that is good enough.

    A YAML policy says which models there are and how much quality a query may lose; a small ONNX model
    predicts what each would lose. Start with: bestroute check policy.yaml
    """


def main() -> None:
    """Entry point of the `bestroute` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character must not end the program
    cli(prog_name="bestroute")
