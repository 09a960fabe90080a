"""Texts that begin with a dash: "-5 + 3 = ?" is a query, and no option.

What looks like an option, as -x, --word or --word=value do, is one; a text that looks so goes after `--`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

_OPTION = re.compile(r"--?[A-Za-z][\w-]*(?:=.*)?", re.DOTALL)
_TEXT = "\0"  # which no argument can hold


def free_text(value: str) -> str:
    """The type of an argument that may begin with a dash."""
    return value.removeprefix(_TEXT)


class TextCommand(click.Command):
    """A command that takes a `free_text`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with texts that begin with a dash kept from being read as options."""
        try:
            return super().parse_args(ctx, list(self._marked(args)))
        except click.NoSuchOption as error:
            hint = (
                f"{error.message} A text that begins with a dash goes after `--`: -- {error.option_name!r}."
            )
            raise click.NoSuchOption(error.option_name, hint, error.possibilities, error.ctx) from None

    def _marked(self, args: list[str]) -> Iterator[str]:
        takes = {name for one in self.params if not getattr(one, "is_flag", True) for name in one.opts}
        ended = before = ""
        for arg in args:
            ended = ended or ("--" if arg == "--" else "")
            dashed = arg.startswith("-") and arg not in ("-", "--") and not _OPTION.fullmatch(arg)
            yield f"{_TEXT}{arg}" if dashed and not ended and before not in takes else arg
            before = arg
