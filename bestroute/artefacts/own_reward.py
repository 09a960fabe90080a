"""AdaptedReward: a reward model that knows own scores, from the folder of an adapter. numpy alone."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.manifest import MEND, Manifest, check_files, read_manifest
from bestroute.artefacts.product import product
from bestroute.artefacts.reward import (
    HEAD,
    AdaptableReward,
    Floats,
    OnnxRewardModel,
    RewardModel,
    Sight,
    rewards_by,
)
from bestroute.errors import ArtefactError

OWN_REWARD = "reward.npz"


@dataclass(frozen=True)
class OwnReward:
    """What own scores say of a response, beside a reward model of F features and k facts.

    The log-odds of its expected score are `level + slope * odds + features @ response + facts @ counted`,
    where `odds` are those of the reward model's reward. `slope` and `level` (), `response` (F,), `counted`
    (k,). Where rewards were found to say nothing, the level is that of the scores and all else is next to 0:
    rewards are equal then but for breaking ties.
    """

    level: NDArray[Any]
    slope: NDArray[Any]
    response: NDArray[Any]
    counted: NDArray[Any]

    def odds(self, sight: Sight) -> NDArray[Any]:
        """Log-odds of the expected scores, shape (responses,)."""
        own = product(sight.features, self.response) + product(sight.facts, self.counted)
        found: NDArray[Any] = self.level + self.slope * sight.odds + own
        return found

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        np.savez(folder / OWN_REWARD, **asdict(self))


class AdaptedReward:
    """A reward model with what own scores say on it. Safe to share between threads."""

    def __init__(self, base: AdaptableReward, own: OwnReward) -> None:
        self.base, self.own = base, own

    def rewards(self, query: str, responses: Sequence[str]) -> Floats:
        """One reward for each response, shape (responses,); 0 for one that says nothing."""
        if not responses:
            return np.empty(0, np.float32)
        return rewards_by(self.own.odds(self.base.sight(query, responses)), responses)


def open_reward(reward: Path, adapter: Path | None, threads: int = 1) -> RewardModel:
    """The reward model of a folder, with what the adapter's folder knows on it. Raises ArtefactError."""
    return with_own(OnnxRewardModel(reward, threads), adapter)


def with_own(base: AdaptableReward, adapter: Path | None) -> RewardModel:
    """A reward model that is open, with what an adapter's folder knows of own scores, where it does.

    Raises ArtefactError for a folder that is missing, damaged, or was made on another reward model.
    """
    manifest = None if adapter is None else read_manifest(adapter, "adapter")
    if adapter is None or manifest is None or OWN_REWARD not in manifest.files:
        return base
    check_files(adapter, manifest)
    if manifest.recipe.get("reward") != base.manifest.files.get(HEAD):
        raise ArtefactError(
            f"{adapter}: was made on another reward model; run `bestroute adapt` again, or set `reward` to "
            "the one that it was made on"
        )
    return AdaptedReward(base, read_own_reward(adapter, base.manifest))


def found_of_rewards(adapter: Path | None) -> dict[str, Any] | None:
    """What `adapt` found of own rewards, as its manifest has it; None where it knows none."""
    found = None if adapter is None else read_manifest(adapter, "adapter").metrics.get("rewards")
    return found if isinstance(found, dict) else None


def reward_model(opened: RewardModel | None) -> RewardModel | None:
    """What an opened reward model stands on: the one of a folder, where it is one."""
    return opened.base if isinstance(opened, AdaptedReward) else opened


def read_own_reward(folder: Path, base: Manifest) -> OwnReward:
    """The weights of a folder. Raises ArtefactError where they do not fit the reward model."""
    path = folder / OWN_REWARD
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {field.name: file[field.name] for field in fields(OwnReward)}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {MEND}") from error
    own = OwnReward(**arrays)
    if own.response.shape != (base.features,) or own.counted.shape != (len(FACTS),):
        raise ArtefactError(f"{path}: is not for this reward model; {MEND}")
    return own
