"""The embedded reward model: rewards that do not depend on company; its head, worked out by hand."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bestroute.artefacts.facts import FACTS
from bestroute.artefacts.reward import BUCKETS, HEAD, Head, RewardModel, buckets_of, read_head
from bestroute.artefacts.session import TokenRow
from bestroute.errors import ArtefactError

QUERY = "How deep is the sea?"
RESPONSES = [
    "About 3.7 km on average.",
    "I don't know.",
    "",
    "deep " * 3000,
    "nul \0 \u202e bidi",
    "平均深度约3700米。" * 50,
    "x" * 1_000_000,
]
CONTROL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<pad>", "</s>", "<s>", "<unk>", "<|endoftext|>",
           "<|im_end|>", "<end_of_turn>"]  # fmt: skip


class TestRewards:
    def test_is_a_reward_model(self, reward_model):
        assert isinstance(reward_model, RewardModel)

    @pytest.mark.parametrize("token", CONTROL)
    def test_control_tokens_alone_say_nothing(self, reward_model, token):
        answer, *leaked = reward_model.rewards("What is 2 + 2?", ["4", token * 50, f"{token} \n" * 50, token])
        assert answer > 0
        assert leaked == [0.0] * 3

    def test_words_beside_control_tokens_are_rewarded(self, reward_model):
        assert (reward_model.rewards(QUERY, ["3.7 km [SEP]", "<|im_start|>3.7 km", "pad", "<b>"]) > 0).all()

    def test_one_for_each_response_from_0_to_1(self, reward_model):
        rewards = reward_model.rewards(QUERY, RESPONSES)
        assert rewards.shape == (len(RESPONSES),)
        assert ((rewards >= 0) & (rewards <= 1)).all()

    def test_no_responses(self, reward_model):
        assert reward_model.rewards(QUERY, []).shape == (0,)
        assert reward_model.rewards_of_pairs([]).shape == (0,)

    def test_neither_company_nor_order_matters(self, reward_model):
        together = reward_model.rewards(QUERY, RESPONSES)
        assert reward_model.rewards(QUERY, RESPONSES[::-1])[::-1] == pytest.approx(together, abs=1e-6)
        for response, reward in zip(RESPONSES, together, strict=True):
            assert reward_model.rewards(QUERY, [response])[0] == pytest.approx(reward, abs=1e-6)

    def test_pairs_of_several_queries(self, reward_model):
        pairs = [(query, response) for response in RESPONSES[:3] for query in ("a", QUERY, "")]
        rewards = reward_model.rewards_of_pairs(pairs)
        for (query, response), reward in zip(pairs, rewards, strict=True):
            assert reward_model.rewards(query, [response])[0] == pytest.approx(reward, abs=1e-6)

    def test_threads_share_it(self, reward_model):
        alone = reward_model.rewards(QUERY, RESPONSES[:4])
        with ThreadPoolExecutor(8) as pool:
            for rewards in pool.map(lambda _: reward_model.rewards(QUERY, RESPONSES[:4]), range(16)):
                assert np.allclose(rewards, alone, atol=1e-6)


class TestHead:
    """A head of two features, one of width 1 and one hidden unit, worked out by hand."""

    @pytest.fixture
    def head(self):
        k = len(FACTS)
        return Head(
            query=np.array([[1.0], [0.0]]),
            query_bias=np.array([0.5]),
            response=np.array([[0.0], [2.0]]),
            response_bias=np.array([-1.0]),
            mixed=np.array([[1.0], [10.0], [3.0], *[[0.0]] * k]),
            mixed_bias=np.array([0.25]),
            out=np.array([2.0]),
            plain=np.array([100.0, 0.0]),
            facts=np.eye(k)[0],
            wide=np.where(np.arange(BUCKETS) < 3, 5.0, 0.0),
            centre=np.full(k, 1.0),
            spread=np.full(k, 2.0),
            scale=np.array([0.01]),
            shift=np.array([-1.0]),
        )

    def test_logits(self, head):
        asked, read = np.array([[1.0, 7.0]]), np.array([[0.5, 2.0], [0.5, -20.0]])
        facts = np.full((2, len(FACTS)), 4.0)
        buckets = [np.array([1, 2, 7, 9]), np.array([7, 9, 11, 12])]
        # ours 3 and -41, theirs 1.5: relu(ours + 15 + 3 * 1.5 * ours + 0.25), twice; past it 50, and 1.5 of
        # facts, and two of four buckets, at 5 each
        expected = [2 * (3 + 15 + 13.5 + 0.25) + 51.5 + 5, 51.5]
        assert head.logits(asked, read, buckets, facts) == pytest.approx(expected)

    def test_rewards_are_calibrated_and_nothing_is_worth_nothing(self, head):
        asked, read = np.zeros((1, 2)), np.array([[1.0, -9.0], [1.0, -9.0]])
        found = head.rewards(asked, read, [np.array([7])] * 2, "q", ["", "abcd"])
        # characters log 5, other facts unused: logit 100 + (log 5 - 1) / 2
        assert found == pytest.approx([0.0, 1 / (1 + np.exp(1 - 1 - 0.01 * (np.log(5) - 1) / 2))])


def test_buckets_are_of_pieces_and_of_neighbours_in_their_order():
    def buckets(*ids):
        return set(buckets_of(TokenRow(list(ids))).tolist())

    assert len(buckets(5, 6)) == 3
    assert buckets(5, 6, 5, 6) == buckets(5, 6) | buckets(6, 5)
    assert len(buckets(5, 6) & buckets(6, 5)) == 2
    assert all(0 <= one < BUCKETS for one in buckets(48_000, 47_999, 3))


def test_a_query_is_read_once(reward_model, monkeypatch):
    read = []
    whole = type(reward_model).rows
    monkeypatch.setattr(
        type(reward_model), "rows", lambda self, texts: read.extend(texts) or whole(self, texts)
    )
    reward_model.rewards_of_pairs([(QUERY, "a"), ("other", "b"), (QUERY, "c")])
    assert sorted(read) == sorted([QUERY, "a", "c", "other", "b"])


@pytest.mark.parametrize(("name", "shape"), [("plain", (3,)), ("mixed", (4, 4)), ("query", (2113, 5))])
def test_a_head_that_does_not_fit(copy_of, name, shape):
    folder = copy_of("reward").folder
    with np.load(folder / HEAD) as file:
        weights = {key: file[key] for key in file.files}
    np.savez(folder / HEAD, **weights | {name: np.zeros(shape, np.float16)})
    with pytest.raises(ArtefactError, match=rf"head.npz: {name} has shape"):
        read_head(folder, 2113)


def test_a_head_of_before_pieces_counted(copy_of):
    folder = copy_of("reward").folder
    with np.load(folder / HEAD) as file:
        weights = {key: file[key] for key in file.files if key != "wide"}
    np.savez(folder / HEAD, **weights)
    assert not read_head(folder, 2113).wide.any()


def test_a_head_that_cannot_be_read(copy_of):
    folder = copy_of("reward").folder
    (folder / HEAD).write_bytes(b"no archive")
    with pytest.raises(ArtefactError, match=r"head.npz: cannot be read"):
        read_head(folder, 2113)
