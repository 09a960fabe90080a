"""Which records judge, which fit, and which training has seen."""

import numpy as np
import pytest

from bestroute.errors import InputError
from bestroute.evaluate.seen import Seen, divide
from bestroute.records.lines import parse_record
from bestroute.records.record import query_hash
from tests.evaluate.replays import record_of
from tests.fakes import FakeReward, make_policy

POLICY = make_policy(tiers=[{"model": "tiny"}, {"model": "tiny", "n": 2}, {"model": "big"}])
SCORES = {"small": [0.0, 1.0], "large": [1.0, 0.5]}


def records(*raw):
    return [parse_record(part) for part in raw]


class TestDivide:
    def seen(self, tmp_path, *texts):
        np.save(tmp_path / "seen.npy", np.array(sorted(map(query_hash, texts)), np.uint64))
        return Seen([tmp_path])

    def given(self, *texts):
        return records(*(record_of(text, SCORES) for text in texts))

    def test_what_training_saw_does_not_judge(self, tmp_path):
        divided = divide(POLICY, self.given("a", "b", "c"), [], self.seen(tmp_path, "b", "z"), None)
        assert divided.judged.replay.texts == ("a", "c")
        assert divided.fit.texts == ("b",)
        assert (divided.saw, divided.repeated) == (1, 0)

    def test_where_nothing_is_fitted_the_rest_is_only_counted(self, tmp_path):
        """So no time goes into its rewards."""
        raw, reward = record_of("b", SCORES), FakeReward()
        for item in raw["responses"]["small"]:
            del item["reward"]
            item["text"] = "text"
        seen = self.seen(tmp_path, "b")
        divided = divide(POLICY, [*self.given("a"), *records(raw)], None, seen, reward)
        assert (divided.judged.replay.texts, divided.fit, divided.saw) == (("a",), None, 1)
        assert (divided.rewarded, reward.seen) == (0, [])
        assert divide(POLICY, [*self.given("a"), *records(raw)], [], seen, reward).rewarded == 2

    def test_all_judge_where_asked(self, tmp_path):
        divided = divide(POLICY, self.given("a", "b"), [], self.seen(tmp_path, "b"), None, judge_all=True)
        assert (divided.judged.replay.texts, divided.fit, divided.saw) == (("a", "b"), None, 1)

    def test_no_query_both_judges_and_fits(self, tmp_path):
        divided = divide(POLICY, self.given("a"), self.given("a ", "d"), Seen([tmp_path]), None)
        assert (divided.fit.texts, divided.repeated) == (("d",), 1)

    def test_what_cannot_be_fitted_on_is_told(self, tmp_path):
        raw = record_of("d", {"small": SCORES["small"]})
        divided = divide(POLICY, self.given("a"), records(raw), Seen([tmp_path]), None)
        assert (divided.fit, divided.unfit) == (None, "1 without responses of big")

    def test_none_left_to_judge(self, tmp_path):
        with pytest.raises(InputError, match="all 1 records were seen in training"):
            divide(POLICY, self.given("a"), [], self.seen(tmp_path, "a"), None)

    def test_a_query_that_judges_once_was_seen_once(self, tmp_path):
        divided = divide(POLICY, self.given("a", "a"), [], self.seen(tmp_path, "a"), None, judge_all=True)
        assert (divided.judged.replay.texts, divided.saw) == (("a",), 1)

    def test_a_query_judges_once(self, tmp_path):
        divided = divide(POLICY, self.given("a", "b", "a"), [], Seen([tmp_path]), None)
        assert divided.judged.replay.texts == ("a", "b")
        assert divided.judged.left_out == {"whose query stands before": 1}

    def test_none_left_to_judge_as_others_cannot_be_replayed(self, tmp_path):
        raw = record_of("q", {"small": SCORES["small"]}, query="b")
        given, seen = [*self.given("a"), *records(raw)], self.seen(tmp_path, "a")
        with pytest.raises(InputError, match=r"^1 records were seen .* replayed \(1 without responses"):
            divide(POLICY, given, [], seen, None)
        with pytest.raises(InputError, match="^no record can be replayed .* 1 without responses"):
            divide(POLICY, records(raw), [], self.seen(tmp_path, "b"), None, judge_all=True)

    def test_a_folder_that_does_not_say(self, tmp_path):
        seen = Seen([tmp_path])
        assert (seen.silent, "a" in seen) == ((tmp_path,), False)

    def test_a_query_without_text_is_left_out(self, tmp_path):
        raw = record_of("q", SCORES, messages=[{"role": "assistant", "content": "hi"}])
        del raw["query"]
        divided = divide(POLICY, [*self.given("a"), *records(raw)], [], Seen([tmp_path]), None)
        assert divided.judged.left_out == {"without a query that can be routed on": 1}
