"""Int8 by row: close to float, and a row's result does not depend on the rest of its batch."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bestroute.train.quantize import quantize_rows

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(1200, 32)).astype(np.float32)
WEIGHT = RANDOM.normal(size=(32, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "ids"], ["rows"]),
            helper.make_node("MatMul", ["rows", "weight"], ["out"]),
        ],
        "embed",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", "tokens", 16])],
        [numpy_helper.from_array(TABLE, "table"), numpy_helper.from_array(WEIGHT, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def run(model: onnx.ModelProto, ids: list[list[int]]) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"ids": np.array(ids)})[0]


def test_close_to_float_and_a_quarter_of_the_size(model):
    quantized = quantize_rows(model)
    ids = [[1, 5, 700], [3, 3, 1199]]
    error = np.abs(run(quantized, ids) - TABLE[ids] @ WEIGHT)
    assert error.max() < 0.02 * np.abs(TABLE[ids] @ WEIGHT).max()
    assert quantized.ByteSize() < 0.35 * model.ByteSize()


def test_a_row_does_not_depend_on_its_batch(model):
    quantized = quantize_rows(model)
    together = run(quantized, [[1, 5], [900, 2]])
    np.testing.assert_array_equal(together[0], run(quantized, [[1, 5]])[0])
    np.testing.assert_array_equal(together[1], run(quantized, [[900, 2]])[0])
