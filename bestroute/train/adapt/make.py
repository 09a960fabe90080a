"""An adapter folder from records: fitted, judged on what did not fit, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bestroute.artefacts.adapter import WEIGHTS
from bestroute.artefacts.manifest import SEEN, Manifest, sha256
from bestroute.artefacts.predictor import Predictor
from bestroute.artefacts.reward import RewardModel
from bestroute.policy import Policy
from bestroute.records.record import Record
from bestroute.train.adapt.fit import Fitted, columns_of_models, fit_adapter
from bestroute.train.adapt.own import Indices, Own, OwnReader
from bestroute.train.adapt.report import Judged, report_of
from bestroute.train.folder import new_folder, write_manifest, write_seen


@dataclass(frozen=True)
class Adapted:
    """The manifest that was written, and the report, as JSON values."""

    manifest: Manifest
    report: dict[str, Any]


def adapt(
    policy: Policy,
    records: Sequence[Record],
    out: Path,
    base: Predictor,
    reward: RewardModel | None,
    recipe: dict[str, Any],
    advance: Callable[[], None] = lambda: None,
) -> Adapted:
    """Fit an adapter of a policy's models on the router model `base`, judge it, and write it to `out`.

    `reward` rewards responses that have none, where a tier asks a model for several. `recipe` (command, data
    digests) goes into the manifest. `advance` is called at every step. Raises InputError where the records
    tell too little of the policy's models.
    """
    reader = OwnReader(policy, base.manifest.max_n, base.manifest.margin, reward)
    for record in records:
        reader.add(record)
    own = reader.finish(base, advance)
    columns = columns_of_models(policy, base.manifest, own)
    reference = [model.name for model in policy.models].index(policy.reference)
    fitted = fit_adapter(own, columns, base.manifest, reference)
    manifest = _manifest(policy, base.manifest, own, fitted, recipe)
    judged = Judged(policy, records, reward, own, fitted, base.manifest, manifest)
    report = {"left_out": dict(reader.left_out.most_common()), **report_of(judged, advance)}
    with new_folder(out) as folder:
        fitted.adapter.save(folder)
        write_seen(folder, own.texts.tolist())
        files = {name: sha256(folder / name) for name in (WEIGHTS, SEEN)}
        metrics = {key: report[key] for key in ("cross_fitted", "base", "savings", "known")}
        written = write_manifest(folder, replace(manifest, files=files, metrics=metrics))
    return Adapted(written, report)


def _manifest(policy: Policy, base: Manifest, own: Own, fitted: Fitted, recipe: dict[str, Any]) -> Manifest:
    """What the folder says of itself, but for its files."""
    tells = base.features or own.said.novelty is not None
    adapter = fitted.adapter
    tokens = adapter.tokens_scale * own.said.output_tokens[:, fitted.columns] + adapter.tokens_shift
    return Manifest(
        kind="adapter",
        max_tokens=0,
        files={},
        classes=tuple(model.name for model in policy.models),
        max_n=base.max_n,
        reference=policy.reference,
        margin=base.margin,
        mean_output_tokens=tuple(round(float(mean), 1) for mean in tokens.mean(axis=0)),
        max_novelty=1.0 if tells else None,
        taught_n=_taught(own, fitted.columns, base),
        features=base.features,
        recipe={"router": base.files.get("model.onnx"), "records": len(own), **recipe},
    )


def _taught(own: Own, columns: Indices, base: Manifest) -> tuple[int, ...]:
    """The largest n that each model's own samples, or the column that it rests on, told of."""
    sampled = (~np.isnan(own.quality)).any(axis=0)
    return tuple(
        max(base.taught(int(column)), int(np.flatnonzero(known)[-1]) + 1 if known.any() else 1)
        for column, known in zip(columns, np.atleast_2d(sampled), strict=True)
    )
