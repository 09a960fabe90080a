"""Records to targets, worked out by hand."""

import numpy as np
import pytest

from bestroute.errors import TrainingError
from bestroute.records.lines import parse_record
from bestroute.train.labels import (
    classes_of,
    prompt_text,
    router_targets,
    taught_n,
    telling,
    transformed_margin,
    with_extra,
    without_gain_where_unknown,
)

RECORD = parse_record(
    {
        "id": "a",
        "query": "What is 2 + 2?",
        "responses": {
            "small": [
                {"score": 0.0, "reward": 0.2, "output_tokens": 10},
                {"score": 1.0, "reward": 0.9, "output_tokens": 30},
                {"score": 0.0, "reward": 0.5, "output_tokens": 20},
            ],
            "large": [{"score": 1.0, "output_tokens": 40}, {"score": 0.0, "output_tokens": 60}],
        },
    }
)


def test_targets_are_the_exact_expectations():
    targets = router_targets([RECORD], ["small", "large"], "large", 4, 0.0)
    # of 1: each a third; of 2: the best of rewards 0.5 < 0.9 is kept in 2 of 3 pairs; of 3: always
    np.testing.assert_allclose(targets.quality[0, 0], [1 / 3, 2 / 3, 1, np.nan])
    # a wrong answer matches half of the reference's, a right one all of them
    np.testing.assert_allclose(targets.match[0, 0], [2 / 3, 5 / 6, 1, np.nan])
    # the reference's two have no rewards: nobody knows which of them would be kept
    np.testing.assert_allclose(targets.quality[0, 1], [0.5, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(targets.output_tokens[0], [20, 50])
    assert targets.texts == ["What is 2 + 2?"]


def test_a_class_without_responses_has_no_targets():
    targets = router_targets([RECORD], ["small", "medium", "large"], "large", 2, 0.0)
    assert np.isnan(targets.quality[0, 1]).all()
    assert np.isnan(targets.output_tokens[0, 1])


BARE = parse_record(
    {"query": "q", "responses": {"small": [{"score": 1}, {"score": 0}], "large": [{"score": 1}]}}
)


def test_a_class_that_never_has_rewards_gains_nothing_from_n():
    targets = router_targets([BARE], ["small", "large"], "large", 2, 0.0)
    np.testing.assert_allclose(targets.quality[0, 0], [0.5, np.nan])
    filled = without_gain_where_unknown(targets)
    np.testing.assert_allclose(filled.quality[0], [[0.5, 0.5], [1, 1]])
    np.testing.assert_allclose(filled.match[0], [[0.5, 0.5], [1, 1]])
    both = without_gain_where_unknown(router_targets([BARE, RECORD], ["small"], "large", 2, 0.0))
    np.testing.assert_allclose(both.quality[:, 0], [[0.5, np.nan], [1 / 3, 2 / 3]])


def test_an_n_is_taught_by_twenty_queries_that_tell_of_it():
    """RECORD tells of three of small and one of large; every class is taught one."""
    for count, taught in ((19, (1, 1, 1)), (20, (3, 1, 1))):
        targets = router_targets([RECORD] * count, ["small", "large", "huge"], "large", 4, 0.0)
        assert telling(targets).tolist() == [[count] * 3 + [0], [count, 0, 0, 0], [0] * 4]
        assert taught_n(targets) == taught


def test_deterministic_labels_take_the_first_responses():
    targets = router_targets([RECORD], ["small", "large"], "large", 4, 0.0, "det")
    # the reference's first is right; of small's first 1, 2, 3 the kept one is wrong, right, right
    np.testing.assert_allclose(targets.match[0, 0], [0, 1, 1, np.nan])
    np.testing.assert_allclose(targets.quality[0, 0], [1 / 3, 2 / 3, 1, np.nan])


def scored(small: float, large: float):
    return parse_record(
        {"query": "q", "responses": {"small": [{"score": small}], "large": [{"score": large}]}}
    )


def test_the_transformed_margin_tells_queries_apart():
    # small loses 0.1, 0.3, 0.6, 0.8: from 0.3 on two match and two do not, which differs in most pairs
    records = [scored(1 - loss, 1) for loss in (0.1, 0.3, 0.6, 0.8)]
    assert transformed_margin(records, ["small", "large"], "large") == pytest.approx(0.3)
    with pytest.raises(TrainingError, match="of another class"):
        transformed_margin(records, ["large"], "large")


def test_further_llms_stand_beside_known_queries_or_bring_their_own():
    targets = router_targets([RECORD], ["small", "large"], "large", 2, 0.0)
    known = parse_record({"query": "What is 2 + 2?", "responses": {"a": [{"score": 1}, {"score": 0}]}})
    other = parse_record(
        {"query": "new", "source": "s/t", "responses": {"b": [{"score": 0.25}], "c": [{"score": 1}]}}
    )
    more = with_extra(targets, [known, other], ["a", "b"])
    assert (more.texts, more.sources) == (["What is 2 + 2?", "new"], ["", "s/t"])
    np.testing.assert_allclose(more.extra, [[0.5, np.nan], [np.nan, 0.25]])
    np.testing.assert_allclose(more.quality[0], targets.quality[0])
    assert np.isnan(more.quality[1]).all()
    assert np.isnan(more.match[1]).all()
    assert np.isnan(more.output_tokens[1]).all()


def test_classes_stand_by_rising_score_and_the_reference_last():
    records = [
        parse_record(
            {"query": "q", "responses": {name: [{"score": score}] for name, score in scores.items()}}
        )
        for scores in ({"b": 0.9, "a": 0.2, "top": 0.5}, {"b": 0.7, "a": 0.4, "top": 0.5})
    ]
    assert classes_of(records, "top") == ["a", "b", "top"]


def test_a_reference_that_no_record_has_is_named():
    with pytest.raises(TrainingError, match="no reference 'huge'; see --reference"):
        classes_of([RECORD], "huge")
    with pytest.raises(TrainingError, match="no record has responses of the reference 'huge'"):
        router_targets([RECORD], ["small"], "huge", 2, 0.0)


def test_a_log_of_one_response_each_teaches_no_gap():
    records = [parse_record({"query": name, "responses": {name: [{"score": 1}]}}) for name in ("a", "top")]
    with pytest.raises(TrainingError, match="so none tells a gap. `bestroute adapt` learns from them"):
        classes_of(records, "top")


def test_a_question_is_the_same_as_a_text_and_as_messages():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}]
    record = parse_record({"messages": messages, "responses": {"small": [{"score": 1}]}})
    assert prompt_text(record) == prompt_text(RECORD)
