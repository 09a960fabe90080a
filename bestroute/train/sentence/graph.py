"""The network as an ONNX graph of eight-bit integers.

The inputs of both convolutions have one fixed range each, so that they need no pass to find it; rows that are
few (one a query) keep a scale of their own. There is no attention mask: the rows of a batch have one length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from bestroute.artefacts.session import TokenRow
from bestroute.train.encoder import padded
from bestroute.train.sentence.encoder import (
    BRANCH,
    FEATURES,
    HEADS,
    ORDERS,
    TOKEN,
    SentenceEncoder,
)
from bestroute.train.sentence.net import SentenceNet
from bestroute.train.sentence.nodes import PEAK, Nodes
from bestroute.train.sentence.wide import BUCKETS, FIRST, SECOND

Floats = NDArray[np.float32]
_EPSILON = 1e-6
_BEFORE, _AFTER = 2, 2  # tokens that the widest n-gram reaches to
_END = 1 << 40
_ENOUGH = 500_000  # values to choose a range by
_FRACTIONS = np.linspace(0.2, 1.0, 41)


def graph_of(model: SentenceNet, rows: Sequence[TokenRow]) -> onnx.ModelProto:
    """The graph of a trained network; `rows` are what the fixed ranges are taken from."""
    model = model.cpu().eval()
    nodes = Nodes()
    ranges = fixed_ranges(model.encoder, rows)
    features, read = _encoder(nodes, model.encoder, ranges)
    outputs = {
        "quality": (model.classes, model.max_n),
        "match": (model.classes, model.max_n),
        "output_tokens": (model.classes,),
        "novelty": (),
        "features": (FEATURES,),
    }
    strange = nodes.linear(
        features, _numpy(model.strange)[:, None], _numpy(model.strange_shift)[None], "strange"
    )
    nodes.add("Reshape", strange, nodes.whole(-1), name="novelty")
    _curves(nodes, model, read)
    return nodes.model("router", outputs)


def encoder_graph(encoder: SentenceEncoder, rows: Sequence[TokenRow]) -> onnx.ModelProto:
    """The graph of an encoder alone, which gives `features`."""
    nodes = Nodes()
    features, _ = _encoder(nodes, encoder.cpu().eval(), fixed_ranges(encoder, rows))
    return nodes.model("encoder", {"features": (FEATURES,)})


def fixed_ranges(encoder: SentenceEncoder, rows: Sequence[TokenRow]) -> tuple[float, float]:
    """The largest magnitudes that the inputs of both convolutions may have: those of least squared error."""
    found: tuple[list[Floats], list[Floats]] = ([], [])
    with torch.no_grad():
        for row in rows:
            for store, value in zip(found, encoder.convolved(*padded([row], "cpu")), strict=True):
                store.append(_numpy(value).ravel())
    first, second = (_range(np.concatenate(part)) for part in found)
    return first, second


def _range(values: Floats) -> float:
    def error(limit: float) -> float:
        step = limit / PEAK
        coded = np.clip(np.rint(values / step), -PEAK, PEAK) * step
        return float(np.mean((coded - values) ** 2))

    limits = np.abs(values).max() * _FRACTIONS
    values = values[:: 1 + len(values) // _ENOUGH]
    return float(min(limits, key=error))


def _encoder(nodes: Nodes, encoder: SentenceEncoder, ranges: tuple[float, float]) -> tuple[str, str]:
    embedded, tokens = _tokens(nodes, encoder, ranges)
    shape = nodes.add("Shape", "input_ids")
    length = nodes.add("Cast", nodes.add("Gather", shape, nodes.whole(1)), to=onnx.TensorProto.FLOAT)
    means = _means(nodes, encoder, tokens, shape, length)
    mean = nodes.add("Gather", means, nodes.constant("at0", np.int64(0)), axis=1)
    one, two = _dense(nodes, encoder, mean, length)
    rows = nodes.add("Concat", nodes.add("Gather", shape, nodes.whole(0)), nodes.whole(1), axis=0)
    log = nodes.add("Expand", nodes.add("Log", length), rows)
    centre, spread = _numpy(encoder.centre), _numpy(encoder.spread)
    raw = nodes.add("Concat", mean, one, two, log, axis=1)
    shifted = nodes.add("Sub", raw, nodes.real("features.centre", centre))
    features = nodes.add("Mul", shifted, nodes.real("features.scale", 1 / spread), name="features")
    attended = _attended(nodes, means, centre[:TOKEN], spread[:TOKEN])
    return features, nodes.add("Concat", features, attended, axis=1)


def _tokens(nodes: Nodes, encoder: SentenceEncoder, ranges: tuple[float, float]) -> tuple[str, str]:
    """The pieces' embeddings, and what is known of each token, (batch, tokens, TOKEN)."""
    table = _numpy(encoder.table)
    scale = np.maximum(np.abs(table).max(1, keepdims=True), 1e-9) / PEAK
    codes = nodes.constant("table.codes", (np.rint(table / scale) + 128).astype(np.uint8))
    codes = nodes.add("Gather", codes, "input_ids")
    scales = nodes.add("Gather", nodes.real("table.scale", scale), "input_ids")
    embedded = nodes.add("Mul", nodes.add("DequantizeLinear", codes, nodes.one, nodes.zero), scales)
    product = nodes.product(codes, nodes.one, 1.0, _numpy(encoder.project), "project")
    projected = nodes.add("Mul", product, scales)
    projected = nodes.add("Add", projected, nodes.real("project.bias", _numpy(encoder.project_bias)))
    value = _normed(nodes, projected, encoder.norm, "norm")
    for layer, limit in zip((encoder.first, encoder.second), ranges, strict=True):
        value = _ngrams(nodes, value, layer, limit)
    joined = nodes.add("Concat", embedded, value, axis=-1)
    return embedded, _normed(nodes, joined, encoder.last_norm, "last_norm")


def _normed(nodes: Nodes, value: str, norm: torch.nn.ParameterList, name: str) -> str:
    gain, shift = (nodes.real(f"{name}.{at}", _numpy(part)) for at, part in enumerate(norm))
    return nodes.add("LayerNormalization", value, gain, shift, axis=-1, epsilon=_EPSILON)


def _ngrams(nodes: Nodes, value: str, layer: torch.nn.Module, limit: float) -> str:
    """relu(windows @ weight + bias) of every order, side by side, plus the value itself."""
    name = f"ngrams{limit:.6f}"
    scale = nodes.real(f"{name}.step", limit / PEAK)
    codes = nodes.add("QuantizeLinear", value, scale, nodes.zero)
    codes = nodes.add("Pad", codes, nodes.whole(0, _BEFORE, 0, 0, _AFTER, 0), nodes.zero)
    grams = []
    for branch, (size, before) in enumerate(ORDERS):
        parts = [_neighbours(nodes, codes, _BEFORE + step - before, branch) for step in range(size)]
        windows = nodes.add("Concat", *parts, axis=-1)
        bias = nodes.real(f"{name}.{size}.bias", _numpy(layer.biases[branch]))  # type: ignore[index]
        weight = _numpy(layer.weights[branch])  # type: ignore[index]
        grams.append(nodes.product(windows, scale, 1.0, weight, f"{name}.{size}", bias))
    return nodes.add("Add", nodes.add("Relu", nodes.add("Concat", *grams, axis=-1)), value)


def _neighbours(nodes: Nodes, codes: str, start: int, branch: int) -> str:
    """A branch's numbers of every token's neighbour, which stands at `start` for the first token."""
    short = start - _BEFORE - _AFTER  # of the padded end, for the last token
    first = nodes.whole(start, BRANCH * branch)
    last = nodes.whole(short or _END, BRANCH * branch + BRANCH)
    return nodes.add("Slice", codes, first, last, nodes.whole(1, 2))


def _means(nodes: Nodes, encoder: SentenceEncoder, tokens: str, shape: str, length: str) -> str:
    """The mean over the tokens, then those weighted by each attention head: (batch, 1 + HEADS, TOKEN)."""
    attention = encoder.attention
    scores = nodes.linear(tokens, _numpy(attention.weight).T, _numpy(attention.bias), "attention")
    weights = nodes.add("Softmax", scores, axis=1)
    even = nodes.add("Div", nodes.one, length)
    even = nodes.add("Expand", even, nodes.add("Concat", shape, nodes.whole(1), axis=0))
    both = nodes.add("Concat", even, weights, axis=-1)
    return nodes.add("MatMul", nodes.add("Transpose", both, perm=[0, 2, 1]), tokens)


def _attended(nodes: Nodes, means: str, centre: Floats, spread: Floats) -> str:
    """Of each attention head its own part of the numbers, side by side, standardised: (batch, TOKEN)."""
    own = np.repeat(np.eye(1 + HEADS, dtype=np.float32)[:, 1:], TOKEN // HEADS, axis=1) / spread
    parts = nodes.add("Mul", means, nodes.real("attended.scale", own))
    summed = nodes.add("ReduceSum", parts, nodes.whole(1), keepdims=0)
    return nodes.add("Sub", summed, nodes.real("attended.centre", centre / spread))


def _dense(nodes: Nodes, encoder: SentenceEncoder, mean: str, length: str) -> tuple[str, str]:
    dense = {name: _numpy(weight) for name, weight in encoder.dense.items()}
    summed = nodes.by_rows_product(nodes.by_rows(mean), dense["summed"], "dense.summed")
    summed = nodes.add("Add", summed, nodes.real("dense.summed_bias", dense["summed_bias"]))
    coded = nodes.by_rows(nodes.add("Mul", summed, nodes.add("Sqrt", length)))
    zero = nodes.add("Relu", nodes.by_rows_product(coded, dense["zero"], "dense.zero"))
    past = nodes.by_rows_product(coded, dense["past"], "dense.past")
    one = nodes.by_rows_product(nodes.by_rows(zero), dense["one"], "dense.one")
    one = nodes.add("Relu", nodes.add("Add", past, one))
    two = nodes.add("Relu", nodes.by_rows_product(nodes.by_rows(one), dense["two"], "dense.two"))
    return one, two


def _curves(nodes: Nodes, model: SentenceNet, read: str) -> None:
    classes = model.classes
    weight = np.concatenate([_numpy(model.curves.linear.weight), _numpy(model.tokens.weight)]).T
    bias = np.concatenate([_numpy(model.curves.linear.bias), _numpy(model.tokens.bias) + 5.0])
    said = nodes.linear(read, weight, bias, "heads")
    level, gain, tokens = nodes.split(said, [2 * classes, 2 * classes, classes], 1)
    nodes.add("Exp", tokens, name="output_tokens")
    gain = nodes.add("Softplus", nodes.add("Sub", gain, nodes.one))
    level = nodes.add("Add", level, _wide(nodes, model))
    level, gain = (nodes.add("Reshape", part, nodes.whole(-1, 2, classes, 1)) for part in (level, gain))
    gained = nodes.add("Mul", gain, nodes.real("curves.gain", _numpy(model.curves.gain)))
    scale, shift = _numpy(model.calibration.scale), _numpy(model.calibration.shift)
    curves = nodes.add("Mul", nodes.add("Add", level, gained), nodes.real("calibration.scale", scale))
    curves = nodes.add("Sigmoid", nodes.add("Add", curves, nodes.real("calibration.shift", shift)))
    for at, name in enumerate(("quality", "match")):
        nodes.add("Gather", curves, nodes.constant(f"at{at}", np.int64(at)), axis=1, name=name)


def _wide(nodes: Nodes, model: SentenceNet) -> str:
    """What the wide table adds to the levels, (batch, 2 * classes); nothing to those of match."""
    table = _numpy(model.wide)
    peaks = np.maximum(np.abs(table).max(0), 1e-9) / PEAK
    codes = nodes.constant("wide.int8", np.rint(table / peaks).astype(np.int8))
    first, second = (
        nodes.add("Slice", "input_ids", nodes.whole(start), nodes.whole(end), nodes.whole(1))
        for start, end in ((0, -1), (1, _END))
    )
    first, second = (
        nodes.add("Mul", ids, nodes.whole(factor)) for ids, factor in ((first, FIRST), (second, SECOND))
    )
    pairs = nodes.add("Mod", nodes.add("Add", first, second), nodes.whole(BUCKETS))
    pairs = nodes.add("Add", pairs, nodes.whole(len(table) - BUCKETS))
    both = nodes.add("Concat", "input_ids", pairs, axis=1)
    values = nodes.add("Cast", nodes.add("Gather", codes, both), to=onnx.TensorProto.FLOAT)
    sums = nodes.add("ReduceSum", values, nodes.whole(1), keepdims=0)
    added, rarity = nodes.split(
        nodes.add("Mul", sums, nodes.real("wide.scale", peaks)), [model.classes, 1], 1
    )
    added = nodes.add("Div", added, nodes.add("Sqrt", nodes.add("Max", rarity, nodes.one)))
    return nodes.add("Concat", added, nodes.add("Sub", added, added), axis=1)


def _numpy(value: torch.Tensor) -> Floats:
    return np.asarray(value.detach().numpy(), np.float32)
