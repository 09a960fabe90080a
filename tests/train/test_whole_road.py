"""The whole road, small: records of four dozen sums to two artefacts that serve, by the commands."""

import json

import pytest
from click.testing import CliRunner

from bestroute.artefacts.manifest import read_manifest
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.cli import cli
from bestroute.records.lines import read_records
from bestroute.records.record import split_of

pytestmark = pytest.mark.train


def record(number: int) -> dict:
    right, wrong = f"It is {number + 2}.", f"It is {number + 3}."
    small = [
        {"text": text, "score": float(text == right), "output_tokens": 5} for text in (right, wrong, wrong)
    ]
    large = [{"text": right, "score": 1.0, "output_tokens": 6}]
    responses = {"small": small, "large": large}
    return {"id": str(number), "source": "sums", "query": f"What is {number} + 2?", "responses": responses}


def pair(number: int) -> dict:
    return {"query": f"Greet me {number} times.", "chosen": "Hello, good day!", "rejected": "No."}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    for name, line, count in (("sums.jsonl", record, 48), ("pairs.jsonl", pair, 20)):
        (folder / name).write_text("".join(json.dumps(line(number)) + "\n" for number in range(count)))
    return folder


def run(*words: object) -> str:
    """What it warned of."""
    result = CliRunner().invoke(cli, ["train", *map(str, words), "--epochs", "1", "--json"])
    assert result.exit_code == 0, result.output
    assert set(json.loads(result.stdout)) == {"out", "metrics"}
    return result.stderr


@pytest.fixture(scope="module")
def reward(workplace):
    sums, pairs = workplace / "sums.jsonl", workplace / "pairs.jsonl"
    labels = ["--label", sums, "--labelled", workplace / "labelled"]
    run("reward", sums, "--preferences", pairs, *labels, "--out", workplace / "reward", "--batch-size", 8)
    return workplace / "reward"


@pytest.fixture(scope="module")
def said(workplace, reward):
    return run("router", workplace / "labelled" / "sums.jsonl", "--out", workplace / "router", "--max-n", 8)


@pytest.fixture(scope="module")
def router(workplace, said):
    return workplace / "router"


def test_every_response_has_an_out_of_fold_reward(workplace, reward):
    labelled = list(read_records([workplace / "labelled" / "sums.jsonl"]))
    assert len(labelled) == 48
    assert all(0 < item.reward < 1 for row in labelled for items in row.responses.values() for item in items)
    assert [path.name for path in (workplace / "labelled").iterdir()] == ["sums.jsonl"]


def test_the_reward_artefact_serves(reward):
    assert OnnxRewardModel(reward).rewards("What is 1 + 2?", ["It is 3.", "It is 4."]).shape == (2,)
    measured = read_manifest(reward, "reward").metrics["test"]["best_of_n"]["sums"]
    assert set(measured["gains"]["n=2"]) >= {"random", "kept", "oracle", "share_of_gain"}
    assert 0 <= measured["ece"] <= 1


def test_training_says_what_the_router_cannot_tell(said):
    assert "validation queries are too few to tell what is unlike the queries of training" in said
    assert "warning: small was taught n = 3 at most, of 8" in said
    assert "which queries large gets right cannot be told: all " in said


def test_the_router_artefact_serves(workplace, router):
    predictor = OnnxPredictor(router)
    assert predictor.manifest.classes == ("small", "large")
    assert predictor.predict(predictor.tokenize(["What is 1 + 2?"])).quality.shape == (1, 2, 8)
    manifest = read_manifest(router, "router")
    assert [item["file"] for item in manifest.recipe["data"]] == ["labelled/sums.jsonl"]
    assert manifest.recipe["settings"]["fit"]["seed"] == 0
    told = sum(split_of(f"What is {n} + 2?") == "train" for n in range(48))
    assert manifest.metrics["queries_telling_of_n"] == {
        "small": [told] * 3 + [0] * 5,
        "large": [told] + [0] * 7,
    }
    assert manifest.taught_n == (3, 1)
    assert (manifest.max_novelty, manifest.metrics["novelty"]["expected_share"]) == (None, None)
    tested = sum(split_of(f"What is {n} + 2?") == "test" for n in range(48))
    assert manifest.metrics["test"]["sums"]["queries"] == tested > 0
    large = manifest.metrics["test"]["sums"]["classes"]["large"]
    assert (large["queries"], large["mean_quality"], large["auc"]) == (tested, 1.0, None)


def test_the_router_model_teaches(router):
    from bestroute.train.teacher import lesson

    said, predictor = lesson(router, ["What is 1 + 2?"]), OnnxPredictor(router)
    assert (said.quality == predictor.predict(predictor.tokenize(["What is 1 + 2?"])).quality).all()
    assert said.pooled.shape == (1, 384)


def test_nothing_is_left_beside_the_artefacts(workplace, router):
    names = {path.name for path in workplace.iterdir()}
    assert names == {"sums.jsonl", "pairs.jsonl", "labelled", "reward", "router"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["router", "{}/sums.jsonl", "--reference", "huge"], "but no reference 'huge'"),
        (["router", "{}/broken.jsonl"], "broken.jsonl:7: not JSON"),
        (["reward", "{}/sums.jsonl", "--labelled", "{}/x"], "--label and --labelled go together"),
        (
            ["reward", "{0}/sums.jsonl", "--label", "{0}/sums.jsonl", "--labelled", "{0}"],
            "give another folder",
        ),
        (
            ["reward", "{0}/sums.jsonl", *["--label", "{0}/sums.jsonl"] * 2, "--labelled", "{0}/x"],
            "two --label files have the same name",
        ),
        (["router", "{}/sums.jsonl", "--reference", "none"], "lack rewards, so they tell nothing of n > 1"),
    ],
)
def test_what_cannot_be_trained_is_refused(workplace, words, message):
    lines = (workplace / "sums.jsonl").read_text().splitlines()
    (workplace / "broken.jsonl").write_text("\n".join([*lines[:6], lines[6][:40], *lines[7:]]))
    named = [word.format(workplace) for word in words]
    result = CliRunner().invoke(cli, ["train", *named, "--out", str(workplace / "never")])
    (workplace / "broken.jsonl").unlink()
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (workplace / "never").exists()


def alike(number: int) -> dict:
    """Every response is right."""
    own = record(number)
    return own | {"responses": {"small": own["responses"]["large"] * 2, "large": own["responses"]["large"]}}


def mute(number: int) -> dict:
    bare = [{"score": float(score)} for score in (1, 0)]
    return record(number) | {"responses": {"small": bare}}


TAUGHT = next(n for n in range(48) if split_of(record(n)["query"]) == "train")


@pytest.mark.parametrize(
    ("lines", "labels", "message"),
    [
        ([], False, "of 0 records 0 are in that split"),
        (
            [alike(n) for n in range(12)],
            False,
            "of 12 records 10 are in that split, and 10 of these have two",
        ),
        ([mute(n) for n in range(12)], False, "10 are in that split, and 0 of these have two"),
        ([record(TAUGHT)], True, "no query of the train split outside fold"),
    ],
    ids=["none", "scores alike", "no texts", "one for two folds"],
)
def test_a_reward_model_that_nothing_teaches_is_refused_before_texts_are_read(
    tmp_path, lines, labels, message
):
    path, out = tmp_path / "few.jsonl", tmp_path / "never"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    more = ["--label", str(path), "--labelled", str(tmp_path / "labelled")] if labels else []
    result = CliRunner().invoke(cli, ["train", "reward", str(path), "--out", str(out), *more])
    assert result.exit_code == 2
    assert message in result.stderr
    assert "reading" not in result.stderr
    assert list(tmp_path.iterdir()) == [path]
