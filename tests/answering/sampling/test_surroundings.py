"""What stands in the way: proxies, certificates, addresses and keys, named where they are at fault."""

import asyncio

import pytest

from bestroute.answering.sampling import EndpointSampler
from bestroute.answering.sampling.surroundings import proxy_for
from tests.answering.fake_endpoint import closed_port, document, hang, raw, status
from tests.answering.sampling.endpoints import QUERY, SETTINGS, ask, model, texts

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def bare(monkeypatch):
    """An environment without proxies or certificates."""
    for name in VARIABLES:
        for written in (name, name.upper()):
            monkeypatch.delenv(written, raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


class TestProxy:
    @pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
    def test_a_dead_one_is_named(self, bare, variable):
        proxy = closed_port().removesuffix("/v1")
        bare.setenv(variable, proxy)
        (error,) = ask(model("http://models.example/v1")).errors
        assert error.startswith("cannot reach http://models.example/v1/chat/completions: ")
        assert f"it is asked through the proxy {proxy} of {variable} " in error
        assert "NO_PROXY" in error

    def test_its_password_shows_nowhere(self, bare):
        proxy = closed_port().removesuffix("/v1")
        bare.setenv("HTTP_PROXY", proxy.replace("//", "//user:secret@"))
        (error,) = ask(model("http://models.example/v1")).errors
        assert f"{proxy} of HTTP_PROXY" in error
        assert "secret" not in error

    @pytest.mark.parametrize("code", [407, 502, 503, 504])
    def test_one_that_answers_itself_is_named(self, fake_endpoint, bare, code):
        bare.setenv("HTTP_PROXY", fake_endpoint.base_url.removesuffix("/v1"))
        fake_endpoint.play(raw(b"<html><title>No such host</title></html>", code))
        (error,) = ask(model("http://models.example/v1")).errors
        assert error.startswith(f"HTTP {code}: an HTML page: No such host; it is asked through the proxy ")

    def test_one_that_hangs_is_named(self, fake_endpoint, bare):
        bare.setenv("HTTP_PROXY", fake_endpoint.base_url.removesuffix("/v1"))
        fake_endpoint.play(hang())
        (error,) = ask(model("http://models.example/v1", timeout_s=0.2)).errors
        assert error.startswith("no answer within 0.2 s; it is asked through the proxy ")

    @pytest.mark.parametrize("scheme", ["what", "socks5"])
    def test_one_that_cannot_be_used_is_named(self, bare, scheme):
        bare.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:9")
        (error,) = ask(model("http://models.example/v1", timeout_s=2)).errors
        assert "127.0.0.1:9 of ALL_PROXY" in error

    def test_one_for_other_addresses_is_not(self, bare):
        bare.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        bare.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        bare.setenv("NO_PROXY", "127.0.0.1,.inside.example")
        (error,) = ask(model(closed_port())).errors
        assert "PROXY" not in error
        assert proxy_for("http://a.inside.example/v1") == ""
        assert proxy_for("https://a.example/v1") == "the proxy http://127.0.0.1:9 of HTTPS_PROXY"


class TestCertificates:
    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
    def test_a_file_that_is_not_there_is_named(self, bare, fake_endpoint, tmp_path, variable):
        bare.setenv("NO_PROXY", "127.0.0.1")
        bare.setenv(variable, str(tmp_path / "gone.pem"))
        sampled = ask(model(fake_endpoint.base_url))
        # Whether a folder that is not there is an error is the SSL library's affair.
        if variable == "SSL_CERT_FILE":
            assert f"{variable}={tmp_path / 'gone.pem'} is not there" in sampled.errors[0]
        else:
            assert sampled.samples or str(tmp_path) in sampled.errors[0]

    def test_a_file_without_certificates_is_named(self, bare, fake_endpoint, tmp_path):
        (tmp_path / "empty.pem").write_text("no certificate")
        bare.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert f"certificates are those of SSL_CERT_FILE={tmp_path / 'empty.pem'}" in error

    def test_a_server_without_certificates(self, bare, fake_endpoint):
        bare.setenv("NO_PROXY", "127.0.0.1")
        (error,) = ask(model(fake_endpoint.base_url.replace("http:", "https:"))).errors
        assert "SSL" in error
        assert "base_url says https" in error


class TestAddress:
    def test_a_404_names_what_was_asked_and_hints_at_v1(self, fake_endpoint):
        fake_endpoint.play(document_404)
        base_url = fake_endpoint.base_url.removesuffix("/v1")
        for one in (base_url, f"{base_url}/", f"{base_url}/api"):
            (error,) = ask(model(one)).errors
            assert error == f"HTTP 404 at {one.rstrip('/')}/chat/completions: Not Found; " + (
                "base_url may lack /v1 at its end"
            )

    def test_one_at_v1_is_about_something_else(self, fake_endpoint):
        fake_endpoint.play(status(404, "no such model"))
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert error == f"HTTP 404 at {fake_endpoint.base_url}/chat/completions: no such model"

    @pytest.mark.parametrize("path", ["/v1beta/openai", "/v2", "/openai/v1/"])
    def test_other_versions_are_versions(self, fake_endpoint, path):
        fake_endpoint.play(status(404, "no such model"))
        (error,) = ask(model(fake_endpoint.base_url.removesuffix("/v1") + path)).errors
        assert error.endswith("no such model")

    def test_a_whole_address_is_too_much(self, fake_endpoint):
        fake_endpoint.play(status(404, "Not Found"))
        (error,) = ask(model(f"{fake_endpoint.base_url}/chat/completions")).errors
        assert error.endswith("base_url ends before /chat/completions, which is added")

    @pytest.mark.parametrize(
        ("play", "told"),
        [
            (raw(b"<!doctype html><html><head><title>Open WebUI</title>..."), "an HTML page: Open WebUI"),
            (raw(b"<html><body><p>Sign in</p>"), "an HTML page: Sign in"),
            (raw(b"Ollama is running", content_type="text/plain"), "Ollama is running"),
            (lambda request: document({"error": "Unexpected endpoint or method."}), "Unexpected endpoint"),
            (lambda request: document({"message": "hello"}), "hello"),
        ],
    )
    def test_what_is_no_completion_may_be_the_wrong_address(self, fake_endpoint, play, told):
        fake_endpoint.play(play)
        (error,) = ask(model(fake_endpoint.base_url.removesuffix("/v1"))).errors
        assert told in error
        assert error.endswith("; base_url may lack /v1 at its end")

    def test_a_page_is_told_briefly(self, fake_endpoint):
        page = b"<html><head><title>502 Bad Gateway</title><style>" + b"x" * 9000 + b"</style></head></html>"
        fake_endpoint.play(raw(page, 502))
        assert ask(model(fake_endpoint.base_url)).errors == ("HTTP 502: an HTML page: 502 Bad Gateway",)


def document_404(request):
    return document({"detail": "Not Found"}, 404)


class TestKey:
    @pytest.mark.parametrize("code", [401, 403])
    def test_a_wrong_one_is_named_by_its_variable(self, fake_endpoint, monkeypatch, code):
        monkeypatch.setenv("THE_KEY", "sk-secret")
        fake_endpoint.play(status(code, "bad key sk-secret"))
        (error,) = ask(model(fake_endpoint.base_url, api_key_env="THE_KEY")).errors
        assert error == f"HTTP {code}: bad key ***; the key sent is that of environment variable THE_KEY"

    def test_none_is_told_too(self, fake_endpoint):
        fake_endpoint.play(status(401, "no key"))
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert error == "HTTP 401: no key; no key was sent: name its environment variable in api_key_env"


class TestAzure:
    KEY = "0123456789abcdef"

    def sent(self, fake_endpoint, monkeypatch, base_url, key=KEY):
        monkeypatch.setenv("THE_KEY", key)
        sampled = asyncio.run(
            EndpointSampler(retries=0).sample(model(base_url, api_key_env="THE_KEY"), QUERY, 1, SETTINGS)
        )
        assert texts(sampled) == ["hello"]
        return fake_endpoint.requests[-1]

    def test_the_version_goes_behind_the_path(self, fake_endpoint, monkeypatch):
        address = fake_endpoint.base_url.removesuffix("/v1") + "/openai/deployments/gpt-4o"
        request = self.sent(fake_endpoint, monkeypatch, f"{address}?api-version=2024-10-21")
        assert request.path == "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
        # At an address that is not Azure's it is a gateway, which may take the key either way.
        assert request.headers["api-key"] == self.KEY
        assert request.headers["authorization"] == f"Bearer {self.KEY}"

    @pytest.mark.parametrize(("key", "header"), [(KEY, "api-key"), ("eyJ0.eyJh.c2ln", "authorization")])
    def test_azure_takes_keys_and_tokens_in_headers_of_their_own(self, fake_endpoint, bare, key, header):
        bare.setenv("HTTP_PROXY", fake_endpoint.base_url.removesuffix("/v1"))  # it plays Azure
        address = "http://mine.openai.azure.com/openai/deployments/gpt-4o?api-version=2024-10-21"
        request = self.sent(fake_endpoint, bare, address, key)
        assert {"api-key", "authorization"} & set(request.headers) == {header}
        assert request.headers[header].endswith(key)

    def test_other_endpoints_get_a_bearer_alone(self, fake_endpoint, monkeypatch):
        request = self.sent(fake_endpoint, monkeypatch, fake_endpoint.base_url)
        assert "api-key" not in request.headers
