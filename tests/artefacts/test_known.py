"""Columns of LLMs by hand, and lists that do not hold."""

from dataclasses import replace

import numpy as np
import pytest

from bestroute.artefacts.known import (
    RIDGES,
    Known,
    KnownPredictor,
    Level,
    Llm,
    Told,
    known_text,
    read_known,
    with_known,
)
from bestroute.artefacts.manifest import LLMS
from bestroute.errors import ArtefactError
from tests.fakes import CLASSES, MANIFEST, FakePredictor

LLAMA = Llm(
    name="llama-3.1-8b",
    queries=60,
    levels={"sums": Level(0.6, 60)},
    also=("llama31_8b",),
    class_="small",
    level=float(np.log(3)),
    slope=1.0,
    tokens_scale=2.0,
    tokens_shift=1.0,
    output_tokens=25.0,
    row=None,
)
FLAT = replace(LLAMA, name="flat", also=(), class_="large", level=0.0, slope=0.0)
KNOWN = Known((Told("small", 9, {"sums": Level(0.5, 9)}),), (LLAMA, FLAT))
LISTED = replace(MANIFEST, files={LLMS: "a"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / LLMS).write_text(known_text(KNOWN), "utf-8")
    return tmp_path


def asked(predictor):
    return predictor.predict(predictor.tokenize(["a query"]))


def test_the_arithmetic_by_hand(folder):
    """Three times the odds of small, at every n and of a match too; flat is 1/2 of one response."""
    predictor = KnownPredictor(FakePredictor(), folder, {"mine": LLAMA, "flat": FLAT})
    said, base = asked(predictor), asked(FakePredictor())
    assert np.array_equal(said.quality[:, :3], base.quality)
    odds = 3 * base.quality[0, 0] / (1 - base.quality[0, 0])
    assert said.quality[0, 3] == pytest.approx(odds / (1 + odds), abs=1e-6)
    odds = 3 * base.match[0, 0] / (1 - base.match[0, 0])
    assert said.match[0, 3] == pytest.approx(odds / (1 + odds), abs=1e-6)
    assert said.quality[0, 4, 0] == pytest.approx(0.5)
    assert said.output_tokens[0].tolist() == [10, 20, 40, 21, 81]
    assert predictor.manifest.classes == (*CLASSES, "mine", "flat")
    assert predictor.manifest.llms == {"mine": "llama-3.1-8b", "flat": "flat"}
    assert predictor.manifest.mean_output_tokens == (100, 200, 300, 25, 25)


def test_a_ridge_is_read_from_its_row(folder):
    np.save(folder / RIDGES, np.array([[9, 9], [0.5, -1]], np.float16))
    base = FakePredictor(manifest=replace(MANIFEST, features=2))
    columns = KnownPredictor(base, folder, {"flat": replace(FLAT, row=1)}).columns
    said = replace(asked(base), features=np.array([[2.0, 3.0]], np.float32))
    assert columns.beside(said).quality[0, 3, 0] == pytest.approx(1 / (1 + np.exp(2)), abs=1e-6)


def test_who_names_classes_alone_opens_nothing(tmp_path):
    base = FakePredictor(manifest=LISTED)
    assert with_known(base, tmp_path / "nowhere", CLASSES) is base


def test_names_that_mean_nothing_have_no_column(folder):
    predictor = with_known(FakePredictor(manifest=LISTED), folder, ("small", "Llama-3.1-8B-Instruct", "who"))
    assert predictor.manifest.classes == (*CLASSES, "Llama-3.1-8B-Instruct")


def test_the_list_gives_back_what_was_written(folder):
    assert read_known(folder, LISTED) == KNOWN
    assert read_known(folder, MANIFEST) == Known()


@pytest.mark.parametrize("text", ["no json", "{}", '{"classes": [], "llms": [{"name": "a"}]}'])
def test_a_list_that_cannot_be_read_is_refused(folder, text):
    (folder / LLMS).write_text(text, "utf-8")
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_known(folder, LISTED)


def test_a_list_for_other_classes_is_refused(folder):
    with pytest.raises(ArtefactError, match="is not for the classes"):
        read_known(folder, replace(LISTED, classes=("tiny",)))


def test_ridges_that_are_not_there_are_refused(folder):
    with pytest.raises(ArtefactError, match="cannot be read"):
        KnownPredictor(FakePredictor(), folder, {"flat": replace(FLAT, row=0)})
