"""Anthropic's client against a gateway: pip install anthropic && python anthropic_client.py http://localhost:8080"""

import sys

from anthropic import Anthropic

client = Anthropic(base_url=sys.argv[1], api_key="any")
messages = [{"role": "user", "content": "What is the capital of France?"}]
asked = {"model": "auto", "max_tokens": 100, "messages": messages}
schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

raw = client.messages.with_raw_response.create(**asked)
print(raw.parse().content[0].text, raw.headers["x-bestroute-arm"])
with client.messages.stream(**asked) as stream:
    print("streamed:", "|".join(stream.text_stream), stream.get_final_message().stop_reason)
called = client.messages.create(**asked, tools=[{"name": "weather", "input_schema": schema}]).content[0]
print("calls:", called.name, called.input)
