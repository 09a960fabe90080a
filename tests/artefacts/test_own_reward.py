"""What own scores add to a reward model: worked out by hand, saved, and refused on another one."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.manifest import Manifest, sha256
from bestroute.artefacts.own_reward import (
    OWN_REWARD,
    AdaptedReward,
    OwnReward,
    found_of_rewards,
    read_own_reward,
    reward_model,
    with_own,
)
from bestroute.artefacts.reward import HEAD, RewardModel, Sight
from bestroute.errors import ArtefactError

K = len(FACTS)
OWN = OwnReward(
    np.float32(-1), np.float32(0.5), np.array([1, 0, 2], np.float32), np.eye(K, dtype=np.float32)[0]
)
SIGHT = Sight(
    np.array([2, 4], np.float32), np.array([[1, 5, 0], [0, 5, 1]], np.float32), np.zeros((2, K), np.float32)
)
BASE = SimpleNamespace(
    manifest=Manifest("reward", 256, {HEAD: "b" * 64}, features=3), sight=lambda query, texts: SIGHT
)


@pytest.fixture
def folder(tmp_path):
    """An adapter's folder with own rewards."""
    np.savez(tmp_path / "weights.npz")
    OWN.save(tmp_path)
    write_manifest(tmp_path, "b" * 64)
    return tmp_path


def write_manifest(folder, made_on, names=("weights.npz", OWN_REWARD)):
    told = {"tells": False}
    content = {
        "kind": "adapter", "format_version": 1, "classes": ["own"], "max_n": 1, "mean_output_tokens": [1.0],
        "files": {name: sha256(folder / name) for name in names},
        "recipe": {"reward": made_on}, "metrics": {"rewards": told},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(content), "utf-8")


def test_log_odds_add_up():
    # -1 + 2 / 2 + 1 and -1 + 4 / 2 + 2
    assert OWN.odds(SIGHT) == pytest.approx([1, 3])


def test_rewards_are_probabilities_and_nothing_is_worth_nothing():
    adapted = AdaptedReward(BASE, OWN)
    assert isinstance(adapted, RewardModel)
    assert adapted.rewards("q", ["words", " "]) == pytest.approx([1 / (1 + np.exp(-1)), 0])
    assert adapted.rewards("q", []).shape == (0,)


def test_a_folder_gives_what_was_saved(folder):
    adapted = with_own(BASE, folder)
    assert adapted.rewards("q", ["a", "b"]) == pytest.approx(
        AdaptedReward(BASE, OWN).rewards("q", ["a", "b"])
    )
    assert reward_model(adapted) is BASE
    assert found_of_rewards(folder) == {"tells": False}


def test_without_own_rewards_the_reward_model_stays(folder):
    write_manifest(folder, None, names=("weights.npz",))
    assert with_own(BASE, folder) is BASE
    assert with_own(BASE, None) is BASE
    assert found_of_rewards(None) is None


def test_another_reward_model_is_refused(folder):
    write_manifest(folder, "c" * 64)
    with pytest.raises(ArtefactError, match="made on another reward model"):
        with_own(BASE, folder)


def test_a_damaged_file_is_refused(folder):
    (folder / OWN_REWARD).write_bytes(b"PK")
    with pytest.raises(ArtefactError, match="differs from the digest"):
        with_own(BASE, folder)
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_own_reward(folder, BASE.manifest)


def test_other_features_are_refused(folder):
    with pytest.raises(ArtefactError, match="is not for this reward model"):
        read_own_reward(folder, Manifest("reward", 256, {}, features=4))
