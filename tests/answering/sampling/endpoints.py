"""Asking real servers on loopback: models, one call, and replies of odd shapes."""

from __future__ import annotations

import asyncio
from typing import Any

from bestroute.answering.sampling import EndpointSampler, Sampled
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query
from tests.answering.fake_endpoint import Play, Reply, Request, document

QUERY = Query.of("How deep is the sea?")  # five tokens
SETTINGS = Sampling(temperature=0.7, timeout_s=5.0, max_tokens=20)


def model(base_url: str, name: str = "m", price: float = 1.0, **endpoint: Any) -> Model:
    content = {"name": name, "price": {"input": price, "output": price}}
    return Model.model_validate({**content, "endpoint": {"base_url": base_url, **endpoint}})


def ask(asked: Model, n: int = 1, retries: int = 0, settings: Sampling = SETTINGS) -> Sampled:
    return asyncio.run(EndpointSampler(retries=retries).sample(asked, QUERY, n, settings))


def texts(sampled: Sampled) -> list[str]:
    return [sample.text for sample in sampled.samples]


def choice(content: Any, finish_reason: Any = "stop", **fields: Any) -> dict[str, Any]:
    return {"finish_reason": finish_reason, "message": {"role": "assistant", "content": content}, **fields}


def says(*choices: dict[str, Any], usage: Any = None, status: int = 200, **fields: Any) -> Play:
    body = {"choices": list(choices), "usage": usage, **fields}
    return lambda request: document(body, status)


def used(prompt: Any, written: Any, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": written, **more}


class Picky:
    """An endpoint that refuses requests with any of some fields, each with its complaint, or answers."""

    def __init__(self, complaints: dict[str, Any], status: int = 400) -> None:
        self._complaints, self._status = complaints, status

    def __call__(self, request: Request) -> Reply:
        for field, complaint in self._complaints.items():
            if field in request.body and not (field == "n" and request.body["n"] == 1):
                return document(complaint, self._status)
        return says(*[choice("fine")] * request.body.get("n", 1), usage=used(10, 5))(request)
