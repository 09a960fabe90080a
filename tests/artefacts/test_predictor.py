"""The embedded router model: whatever it was trained on, these must hold."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.predictor import (
    Column,
    OnnxPredictor,
    Prediction,
    Predictor,
    columns_of,
    mixed,
    single_row,
)
from bestroute.errors import PredictorOverrun
from tests.fakes import MANIFEST

FIELDS = ("quality", "match", "output_tokens")
TEXTS = [
    "hi",
    "Prove that there are infinitely many primes.",
    "",
    " \n\t",
    "word " * 600,
    "x" * 5000,
    "nul \0 in \x00 the middle",
    "\u202eright to left\u202c \u200f\u2066bidi\u2069 \ufeff",
    "数学的归纳法是什么？" * 40,
    "สวัสดีครับ 🙂‍↔️ e\u0301",
    "\ufffd \U0010ffff \ue000",
]


@pytest.fixture(scope="module")
def rows(predictor):
    return predictor.tokenize(TEXTS)


@pytest.fixture(scope="module")
def batch(predictor, rows):
    return predictor.predict(rows)


def close(prediction: Prediction, other: Prediction, rows=slice(None)) -> bool:
    return all(
        np.allclose(getattr(prediction, name), getattr(other, name)[rows], atol=1e-6, rtol=2e-6)
        for name in FIELDS
    )


def test_is_a_predictor(predictor):
    assert isinstance(predictor, Predictor)
    assert isinstance(predictor, OnnxPredictor)


def test_shapes_follow_the_manifest(predictor, batch):
    classes, max_n = len(predictor.manifest.classes), predictor.manifest.max_n
    assert batch.quality.shape == batch.match.shape == (len(TEXTS), classes, max_n)
    assert batch.output_tokens.shape == (len(TEXTS), classes)


def test_values_are_qualities_probabilities_and_counts(batch):
    for values in (batch.quality, batch.match):
        assert ((values >= 0) & (values <= 1)).all()  # NaN fails both
    assert (batch.output_tokens > 0).all()
    assert np.isfinite(batch.output_tokens).all()


def test_more_samples_never_lower_quality_or_match(batch):
    assert (np.diff(batch.quality, axis=2) >= -1e-6).all()
    assert (np.diff(batch.match, axis=2) >= -1e-6).all()


def test_a_batch_is_its_rows_one_by_one(predictor, rows, batch):
    for index, row in enumerate(rows):
        assert close(predictor.predict([row]), batch, slice(index, index + 1)), TEXTS[index]


def test_the_order_of_a_batch_is_kept(predictor, rows, batch):
    backwards = predictor.predict(rows[::-1] + rows)
    assert close(batch, backwards, slice(len(rows), None))
    assert close(batch, backwards, np.arange(len(rows))[::-1])


def test_an_empty_batch(predictor, batch):
    nothing = predictor.predict(predictor.tokenize([]))
    assert [getattr(nothing, name).shape for name in FIELDS] == [
        (0, *getattr(batch, name).shape[1:]) for name in FIELDS
    ]


def test_rows_are_framed_and_bounded(predictor, rows):
    start, end = predictor.tokenize([""])[0].ids
    for row in rows:
        assert (row.ids[0], row.ids[-1]) == (start, end)
        assert len(row.ids) <= predictor.manifest.max_tokens


def test_a_long_text_keeps_its_head_and_tail(predictor):
    """Twenty words are one id each, so the ends of the row can be read off."""
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    ids = [predictor.tokenize([word])[0].ids[1] for word in numbers]
    row = predictor.tokenize([" ".join([*numbers, *["filler"] * 5000, *numbers])])[0]
    assert len(row.ids) == predictor.manifest.max_tokens
    assert row.ids[1:11] == ids == row.ids[-11:-1]


def test_a_megabyte_costs_no_more_than_its_ends(predictor):
    text = " ".join(f"word{number}" for number in range(110_000))
    assert len(text) > 1_000_000
    row = predictor.tokenize([text])[0]
    assert len(row.ids) == predictor.manifest.max_tokens
    assert row == predictor.tokenize([text[:20_000] + text[-20_000:]])[0]


def test_what_is_like_nothing_is_novel_and_ordinary_requests_are_not(predictor):
    ordinary = [
        "A train travels 60 miles in 1.5 hours. How many miles does it travel in 4 hours at the same speed?",
        "Write a limerick about my cat's birthday party.",
        "Was ist die Hauptstadt von Frankreich?",
        "日本の首都はどこですか？",
    ]
    strange = ["", "zxqv bnmk lkjh poiu ytre", "9f8a7d6c5b4a 3e2d1c0b", "x" * 5000]
    rows = predictor.tokenize([*ordinary, *strange])
    novelty = predictor.predict(rows).novelty
    assert novelty[: len(ordinary)].max() <= predictor.manifest.max_novelty < novelty[len(ordinary) :].min()
    alone = np.concatenate([predictor.predict([row]).novelty for row in rows])
    np.testing.assert_allclose(alone, novelty, atol=0.02)


class TestWhatIsSaidOfAnArm:
    VALUES = np.array([[0.25, 0.5], [0.5, 1.0]], np.float32)  # two classes, n = 1 and 2

    @pytest.mark.parametrize(
        ("parts", "n", "value"),
        [
            ([(0, 1)], 1, 0.25),
            ([(0, 2)], 2, 0.5),
            ([(0, 1), (1, 1)], 2, 0.75),
            ([(0, 1), (1, 1)], 1, 0.375),
            ([(0, 1), (1, 3)], 4, 0.125 + 0.75),  # of two, the most that was taught
        ],
    )
    def test_mixed(self, parts, n, value):
        columns = tuple(Column(place, count, 2) for place, count in parts)
        assert float(mixed(self.VALUES, columns, n)) == value
        assert mixed(np.stack([self.VALUES] * 3), columns, n).tolist() == [value] * 3

    @given(st.integers(0, 1), st.integers(1, 2), st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4))
    def test_of_one_part_it_is_the_value_itself(self, column, n, values):
        known = np.array(values, np.float32).reshape(2, 2)
        assert float(mixed(known, (Column(column, n, 2),), n)) == float(known[column, n - 1])

    def test_beyond_what_was_taught_its_value_stands(self):
        """Of two responses of a class that was taught 1, and of one that was taught 2."""
        parts = (Column(0, 1, 1), Column(1, 1, 2))
        assert float(mixed(self.VALUES, parts, 2)) == 0.25 / 2 + 1.0 / 2

    def test_columns(self):
        assert columns_of([("large", 4), ("small", 1)], MANIFEST) == ((2, 4, 4), (0, 1, 4))
        taught = replace(MANIFEST, taught_n=(2, 1, 4))
        assert columns_of([("large", 4), ("small", 1)], taught) == ((2, 4, 4), (0, 1, 2))
        assert columns_of([("small", 1), ("huge", 1)], MANIFEST) is None
        assert columns_of([("small", 5)], MANIFEST) is None


def test_single_row():
    assert single_row([101, 1, 2, 3, 4, 5, 102], 5).ids == [101, 1, 2, 5, 102]
    assert single_row([101, 1, 102], 5).ids == [101, 1, 102]
    assert single_row([101, 102], 5).ids == [101, 102]


def test_a_time_budget_that_passes_aborts_and_leaves_the_model_usable(predictor, rows, batch):
    long = predictor.tokenize(["word " * 600] * 32)
    with pytest.raises(PredictorOverrun, match="time budget"):
        predictor.predict(long, time_budget_s=0.001)
    assert close(predictor.predict(rows, time_budget_s=60), batch)


def test_threads_share_it(predictor, batch):
    indices = [*range(len(TEXTS))] * 3
    with ThreadPoolExecutor(8) as pool:
        ask = lambda index: predictor.predict(predictor.tokenize([TEXTS[index]]))  # noqa: E731
        for index, prediction in zip(indices, pool.map(ask, indices), strict=True):
            assert close(prediction, batch, slice(index, index + 1))
