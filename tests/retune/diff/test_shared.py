"""One prediction for both policies."""

import numpy as np
import pytest

from bestroute.query import read_queries
from bestroute.retune.diff.shared import SharedPredictor
from tests import ROOT
from tests.fakes import MANIFEST, FakePredictor


class TestSharedPredictor:
    def test_says_what_the_predictor_says(self, predictor):
        texts = [query.text for query in read_queries(ROOT / "examples" / "queries.jsonl")][:12]
        shared = SharedPredictor(predictor)
        shared.predict(shared.tokenize(texts[3:7]))
        rows = shared.tokenize([*texts, texts[0]])
        once, again = shared.predict(rows), shared.predict(rows)
        alone = predictor.predict(predictor.tokenize([*texts, texts[0]]))
        for name in ("quality", "match", "output_tokens", "novelty"):
            assert np.array_equal(getattr(once, name), getattr(again, name))
            assert getattr(once, name) == pytest.approx(getattr(alone, name), abs=1e-5, rel=1e-5)

    def test_no_rows(self, predictor):
        shared = SharedPredictor(predictor)
        assert shared.predict(shared.tokenize([])).quality.shape == predictor.predict([]).quality.shape
        assert shared.manifest is predictor.manifest

    def test_without_novelty(self):
        shared = SharedPredictor(FakePredictor())
        assert shared.manifest is MANIFEST
        shared.predict(shared.tokenize(["a", "bb"]))
        said = shared.predict(shared.tokenize(["bb", "ccc", "a"]))
        assert said.novelty is None
        assert said.quality.shape == (3, 3, 4)
