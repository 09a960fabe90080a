"""Eight-bit weights and activations, each activation row with a scale of its own.

onnxruntime's dynamic quantisation takes one scale for a whole activation tensor, so a query's result would
depend on the other queries of its batch and on the padding. Here the scale is per token row, in the graph: a
batch gives what single queries give, and no row suffers from a larger neighbour. The integer product
is onnxruntime's own (MatMulIntegerToFloat), so speed is the same.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_EMBEDDING_ROWS = 1000
# Weights use seven bits: processors without VNNI add two products in 16 bits, and 2 x 255 x 63 still fits.
WEIGHT_PEAK = 63


def quantize_rows(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a float model whose constant matrix products and embedding tables are int8."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    rewrite = _Rewrite(result.graph)
    nodes = [new for node in result.graph.node for new in rewrite.node(node)]
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    kept = [value for value in result.graph.initializer if value.name not in rewrite.replaced]
    del result.graph.initializer[:]
    result.graph.initializer.extend([*kept, *rewrite.constants.values()])
    result.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.checker.check_model(result)
    return result


class _Rewrite:
    """Rewrites one node at a time; remembers the weights it replaced and the inputs it has quantised."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.weights = {value.name: value for value in graph.initializer}
        self.replaced: set[str] = set()
        self.constants: dict[str, onnx.TensorProto] = {}
        self._quantized: set[str] = set()

    def node(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        if node.op_type == "MatMul" and node.input[1] in self.weights:
            return [*self._quantize_input(node.input[0]), *self._product(node)]
        table = self.weights.get(node.input[0]) if node.op_type == "Gather" else None
        return [node] if table is None or table.dims[0] < _EMBEDDING_ROWS else self._embedding(node)

    def _constant(self, name: str, value: np.ndarray) -> str:
        self.constants.setdefault(name, numpy_helper.from_array(value, name))
        return name

    def _quantize_input(self, x: str) -> list[onnx.NodeProto]:
        """x to uint8 around 128: each row scaled so that its largest magnitude becomes 127."""
        if x in self._quantized:
            return []
        self._quantized.add(x)
        floor = self._constant("quantize.floor", np.array(1e-9, np.float32))
        top = self._constant("quantize.top", np.array(127, np.float32))
        one = self._constant("quantize.one", np.array(1, np.float32))
        zero = self._constant("quantize.zero", np.array(128, np.uint8))
        return [
            helper.make_node("Abs", [x], [f"{x}.abs"]),
            helper.make_node("ReduceMax", [f"{x}.abs"], [f"{x}.peak"], axes=[-1], keepdims=1),
            helper.make_node("Max", [f"{x}.peak", floor], [f"{x}.range"]),
            helper.make_node("Div", [top, f"{x}.range"], [f"{x}.factor"]),
            helper.make_node("Mul", [x, f"{x}.factor"], [f"{x}.scaled"]),
            helper.make_node("QuantizeLinear", [f"{x}.scaled", one, zero], [f"{x}.int8"]),
        ]

    def _product(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        x, name, y = node.input[0], node.input[1], node.output[0]
        weight = numpy_helper.to_array(self.weights[name])
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-9).astype(np.float32) / WEIGHT_PEAK
        self.replaced.add(name)
        inputs = [
            f"{x}.int8",
            self._constant(f"{name}.int8", np.rint(weight / scale).astype(np.int8)),
            "quantize.one",
            self._constant(f"{name}.scale", (scale / 127).astype(np.float32)),
            "quantize.zero",
            self._constant(f"{name}.zero", np.zeros(weight.shape[1], np.int8)),
        ]
        return [
            helper.make_node("MatMulIntegerToFloat", inputs, [f"{y}.unscaled"], domain="com.microsoft"),
            helper.make_node("Mul", [f"{y}.unscaled", f"{x}.range"], [y]),
        ]

    def _embedding(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        name, ids, y = node.input[0], node.input[1], node.output[0]
        table = numpy_helper.to_array(self.weights[name])
        scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-9).astype(np.float32) / 127
        self.replaced.add(name)
        codes = self._constant(f"{name}.int8", np.rint(table / scale).astype(np.int8))
        scales = self._constant(f"{name}.scale", scale)
        return [
            helper.make_node("Gather", [codes, ids], [f"{y}.codes"]),
            helper.make_node("Gather", [scales, ids], [f"{y}.scales"]),
            helper.make_node("Cast", [f"{y}.codes"], [f"{y}.values"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{y}.values", f"{y}.scales"], [y]),
        ]
