"""From a trained network to an artefact folder, whole or not at all, with a parity check on the way."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from bestroute.artefacts.manifest import SEEN, Manifest, sha256
from bestroute.artefacts.session import Session, TokenRow
from bestroute.errors import TrainingError
from bestroute.train.encoder import load_tokenizer, padded
from bestroute.train.folder import new_folder, write_manifest, write_seen
from bestroute.train.quantize import quantize_rows

PARITY_LIMIT = 0.03


def export(
    model: nn.Module,
    outputs: Sequence[str],
    manifest: Manifest,
    rows: Sequence[TokenRow],
    out: Path,
    seen: Iterable[str],
) -> Manifest:
    """Write `model` to the folder `out` as int8 ONNX; return the manifest with digests and parity.

    `rows` are inputs on which the int8 ONNX file must agree with torch: TrainingError when the mean absolute
    difference is above 0.03. `seen` are the queries that training used in any way; their hashes go into the
    folder, so that nobody measures on them unawares. An older artefact at `out` is replaced only by a whole
    one.
    """
    tokenizer: str = load_tokenizer().to_str()
    graph = quantize_rows(_to_onnx(model, outputs))
    expected = np.concatenate([_forward(model, [row]) for row in rows])
    return write(graph, tokenizer, manifest, Parity(outputs[0], rows, expected), out, seen)


@dataclass(frozen=True)
class Parity:
    """What an output of the graph must be for `rows`: `expected`, by torch."""

    output: str
    rows: Sequence[TokenRow]
    expected: np.ndarray

    def measure(self, session: Session) -> dict[str, Any]:
        """The differences. Raises TrainingError where their mean is above PARITY_LIMIT."""
        difference = np.abs(session.run(self.rows)[self.output] - self.expected)
        if difference.mean() > PARITY_LIMIT:
            raise TrainingError(
                f"the int8 ONNX model differs from torch by {difference.mean():.3f} on average "
                f"(limit {PARITY_LIMIT}); the weights do not survive quantisation"
            )
        return {
            "output": self.output,
            "rows": len(self.rows),
            "mean": round(float(difference.mean()), 5),
            "max": round(float(difference.max()), 5),
        }


def write(
    graph: onnx.ModelProto, tokenizer: str, manifest: Manifest, parity: Parity, out: Path, seen: Iterable[str]
) -> Manifest:
    """Write a graph and its tokenizer's JSON to the folder `out`, as `export` does."""
    with new_folder(out, manifest.kind) as folder:
        onnx.save(graph, folder / "model.onnx")
        (folder / "tokenizer.json").write_text(tokenizer, "utf-8")
        write_seen(folder, seen)
        files = {name: sha256(folder / name) for name in ("model.onnx", "tokenizer.json", SEEN)}
        finished = write_manifest(folder, replace(manifest, files=files))
        measured = parity.measure(Session(folder, manifest.kind))
        finished = write_manifest(folder, replace(finished, metrics={**finished.metrics, "parity": measured}))
    return finished


def _to_onnx(model: nn.Module, outputs: Sequence[str]) -> onnx.ModelProto:
    model = model.cpu().eval()
    model.encoder.bert.set_attn_implementation("eager")  # type: ignore[union-attr, operator]
    inputs = ["input_ids", "attention_mask"]
    sample = tuple(torch.ones(2, 8, dtype=torch.long) for _ in inputs)
    axes = {name: {0: "batch", 1: "tokens"} for name in inputs} | {name: {0: "batch"} for name in outputs}
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, sample, buffer, input_names=inputs, output_names=list(outputs), dynamic_axes=axes,
            opset_version=17, dynamo=False,
        )  # fmt: skip
    return onnx.load_from_string(buffer.getvalue())


def _forward(model: nn.Module, rows: Sequence[TokenRow]) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(*padded(rows, "cpu"))[0])
