"""Records: the contract's format, every field's fault, best-route-llm's format, and the splits."""

import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.query import Query
from bestroute.records.lines import parse_record, read_preferences, read_records, record_as_json
from bestroute.records.record import Preference, Record, Response, bucket, family_of, scores_of, split_of

CONTRACT = {
    "id": "gsm8k/7",
    "source": "gsm8k",
    "query": "What is 17 * 24?",
    "input_tokens": 8,
    "responses": {
        "small": [
            {"by": "llama-3.1-8b", "text": "408", "score": 1, "output_tokens": 3, "reward": 0.75},
            {"score": 0.25},
        ],
        "gpt-4o": [{"by": "gpt-4o", "text": "408.", "score": 1.0, "output_tokens": 4}],
    },
}
RECORD = Record(
    id="gsm8k/7",
    source="gsm8k",
    prompt="What is 17 * 24?",
    input_tokens=8.0,
    responses={
        "small": (Response(1.0, "408", 3.0, "llama-3.1-8b", 0.75), Response(0.25)),
        "gpt-4o": (Response(1.0, "408.", 4.0, "gpt-4o"),),
    },
)
MESSAGES = [{"role": "system", "content": "Terse."}, {"role": "user", "content": "Hi"}]
BEST_ROUTE = {
    "id": "mixinstruct/3",
    "prompt": "Name a river.",
    "gpt-4o": {
        "responses": ["Rhine", "Nile"],
        "token_num_prompt": 5,
        "token_num_responses": [1, 2],
        "armoRM_scores": [0.125, -0.01],
        "ourRM_scores": [0.5, 0.75],
    },
    "phi-3-mini": {"armoRM_scores": [0.0625]},
}


def lines(path, *values):
    content = "".join(
        f"{value if isinstance(value, str) else json.dumps(value)}\n" for value in values
    ).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


class TestFormat:
    @pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
    def test_the_contract(self, tmp_path, name):
        path = lines(tmp_path / name, CONTRACT, {**CONTRACT, "id": "2"})
        assert [record.id for record in read_records([path, path])] == ["gsm8k/7", "2"] * 2
        assert next(read_records([path])) == RECORD

    def test_messages(self):
        raw = {"messages": MESSAGES, "responses": {"small": [{"score": 0.5}]}}
        assert parse_record(raw) == Record("", "", tuple(MESSAGES), {"small": (Response(0.5),)})

    def test_null_and_numbers_as_labels(self):
        record = parse_record({**CONTRACT, "id": 7, "source": None})
        assert (record.id, record.source) == ("7", "")

    def test_best_route_llm(self):
        assert parse_record(BEST_ROUTE) == Record(
            id="mixinstruct/3",
            source="mixinstruct",
            prompt="Name a river.",
            input_tokens=5.0,
            responses={
                "gpt-4o": (
                    Response(0.125, "Rhine", 1.0, "gpt-4o", 0.5),
                    Response(0.0, "Nile", 2.0, "gpt-4o", 0.75),
                ),
                "phi-3-mini": (Response(0.0625, by="phi-3-mini"),),
            },
        )

    @pytest.mark.parametrize(
        ("block", "message"),
        [
            ({}, "m.armoRM_scores is missing"),
            ({"armoRM_scores": []}, "m.armoRM_scores is missing"),
            ({"armoRM_scores": ["x"]}, r"m.armoRM_scores\[0\] is 'x'; give a number"),
            ({"armoRM_scores": [0.1, None]}, r"\[1\].score is missing"),
            ({"armoRM_scores": [1.5]}, r"\[0\].score is 1.5"),
            ({"armoRM_scores": [0.1], "responses": []}, "m.responses must list one value for each of the 1"),
            ({"armoRM_scores": [0.1], "ourRM_scores": 3}, "m.ourRM_scores must list one value"),
            ({"armoRM_scores": [0.1], "token_num_prompt": "5"}, "token_num_prompt is '5'"),
        ],
    )
    def test_faults_of_best_route_llm(self, block, message):
        with pytest.raises(InputError, match=message):
            parse_record({"prompt": "x", "m": block})

    @pytest.mark.parametrize("raw", [{"prompt": "x"}, {"prompt": 3, "m": {"armoRM_scores": [1]}}])
    def test_best_route_llm_without_its_parts(self, raw):
        with pytest.raises(InputError, match='needs a "prompt" and a block for each model'):
            parse_record(raw)


RESPONSE = r"responses\['small'\]\[1\]"


class TestFaults:
    @pytest.mark.parametrize("raw", [None, 3, "x", [CONTRACT]])
    def test_not_an_object(self, raw):
        with pytest.raises(InputError, match=f"a JSON object, not {type(raw).__name__}"):
            parse_record(raw)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"responses": None}, '"responses" is missing or empty'),
            ({"responses": {}}, '"responses" is missing or empty'),
            ({"responses": {"small": []}}, r"responses\['small'\] must be a list of one or more"),
            ({"responses": {"small": {"score": 1}}}, r"responses\['small'\] must be a list"),
            ({"responses": {"small": ["x"]}}, r"responses\['small'\] must be a list"),
            ({"query": None}, 'exactly one of "query"'),
            ({"query": " \n"}, 'exactly one of "query"'),
            ({"query": 3}, 'exactly one of "query"'),
            ({"messages": MESSAGES}, 'exactly one of "query"'),
            ({"query": None, "messages": []}, 'exactly one of "query"'),
            ({"query": None, "messages": ["x"]}, 'exactly one of "query"'),
            ({"input_tokens": "8"}, "input_tokens is '8'; give a number"),
            ({"input_tokens": True}, "input_tokens is True; give a number"),
            ({"input_tokens": -1}, "input_tokens is -1; give a number, 0 or more"),
            ({"answer": ["4"]}, '"answer" is list; give a text or a number'),
            ({"metadata": "vip"}, '"metadata" is str; give an object'),
        ],
    )
    def test_of_a_record(self, change, message):
        with pytest.raises(InputError, match=message):
            parse_record({**CONTRACT, **change})

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"score": None}, f"{RESPONSE}.score is missing; `bestroute score` gives"),
            ({"score": 1.01}, f"{RESPONSE}.score is 1.01; give the oracle's"),
            ({"score": -0.1}, f"{RESPONSE}.score is -0.1; give the oracle's"),
            ({"score": "1"}, f"{RESPONSE}.score is '1'; give a number"),
            ({"output_tokens": -5}, f"{RESPONSE}.output_tokens is -5; give a number, 0 or more"),
            ({"thinking_tokens": -0.5}, f"{RESPONSE}.thinking_tokens is -0.5; give a number, 0 or more"),
            ({"score": True}, f"{RESPONSE}.score is True; give a number"),
            ({"score": 10**400}, f"{RESPONSE}.score is inf; give a finite number"),
            ({"reward": [1]}, rf"{RESPONSE}.reward is \[1\]; give a number"),
            ({"output_tokens": "3"}, f"{RESPONSE}.output_tokens is '3'; give a number"),
            ({"text": 3}, f"{RESPONSE}.text is int; give a text"),
        ],
    )
    def test_of_a_response(self, change, message):
        with pytest.raises(InputError, match=message):
            parse_record({"query": "x", "responses": {"small": [{"score": 1}, {"score": 0.5, **change}]}})

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    @pytest.mark.parametrize("field", ["score", "reward", "output_tokens"])
    def test_numbers_that_are_none(self, tmp_path, number, field):
        line = json.dumps({"query": "x", "responses": {"a": [{"score": 0.5, field: "@"}]}})
        path = lines(tmp_path / "a.jsonl", line.replace('"@"', number))
        with pytest.raises(InputError, match=rf"{field} is -?(nan|inf); give a finite number"):
            list(read_records([path]))

    def test_the_broken_line_is_named(self, tmp_path):
        path = lines(tmp_path / "a.jsonl", *[CONTRACT] * 6, '{"id": "7", ', *[CONTRACT] * 2)
        with pytest.raises(InputError) as caught:
            list(read_records([path]))
        assert str(caught.value).startswith(f"{path}:7: not JSON: ")

    def test_bad_lines_can_be_left_out_and_listed(self, tmp_path):
        path = lines(tmp_path / "a.jsonl.gz", CONTRACT, "{", {"query": "x"}, CONTRACT)
        bad = []
        assert list(read_records([path], bad.append)) == [RECORD, RECORD]
        assert [str(error).rsplit(".gz:", 1)[1][:10] for error in bad] == ["2: not JSO", '3: "respon']


words = st.text(min_size=1).filter(str.strip)
numbers = st.none() | st.floats(0, 1e6)
responses = st.builds(
    Response,
    score=st.floats(0, 1),
    text=st.none() | st.text(),
    output_tokens=numbers,
    by=st.none() | st.text(),
    reward=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": st.text()}), min_size=1
)
records = st.builds(
    Record,
    id=st.text(),
    source=st.text(),
    prompt=words | messages.map(tuple),
    responses=st.dictionaries(st.text(), st.lists(responses, min_size=1).map(tuple), min_size=1),
    input_tokens=numbers,
    answer=st.none() | st.text(),
    metadata=st.none() | st.dictionaries(st.text(), st.text() | st.booleans()),
)


@given(records)
def test_what_is_written_is_read_back(record):
    assert parse_record(json.loads(json.dumps(record_as_json(record)))) == record


def test_scores_may_be_missing_before_scoring():
    bare = {"id": "", "source": "", "query": "x", "responses": {"a": [{"text": "y"}]}}
    record = parse_record(bare, scored=False)
    assert record_as_json(record) == bare
    with pytest.raises(InputError, match="a response has no score; `bestroute score` gives"):
        scores_of(record.responses["a"])


def test_a_right_answer_may_be_a_number():
    raw = {"query": "x", "answer": 4, "responses": {"a": [{"score": 1}]}}
    assert parse_record(raw).answer == "4"


def test_what_is_not_known_is_not_written():
    assert record_as_json(RECORD) == CONTRACT
    bare = {"id": "", "source": "", "messages": MESSAGES, "responses": {"a": [{"score": 0.5}]}}
    assert record_as_json(parse_record(bare)) == bare


class TestSplits:
    def test_shares(self):
        counts = Counter(split_of(f"query {number}") for number in range(4000))
        assert counts["train"] / 4000 == pytest.approx(0.75, abs=0.025)  # 3 standard errors and more
        assert counts["validation"] / 4000 == pytest.approx(0.10, abs=0.02)
        assert counts["test"] / 4000 == pytest.approx(0.15, abs=0.02)

    @pytest.mark.parametrize(
        ("prompt", "split"), [("query 0", "train"), ("query 3", "validation"), ("query 6", "test")]
    )
    def test_never_moves(self, prompt, split):
        assert split_of(prompt) == split

    def test_layout_does_not_move_a_query(self):
        assert bucket(" a\n b ", "s", 10**9) == bucket("a b", "s", 10**9) != bucket("a c", "s", 10**9)

    def test_salts_are_independent(self):
        assert len({bucket("a b", salt, 10**9) for salt in ("split", "fold", "x")}) == 3

    def test_half_characters_of_broken_json(self):
        assert split_of("\ud800") in ("train", "validation", "test")


class TestPreferences:
    PAIR = {"query": "q", "chosen": "good", "rejected": "bad"}

    def test_the_format(self, tmp_path):
        path = lines(tmp_path / "a.jsonl", self.PAIR, {**self.PAIR, "id": 3, "source": "s"})
        assert list(read_preferences([path])) == [
            Preference("", "", "q", "good", "bad"),
            Preference("3", "s", "q", "good", "bad"),
        ]

    def test_messages_in_place_of_a_query(self, tmp_path):
        turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
        pair = {
            "messages": [*turns, {"role": "user", "content": "why?"}],
            "chosen": "good",
            "rejected": "bad",
        }
        path = lines(tmp_path / "a.jsonl", pair, {**pair, "query": "q"})
        bad = []
        (read,) = read_preferences([path], bad.append)
        assert read.prompt == Query.of(pair["messages"]).text
        assert "needs exactly one of" in str(bad[0])

    @pytest.mark.parametrize("key", ["query", "chosen", "rejected"])
    def test_faults(self, tmp_path, key):
        path = lines(tmp_path / "a.jsonl", self.PAIR, {**self.PAIR, key: None}, "3")
        bad = []
        assert len(list(read_preferences([path], bad.append))) == 1
        assert f'a.jsonl:2: "{key}" is missing or not a text' in str(bad[0])
        assert "a.jsonl:3: a preference is a JSON object, not int" in str(bad[1])


@pytest.mark.parametrize(("source", "name"), [("mmlu_pro/math", "mmlu_pro"), ("crux", "crux"), ("", "all")])
def test_family(source, name):
    assert family_of(source) == name
