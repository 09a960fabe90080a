"""LLMs that a router model knows by name: columns beside its classes, from what records told of each.

Two files more in the folder of a router model: `llms.json`, what there is to read of every class and LLM, and
`llms.npy`, the ridges of those LLMs that have one, a row each. `bestroute train llms` writes them. Who names
classes alone opens neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import LLMS, MEND, Manifest
from bestroute.artefacts.names import meant
from bestroute.artefacts.odds import bounded, odds_of
from bestroute.artefacts.predictor import Floats, Prediction, Predictor
from bestroute.artefacts.product import product
from bestroute.artefacts.session import TokenRow
from bestroute.errors import ArtefactError

RIDGES = "llms.npy"


class Level(NamedTuple):
    """Mean score on the queries of one source, and how many they were."""

    score: float
    queries: int


@dataclass(frozen=True)
class Told:
    """What records told of a class or an LLM: its levels by source, and of how many queries."""

    name: str
    queries: int
    levels: Mapping[str, Level]


@dataclass(frozen=True)
class Llm(Told):
    """An LLM by its name, and `also` by others; see Columns for what is predicted of it.

    `class_` is the class that is nearest to it. `row` is that of its ridge, None where it has none: its
    records then told of a level and a slope at most. `output_tokens` is their mean.
    """

    also: tuple[str, ...]
    class_: str
    level: float
    slope: float
    tokens_scale: float
    tokens_shift: float
    output_tokens: float
    row: int | None


@dataclass(frozen=True)
class Known:
    """The classes and LLMs of one router model."""

    classes: tuple[Told, ...] = ()
    llms: tuple[Llm, ...] = ()

    def meant(self, name: str) -> list[str]:
        """The LLMs that a name may mean: none, one, or several between which it does not tell."""
        return meant(name, {llm.name: llm.also for llm in self.llms})

    def find(self, names: Iterable[str]) -> dict[str, Llm]:
        """The LLM of each of these names; those that mean none, or several, are left out."""
        by_name = {llm.name: llm for llm in self.llms}
        found = {name: self.meant(name) for name in dict.fromkeys(names)}
        return {name: by_name[llms[0]] for name, llms in found.items() if len(llms) == 1}


@dataclass(frozen=True)
class Columns:
    """Columns of M LLMs, on a router model with d features (0 where it gives none).

    One response has the log-odds `features @ readout + level + slope * z`, where z are those of the nearest
    class, `columns` (M,). Each n multiplies the odds by what it multiplies those of that class by: curves
    over n are the class's. The odds that a response is worth one of the reference's are those of the class,
    moved as far as those of quality. `readout` (d, M), all else (M,).
    """

    columns: NDArray[np.intp]
    level: Floats
    slope: Floats
    tokens_scale: Floats
    tokens_shift: Floats
    readout: Floats

    def beside(self, said: Prediction) -> Prediction:
        """What a router model said, and after its classes what that means for the LLMs."""
        both = odds_of(np.stack((said.quality, said.match)).take(self.columns, axis=2))
        single = both[0, :, :, 0]
        seen = self.level if said.features is None else product(said.features, self.readout) + self.level
        moved = both * (np.exp(bounded(self.slope * np.log(single) + seen)) / single)[:, :, None]
        quality, match = moved / (1 + moved)
        tokens = self.tokens_scale * said.output_tokens.take(self.columns, axis=1) + self.tokens_shift
        return replace(
            said,
            quality=np.concatenate((said.quality, quality), axis=1),
            match=np.concatenate((said.match, match), axis=1),
            output_tokens=np.concatenate((said.output_tokens, tokens), axis=1),
        )


class KnownPredictor:
    """A router model with columns of known LLMs after those of its classes.

    `llms` has them by the names that they shall have here. Raises ArtefactError where their file does not
    hold.
    """

    def __init__(self, base: Predictor, folder: Path, llms: Mapping[str, Llm]) -> None:
        self.base = base
        self.manifest = with_llms(base.manifest, llms)
        self.columns = _columns(base.manifest, folder, list(llms.values()))

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """As the router model does."""
        return self.base.tokenize(texts)

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """What the router model predicts of its classes, and what that means for the LLMs."""
        return self.columns.beside(self.base.predict(rows, time_budget_s))


def with_known(base: Predictor, folder: Path, names: Iterable[str]) -> Predictor:
    """A router model that is open, with the columns of those LLMs that `names` mean; `folder` is its own.

    Names of its classes need no more than it has, and names that mean nothing have no column.
    Raises ArtefactError.
    """
    llms = known_llms(base.manifest, folder, names)
    return KnownPredictor(base, folder, llms) if llms else base


def known_llms(manifest: Manifest, folder: Path, names: Iterable[str]) -> dict[str, Llm]:
    """The LLMs that those of the names mean which are no class. Raises ArtefactError."""
    others = [name for name in names if name not in manifest.classes]
    return read_known(folder, manifest).find(others) if others else {}


def with_llms(manifest: Manifest, llms: Mapping[str, Llm]) -> Manifest:
    """What a router model says of itself with columns of these LLMs after its classes."""
    if not llms:
        return manifest
    known = list(llms.values())
    taught = tuple(manifest.taught(manifest.classes.index(llm.class_)) for llm in known)
    return replace(
        manifest,
        classes=(*manifest.classes, *llms),
        mean_output_tokens=(*manifest.mean_output_tokens, *(llm.output_tokens for llm in known)),
        taught_n=(*manifest.taught_n, *taught) if manifest.taught_n else (),
        llms={name: llm.name for name, llm in llms.items()},
    )


def read_known(folder: Path, manifest: Manifest) -> Known:
    """What the folder of a router model says of classes and LLMs; nothing where it has no list.

    Raises ArtefactError for a list that cannot be read, or names a class that is not there.
    """
    if LLMS not in manifest.files:
        return Known()
    path = folder / LLMS
    try:
        raw = json.loads(path.read_text("utf-8"))
        known = Known(
            tuple(Told(**_told(one)) for one in raw["classes"]),
            tuple(Llm(**{**one, **_told(one), "also": tuple(one["also"])}) for one in raw["llms"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {MEND}") from error
    if not {llm.class_ for llm in known.llms} <= {*manifest.classes}:
        raise ArtefactError(f"{path}: is not for the classes {', '.join(manifest.classes)}; {MEND}")
    return known


def known_text(known: Known) -> str:
    """The content of the list, a class or LLM a line."""
    parts = [
        f'"{key}": [\n' + ",\n".join(json.dumps(_plain(one)) for one in told) + "\n]"
        for key, told in (("classes", known.classes), ("llms", known.llms))
    ]
    return "{" + ",\n".join(parts) + "}\n"


def _told(raw: Mapping[str, Any]) -> dict[str, Any]:
    levels = {source: Level(*pair) for source, pair in raw["levels"].items()}
    return {"name": raw["name"], "queries": raw["queries"], "levels": levels}


def _plain(told: Told) -> dict[str, Any]:
    return {**asdict(told), "levels": {source: list(level) for source, level in told.levels.items()}}


def _columns(manifest: Manifest, folder: Path, llms: Sequence[Llm]) -> Columns:
    readout = np.zeros((manifest.features, len(llms)), np.float32)
    ridged = [place for place, llm in enumerate(llms) if llm.row is not None]
    if ridged:
        readout[:, ridged] = _ridges(folder / RIDGES, [llms[place].row for place in ridged]).T
    level, slope, scale, shift = np.array(
        [(llm.level, llm.slope, llm.tokens_scale, llm.tokens_shift) for llm in llms], np.float32
    ).T
    columns = np.array([manifest.classes.index(llm.class_) for llm in llms], np.intp)
    return Columns(columns, level, slope, scale, shift, readout)


def _ridges(path: Path, rows: Sequence[int | None]) -> NDArray[Any]:
    """Some rows of the file, of which no more is read."""
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)[rows]
    except (OSError, ValueError, IndexError) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {MEND}") from error
    return found
