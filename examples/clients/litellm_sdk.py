"""LiteLLM's SDK against a gateway: pip install litellm && python litellm_sdk.py http://localhost:8080/v1"""

import sys

import litellm

MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
gateway = {"model": "openai/auto", "base_url": sys.argv[1], "api_key": "any"}

answer = litellm.completion(**gateway, messages=MESSAGES)
headers = answer._hidden_params["additional_headers"]
print(answer.choices[0].message.content)
print(
    "answered by", headers["llm_provider-x-bestroute-arm"], "for $" + headers["llm_provider-x-bestroute-cost"]
)

stream = litellm.completion(**gateway, messages=MESSAGES, stream=True)
texts = [chunk.choices[0].delta.content for chunk in stream]
print("streamed:", "|".join(text for text in texts if text))

asked = litellm.completion(**gateway, messages=MESSAGES, tools=[WEATHER])
call = asked.choices[0].message.tool_calls[0].function
print("calls:", call.name, call.arguments)
