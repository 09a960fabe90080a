"""Texts that are made of others: near them for a teacher, far from everything for novelty."""

import re

from bestroute.records.record import Record, Response
from bestroute.train.strange import strange
from bestroute.train.variants import variants


def question(number):
    options = "\n".join(f"{letter}. option {letter} of {number}" for letter in "ABCDEFGH")
    text = f"Question {number}?\nOptions:\n{options}"
    return Record(str(number), "exam", text, {"small": (Response(1.0, f"A passage, {number}."),)})


def test_a_variant_keeps_the_stem_and_shuffles_cuts_or_leaves_out_the_options():
    made = variants(question(number) for number in range(300))
    kinds = set()
    for text in made:
        if text.startswith("A passage"):
            kinds.add("passage")
            continue
        number = re.match(r"Question (\d+)\?", text)[1]
        options = re.findall(r"^[A-H]\. (option [A-H]) of (\d+)$", text, re.MULTILINE)
        assert all(of == number for _, of in options)
        assert len(set(options)) == len(options)
        kinds.add(len(options))
    assert kinds == {"passage", 0, 4, 8}
    assert made == variants(question(number) for number in range(300))


def test_strange_texts_are_of_all_kinds_and_the_same_each_time():
    texts = [f"Please tell me about the town number {number} of this land." for number in range(200)]
    made = strange(texts)
    assert made == strange(texts)
    assert len(made) == len(texts)
    assert not set(made) & set(texts)
    assert any(re.fullmatch(r"[A-Za-z0-9+/]+=*", text) for text in made)  # base64
    assert any(re.fullmatch(r"[0-9a-f ]+", text) for text in made)
    assert any(re.search(r"[\u0905-\u0939]", text) for text in made)  # a script that is not read
