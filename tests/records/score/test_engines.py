"""Runs on_ray.py in a process of its own: a thread that Ray leaves behind may end the process it is in."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

pytest.importorskip("ray", reason="the ray extra is not installed")


@pytest.mark.ray
def test_scoring_on_a_cluster_of_two_nodes():
    module = Path(__file__).with_name("on_ray.py")
    words = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", str(module)]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert "5 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "failed" not in ran.stdout
