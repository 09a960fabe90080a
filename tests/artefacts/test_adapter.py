"""An adapter's arithmetic by hand, and folders that do not hold."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.adapter import WEIGHTS, AdaptedPredictor, Adapter, read_adapter
from bestroute.artefacts.manifest import Manifest, sha256
from bestroute.artefacts.odds import log_odds, sigmoid
from bestroute.artefacts.predictor import Prediction
from bestroute.errors import ArtefactError
from bestroute.train.folder import write_manifest
from tests.fakes import MANIFEST, FakePredictor


def single(*values):
    return np.array(values, np.float32)


# Two models, on the columns small and large, no features; the second is the reference.
ADAPTER = Adapter(
    columns=np.array([0, 2]),
    slope=single(1.0, 0.0),
    growth=single(1.0, 0.0),
    lift=np.ones((2, 4), np.float32),
    match_factor=single(1.0, 1.0),
    match_slope=single(1.0, 1.0),
    tokens_scale=single(2.0, 0.0),
    tokens_shift=single(0.0, 7.0),
    readout=np.zeros((0, 3), np.float32),
    bias=single(0.0, np.log(4), 0.0),
    inside=single(),
    outside=np.array(0.0, np.float32),
    familiar=np.array(0.5, np.float32),
    reference=1,
)
OWN = Manifest(
    kind="adapter",
    max_tokens=0,
    files={},
    classes=("tiny", "big"),
    max_n=4,
    reference="big",
    mean_output_tokens=(20.0, 7.0),
    max_novelty=1.0,
    recipe={"router": None},
)


def said(**parts):
    predictor = FakePredictor()
    return replace(predictor.predict(predictor.tokenize(["a query"])), **parts)


def written(folder, adapter=ADAPTER, own=OWN):
    adapter.save(folder)
    write_manifest(folder, replace(own, files={WEIGHTS: sha256(folder / WEIGHTS)}))
    return folder


def test_the_arithmetic_by_hand():
    """The first is its column as it is; the second is 0.8 = sigmoid(log 4) whatever its column says."""
    found = ADAPTER.apply(said(novelty=single(3.0)))
    assert found.quality[0, 0] == pytest.approx([0.625, 0.6875, 0.71875, 0.75])
    assert found.quality[0, 1] == pytest.approx([0.8] * 4)
    assert found.match[0, 0, 0] == pytest.approx(1 - 0.8 * (1 - 0.625))
    assert found.match[0, 1] == pytest.approx([1 - 0.8 * 0.2] * 4)
    assert found.output_tokens[0] == pytest.approx([20.0, 7.0])
    assert found.novelty == pytest.approx([1.5])


def test_features_and_the_distance_by_hand():
    """Two features; own traffic lies around (1, 0), a step along the first counts 1/4, any other 1."""
    adapter = replace(
        ADAPTER,
        readout=np.array([[0.5, 0.0, 1.0, -2.0], [0.0, 0.0, 0.0, 0.0]], np.float32),
        bias=single(0.0, np.log(4), -1.0, 1.0),
        inside=single(0.75),
        outside=np.array(1.0, np.float32),
    )
    found = adapter.apply(said(features=np.array([[3.0, 1.0]], np.float32), novelty=None))
    assert log_odds(found.quality[0, 0, :1]) == pytest.approx(log_odds(np.array([0.625])) + 1.5, abs=1e-5)
    assert found.novelty == pytest.approx([2**2 / 4 + 1**2])


@given(
    seed=st.integers(0, 2**32 - 1),
    queries=st.integers(0, 3),
    models=st.integers(1, 4),
    most=st.integers(1, 5),
)
def test_it_is_what_its_definition_says(seed, queries, models, most):
    """The arithmetic as the docstring has it, in double precision."""
    draw = np.random.default_rng(seed)

    def between(low, high, *shape):
        return draw.uniform(low, high, shape).astype(np.float32)

    adapter = Adapter(
        columns=draw.integers(0, 3, models),
        slope=between(0, 2, models),
        growth=between(0, 2, models),
        lift=between(0.5, 2, models, most),
        match_factor=between(0.5, 2, models),
        match_slope=between(0.5, 2, models),
        tokens_scale=between(0, 2, models),
        tokens_shift=between(0, 9, models),
        readout=between(-1, 1, 5, models + 1),
        bias=between(-1, 1, models + 1),
        inside=single(),
        outside=np.array(1.0, np.float32),
        familiar=np.array(0.0, np.float32),
        reference=int(draw.integers(models)),
    )
    quality, tokens = between(0.1, 0.9, queries, 3, most), between(0, 99, queries, 3)
    features = between(-1, 1, queries, 5)
    found = adapter.apply(Prediction(quality, quality, tokens, between(0, 1, queries), features))

    odds = quality[:, adapter.columns].astype(float)
    odds /= 1 - odds
    seen = features.astype(float) @ adapter.readout[:, :models] + adapter.bias[:models]
    first = seen + adapter.slope * np.log(odds[:, :, 0])
    after = np.exp(first)[:, :, None] * (odds / odds[:, :, :1]) ** adapter.growth[:, None] * adapter.lift
    expected = after / (1 + after)
    lost = expected[:, adapter.reference, :1, None] * (1 - expected)
    against = adapter.match_factor[:, None] * (lost / (1 - lost)) ** adapter.match_slope[:, None]
    assert found.quality == pytest.approx(expected, abs=1e-5)
    assert found.match == pytest.approx(1 / (1 + against), abs=1e-5)
    assert found.output_tokens == pytest.approx(
        tokens[:, adapter.columns] * adapter.tokens_scale + adapter.tokens_shift, abs=1e-3
    )


def test_what_is_far_out_stays_a_probability():
    far = ADAPTER.apply(said(quality=np.array([[[0.0] * 4, [0.5] * 4, [1.0] * 4]], np.float32)))
    wide = replace(ADAPTER, bias=single(1e6, -1e6, 0.0)).apply(said())
    for found in (far, wide):
        assert ((found.quality >= 0) & (found.quality <= 1)).all()
        assert ((found.match >= 0) & (found.match <= 1)).all()


def test_log_odds_and_sigmoid_are_each_other_s_inverse():
    odds = np.linspace(-5, 5, 11)
    assert log_odds(sigmoid(odds)) == pytest.approx(odds)


def test_a_folder_gives_back_what_was_saved(tmp_path):
    adapter = read_adapter(written(tmp_path), OWN, MANIFEST)
    for field in fields(Adapter):
        assert np.array_equal(getattr(adapter, field.name), getattr(ADAPTER, field.name))
    predictor = AdaptedPredictor(FakePredictor(), tmp_path)
    assert isinstance(predictor.predict(predictor.tokenize(["one", "two"])), Prediction)
    assert predictor.predict(predictor.tokenize(["one", "two"])).quality.shape == (2, 2, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": np.array([0, 3])},
        {"columns": np.array([0])},
        {"lift": np.ones((2, 3), np.float32)},
        {"readout": np.zeros((5, 3), np.float32)},
        {"reference": 2},
    ],
)
def test_weights_for_another_router_model_or_policy_are_refused(tmp_path, change):
    with pytest.raises(ArtefactError, match="is not for 2 models of this router model"):
        AdaptedPredictor(FakePredictor(), written(tmp_path, replace(ADAPTER, **change)))


def test_what_cannot_be_read_is_refused(tmp_path):
    written(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"no archive")
    with pytest.raises(ArtefactError, match="differs from the digest"):
        AdaptedPredictor(FakePredictor(), tmp_path)
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_adapter(tmp_path, OWN, MANIFEST)
