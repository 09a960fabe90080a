"""Which LLM a name means."""

import pytest

from bestroute.artefacts.names import forms, meant, nearest

KNOWN = {
    "llama-3.1-8b": ("llama31_8b",),
    "gpt-4o": (),
    "gpt-4o-2024-11-20": (),
    "gpt-4.1-2025-04-14": (),
    "qwen-7b": (),
    "qwen-7b-chat": (),
    "o3-low": (),
    "o3-high": (),
}


@pytest.mark.parametrize(
    ("name", "llms"),
    [
        ("llama-3.1-8b", ["llama-3.1-8b"]),
        ("llama31_8b", ["llama-3.1-8b"]),
        ("meta-llama/Llama-3.1-8B-Instruct", ["llama-3.1-8b"]),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", ["llama-3.1-8b"]),
        ("llama3.1:8b", ["llama-3.1-8b"]),
        ("GPT-4o:latest", ["gpt-4o"]),
        ("gpt-4o-2024-08-06", ["gpt-4o"]),
        ("gpt-4o-2024-11-20", ["gpt-4o-2024-11-20"]),
        ("gpt-4.1", ["gpt-4.1-2025-04-14"]),
        ("Qwen/Qwen-7B-Chat", ["qwen-7b-chat"]),
        ("qwen-7b-instruct", ["qwen-7b", "qwen-7b-chat"]),
        ("o3", []),
        ("small", []),
        ("", []),
    ],
)
def test_what_a_name_means(name, llms):
    assert meant(name, KNOWN) == llms


def test_less_and_less_of_a_name():
    assert forms("meta-llama/Llama-3.1-8B-Instruct-2407")[1:] == (
        "llama318binstruct2407",
        "llama318b2407",
        "llama318b",
    )


def test_names_that_look_alike():
    assert set(nearest("o3", KNOWN)) == {"o3-low", "o3-high"}
    assert nearest("qwen-7b-chta", KNOWN)[0] == "qwen-7b-chat"
    assert nearest("xyz", KNOWN) == []
