"""What messages hold, as many servers write it: what it needs, and what it is billed, worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.query import Query
from bestroute.query.parts import tokens_in

TEXT = {"type": "text", "text": "abcdefgh"}  # two tokens
DATA = "A" * 65_000
LONG = "word " * 20_000  # 25,000 tokens


def asked(*parts, **request):
    return Query.of({"messages": [{"role": "user", "content": [TEXT, *parts]}], **request})


PARTS = [
    # OpenAI, chat completions
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + DATA}}, "image", 765),
    ({"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "high"}}, "image", 765),
    ({"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}, "image", 85),
    ({"type": "input_audio", "input_audio": {"data": 4 * DATA, "format": "mp3"}}, "audio", 401),
    ({"type": "file", "file": {"file_id": "file-1"}}, "file", 1500),
    ({"type": "file", "file": {"filename": "a.pdf", "file_data": DATA}}, "file", 16_250),
    # OpenAI, responses
    ({"type": "input_image", "image_url": "https://x/y.png", "detail": "low"}, "image", 85),
    ({"type": "input_file", "file_url": "https://x/y.pdf"}, "file", 1500),
    ({"type": "function_call_output", "call_id": "c", "output": "abcdefgh"}, "tools", 3),
    # Anthropic
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}, "image", 765),
    ({"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}, "file", 1500),
    ({"type": "document", "source": {"type": "text", "data": LONG}}, "file", 25_000),
    ({"type": "tool_use", "id": "t1", "name": "look", "input": {"city": "Porto"}}, "tools", 1 + 1 + 1 + 2),
    ({"type": "tool_result", "tool_use_id": "t1", "content": "abcdefgh"}, "tools", 1 + 2),
    ({"type": "server_tool_use", "id": "t1", "name": "look", "input": {}}, "tools", 2),
    ({"type": "container_upload", "file_id": "f"}, "file", 1500),
    # vLLM, OpenRouter, Mistral
    ({"type": "audio_url", "audio_url": {"url": "https://x/y.wav"}}, "audio", 320),
    ({"type": "video_url", "video_url": {"url": "https://x/y.mp4"}}, "video", 3000),
    ({"type": "input_video", "video": "https://x/y.mp4"}, "video", 3000),
    ({"type": "document_url", "document_url": "https://x/y.pdf"}, "file", 1500),
    # Gemini, LangChain, Vercel
    ({"inlineData": {"mimeType": "image/png", "data": DATA}}, "image", 765),
    ({"inline_data": {"mime_type": "video/mp4", "data": ""}}, "video", 3000),
    ({"fileData": {"mimeType": "application/pdf", "fileUri": "gs://x"}}, "file", 1500),
    ({"functionCall": {"name": "look", "args": {"city": "Porto"}}}, "tools", 1 + 1 + 1 + 1 + 2),
    ({"functionResponse": {"name": "look", "response": {"it": "rains"}}}, "tools", 1 + 1 + 2 + 1 + 2),
    # Bedrock, whose client takes bytes
    ({"document": {"format": "txt", "source": {"bytes": DATA.encode()}}}, "file", 16_252),
    ({"type": "media", "mime_type": "audio/wav", "data": ""}, "audio", 320),
    ({"type": "tool-result", "toolCallId": "t", "output": {"type": "text", "text": "abcd"}}, "tools", 2),
]


@pytest.mark.parametrize(("part", "need", "tokens"), PARTS, ids=lambda value: str(value)[:40])
def test_a_part_is_needed_and_billed(part, need, tokens):
    query = asked(part)
    assert query.needs == {need}
    assert query.text == "abcdefgh"
    assert query.input_tokens - query.tokens == pytest.approx(tokens, abs=10 if tokens > 5000 else 1)


def test_images_beside_the_content_are_images():
    """As Ollama has them."""
    asked_of = Query.of({"messages": [{"role": "user", "content": "abcdefgh", "images": [DATA, DATA]}]})
    assert (asked_of.needs, asked_of.input_tokens) == ({"image"}, 2 + 2 * 765)
    assert Query.of({"messages": [{"role": "user", "content": "", "images": [DATA]}]}).needs == {"image"}
    assert Query.of({"messages": [{"role": "user", "content": "abcdefgh", "images": []}]}).needs == set()


def test_parts_inside_a_part_count_too():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [TEXT, image]}
    assert asked(result).needs == {"tools", "image"}
    assert asked(result).input_tokens == 2 + 1 + 2 + 765
    blocks = {"type": "document", "source": {"type": "content", "content": [TEXT, image]}}
    assert asked(blocks).needs == {"file", "image"}
    assert asked(blocks).input_tokens == 2 + 1500 + 2 + 765
    screen = {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": DATA}}
    assert asked(screen).needs == {"tools", "image"}
    assert asked(screen).input_tokens == 2 + 765


def test_the_results_of_tools_are_no_turn_of_the_users():
    messages = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "It rains."}]},
    ]
    query = Query.of(messages)
    assert (query.turns, query.last_turn.text, query.text) == (
        1,
        "What is the weather?",
        "What is the weather?",
    )


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": LONG}}
LONG_REQUESTS = [
    {"tools": [{"type": "function", "function": {"name": "f", "description": LONG}}]},
    {"functions": [{"name": "f", "description": LONG}]},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"title": LONG}}}},
    {"system": LONG},
    {"system": [{"type": "text", "text": LONG}]},
    {"instructions": LONG},
    {"prediction": {"type": "content", "content": LONG}},
    {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [CALL]}]},
    {
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "function_call": CALL["function"]},
        ]
    },
    {"messages": [{"role": "user", "content": "x"}, {"role": "function", "name": "f", "content": LONG}]},
    {"messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": [LONG]}]},
    {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "reasoning_content": LONG}]},
    {"messages": [{"role": "user", "content": "x", "name": LONG}]},
    {"messages": [{"role": "user", "content": ["x", {"type": "search_result", "content": [LONG]}]}]},
    {"messages": [{"role": "user", "content": ["x", {"type": "refusal", "refusal": LONG}]}]},
]


@pytest.mark.parametrize("request_", LONG_REQUESTS, ids=lambda request: str(request)[:60])
def test_whatever_the_prompt_holds_is_billed(request_):
    given_ = request_ if "messages" in request_ else {"query": "x", **request_}
    query = Query.of(given_)
    assert 25_000 <= query.input_tokens < 25_050
    assert query.text == "x"


@pytest.mark.parametrize(
    ("request_", "needs"),
    [
        ({"query": "x", "functions": [{"name": "f"}]}, {"tools"}),
        ({"query": "x", "functions": []}, set()),
        ({"messages": ["x", {"role": "function", "name": "f", "content": "1"}]}, {"tools"}),
        ({"messages": ["x", {"role": "assistant", "function_call": {"name": "f"}}]}, {"tools"}),
        ({"messages": ["x", {"role": "assistant", "function_call": None, "tool_calls": []}]}, set()),
        ({"messages": ["x", {"role": "assistant", "audio": {"id": "a"}}]}, {"audio"}),
        ({"query": "x", "modalities": ["text", "audio"]}, {"audio"}),
        ({"query": "x", "modalities": ["text"]}, set()),
    ],
)
def test_needs(request_, needs):
    if "messages" in request_:
        request_["messages"][0] = {"role": "user", "content": "x"}
    assert Query.of(request_).needs == needs


@pytest.mark.parametrize("part", [part for part, _, _ in PARTS])
def test_a_request_without_words_is_one(part):
    query = Query.of([{"role": "user", "content": [part]}])
    assert query.text == ""
    assert query.needs


def test_a_part_of_no_known_kind_is_told():
    with pytest.raises(InputError, match=r'content\[1\] needs a "type"'):
        asked({"url": "https://x"})


# --- what must always hold ---------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PART = st.sampled_from([part for part, _, _ in PARTS]) | st.text(max_size=9)
FIELDS = st.dictionaries(st.sampled_from(["tools", "functions", "response_format", "system", "x"]), VALUES)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system", "tool"]),
        "content": st.none() | st.text(max_size=9) | st.lists(PART, max_size=3),
    },
    optional={"name": st.text(max_size=9), "tool_calls": st.lists(VALUES, max_size=2)},
)


def tokens(messages, fields):
    return Query.of({"messages": [{"role": "user", "content": "x"}, *messages], **fields}).input_tokens


@given(st.lists(MESSAGE, max_size=3), FIELDS, MESSAGE, st.integers(0, 3), st.text(max_size=9), FIELDS)
def test_input_tokens_never_fall_when_anything_is_added(messages, fields, message, at, text, more):
    before = tokens(messages, fields)
    assert tokens([*messages[:at], message, *messages[at:]], fields) >= before
    assert tokens(messages, {**more, **fields}) >= before
    for index, one in enumerate(messages):
        content = one["content"]
        longer = content + text if isinstance(content, str) else [*(content or []), text]
        for grown in ({**one, "content": longer}, {"name": text, "tool_calls": [text], **one}):
            assert tokens([*messages[:index], grown, *messages[index + 1 :]], fields) >= before


@given(VALUES, VALUES)
def test_a_value_inside_another_costs_no_less(inner, outer):
    assert tokens_in([outer, inner]) >= tokens_in(inner)
    assert tokens_in({"key": inner}) > tokens_in(inner)


def test_what_is_nested_deep_is_counted():
    value = "abcd"
    for _ in range(20_000):
        value = [value]
    assert tokens_in(value) == 1
