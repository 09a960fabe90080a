"""Artefact folders: `model.onnx`, `tokenizer.json`, `manifest.json`, and what is checked before use.

A manifest is cheap to read (no ONNX, no tokenizer), so policies are checked against it;
bestroute.artefacts.session opens the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bestroute.errors import ArtefactError, InputError

FORMAT_VERSION = 1
Kind = Literal["router", "reward", "posterior", "adapter"]
_FILES: dict[Kind, tuple[str, ...]] = {
    "router": ("model.onnx", "tokenizer.json"),
    "reward": ("model.onnx", "tokenizer.json", "head.npz"),
    "posterior": ("weights.json",),
    "adapter": ("weights.npz",),
}
_READS: tuple[Kind, ...] = ("router", "reward")
SEEN = "seen.npy"
LLMS = "llms.json"
MEND = "restore or train the artefact again"


CARD = "README.md"
_BESIDE = frozenset({"manifest.json", "rows.npz", CARD})  # beside what a manifest lists


@dataclass(frozen=True)
class Manifest:
    """What an artefact folder says of itself.

    Shapes: a router model gives `quality` and `match` of shape (batch, len(classes), max_n) and
    `output_tokens` of shape (batch, len(classes)), and where `max_novelty` is known `novelty` of shape
    (batch,), and where `features` is not 0 an output `features` of shape (batch, features): what the encoder
    says of a query before any head, standardised over the training queries. A reward model gives `features`
    alone, of a query as of a response. A posterior has no ONNX file and reads no text.

    An adapter has none either: its `classes` are models of a policy by their own names, its `reference` is
    the policy's. `adapted`: whether the classes are those of an adapter that stands on a router model.

    `max_novelty`: the novelty beyond which a query is unlike those that the model was trained on; None where
    it cannot tell. `taught_n`, a class each: the largest n that its records told of; empty where all told of
    max_n. `llms`: of the classes, those that are LLMs known by name, each with its own name there (see
    bestroute.artefacts.known); in an adapter's, those that it rests on.
    """

    kind: Kind
    max_tokens: int
    files: dict[str, str]
    classes: tuple[str, ...] = ()
    max_n: int = 0
    reference: str = ""
    margin: float = 0.0
    mean_output_tokens: tuple[float, ...] = ()
    max_novelty: float | None = None
    taught_n: tuple[int, ...] = ()
    features: int = 0
    adapted: bool = False
    llms: dict[str, str] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    def taught(self, column: int) -> int:
        """The largest n of a class that its records told of: what is predicted beyond was never seen."""
        return self.taught_n[column] if self.taught_n else self.max_n


def default_folder(kind: Kind) -> Path:
    """The embedded artefact: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for root in (package, package.parent):
        folder = root / "exported_models" / kind
        if folder.is_dir():
            return folder
    return package / "exported_models" / kind


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return sha256_of(file)


def sha256_of(file: IO[bytes]) -> str:
    """Hex SHA-256 of what is left to read of a file."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def read_manifest(folder: Path, kind: Kind) -> Manifest:
    """Read and check a folder's manifest.

    Raises ArtefactError when the folder or manifest is missing, not JSON, of another kind or format version,
    or lacks a field that its kind needs. The files it names are not opened.
    """
    path = folder / "manifest.json"
    writer = "`bestroute adapt`" if kind == "adapter" else "`bestroute train`"
    try:
        raw = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if not folder.exists():
            raise ArtefactError(
                f"{folder}: no such folder; name one that {writer} wrote, or remove this to use the "
                "model that comes with bestroute"
            ) from error
        raise ArtefactError(f"{folder}: no manifest.json; give a folder that {writer} wrote") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {MEND}") from error
    return _checked_manifest(raw, path, kind)


def _checked_manifest(raw: Any, path: Path, kind: Kind) -> Manifest:
    if not isinstance(raw, dict) or raw.get("kind") not in tuple(_FILES):
        raise ArtefactError(f"{path}: not a bestroute manifest; give a folder that `bestroute train` wrote")
    if raw["kind"] != kind:
        raise ArtefactError(f"{path}: {_a(raw['kind'])} artefact stands where {_a(kind)} artefact is needed")
    if raw.get("format_version") != FORMAT_VERSION:
        raise ArtefactError(
            f"{path}: format version {raw.get('format_version')!r}, this bestroute reads {FORMAT_VERSION}; "
            "train it again with this version"
        )
    try:
        manifest = Manifest(
            kind=kind,
            max_tokens=int(raw["max_tokens"] if kind in _READS else 0),
            files={str(name): str(digest) for name, digest in raw["files"].items()},
            classes=tuple(str(name) for name in raw.get("classes", ())),
            max_n=int(raw.get("max_n", 0)),
            reference=str(raw.get("reference", "")),
            margin=float(raw.get("margin", 0.0)),
            mean_output_tokens=tuple(float(tokens) for tokens in raw.get("mean_output_tokens", ())),
            max_novelty=None if raw.get("max_novelty") is None else float(raw["max_novelty"]),
            taught_n=tuple(int(n) for n in raw.get("taught_n", ())),
            features=int(raw.get("features", 0)),
            llms={str(name): str(llm) for name, llm in raw.get("llms", {}).items()},
            recipe=dict(raw.get("recipe", {})),
            metrics=dict(raw.get("metrics", {})),
        )
    except KeyError as error:
        raise ArtefactError(f"{path}: field {error} is missing; {MEND}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ArtefactError(f"{path}: a field is of the wrong type ({error}); {MEND}") from error
    lacking = set(_FILES[kind]) - manifest.files.keys()
    if lacking:
        raise ArtefactError(f"{path}: files lists no digest of {', '.join(sorted(lacking))}; {MEND}")
    if kind in ("router", "adapter") and not (
        manifest.classes and manifest.max_n >= 1 and len(manifest.mean_output_tokens) == len(manifest.classes)
    ):
        raise ArtefactError(
            f"{path}: a manifest of its kind needs classes, max_n and mean_output_tokens a class; {MEND}"
        )
    taught = manifest.taught_n
    if taught and (len(taught) != len(manifest.classes) or not all(1 <= n <= manifest.max_n for n in taught)):
        raise ArtefactError(f"{path}: taught_n needs a number from 1 to max_n for each class; {MEND}")
    return manifest


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def adapted_manifest(router: Manifest, adapter: Manifest, folder: Path) -> Manifest:
    """What a router model says of itself with the adapter of `folder` on it: its classes are the adapter's.

    Raises ArtefactError for an adapter that was made on another router model, or on other columns of LLMs.
    """
    made_on = [("router", "model.onnx"), *([("llms", LLMS)] if adapter.llms else [])]
    if any(adapter.recipe.get(key) != router.files.get(name) for key, name in made_on):
        raise ArtefactError(
            f"{folder}: was made on another router model; run `bestroute adapt` again, or set `router` to "
            "the one that it was made on"
        )
    return replace(
        router,
        classes=adapter.classes,
        adapted=True,
        reference=adapter.reference,
        mean_output_tokens=adapter.mean_output_tokens,
        max_novelty=adapter.max_novelty,
        taught_n=adapter.taught_n,
        llms=adapter.llms,
    )


def seen_queries(folder: Path) -> NDArray[np.uint64]:
    """Sorted hashes (records.record.query_hash) of the queries that an artefact was trained or tuned on.

    Empty for an artefact that does not say. Raises ArtefactError when the list cannot be read.
    """
    path = folder / SEEN
    if not path.exists():
        return np.empty(0, np.uint64)
    try:
        return np.asarray(np.load(path, allow_pickle=False), np.uint64)
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {MEND}") from error


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise ArtefactError for a file that is missing or differs from its digest in the manifest."""
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ArtefactError(f"{path}: is missing; {MEND}")
        if sha256(path) != digest:
            raise ArtefactError(
                f"{path}: differs from the digest in manifest.json (damaged or replaced); {MEND}"
            )


def check_replaceable(out: Path, kind: Kind) -> None:
    """Raise InputError where a folder at `out` cannot be replaced: the working folder, one that something is
    mounted on, one that holds anything but an artefact of this kind, as it would be lost."""
    own = f"give a folder of its own, such as {out / kind}"
    if Path.cwd().is_relative_to(out.resolve()) or os.path.ismount(out):
        raise InputError(f"{out}: is in use, and cannot be replaced by {kind} files; {own}")
    there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    try:
        manifest = json.loads((out / "manifest.json").read_text("utf-8")) if there else {}
        alike = there and manifest["kind"] == kind
        known = _BESIDE | manifest["files"].keys() if alike else frozenset()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        known = frozenset()
    if strange := sorted(there - known):
        raise InputError(
            f"{out}: holds {', '.join(strange[:3])}{', ...' if len(strange) > 3 else ''}, which writing "
            f"{kind} files there would delete; {own}"
        )
