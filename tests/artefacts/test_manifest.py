"""Artefact folders: every way one can be damaged or foreign is an ArtefactError that says what to do."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bestroute.artefacts.manifest import default_folder, read_manifest, seen_queries, sha256
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.artefacts.session import Session
from bestroute.errors import ArtefactError
from bestroute.records.record import query_hash

OPEN = {"router": OnnxPredictor, "reward": OnnxRewardModel}
AGAIN = "restore or train the artefact again"


def fault(call, *arguments):
    with pytest.raises(ArtefactError) as caught:
        call(*arguments)
    return str(caught.value)


class TestManifest:
    @pytest.fixture
    def write(self, tmp_path):
        """Write the embedded router's manifest with some fields changed; the fault of reading it."""
        whole = json.loads((default_folder("router") / "manifest.json").read_text("utf-8"))

        def write(text=None, drop="", kind="router", **fields):
            content = {key: value for key, value in (whole | fields).items() if key != drop}
            (tmp_path / "manifest.json").write_text(json.dumps(content) if text is None else text, "utf-8")
            message = fault(read_manifest, tmp_path, kind)
            assert message.startswith(f"{tmp_path / 'manifest.json'}: ")
            return message

        return write

    @pytest.mark.parametrize("kind", ["router", "reward"])
    def test_of_the_embedded_artefacts(self, kind):
        manifest = read_manifest(default_folder(kind), kind)
        assert manifest.kind == kind
        further = {"head.npz"} if kind == "reward" else {"llms.json", "llms.npy"}
        assert set(manifest.files) == {"model.onnx", "tokenizer.json", "seen.npy", *further}
        seen = seen_queries(default_folder(kind))
        assert len(seen) > 1000
        assert (np.diff(seen.astype(object)) > 0).all()
        assert len(manifest.mean_output_tokens) == len(manifest.classes)
        if kind == "router":
            assert manifest.max_n >= 8
            assert manifest.reference in manifest.classes
        else:
            assert manifest.features == 2113

    def test_says_up_to_which_n_each_class_was_taught(self):
        """One of before that field was taught up to max_n."""
        embedded = read_manifest(default_folder("router"), "router")
        assert [embedded.taught(column) for column in range(3)] == [embedded.max_n] * 3
        assert replace(embedded, taught_n=(1, 3, 2)).taught(1) == 3

    @pytest.mark.parametrize("taught", [[1], [1, 2, 0], [1, 2, 99]])
    def test_teaches_no_n_that_is_not_there(self, write, taught):
        assert "taught_n needs a number from 1 to max_n for each class" in write(taught_n=taught)

    def test_remembers_the_queries_of_training(self, tmp_path):
        assert len(seen_queries(tmp_path)) == 0
        hashes = np.array([3, query_hash("What is 2 + 2?")], np.uint64)
        np.save(tmp_path / "seen.npy", hashes)
        assert seen_queries(tmp_path).tolist() == hashes.tolist()
        (tmp_path / "seen.npy").write_bytes(b"\x93NUMPY")
        assert fault(seen_queries, tmp_path).startswith(f"{tmp_path / 'seen.npy'}: cannot be read (")

    def test_no_folder_or_no_manifest(self, tmp_path):
        message = f"{tmp_path}: no manifest.json; give a folder that `bestroute train` wrote"
        assert fault(read_manifest, tmp_path, "router") == message
        assert fault(read_manifest, tmp_path / "nowhere", "router") == (
            f"{tmp_path / 'nowhere'}: no such folder; name one that `bestroute train` wrote, or remove this "
            "to use the model that comes with bestroute"
        )

    @pytest.mark.parametrize("text", ["", "{", "\x00", "[" * 200_000, '{"kind": "rou'])
    def test_not_json(self, write, text):
        message = write(text)
        assert "cannot be read (" in message
        assert message.endswith(AGAIN)

    def test_not_utf8(self, tmp_path):
        (tmp_path / "manifest.json").write_bytes(b"\xff\xfe{}")
        assert "cannot be read ('utf-8' codec" in fault(read_manifest, tmp_path, "router")

    @pytest.mark.parametrize("text", ["[]", "3", "null", "{}", '{"kind": "cat"}', '{"kind": ["router"]}'])
    def test_not_a_manifest(self, write, text):
        assert write(text).endswith("not a bestroute manifest; give a folder that `bestroute train` wrote")

    def test_of_another_kind(self, write):
        message = write(kind="reward")
        assert message.endswith("a router artefact stands where a reward artefact is needed")

    @pytest.mark.parametrize("version", [0, 2, "1", None])
    def test_of_another_format_version(self, write, version):
        message = write(format_version=version)
        assert message.endswith(
            f"format version {version!r}, this bestroute reads 1; train it again with this version"
        )

    @pytest.mark.parametrize("key", ["max_tokens", "files"])
    def test_lacks_a_field(self, write, key):
        assert write(drop=key).endswith(f"field '{key}' is missing; {AGAIN}")

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("max_tokens", "many"),
            ("max_tokens", None),
            ("max_tokens", float("inf")),
            ("max_n", float("inf")),
            ("max_n", float("nan")),
            ("max_n", [10]),
            ("files", ["model.onnx"]),
            ("classes", 3),
            ("margin", "wide"),
            ("mean_output_tokens", [1, "x", 3]),
            ("mean_output_tokens", [10**400, 1, 1]),
            ("features", float("-inf")),
            ("recipe", 3),
        ],
    )
    def test_a_field_of_the_wrong_type(self, write, key, value):
        message = write(**{key: value})
        assert "a field is of the wrong type (" in message
        assert message.endswith(AGAIN)

    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
    def test_a_file_without_a_digest(self, write, name):
        files = {"model.onnx": "0", "tokenizer.json": "0"}
        del files[name]
        assert write(files=files).endswith(f"files lists no digest of {name}; {AGAIN}")

    @pytest.mark.parametrize("change", [{"classes": []}, {"max_n": 0}, {"mean_output_tokens": [1.0]}])
    def test_a_router_that_says_too_little(self, write, change):
        assert "needs classes, max_n and mean_output_tokens a class" in write(**change)


class TestDamage:
    @pytest.mark.parametrize("kind", ["router", "reward"])
    def test_a_whole_copy_opens(self, copy_of, kind):
        OPEN[kind](copy_of(kind).folder)

    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
    def test_a_missing_file(self, copy_of, name):
        copy = copy_of("router")
        (copy / name).unlink()
        assert fault(OnnxPredictor, copy.folder) == f"{copy / name}: is missing; {AGAIN}"

    @pytest.mark.parametrize(("kind", "name"), [("router", "model.onnx"), ("reward", "tokenizer.json")])
    def test_a_truncated_file(self, copy_of, kind, name):
        copy = copy_of(kind)
        copy.truncate(name)
        assert fault(OPEN[kind], copy.folder) == (
            f"{copy / name}: differs from the digest in manifest.json (damaged or replaced); {AGAIN}"
        )

    def test_one_flipped_bit(self, copy_of):
        copy = copy_of("router")
        content = bytearray((copy / "model.onnx").read_bytes())
        content[len(content) // 2] ^= 1
        (copy / "model.onnx").write_bytes(content)
        assert "differs from the digest" in fault(OnnxPredictor, copy.folder)

    def test_a_truncated_graph_whose_digest_was_mended(self, copy_of):
        copy = copy_of("router")
        copy.truncate("model.onnx")
        copy.sign()
        message = fault(OnnxPredictor, copy.folder)
        assert message.startswith(f"{copy / 'model.onnx'}: cannot be opened (")
        assert message.endswith(f"); {AGAIN}")

    def test_a_foreign_tokenizer_whose_digest_was_mended(self, copy_of):
        copy = copy_of("reward")
        (copy / "tokenizer.json").write_text("{}")
        copy.sign()
        message = fault(OnnxRewardModel, copy.folder)
        assert message.startswith(f"{copy / 'tokenizer.json'}: cannot be read (")
        assert message.endswith(f"); {AGAIN}")

    @pytest.mark.parametrize(
        ("change", "output"),
        [
            ({"max_n": 99}, "'quality'"),
            (
                {"classes": ["a"], "mean_output_tokens": [1.0], "reference": "a", "taught_n": [10]},
                "'quality'",
            ),
        ],
    )
    def test_a_manifest_that_promises_another_shape(self, copy_of, change, output):
        copy = copy_of("router")
        copy.edit(**change)
        message = fault(OnnxPredictor, copy.folder)
        assert message.startswith(f"{copy / 'model.onnx'}: output {output} has shape (")
        assert "the manifest promises (batch, " in message
        assert message.endswith("train the artefact again")

    def test_the_graph_of_the_other_kind(self, copy_of):
        router, reward = copy_of("router"), copy_of("reward")
        (reward / "model.onnx").replace(router / "model.onnx")
        router.sign()
        assert "output 'quality' has shape None" in fault(OnnxPredictor, router.folder)

    def test_a_graph_that_was_exported_elsewhere(self, copy_of):
        copy = copy_of("router")
        (copy / "model.onnx").write_bytes(pixels_to_pixels())
        copy.sign()
        assert fault(OnnxPredictor, copy.folder) == (
            f"{copy / 'model.onnx'}: has inputs ('pixels',); export it with bestroute"
        )


def pixels_to_pixels():
    """A graph of one Identity node."""
    onnx = pytest.importorskip("onnx")
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("pixels", "out")
    ]
    node = onnx.helper.make_node("Identity", ["pixels"], ["out"])
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def test_a_session_opens_only_the_kind_it_is_asked_for():
    assert "stands where a reward artefact is needed" in fault(Session, default_folder("router"), "reward")


def test_sha256(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
