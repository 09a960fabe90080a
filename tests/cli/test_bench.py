"""`bestroute bench` as a user types it."""

from tests.cli.typed import document, run


def test_bench_reports_every_row():
    report = document(run("bench", "--runs", "10", "--json"))
    assert set(report["route_ms"]) == {"a rule decides", "16 tokens", "64 tokens", "256 tokens", "1 MB"}
