"""What the learned baselines read: the frozen encoder alike for every text, and its main directions."""

import numpy as np
import pytest

from bestroute.evaluate.baselines.embedding import COMPONENTS, frozen_features, principal

TEXTS = ["What is 2 + 2?", "Write a verse on the sea.", "x " * 300, "", "Add two and two."]


@pytest.fixture(scope="module")
def features():
    return frozen_features(TEXTS)


def test_a_text_reads_the_same_whatever_stands_beside_it(features):
    assert features.dtype == np.float32
    for text, row in zip(TEXTS, features, strict=True):
        np.testing.assert_allclose(frozen_features([text])[0], row, atol=1e-5)


def test_several_processes_read_what_one_does(features):
    many = [f"{text} {number}" for number in range(60) for text in TEXTS]  # more than one batch
    np.testing.assert_array_equal(frozen_features(many, 2), frozen_features(many))


def test_what_means_the_same_is_near(features):
    vectors, asked = principal(features, features)
    np.testing.assert_array_equal(vectors, asked)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[0, 4] > likeness[0, 1]


def test_the_main_directions_are_kept_whatever_the_scale():
    """Of 500 columns 200 hold all that there is, in twos; a unit a thousand times smaller is no less."""
    generator = np.random.default_rng(0)
    half = generator.normal(size=(600, 100))
    noise = generator.normal(size=(600, 300)) * 0.0
    columns = np.hstack([half, half * 1000, noise + 7]).astype(np.float32)
    known, asked = principal(columns[:500], columns[500:])
    assert known.shape == (500, COMPONENTS)
    centred = half - half[:500].mean(axis=0)
    true = centred / half[:500].std(axis=0)
    true = true / np.linalg.norm(true, axis=1, keepdims=True)
    np.testing.assert_allclose(asked @ known.T, true[500:] @ true[:500].T, atol=1e-2)
