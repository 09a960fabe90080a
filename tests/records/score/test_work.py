"""How records are divided into tasks, and what they are known by."""

from bestroute.records.lines import parse_record
from bestroute.records.record import Record, Response
from bestroute.records.score.work import Task, record_key, tasks_of
from tests.records.score.records import lines_of


class TestWork:
    def test_a_task_travels_as_a_line(self):
        [line] = lines_of(1)
        record = parse_record({**line, "metadata": {"plan": "é"}}, scored=False)
        [task] = tasks_of(record, {"small": [0, 1]}, {"large": [0]}, paid=False)
        assert Task.from_json(task.to_json()) == task

    def test_paid_work_is_split_by_text(self):
        record = Record(
            "q", "", "a", {"m": tuple(Response(None, text) for text in "aba"), "k": (Response(None),)}
        )
        tasks = list(tasks_of(record, {"m": [0, 1, 2], "k": [0]}, {"m": [1]}, paid=True))
        assert [(task.scores, task.rewards) for task in tasks] == [
            ({"m": [0, 2]}, {}),
            ({"m": [1]}, {}),
            ({"k": [0]}, {}),
            ({}, {"m": [1]}),
        ]

    def test_a_key_depends_on_what_is_scored_and_not_on_scores(self):
        record = Record("q", "s", "a", {"m": (Response(None, "t"),)}, answer="1")
        key = record_key(record)
        assert key == record_key(Record("q", "z", "a", {"m": (Response(0.5, "t", 3.0, "x", 0.1),)}, 9.0, "1"))
        for other in (
            Record("r", "s", "a", {"m": (Response(None, "t"),)}, answer="1"),
            Record("q", "s", "b", {"m": (Response(None, "t"),)}, answer="1"),
            Record("q", "s", "a", {"k": (Response(None, "t"),)}, answer="1"),
            Record("q", "s", "a", {"m": (Response(None, "u"),)}, answer="1"),
            Record("q", "s", "a", {"m": (Response(None, "t"),)}, answer="2"),
        ):
            assert record_key(other) != key
