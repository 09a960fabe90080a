"""LLMs into classes, by hand."""

from bestroute.records.record import Record, Response
from bestroute.train.pools import pooled, thirds


def record(source="facts", **scores):
    responses = {name: (Response(score),) for name, score in scores.items()}
    return Record("1", source, "Why?", responses)


def test_thirds_by_rising_mean_and_the_middle_takes_the_rest():
    records = [record(a=0.9, b=0.1, c=0.5, d=0.4), record(a=0.7, b=0.3, c=0.5, d=0.6)]
    assert thirds(records) == {"small": ["b"], "medium": ["c", "d"], "large": ["a"]}


def test_a_class_has_the_responses_of_its_llms_and_says_whose_they_are():
    (made,) = pooled([record(a=1.0, b=0.0, c=0.5)], {"small": ["a", "b"], "large": ["c"]})
    assert [(item.by, item.score) for item in made.responses["small"]] == [("a", 1.0), ("b", 0.0)]
    assert [item.by for item in made.responses["large"]] == ["c"]


def test_an_llm_whose_answers_were_of_another_form_is_left_out_there_alone():
    records = [record("facts/one", a=1.0, b=0.3), record("sums", a=0.2, b=0.2)]
    facts, sums = pooled(records, {"small": ["a", "b"]}, floor=0.4)
    assert [item.by for item in facts.responses["small"]] == ["a"]
    assert [item.by for item in sums.responses["small"]] == ["a", "b"]


def test_a_record_of_nobody_in_the_pools_is_left_out():
    assert pooled([record(other=1.0)], {"small": ["a"]}) == []
