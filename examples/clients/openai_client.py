"""The official client against a gateway, or a proxy: pip install openai && python openai_client.py URL KEY"""

import sys

from openai import OpenAI

client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2])
asked = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
function = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}

arms = []
for headers in ({}, {"x-bestroute-model": "big"}):
    raw = client.chat.completions.with_raw_response.create(**asked, extra_headers=headers)
    arms += [value for name, value in raw.headers.items() if name.endswith("x-bestroute-arm")]
print(raw.parse().choices[0].message.content, "Of", " and, where that is asked for, ".join(arms))
pieces = [chunk.choices[0].delta.content for chunk in client.chat.completions.create(**asked, stream=True)]
print("streamed:", "|".join(piece for piece in pieces if piece))
with_tool = client.chat.completions.create(**asked, tools=[{"type": "function", "function": function}])
print("calls:", with_tool.choices[0].message.tool_calls[0].function.name)
