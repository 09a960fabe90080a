"""Artefact folders, written whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import CARD, FORMAT_VERSION, SEEN, Kind, Manifest, check_replaceable
from bestroute.files import writing
from bestroute.records.record import query_hash


@contextmanager
def new_folder(out: Path, kind: Kind) -> Iterator[Path]:
    """A folder to fill; when the block ends well, and only then, it replaces the artefact of this kind at
    `out`, but for its README.md. Raises InputError where the place cannot be written or holds else."""
    check_replaceable(out, kind)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
            folder = Path(scratch) / out.name
            folder.mkdir()
            yield folder
            with suppress(FileNotFoundError):
                shutil.copy(out / CARD, folder)
            old = out.with_name(f".{out.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            with suppress(FileNotFoundError):
                out.rename(old)
            folder.rename(out)
            shutil.rmtree(old, ignore_errors=True)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write manifest.json with the format version first."""
    write_json(folder / "manifest.json", {"format_version": FORMAT_VERSION, **asdict(manifest)})
    return manifest


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object that people may read."""
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def write_seen(folder: Path, texts: Iterable[str], before: NDArray[np.uint64] | tuple[()] = ()) -> None:
    """Write the hashes of the queries that training used, so that nobody measures on them unawares; `before`
    are those that it had used already."""
    np.save(
        folder / SEEN,
        np.union1d(np.array(before, np.uint64), np.array([query_hash(one) for one in texts], np.uint64)),
    )
