"""ONNX nodes one after another, and products of eight-bit integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bestroute.train.quantize import WEIGHT_PEAK

_MICROSOFT = "com.microsoft"
PEAK = 127


class Nodes:
    """A graph in the making. Values are known by their names; constants of one name are stored once."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: Any) -> str:
        """A constant, of the type that numpy gives it."""
        self._constants.setdefault(name, numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def real(self, name: str, value: Any) -> str:
        """A constant in float32."""
        return self.constant(name, np.asarray(value, np.float32))

    def whole(self, *values: int) -> str:
        """A constant list of int64."""
        return self.constant("whole_" + "_".join(map(str, values)), np.array(values, np.int64))

    def add(self, kind: str, *inputs: str, name: str | None = None, domain: str = "", **settings: Any) -> str:
        """One node with one output; its name."""
        output = name or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **settings))
        return output

    def split(self, value: str, sizes: list[int], axis: int) -> list[str]:
        """Parts of these sizes."""
        at = len(self._nodes)
        outputs = [f"Split_{at}_{part}" for part in range(len(sizes))]
        self._nodes.append(
            helper.make_node("Split", [value, self.whole(*sizes)], outputs, name=f"Split_{at}", axis=axis)
        )
        return outputs

    def linear(self, value: str, weight: NDArray[np.float32], bias: NDArray[np.float32], name: str) -> str:
        """value @ weight + bias, in float32."""
        product = self.add("MatMul", value, self.real(name, weight))
        return self.add("Add", product, self.real(f"{name}.bias", bias))

    def product(
        self, codes: str, scale: str, divisor: float, weight: NDArray[np.float32], name: str, *bias: str
    ) -> str:
        """codes @ weight in integers; a code stands for (code - 128) * scale / divisor."""
        peaks = np.maximum(np.abs(weight).max(0), 1e-9).astype(np.float32) / WEIGHT_PEAK
        return self.add(
            "MatMulIntegerToFloat",
            codes,
            self.constant(f"{name}.int8", np.rint(weight / peaks).astype(np.int8)),
            scale,
            self.real(f"{name}.scale", peaks / divisor),
            self.zero,
            self.constant(f"{name}.zero", np.zeros(weight.shape[1], np.int8)),
            *bias,
            domain=_MICROSOFT,
        )

    def by_rows(self, value: str) -> tuple[str, str]:
        """Codes of a value whose every row is scaled by its own largest magnitude, and those magnitudes."""
        peak = self.add("ReduceMax", self.add("Abs", value), axes=[-1], keepdims=1)
        peak = self.add("Max", peak, self.real("floor", 1e-9))
        scaled = self.add("Mul", value, self.add("Div", self.real("peak", PEAK), peak))
        return self.add("QuantizeLinear", scaled, self.one, self.zero), peak

    def by_rows_product(self, coded: tuple[str, str], weight: NDArray[np.float32], name: str) -> str:
        """The product of what `by_rows` coded with a weight."""
        codes, peak = coded
        return self.add("Mul", self.product(codes, self.one, PEAK, weight, name), peak)

    @property
    def one(self) -> str:
        """1.0"""
        return self.real("one", 1)

    @property
    def zero(self) -> str:
        """The code that stands for 0."""
        return self.constant("zero", np.uint8(128))

    def model(self, name: str, outputs: dict[str, tuple[int, ...]]) -> onnx.ModelProto:
        """The graph of what was added: `input_ids` in, these outputs of shape (batch, ...) out."""
        ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
        results = [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", *shape])
            for output, shape in outputs.items()
        ]
        graph = helper.make_graph(
            self._nodes, name, [ids], results, initializer=list(self._constants.values())
        )
        versions = [helper.make_opsetid("", 17), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=8)
        onnx.checker.check_model(model)
        return model
