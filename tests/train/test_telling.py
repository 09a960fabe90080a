"""A training in words, from manifests made up."""

from dataclasses import replace

from bestroute.train.telling import as_text, coins
from tests.fakes import MANIFEST

TOLD = {"queries": 15, "mean_quality": 0.6}
GOOD = TOLD | {"auc": 0.7, "auc_interval": [0.62, 0.78], "ece_quality": 0.02}
COIN = TOLD | {"auc": 0.55, "auc_interval": [0.41, 0.69], "ece_quality": 0.2}
WORSE = TOLD | {"auc": 0.06, "auc_interval": [0.0, 0.27], "ece_quality": 0.2}
RIGHT = {"queries": 15, "mean_quality": 1.0, "auc": None, "auc_interval": [None, None], "ece_quality": 0.1}
CLASSES = {
    "small": GOOD,
    "medium": COIN,
    "bad": WORSE,
    "large": RIGHT,
    "wrong": RIGHT | {"mean_quality": 0.0},
}
ROUTER = replace(
    MANIFEST,
    metrics={"test": {"own": {"queries": 40, "classes": CLASSES | {"large": {"queries": 0}}},
                      "overall": {"queries": 1040, "classes": CLASSES}}},
    recipe={"history": {"0": {"best_epoch": 2, "validation_loss": [0.9, 0.71, 0.8]}}},
)  # fmt: skip


def test_the_epoch_that_was_kept_and_what_is_no_better_than_a_coin():
    epoch, found = as_text(ROUTER).split("\n\n")
    assert epoch == "Epoch 2 of 3 was kept, by its loss on the validation queries: 0.900, 0.710, 0.800."
    rows = [line.split("  ") for line in found.splitlines()]
    assert len(rows) == 11
    assert found.count("may be no better than a coin") == found.count("is worse than a coin") == 2
    assert found.count("cannot be told: all 15 are wrong") == 2
    assert found.count("cannot be told: all 15 are right") == 1
    assert found.count("cannot be told: no test query has a response") == 1
    assert "AUC 0.70 (0.62 to 0.78)" in found


def test_a_coin_is_warned_of():
    medium, bad, large, wrong = coins(ROUTER)
    assert medium.startswith(
        "which queries medium gets right is told by what may be no better than a coin: "
        "AUC 0.55 (0.41 to 0.69) on 15 test queries. More prompts"
    )
    assert bad.startswith("which queries bad gets right is told by what is worse than a coin: AUC 0.06 (")
    assert large.startswith("which queries large gets right cannot be told: all 15 are right. More prompts")
    assert wrong.startswith("which queries wrong gets right cannot be told: all 15 are wrong. More prompts")


def test_every_seed_has_its_epoch():
    run = {"best_epoch": 1, "validation_loss": [0.5]}
    text = as_text(replace(ROUTER, recipe={"history": {"0": run, "1": run}}))
    assert text.startswith("Epoch 1 of 1 was kept, by its loss on the validation queries: 0.500 (seed 0).")
    assert "(seed 1)" in text


def test_a_reward_model():
    gain = {"random": 0.4, "kept": 0.5, "oracle": 0.6, "share_of_gain": 0.5, "interval": [0.3, 0.7]}
    metrics = {
        "best_of_n": {"own": {"gains": {"n=2": gain}, "ece": 0.1}},
        "pairwise_accuracy": {"likes": {"pairs": 20, "accuracy": 0.65, "interval": [0.45, 0.8]}},
    }
    text = as_text(replace(MANIFEST, kind="reward", metrics={"test": metrics}))
    assert "50% (30 to 70)" in text
    assert "65.0% (45 to 80)" in text
    nothing = {"best_of_n": {}, "pairwise_accuracy": {}}
    assert as_text(replace(MANIFEST, kind="reward", metrics={"test": nothing})).startswith("No test query")


def test_a_posterior():
    keys = ("ece_quality", "ece_reference", "ece_chance", "cross_entropy", "cross_entropy_of_prior")
    told = {"queries": 5, "states": 60, **dict.fromkeys(keys, 0.25)}
    manifest = replace(MANIFEST, kind="posterior", metrics={"test": {"own": told}})
    assert as_text(manifest).splitlines()[1].split() == ["own", "5", "60", *["0.250"] * 5]
    assert as_text(replace(manifest, metrics={"test": {}})) == "No test query measures it."
