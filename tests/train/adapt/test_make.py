"""A whole adapter: made, opened, routed by; what must hold of what it says."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from bestroute.artefacts.adapter import AdaptedPredictor
from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.manifest import read_manifest, seen_queries
from bestroute.artefacts.own_reward import with_own
from bestroute.artefacts.reward import HEAD, Sight
from bestroute.errors import ArtefactError, InputError
from bestroute.records.record import Response, query_hash
from bestroute.router import Router as Face
from bestroute.train.adapt.make import adapt
from bestroute.train.adapt.rows import read_rows
from bestroute.train.adapt.telling import as_text, cautions
from tests.fakes import FakeReward, make_policy
from tests.train.adapt.traffic import MANIFEST, NAMES, POLICY, Router, hard_and_easy, records_of

COUNT = 150
FEATURES, SCORES = hard_and_easy(2 * COUNT)
BASE = Router(FEATURES)
TEXTS = [f"query number {row}" for row in range(2 * COUNT)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("adapted") / "adapter"
    return out, adapt(POLICY, records_of(SCORES[:COUNT]), out, BASE, None, {"leave": 0.0})


@pytest.fixture(scope="module")
def predictor(made):
    return AdaptedPredictor(BASE, made[0])


@pytest.fixture(scope="module")
def said(predictor):
    return predictor.predict(predictor.tokenize(TEXTS[COUNT:]))


def test_the_folder_says_what_it_is(made):
    manifest = read_manifest(made[0], "adapter")
    assert manifest.classes == NAMES
    assert manifest.reference == "big"
    assert manifest.recipe["router"] == MANIFEST.files["model.onnx"]
    assert manifest.metrics["cross_fitted"]["queries"] == COUNT


def test_it_remembers_what_it_saw(made):
    hashes = set(seen_queries(made[0]).tolist())
    assert hashes == {query_hash(text) for text in TEXTS[:COUNT]}


def test_models_stand_in_the_place_of_classes(predictor):
    assert predictor.manifest.classes == NAMES
    assert predictor.manifest.adapted
    assert predictor.manifest.reference == "big"
    assert predictor.manifest.mean_output_tokens == (50.0, 50.0, 50.0)


def test_levels_of_fresh_queries_are_right(said):
    assert said.quality[:, :, 0].mean(axis=0) == pytest.approx(SCORES[COUNT:].mean(axis=0), abs=0.1)


def test_fresh_easy_queries_are_told_from_hard_ones(said):
    easy = FEATURES[COUNT:, 0] > 0
    assert said.quality[easy, 0, 0].mean() > said.quality[~easy, 0, 0].mean() + 0.4


def test_curves_never_fall_with_n_and_are_probabilities(said):
    for curves in (said.quality, said.match):
        assert (np.diff(curves, axis=2) >= -1e-6).all()
        assert ((curves >= 0) & (curves <= 1)).all()


def test_own_traffic_is_known_and_other_traffic_is_not(predictor, said):
    assert (said.novelty <= predictor.manifest.max_novelty).mean() > 0.9
    strange = AdaptedPredictor(Router(np.full((1, 40), 30.0)), predictor.folder)
    assert strange.predict(strange.tokenize(["query number 0"])).novelty[0] > 1


def test_what_the_router_model_knows_stays_known(made):
    familiar = AdaptedPredictor(Router(np.full((1, 40), 30.0), novelty=0.5), made[0])
    assert familiar.predict(familiar.tokenize(["query number 0"])).novelty[0] == pytest.approx(0.5)


def test_a_batch_says_what_each_query_alone_does(predictor, said):
    for row in (0, 7, 31):
        alone = predictor.predict(predictor.tokenize([TEXTS[COUNT + row]]))
        assert alone.quality[0] == pytest.approx(said.quality[row], abs=1e-6)
        assert alone.novelty[0] == pytest.approx(said.novelty[row], abs=1e-5)


def test_a_router_routes_by_it(predictor):
    router = Face(POLICY, predictor=predictor)
    easy, hard = (int(np.flatnonzero(FEATURES[COUNT:, 0] * sign > 0)[0]) + COUNT for sign in (1, -1))
    gaps = [router.route(TEXTS[row]).candidates[0].gap for row in (easy, hard)]
    assert gaps[0] < gaps[1] - 0.2
    assert router.route(TEXTS[hard]).cause != "abstain"


def test_what_is_told_is_better_than_the_router_model_as_it_is(made):
    report = made[1].report
    assert report["cross_fitted"]["error"] < report["base"]["error"]
    assert report["cross_fitted"]["gap_correlation"]["value"] > 0.3
    assert report["cross_fitted"]["level_error"] < 0.02
    assert report["known_to_base"] == 0
    assert report["known"] >= 0.95
    assert {*report["savings"]["saving"]} == {"adapter", "base", "static_mix"}
    text = as_text(report, "my/adapter")
    assert "gap correlation" in text
    assert "static mix" in text


def test_records_in_another_order_make_the_same_adapter(made, tmp_path):
    adapt(POLICY, records_of(SCORES[:COUNT])[::-1], tmp_path / "again", BASE, None, {"leave": 0.0})
    assert (tmp_path / "again" / "weights.npz").read_bytes() == (made[0] / "weights.npz").read_bytes()


def test_another_router_model_is_refused(made):
    other = Router(FEATURES, manifest=replace(MANIFEST, files={"model.onnx": "b" * 64}))
    with pytest.raises(ArtefactError, match="made on another router model; run `bestroute adapt` again"):
        AdaptedPredictor(other, made[0])


def test_without_features_levels_are_adapted_and_that_is_said(tmp_path):
    bare = Router(FEATURES, manifest=replace(MANIFEST, features=0))
    found = adapt(POLICY, records_of(SCORES[:60]), tmp_path / "adapter", bare, None, {})
    assert {model["goes_as_far_as"] for model in found.report["models"].values()} <= {
        "base",
        "level",
        "slope",
    }
    assert any("gives no features" in caution for caution in cautions(found.report))
    said = AdaptedPredictor(bare, tmp_path / "adapter")
    novelty = said.predict(said.tokenize(TEXTS[60:62])).novelty
    assert (novelty <= 1).all()


def test_one_response_a_prompt_is_enough_to_learn_from(tmp_path):
    """Each prompt went to one model: levels come out, gaps cannot be told."""
    logged = np.full((COUNT, 3), np.nan)
    asked = np.random.default_rng(3).integers(0, 3, COUNT)
    logged[np.arange(COUNT), asked] = SCORES[np.arange(COUNT), asked]
    found = adapt(POLICY, records_of(logged), tmp_path / "adapter", BASE, None, {})
    report = found.report
    assert sum(model["records"] for model in report["models"].values()) == COUNT
    for name, truth in zip(NAMES, SCORES[:COUNT].mean(axis=0), strict=True):
        model = report["models"][name]
        assert model["level"] == pytest.approx(truth, abs=0.2)
        assert 0.05 < model["level_interval"] < 0.25
    assert report["cross_fitted"]["gap_correlation"] is None
    assert any("about 100 prompts that every model answered" in caution for caution in cautions(report))


@pytest.mark.parametrize("count", [5, 6, 10])
def test_a_handful_of_records_is_enough_to_go_on(tmp_path, count):
    found = adapt(POLICY, records_of(SCORES[:count]), tmp_path / "adapter", BASE, None, {})
    assert as_text(found.report, "x")
    predictor = AdaptedPredictor(BASE, tmp_path / "adapter")
    assert np.isfinite(predictor.predict(predictor.tokenize(TEXTS[:3])).quality).all()
    assert any("placed from" in caution for caution in cautions(found.report))


def test_an_adapter_and_new_records_are_as_good_as_all_records(made, tmp_path):
    records = records_of(SCORES[:COUNT])
    first, second = tmp_path / "first", tmp_path / "second"
    adapt(POLICY, records[:90], first, BASE, None, {})
    again = adapt(POLICY, records[60:], second, BASE, None, {}, earlier=first)
    assert again.report["left_out"] == {"of queries that the earlier adapter saw": 30}
    assert again.report["cross_fitted"] == made[1].report["cross_fitted"]
    assert (seen_queries(second) == seen_queries(made[0])).all()
    for one, other in zip(
        np.load(second / "weights.npz").values(), np.load(made[0] / "weights.npz").values(), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)
    with np.load(first / "rows.npz") as rows:
        assert not any("query number" in str(part) for part in rows.values())


def test_an_earlier_adapter_that_does_not_go_with_it_is_refused(made, tmp_path):
    records, out = records_of(SCORES[:COUNT]), tmp_path / "out"
    with pytest.raises(InputError, match="1 are the fewest"):
        adapt(POLICY, records, out, BASE, None, {}, earlier=made[0])
    other = POLICY.model_copy(update={"reference": "mid"})
    with pytest.raises(InputError, match="reference big, the policy has tiny, mid, big and mid"):
        adapt(other, records, out, BASE, None, {}, earlier=made[0])
    copy = tmp_path / "copy"
    shutil.copytree(made[0], copy)
    (copy / "rows.npz").unlink()
    with pytest.raises(InputError, match="without --from"):
        adapt(POLICY, records, out, BASE, None, {}, earlier=copy)
    assert AdaptedPredictor(BASE, copy)  # it serves all the same


class Sees(FakeReward):
    """A reward model whose features tell what is right, and whose own rewards do not."""

    manifest = replace(MANIFEST, kind="reward", files={HEAD: "b" * 64}, features=4)

    def sight(self, query, responses):
        right = np.array([float("right" in text) for text in responses])
        features = np.column_stack([right, np.ones((len(right), 3))])
        return Sight(np.zeros(len(right)), features, np.zeros((len(right), len(FACTS))))


def sampled(count, start=0):
    """Records of two responses of the tiny model, one of them right, and one of each other."""
    return [
        replace(
            record,
            responses={
                **record.responses,
                "tiny": (Response(1.0, f"right {row}", 9.0), Response(0.0, f"wrong {row}", 9.0)),
            },
        )
        for row, record in enumerate(records_of(SCORES[: start + count]))
        if row >= start
    ]


def test_own_rewards_are_part_of_the_folder_and_of_its_labels(tmp_path):
    twice = make_policy(tiers=[{"model": "tiny"}, {"model": "tiny", "n": 2}, {"model": "big"}])
    made = adapt(twice, sampled(40), tmp_path / "one", BASE, Sees(), {})
    found = made.report["rewards"]
    assert found["adapted"]
    assert found["share_of_gain"]["own"]["value"] == 1
    assert found["share_of_gain"]["base"]["value"] == 0
    assert "with own scores" in as_text(made.report, "one")
    right, wrong = with_own(Sees(), tmp_path / "one").rewards("q", ["right", "wrong"])
    assert right > 0.9 > 0.1 > wrong
    rows = read_rows(tmp_path / "one", twice, MANIFEST)
    assert rows.quality[:, 0, 1] == pytest.approx(1)
    adapt(twice, sampled(10, 40), tmp_path / "two", BASE, Sees(), {}, earlier=tmp_path / "one")
    assert with_own(Sees(), tmp_path / "two").rewards("q", ["right"]) == pytest.approx([right])
