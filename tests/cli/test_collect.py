"""What `bestroute collect` tells of its progress; the rest of it is tested in records/collect."""

from bestroute.cli.collect import _line, _Show
from bestroute.records.collect import Progress


class TestProgress:
    def test_the_time_that_is_left(self):
        progress = Progress(30, 100, 20, 2, 0.125, elapsed_s=40.0, paused_s=61.0)
        assert progress.remaining_s == 140.0  # 70 to go at 2 s each
        assert _line(progress) == (
            "30 of 100 responses (30.0%), $0.125, 2 failed, an endpoint asks to wait 1 min 1 s, "
            "about 2 min 20 s left"
        )
        start = Progress(0, 100, 0, 0, 0.0, 0.0, 0.0)
        assert start.remaining_s is None
        assert _line(start) == "0 of 100 responses (0.0%), $0"

    def test_a_long_pause_is_told_at_once_and_once(self, capsys):
        show = _Show()
        for paused_s in (0.0, 3.0, 90.0, 80.0):
            show.update(Progress(1, 2, 1, 0, 0.0, 8.0, paused_s))
        show.close()
        assert capsys.readouterr().err == (
            "1 of 2 responses (50.0%), $0, an endpoint asks to wait 1 min 30 s, about 8 s left\n"
        )
