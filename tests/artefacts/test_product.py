import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.product import product
from tests import ROOT

SIDES = st.sampled_from([1, 2, 3, 7, 8, 9, 17, 40])
SCRIPT = """
import os, threading
import numpy as np
from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.manifest import default_folder, read_manifest
from bestroute.artefacts.reward import read_head
from bestroute.artefacts.known import Columns
from bestroute.artefacts.predictor import Prediction

def elsewhere():
    own, ticks = str(threading.get_native_id()), 0
    for thread in set(os.listdir("/proc/self/task")) - {own}:
        fields = open(f"/proc/self/task/{thread}/stat").read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks

width = read_manifest(default_folder("reward"), "reward").features
head = read_head(default_folder("reward"), width)
values = np.random.default_rng(0).normal(size=(6, width)).astype(np.float32)
facts, buckets = np.zeros((5, len(FACTS)), np.float32), [np.arange(9)] * 5
curve = np.full((1, 3, 1), 0.5, np.float32)
said = Prediction(curve, curve, curve[:, :, 0], None, values[:1])
many = np.zeros(40, np.float32)
known = Columns(np.zeros(40, int), many, many, many, many, np.zeros((width, 40), np.float32))
before = elsewhere()
for _ in range(1000):
    head.logits(values[:1], values[1:], buckets, facts)
    known.beside(said)
print(elsewhere() - before)
"""


@given(SIDES, st.sampled_from([1, 5, 300, 3000, 20_000]), SIDES, st.booleans())
def test_it_is_the_product(count, inner, width, flat):
    generator = np.random.default_rng([count, inner, width])
    rows, weights = generator.normal(size=(count, inner)), generator.normal(size=(inner, width))
    if flat:
        weights = weights[:, 0]
    assert product(rows, weights) == pytest.approx(rows @ weights, abs=1e-9)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of Linux")
def test_no_other_thread_works_for_a_reward_or_a_prediction():
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**free, "OPENBLAS_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ran.stdout) <= 1
