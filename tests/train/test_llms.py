"""LLMs by name: put together, fitted, written; then a policy that names one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bestroute.artefacts.known import read_known, with_known
from bestroute.artefacts.manifest import LLMS, read_manifest, seen_queries, sha256
from bestroute.errors import InputError
from bestroute.records.record import Record, Response, split_of
from bestroute.train.folder import write_manifest
from bestroute.train.llms.fit import balanced, spread
from bestroute.train.llms.make import add_llms
from bestroute.train.llms.read import read_corpus
from tests.train.adapt.traffic import MANIFEST, Router, hard_and_easy

COUNT = 400
FEATURES, SCORES = hard_and_easy(COUNT)


def records(start=0, count=COUNT, names=("Tiny-1B", "mid-7b", "big-70b")):
    for row in range(start, start + count):
        responses = {
            name: (Response(float(score), output_tokens=50.0),)
            for name, score in zip(names, SCORES[row], strict=True)
        }
        yield Record(str(row), "own/part", f"query number {row}", responses)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "router"
    folder.mkdir()
    for name in ("model.onnx", "tokenizer.json"):
        (folder / name).write_bytes(b"a file")
    files = {path.name: sha256(path) for path in folder.iterdir()}
    write_manifest(folder, replace(MANIFEST, files=files))
    return folder


def test_spellings_of_one_llm_are_one():
    corpus = read_corpus(
        [*records(0, 200), *records(200, 100, ("vendor/tiny-1b-instruct", "mid_7b", "other"))]
    )
    assert [(one.name, one.also) for one in corpus.answers] == [
        ("Tiny-1B", ("vendor/tiny-1b-instruct",)),
        ("big-70b", ()),
        ("mid-7b", ("mid_7b",)),
        ("other", ()),
    ]


def test_names_that_answer_the_same_queries_are_not_one():
    corpus = read_corpus(records(0, 100, ("base-7b", "base-7b-chat", "big")))
    assert len(corpus.answers) == 3


def test_test_queries_teach_nothing(folder):
    add_llms(folder, records(), Router(FEATURES), {})
    told = sum(split_of(f"query number {row}") != "test" for row in range(COUNT))
    assert len(seen_queries(folder)) == told


def test_an_llm_is_told_from_its_records(folder):
    base = Router(FEATURES, manifest=read_manifest(folder, "router"))
    known = add_llms(folder, records(), base, {"command": "bestroute"})
    manifest = read_manifest(folder, "router")
    assert manifest.files[LLMS] == sha256(folder / LLMS)
    assert manifest.recipe["llms"] == {"command": "bestroute"}
    assert manifest.files["model.onnx"] == sha256(folder / "model.onnx")
    assert read_known(folder, manifest) == known
    predictor = with_known(Router(FEATURES, manifest=manifest), folder, ["tiny-1b", "big-70b"])
    places = [row for row in range(COUNT) if split_of(f"query number {row}") == "test"]
    said = predictor.predict(predictor.tokenize([f"query number {row}" for row in places]))
    tiny, big = said.quality[:, 3, 0], said.quality[:, 4, 0]
    easy = FEATURES[places, 0] > 0
    assert tiny[easy].mean() > tiny[~easy].mean() + 0.3
    assert tiny.mean() == pytest.approx(SCORES[places, 0].mean(), abs=0.12)
    assert big.mean() == pytest.approx(SCORES[places, 2].mean(), abs=0.12)
    assert said.output_tokens[0, 3:] == pytest.approx([50, 50])
    assert (np.diff(said.quality, axis=2) >= -1e-6).all()


def test_classes_have_their_levels(folder):
    mixed = [*records(), *records(0, COUNT, ("small", "medium", "large"))]
    known = add_llms(folder, mixed, Router(FEATURES), {})
    assert [one.name for one in known.classes] == ["small", "medium", "large"]
    assert not {"small", "medium", "large"} & {llm.name for llm in known.llms}


def test_without_features_there_is_no_ridge(folder):
    bare = replace(MANIFEST, features=0)
    known = add_llms(folder, records(), Router(FEATURES, manifest=bare), {})
    assert all(llm.row is None for llm in known.llms)


def test_few_records_make_no_llm(folder):
    with pytest.raises(InputError, match="no LLM stands in 50 training queries"):
        add_llms(folder, records(0, 40), Router(FEATURES), {})
    assert not (folder / LLMS).exists()


def test_a_source_counts_as_the_root_of_its_queries():
    sources = np.array(["a"] * 4 + ["b"])
    weights = balanced(sources)
    assert weights.mean() == pytest.approx(1)
    assert weights[:4].sum() == pytest.approx(2 * weights[4])
    many = np.array(["a"] * 9000 + ["b"] * 100)
    kept = many[spread(many)]
    assert len(kept) == 2000
    assert (kept == "b").sum() == 100


def test_the_list_is_a_line_an_llm(folder):
    known = add_llms(folder, records(), Router(FEATURES), {})
    text = (folder / LLMS).read_text("utf-8")
    assert len(json.loads(text)["llms"]) == len(known.llms) == 3
    assert all(sum(llm.name in line for line in text.splitlines()) == 1 for llm in known.llms)
