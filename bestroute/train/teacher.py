"""What an earlier router model says of texts: targets for a student that is faster, or knows more besides."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from bestroute.artefacts.manifest import read_manifest, sha256
from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.artefacts.session import Session
from bestroute.errors import TrainingError
from bestroute.files import writing
from bestroute.train.folder import write_manifest

_POOLED = "pooled"


@dataclass(frozen=True)
class Lesson:
    """A teacher's word on a list of texts.

    `quality` and `match` have shape (texts, classes, n), `output_tokens` (texts, classes), `pooled`, which
    its heads read, (texts, width).
    """

    quality: NDArray[np.float32]
    match: NDArray[np.float32]
    output_tokens: NDArray[np.float32]
    pooled: NDArray[np.float32]


def lesson(folder: Path, texts: Sequence[str]) -> Lesson:
    """What the router model at `folder` says of the texts. Raises TrainingError where its graph does not show
    what its heads read."""
    rows = OnnxPredictor(folder).tokenize(texts)
    with tempfile.TemporaryDirectory() as scratch:
        said = Session(_opened(folder, Path(scratch)), "router").run(rows)
    return Lesson(said["quality"], said["match"], said["output_tokens"], said[_POOLED])


def _opened(folder: Path, scratch: Path) -> Path:
    """A copy of the artefact whose graph has one output more: what its heads read."""
    model = onnx.load(str(folder / "model.onnx"))
    heads = [node for node in model.graph.node if "curves.linear.weight" in node.input]
    if not heads:
        raise TrainingError(
            f"{folder}: shows no curves.linear.weight; take a router model of MiniLM as teacher"
        )
    model.graph.node.append(onnx.helper.make_node("Identity", [heads[0].input[0]], [_POOLED]))
    model.graph.output.append(onnx.helper.make_tensor_value_info(_POOLED, onnx.TensorProto.FLOAT, None))
    onnx.save(model, str(scratch / "model.onnx"))
    (scratch / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    files = {name: sha256(scratch / name) for name in ("model.onnx", "tokenizer.json")}
    write_manifest(scratch, replace(read_manifest(folder, "router"), files=files))
    return scratch


def cached_lesson(folder: Path, texts: Sequence[str], cache: Path) -> Lesson:
    """The lesson, kept in the file `cache` so that a training that was stopped need not ask again."""
    asked = hashlib.sha256("\0".join([sha256(folder / "model.onnx"), *texts]).encode()).hexdigest()
    if cache.is_file():
        with np.load(cache) as kept:
            if str(kept["asked"]) == asked:
                return Lesson(kept["quality"], kept["match"], kept["output_tokens"], kept[_POOLED])
    said = lesson(folder, texts)
    with writing(cache):
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, asked=asked, **vars(said))
    return said
