"""Read a chat completion: bytes from an endpoint in, samples and errors out.

Endpoints call themselves OpenAI-compatible and answer with HTML, other shapes, or an error with status 200.
Only what is used is looked at, and nothing that comes is trusted: a wrong shape becomes an error text.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationError

from bestroute.answering.sampling.values import Sample, Sampled, Usage


def _keep(kind: type) -> BeforeValidator:
    """A value of another kind counts as absent: it is not worth losing the response over."""
    return BeforeValidator(lambda value: value if type(value) is kind else None)


class _Part(BaseModel):
    text: Annotated[str | None, _keep(str)] = None


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: Annotated[str | None, _keep(str)] = None

    @property
    def text(self) -> str | None:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.refusal if self.content is None else self.content


class _Choice(BaseModel):
    message: _Message
    finish_reason: Annotated[str | None, _keep(str)] = None


class _Usage(BaseModel):
    prompt_tokens: Annotated[int | None, _keep(int)] = None
    completion_tokens: Annotated[int | None, _keep(int)] = None


class _Completion(BaseModel):
    choices: list[Any]
    usage: Annotated[_Usage | None, _keep(dict)] = None


class _Failure(BaseModel):
    error: Any


def read_completion(body: bytes) -> Sampled:
    """Samples of a chat completion, and an error for each choice without text.

    A body that is no completion, or has no choices, gives no samples and one error that quotes it.
    """
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        return Sampled(errors=(_not_a_completion(body),))
    if not completion.choices:
        return Sampled(errors=("the endpoint answered with no choices",))
    usage, alone = completion.usage or _Usage(), len(completion.choices) == 1
    samples, errors = [], []
    for value in completion.choices:
        try:
            choice = _Choice.model_validate(value)
        except ValidationError:
            errors.append(f"a response that is no message: {value}")
            continue
        text = choice.message.text
        if text is None:
            errors.append(f"a response without text (finish_reason: {choice.finish_reason})")
        else:
            output_tokens = usage.completion_tokens if alone else None
            samples.append(Sample(text, choice.finish_reason, usage.prompt_tokens, output_tokens))
    return Sampled(tuple(samples), tuple(errors), _bill(usage))


def _bill(usage: _Usage) -> Usage | None:
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return Usage(usage.prompt_tokens, usage.completion_tokens)


def _not_a_completion(body: bytes) -> str:
    """Some gateways answer with status 200 and an error object; tell what it says."""
    try:
        return f"the endpoint answered with an error: {error_text(_Failure.model_validate_json(body).error)}"
    except ValidationError:
        return f"not a chat completion: {body.decode('utf-8', 'replace')}"


def error_text(error: Any) -> str:
    """The message of an OpenAI-like error object, or the object itself as text."""
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else str(error)
