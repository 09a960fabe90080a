"""What the trainings share: options, reading, progress, the recipe, the result."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.artefacts.manifest import sha256
from bestroute.cli.options import json_option, skip_bad_option
from bestroute.cli.output import BadLines, print_json
from bestroute.errors import require

if TYPE_CHECKING:
    from bestroute.artefacts.manifest import Manifest
    from bestroute.train.fit import FitSettings, Progress


def fit_options(
    epochs: int,
    batch_size: int | None,
    rate: float | None,
    shown: tuple[str, str] = ("", ""),
    learns: str = "encoder",
) -> Callable[[Any], Any]:
    """The options that both trainings share, with their defaults; `shown` says what None comes to, `learns`
    what the rate is of. Where it is no encoder, there is nothing for another device to do."""
    device = click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
    options = [
        click.option("--epochs", type=click.IntRange(1), default=epochs, show_default=True),
        click.option(
            "--batch-size", type=click.IntRange(1), default=batch_size, show_default=shown[0] or True
        ),
        click.option(
            "--rate",
            type=float,
            default=rate,
            show_default=shown[1] or True,
            help=f"Learning rate of the {learns}.",
        ),
        click.option(
            "--patience",
            type=click.IntRange(1),
            default=2,
            show_default=True,
            help="Epochs without a better validation loss after which training ends.",
        ),
        click.option("--seed", type=int, default=0, show_default=True),
        *([device] if learns == "encoder" else []),
        skip_bad_option,
        json_option,
    ]

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def read_all(reader: Any, paths: Sequence[Path], skip_bad: bool) -> list[Any]:
    """All that `reader` finds in the files; bad lines are listed, and refused unless they may be skipped."""
    bad = BadLines(skip_bad, listed=inf)
    found = list(reader(paths, bad.on_bad))
    bad.tell()
    return found


def fit_settings(usual: FitSettings, options: dict[str, Any]) -> FitSettings:
    """The options that were given, in place of what is usual."""
    return replace(usual, **{name: value for name, value in options.items() if value is not None})


def need_extra() -> None:
    """Raise MissingExtra where what training needs is not installed; imports nothing."""
    for module in ("torch", "onnx", "transformers"):
        if find_spec(module) is None:
            require(module, "train")


def recipe_of(paths: Sequence[Path]) -> dict[str, Any]:
    """The command without folders, and the digest of every file: what it takes to train it again."""
    words = [re.sub(r"[^=\s]*[/\\]", "", word) for word in sys.argv[1:]]
    data = [{"file": f"{path.parent.name}/{path.name}", "sha256": sha256(path)} for path in paths]
    return {"command": " ".join(["bestroute", *words]), "data": data}


@contextmanager
def progress(title: str) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on stderr that follows the steps of one or more trainings; where stderr is no terminal,
    a line for every tenth of the way."""
    if not sys.stderr.isatty():
        yield lambda progress: _progress_line(title, progress)
        return
    with click.progressbar(length=1, label=title, file=sys.stderr, show_pos=True) as bar:

        def report(progress: Progress) -> None:
            bar.length = progress.steps
            bar.label = f"{title} epoch {progress.epoch}, loss {progress.loss:.3f}"
            bar.update(progress.step - bar.pos)

        yield report


def _progress_line(title: str, progress: Progress) -> None:
    if progress.step * 10 // progress.steps > (progress.step - 1) * 10 // progress.steps:
        place = f"step {progress.step} of {progress.steps}"
        click.echo(f"{title} epoch {progress.epoch}, {place}, loss {progress.loss:.3f}", err=True)


def print_result(out: Path, manifest: Manifest, as_json: bool) -> None:
    """Where the artefact is, and what it is worth: in words or, as JSON, all that was measured."""
    from bestroute.train.telling import as_text

    if as_json:
        print_json({"out": str(out), "metrics": manifest.metrics})
    else:
        click.echo(f"{out}: written\n")
        click.echo(as_text(manifest))
