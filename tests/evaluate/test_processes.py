"""Work in several processes: in order, on what is in memory, and what it raises arrives."""

import os
import sys

import pytest

from bestroute.evaluate.processes import in_processes


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_the_order_of_the_values(processes):
    held = {value: object() for value in range(20)}  # objects of this process, which cannot travel
    assert list(in_processes(lambda value: (value, held[value] is not None), range(20), processes)) == [
        (value, True) for value in range(20)
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it forks on Linux alone")
def test_several_work_and_one_does_it_here():
    assert os.getpid() not in in_processes(lambda value: os.getpid(), range(4), 2)
    assert set(in_processes(lambda value: os.getpid(), range(4), 1)) == {os.getpid()}


@pytest.mark.parametrize("processes", [1, 2])
def test_what_the_work_raises_arrives(processes):
    def fail(value):
        raise ValueError(f"not {value}")

    with pytest.raises(ValueError, match="not 0"):
        list(in_processes(fail, range(3), processes))
