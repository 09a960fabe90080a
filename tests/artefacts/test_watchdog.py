"""What runs too long is ended, what does not is left alone, by one thread for all."""

import math
import os
import threading
import time

import pytest

from bestroute.artefacts.watchdog import Watchdog

SOON, LATER = 0.01, 60.0


class Run:
    terminate = False

    def ended(self, within=5.0):
        limit = time.monotonic() + within
        while not self.terminate and time.monotonic() < limit:
            time.sleep(0.001)
        return self.terminate


def test_what_runs_too_long_is_ended():
    run = Run()
    with Watchdog().watching(run, SOON):
        assert run.ended()


def test_a_nearer_deadline_is_met_while_a_later_one_is_waited_for():
    watchdog, patient, hasty = Watchdog(), Run(), Run()
    with watchdog.watching(patient, LATER), watchdog.watching(hasty, SOON):
        assert hasty.ended()
        assert not patient.terminate


def test_a_deadline_beyond_all_clocks_ends_no_watch():
    """Waiting for longer than the system can tell ended the thread, and nothing was watched any more."""
    for forever in (1e300, threading.TIMEOUT_MAX * 1.5, math.inf):
        watchdog, patient, hasty = Watchdog(), Run(), Run()
        with watchdog.watching(patient, forever):
            time.sleep(SOON)  # for the thread to wait
            with watchdog.watching(hasty, SOON):
                assert hasty.ended(60.0)
        assert not patient.terminate


def test_what_is_done_in_time_is_left_alone():
    watchdog, run, other = Watchdog(), Run(), Run()
    with watchdog.watching(run, SOON):
        pass
    with watchdog.watching(other, 2 * SOON):
        assert other.ended()
    assert not run.terminate


def test_one_thread_watches_all():
    def count():
        return sum(thread.name == "bestroute-watchdog" for thread in threading.enumerate())

    watchdog, before = Watchdog(), count()
    for _ in range(20):
        with watchdog.watching(Run(), LATER):
            pass
    assert count() == before + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_watches_too():
    from bestroute.artefacts.watchdog import WATCHDOG

    with WATCHDOG.watching(Run(), LATER):
        child = os.fork()
        if not child:
            run = Run()
            with WATCHDOG.watching(run, SOON):
                os._exit(0 if run.ended() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
