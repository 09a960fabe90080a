"""LangChain against a gateway: pip install langchain-openai && python langchain_chat.py http://localhost:8080/v1"""

import sys

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

QUESTION = "What is the capital of France?"


@tool
def weather(city: str) -> str:
    """How the weather is in a city."""
    return f"mild in {city}"


chat = ChatOpenAI(
    model="auto", base_url=sys.argv[1], api_key="any", include_response_headers=True, stream_usage=True
)

answer = chat.invoke(QUESTION)
headers = answer.response_metadata["headers"]
print(answer.content)
print("answered by", headers["x-bestroute-arm"], "for $" + headers["x-bestroute-cost"])

pieces = list(chat.stream(QUESTION))
headers, used = pieces[0].response_metadata["headers"], sum(pieces[1:], pieces[0]).usage_metadata
words = "|".join(piece.content for piece in pieces if piece.content)
print("streamed:", words, "by", headers["x-bestroute-arm"], "with", used["total_tokens"], "tokens")

messages = [("user", "What is the weather in Paris?")]
with_tools = chat.bind_tools([weather])
asked = with_tools.invoke(messages)
results = [weather.invoke(call) for call in asked.tool_calls]
print("calls:", asked.tool_calls[0]["name"], asked.tool_calls[0]["args"])
print(with_tools.invoke([*messages, asked, *results]).content)
