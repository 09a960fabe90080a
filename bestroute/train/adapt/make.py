"""An adapter folder from records: fitted, judged on what did not fit, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bestroute.artefacts.adapter import WEIGHTS
from bestroute.artefacts.manifest import LLMS, SEEN, Manifest, sha256
from bestroute.artefacts.own_reward import OWN_REWARD, AdaptedReward, found_of_rewards, with_own
from bestroute.artefacts.predictor import Predictor
from bestroute.artefacts.reward import HEAD, AdaptableReward, RewardModel
from bestroute.errors import InputError
from bestroute.evaluate.replay import query_of
from bestroute.policy import Policy
from bestroute.records.record import Record, query_hash, scored_part
from bestroute.train.adapt.fit import Fitted, columns_of_models, fit_adapter
from bestroute.train.adapt.own import Indices, Own, OwnReader
from bestroute.train.adapt.own_rewards import OwnRewards, fit_own_rewards
from bestroute.train.adapt.report import Judged, report_of
from bestroute.train.adapt.rows import ROWS, read_rows, save_rows, with_more
from bestroute.train.adapt.sights import read_scored, rewarded
from bestroute.train.folder import new_folder, write_manifest


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
    earlier: Path | None = None,
) -> Adapted:
    """Fit an adapter of a policy's models on the router model `base`, judge it, and write it to `out`.

    `reward` rewards responses that have none, where a tier asks a model for several. Responses without a
    score take no part. `recipe` (command, data digests) goes into the manifest. `advance` is called at every
    step. `earlier`: an adapter whose records count too; of queries that it saw no record is taken. Raises
    InputError where the records tell too little of the policy's models.
    """
    kept = None if earlier is None else read_rows(earlier, policy, base.manifest)
    records = [scored_part(record) for record in records]
    seen = set() if kept is None else set(kept.hashes.tolist())
    fresh: Sequence[Record] = [record for record in records if _hash(record) not in seen]
    judge, fresh, rewards = _rewarded(policy, fresh, reward, advance, earlier)
    reader = OwnReader(policy, base.manifest.max_n, base.manifest.margin, judge)
    if len(fresh) < len(records):
        reader.left_out["of queries that the earlier adapter saw"] += len(records) - len(fresh)
    for record in fresh:
        reader.add(record)
    own = reader.finish(base, advance) if kept is None else with_more(kept, reader.finish(base, advance, 1))
    columns = columns_of_models(policy, base.manifest, own)
    reference = [model.name for model in policy.models].index(policy.reference)
    fitted = fit_adapter(own, columns, base.manifest, reference)
    manifest = _manifest(policy, base.manifest, own, fitted, recipe)
    judged = Judged(policy, fresh, judge, own, fitted, base.manifest, manifest)
    report = {
        "left_out": dict(reader.left_out.most_common()),
        "unknown_names": dict(reader.unknown.found.most_common()),
        **report_of(judged, advance),
        "rewards": None if rewards is None else rewards.report,
    }
    with new_folder(out, "adapter") as folder:
        fitted.adapter.save(folder)
        save_rows(folder, own)
        np.save(folder / SEEN, np.unique(own.hashes))
        if rewards is not None:
            rewards.own.save(folder)
        files = {name: sha256(folder / name) for name in (WEIGHTS, SEEN, *([OWN_REWARD] if rewards else []))}
        metrics = {key: report[key] for key in ("cross_fitted", "base", "savings", "known", "rewards")}
        made_on = {"reward": reward.manifest.files[HEAD]} if isinstance(reward, AdaptableReward) else {}
        with_rows = {**manifest.recipe, **made_on, "rows": sha256(folder / ROWS)}
        written = write_manifest(folder, replace(manifest, files=files, metrics=metrics, recipe=with_rows))
    return Adapted(written, report)


def _rewarded(
    policy: Policy,
    records: Sequence[Record],
    reward: RewardModel | None,
    advance: Callable[[], None],
    earlier: Path | None,
) -> tuple[RewardModel | None, Sequence[Record], OwnRewards | None]:
    """The reward model with what own scores say on it, and the records with what it says of each response
    that did not fit it; all as they were where too little is known. What an earlier adapter knows stays."""
    if not isinstance(reward, AdaptableReward):
        return reward, records, None
    known: dict[tuple[str, str], float] = {}
    judge, told = with_own(reward, earlier), found_of_rewards(earlier)
    if isinstance(judge, AdaptedReward) and told is not None:
        found = OwnRewards(judge.own, np.empty(0), told)
    else:
        scored = read_scored(policy, records, reward, advance)
        fitted = None if scored is None else fit_own_rewards(scored)
        if scored is None or fitted is None:
            return reward, records, None
        found, judge = fitted, AdaptedReward(reward, fitted.own)
        known = dict(zip(scored.keys, found.held.tolist(), strict=True))
    return judge, [rewarded(record, known, judge) for record in records], found


def _hash(record: Record) -> int | None:
    try:
        return query_hash(query_of(record).text)
    except InputError:  # is told of where it is read
        return None


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
        llms=base.llms,
        recipe={**_made_on(base), "records": len(own), **recipe},
    )


def _made_on(base: Manifest) -> dict[str, Any]:
    """Digests of the router model, and of what it knows of LLMs where a model rests on one."""
    known = {"llms": base.files.get(LLMS)} if base.llms else {}
    return {"router": base.files.get("model.onnx"), **known}


def _taught(own: Own, columns: Indices, base: Manifest) -> tuple[int, ...]:
    """The largest n that each model's own samples, or the column that it rests on, told of."""
    sampled = (~np.isnan(own.quality)).any(axis=0)
    return tuple(
        max(base.taught(int(column)), int(np.flatnonzero(known)[-1]) + 1 if known.any() else 1)
        for column, known in zip(columns, np.atleast_2d(sampled), strict=True)
    )
