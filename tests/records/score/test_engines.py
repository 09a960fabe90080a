"""Runs on_ray.py in a process of its own: a thread that Ray leaves behind may end the process it is in."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

pytest.importorskip("ray", reason="the ray extra is not installed")


@pytest.mark.ray
def test_scoring_on_a_cluster_of_two_nodes():
    module = Path(__file__).with_name("on_ray.py")
    words = [sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider", str(module)]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    # Counted one by one: when the cluster goes down, that thread may end the process before the summary.
    assert ran.stdout.count(" PASSED") == 5, ran.stdout + ran.stderr
    assert not re.search("FAILED|ERROR", ran.stdout)
