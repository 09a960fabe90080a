"""`bestroute models`: the classes and LLMs that a router model knows, with their levels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bestroute.cli.options import FOLDER, json_option
from bestroute.cli.output import print_json, print_table

if TYPE_CHECKING:
    from bestroute.artefacts.known import Known, Llm, Told
    from bestroute.artefacts.manifest import Manifest

_SHOWN = 3  # sources in a line


@click.command(epilog="Example: bestroute models llama-3.1-8b")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--router", type=FOLDER, help="The router model's folder; the embedded one if absent.")
@json_option
def command(names: tuple[str, ...], router: Path | None, as_json: bool) -> None:
    """List what a router model knows: its classes, and LLMs by name, with their mean scores by source.

    A policy's `class:` is one of them; an LLM may be written otherwise, as long as one alone is meant
    (`meta-llama/Llama-3.1-8B-Instruct`). With NAMEs, only those: every source of each.
    """
    from bestroute.artefacts.known import read_known
    from bestroute.artefacts.manifest import default_folder, read_manifest

    folder = router or default_folder("router")
    manifest = read_manifest(folder, "router")
    known = read_known(folder, manifest)
    classes = [one for name in manifest.classes for one in _told(name, known)]
    llms = sorted(known.llms, key=lambda llm: llm.name.casefold())
    if names:
        wanted = [one for name in names for one in _named(name, manifest, known)]
        classes = [one for one in classes if one.name in wanted]
        llms = [llm for llm in llms if llm.name in wanted]
    if as_json:
        print_json(_report(folder, manifest, classes, llms))
    elif names:
        _print_sources([*classes, *llms])
    else:
        _print_all(classes, llms)
        click.echo(f"\n{_how(manifest, known)}")


def _told(name: str, known: Known) -> list[Told]:
    """What is known of a class: its name, where no records told of it."""
    from bestroute.artefacts.known import Told

    return [one for one in known.classes if one.name == name] or [Told(name, 0, {})]


def _named(name: str, manifest: Manifest, known: Known) -> list[str]:
    """The class or LLMs that a name may mean. Raises UsageError, naming the nearest, where it means none."""
    from bestroute.artefacts.names import nearest

    found = [name] if name in manifest.classes else known.meant(name)
    if not found:
        near = nearest(name, [*manifest.classes, *(llm.name for llm in known.llms)])
        hint = f"; nearest by name: {', '.join(near)}" if near else ""
        raise click.UsageError(f"{name} is no class and no LLM that this router model knows{hint}")
    return found


def _print_all(classes: Iterable[Told], llms: Iterable[Llm]) -> None:
    rows = [[one.name, "", _count(one), _levels(one)] for one in classes]
    rows += [[llm.name, _rests_on(llm), _count(llm), _levels(llm)] for llm in llms]
    print_table(["name", "predicted from", "queries", "mean score (queries) by source"], rows)


def _print_sources(told: Iterable[Told]) -> None:
    rows = [
        [one.name, source, f"{level.score:.3f}", str(level.queries)]
        for one in told
        for source, level in one.levels.items()
    ]
    print_table(["name", "source", "mean score", "queries"], rows)


def _count(told: Told) -> str:
    return str(told.queries or "-")


def _rests_on(llm: Llm) -> str:
    as_it_is = llm.row is None and (llm.level, llm.slope) == (0.0, 1.0)
    return (
        f"{llm.class_}, as it is"
        if as_it_is
        else f"{llm.class_}{', features' if llm.row is not None else ''}"
    )


def _levels(told: Told) -> str:
    shown = [f"{source} {level.score:.2f} ({level.queries})" for source, level in told.levels.items()]
    more = f", {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _how(manifest: Manifest, known: Known) -> str:
    """What the columns of LLMs rest on, in words."""
    if not known.llms:
        return (
            "This router model knows no LLM by name, only classes; `bestroute train llms` teaches it some "
            "from scored responses."
        )
    if not manifest.features:
        return (
            "This router model gives no features: the column of an LLM is that of its nearest class, with a "
            "level and a slope of its own at most, so it orders queries as the class does."
        )
    return (
        f"{len(known.llms)} LLMs: each is predicted from its nearest class, moved by a level, a slope and a "
        "ridge on the features where validation queries bore that out."
    )


def _report(folder: Path, manifest: Manifest, classes: Iterable[Told], llms: Iterable[Llm]) -> dict[str, Any]:
    return {
        "router": str(folder),
        "features": manifest.features,
        "reference": manifest.reference,
        "classes": [_as_json(one) for one in classes],
        "llms": [
            {**_as_json(llm), "also": list(llm.also), "class": llm.class_, "by_features": llm.row is not None}
            for llm in llms
        ],
    }


def _as_json(told: Told) -> dict[str, Any]:
    levels = {source: level._asdict() for source, level in told.levels.items()}
    return {"name": told.name, "queries": told.queries, "levels": levels}
