"""The embedded reward model: rows that keep both ends, and rewards that do not depend on company."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tokenizers import Tokenizer

from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.reward import RewardModel, pair_rows

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
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = Tokenizer.from_file(str(default_folder("reward") / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


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


class TestRows:
    """`[CLS] query [SEP] response [SEP]` from words of one id each."""

    @pytest.fixture
    def row(self, tokenizer):
        ids = {word: tokenizer.encode(word).ids[1] for word in [*WORDS, "x"]}
        start, end = tokenizer.encode("").ids
        names = {number: word for word, number in ids.items()} | {start: "[CLS]", end: "[SEP]"}

        def row(query, response, max_tokens=12, query_tokens=6):
            made = pair_rows(tokenizer, [(query, response)], max_tokens, query_tokens)[0]
            words = [names[number] for number in made.ids]
            return " ".join(words[: made.second_from]), " ".join(words[made.second_from :])

        return row

    @pytest.mark.parametrize(
        ("query", "response", "first", "second"),
        [
            ("one", "two three", "[CLS] one [SEP]", "two three [SEP]"),
            ("", "", "[CLS] [SEP]", "[SEP]"),
            # a long query: 6 ids, 4 of them words, the first two and the last two
            (" ".join(WORDS), "one", "[CLS] one two nine ten [SEP]", "one [SEP]"),
            # a long response after a short query: 12 - 3 - 1 = 8 words
            ("one", " ".join(WORDS), "[CLS] one [SEP]", "one two three four seven eight nine ten [SEP]"),
            # both long: 12 - 6 - 1 = 5 words, the odd one to the head
            (
                " ".join(WORDS),
                " ".join(WORDS),
                "[CLS] one two nine ten [SEP]",
                "one two three nine ten [SEP]",
            ),
        ],
    )
    def test_each_part_keeps_its_head_and_tail(self, row, query, response, first, second):
        assert row(query, response) == (first, second)

    def test_a_megabyte_keeps_its_head_and_tail_too(self, row):
        long = f"one two {'x ' * 500_000} nine ten"
        assert row(long, long) == ("[CLS] one two nine ten [SEP]", "one two x nine ten [SEP]")

    def test_the_embedded_limits_hold(self, reward_model, tokenizer):
        manifest = reward_model.manifest
        long = "word " * 2000
        (row,) = pair_rows(tokenizer, [(long, long)], manifest.max_tokens, manifest.query_tokens)
        assert (row.second_from, len(row.ids)) == (manifest.query_tokens, manifest.max_tokens)

    def test_rows_are_in_the_order_of_the_pairs(self, tokenizer):
        pairs = [(query, response) for query in WORDS for response in WORDS]
        rows = pair_rows(tokenizer, pairs, 12, 6)
        alone = [pair_rows(tokenizer, [pair], 12, 6)[0] for pair in pairs]
        assert rows == alone
