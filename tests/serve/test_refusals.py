"""What a caller is told: enough to mend the request, and nothing of the server."""

import pytest

from bestroute.answering.sampling import Attempt
from bestroute.errors import ArtefactError, InputError, SamplingError
from bestroute.serve.refusals import Refusal, refusal_of


def tried(*statuses, error="HTTP: see http://10.0.0.7/v1, key OPENAI_API_KEY"):
    return SamplingError(
        "no model answered", [Attempt("a@1", 1, 0, error, 0.1, status=one) for one in statuses]
    )


def answered(*unfit):
    return SamplingError("none", [Attempt("a@1", 1, 0, "no JSON", 0.1, unfit=one) for one in unfit])


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (InputError("messages[0] has role 'x'"), 400, "invalid_request_error", None),
        (Refusal(413, "large", "request_too_large"), 413, "invalid_request_error", "request_too_large"),
        (tried(500, 429), 502, "server_error", "no_model_answered"),
        (tried(400, None), 502, "server_error", "no_model_answered"),
        (tried(429, 429), 429, "rate_limit_error", "rate_limit_exceeded"),
        (tried(400, 422, error="HTTP 400: too long"), 400, "invalid_request_error", "refused_by_model"),
        (answered(1, 1), 502, "server_error", "no_valid_answer"),
        (answered(1, 0), 502, "server_error", "no_model_answered"),
        (tried(), 502, "server_error", "no_model_answered"),
        (ArtefactError("/srv/secret/model.onnx is damaged"), 500, "server_error", "internal_error"),
        (RuntimeError("/srv/secret"), 500, "server_error", "internal_error"),
    ],
)
def test_errors(error, status, kind, code):
    refusal = refusal_of(error)
    told = refusal.as_dict()["error"]
    assert (refusal.status, told["type"], told["code"]) == (status, kind, code)
    assert not any(secret in told["message"] for secret in ("10.0.0.7", "OPENAI_API_KEY", "/srv"))
