"""What an adapter keeps of its records, so that more can be added later: numbers and hashes, no text."""

from __future__ import annotations

import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from bestroute.artefacts.manifest import Manifest, adapted_manifest, read_manifest, sha256
from bestroute.artefacts.predictor import Prediction
from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.train.adapt.own import FOLDS, Own, asked_weights, joined, strata_of

ROWS = "rows.npz"
_SAID = "said_"
_MEND = "run `bestroute adapt` on all records, without --from"


def save_rows(folder: Path, own: Own) -> None:
    """Write what was learned from; features are what the router model sees in a query, not its words."""
    said = {
        _SAID + field.name: value
        for field in fields(Prediction)
        if (value := getattr(own.said, field.name)) is not None
    }
    parts = {field.name: getattr(own, field.name) for field in fields(Own)}
    parts = {name: part for name, part in parts.items() if name not in ("texts", "said")}
    np.savez_compressed(folder / ROWS, **parts, **said)


def read_rows(folder: Path, policy: Policy, router: Manifest) -> Own:
    """What the adapter of `folder` was made from, its texts empty.

    Raises ArtefactError where it is damaged or of another router model, InputError where it kept nothing, or
    is of other models or another reference than the policy.
    """
    manifest = read_manifest(folder, "adapter")
    adapted_manifest(router, manifest, folder)
    names = tuple(model.name for model in policy.models)
    if (manifest.classes, manifest.reference) != (names, policy.reference):
        raise InputError(
            f"{folder}: was made for {', '.join(manifest.classes)} and the reference {manifest.reference}, "
            f"the policy has {', '.join(names)} and {policy.reference}; {_MEND}"
        )
    path = folder / ROWS
    if not path.is_file() or sha256(path) != manifest.recipe.get("rows"):
        raise InputError(f"{path}: is missing, or is not what was written; {_MEND}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = dict(file)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({error}); {_MEND}") from error
    said = {name: arrays.pop(name) for name in [*arrays] if name.startswith(_SAID)}
    prediction = Prediction(**{name.removeprefix(_SAID): value for name, value in said.items()})
    return Own(texts=np.full(len(arrays["hashes"]), "", object), said=prediction, **arrays)


def with_more(kept: Own, more: Own) -> Own:
    """Both together, as if all had been read at once; no query is in both."""
    order = np.argsort(np.concatenate([kept.order, more.order]), kind="stable")
    parts = {
        field.name: np.concatenate([getattr(kept, field.name), getattr(more, field.name)])[order]
        for field in fields(Own)
        if field.name != "said"
    }
    said = joined([kept.said, more.said])
    parts["fold"] = np.arange(len(order)) % FOLDS
    placed = Prediction(
        **{
            field.name: getattr(said, field.name)[order]
            for field in fields(said)
            if getattr(said, field.name) is not None
        }
    )
    predicted = placed.quality[:, :, 0].mean(axis=1).astype(np.float64)
    parts["strata"] = strata_of(parts["kinds"], predicted)
    parts["weights"] = asked_weights(parts["strata"], ~np.isnan(parts["quality"][:, :, 0]))
    return Own(said=placed, **parts)
