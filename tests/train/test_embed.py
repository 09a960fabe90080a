"""The frozen encoder's embeddings: unit vectors that do not depend on the neighbours."""

import numpy as np
import pytest
import torch

from bestroute.train.embed import frozen_embeddings
from bestroute.train.encoder import TextEncoder, load_tokenizer

pytestmark = pytest.mark.train

TEXTS = ["What is 2 + 2?", "Write a verse on the sea.", "x " * 300, "", "Add two and two."]


def test_unit_vectors_in_order_whatever_the_neighbours():
    vectors = frozen_embeddings(TEXTS)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(frozen_embeddings([text])[0], vector, atol=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[0, 4] > likeness[0, 1]


def test_the_mean_of_the_last_layer_is_scaled_to_one():
    ids = load_tokenizer().encode(TEXTS[0]).ids
    with torch.no_grad():
        hidden = TextEncoder().eval().bert(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
    mean = hidden.mean(axis=0)
    np.testing.assert_allclose(frozen_embeddings(TEXTS[:1])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_a_long_text_keeps_its_head_and_tail():
    head, tail = "one " * 127, " two" * 127  # 254 of the 256 ids, the others are [CLS] and [SEP]
    with_middle, without, other = frozen_embeddings([head + "three " * 90 + tail, head + tail, head + head])
    np.testing.assert_allclose(with_middle, without, atol=1e-5)
    assert np.abs(other - without).max() > 0.01


def test_many_texts_are_cut_into_batches():
    texts = [f"number {number} " + "long " * (number % 7 * 20) for number in range(200)]
    vectors = frozen_embeddings(texts)
    for place in (0, 6, 199):
        np.testing.assert_allclose(frozen_embeddings([texts[place]])[0], vectors[place], atol=1e-5)


def test_no_text():
    assert frozen_embeddings([]).shape == (0, 384)
