"""One endpoint over HTTP: certificates, redirects, large bodies, and what of the environment is not sent."""

import asyncio
import http.server
import ssl
import threading

import pytest
import trustme

from bestroute.answering.sampling import EndpointSampler
from bestroute.answering.sampling.connections import most_connections
from bestroute.query import Query
from tests.answering.fake_endpoint import FakeEndpoint, Reply, raw
from tests.answering.sampling.endpoints import SETTINGS, ask, model, texts


@pytest.fixture
def other():
    endpoint = FakeEndpoint()
    yield endpoint
    endpoint.close()


def to(endpoint: FakeEndpoint, code: int = 307):
    """A redirect."""
    return lambda request: Reply(code, headers={"location": f"{endpoint.base_url}/chat/completions"})


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


class TestCertificates:
    @pytest.fixture
    def named(self, authority, tmp_path, monkeypatch):
        """The environment names the authority's certificate."""
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    @pytest.fixture
    def safe_endpoint(self, authority, fake_endpoint):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        server = fake_endpoint._server
        server.socket = context.wrap_socket(server.socket, server_side=True)
        return fake_endpoint.base_url.replace("http:", "https:")

    @pytest.mark.usefixtures("named")
    def test_those_that_the_environment_names_are_trusted(self, safe_endpoint):
        assert texts(ask(model(safe_endpoint))) == ["hello"]

    def test_others_are_not(self, safe_endpoint, monkeypatch):
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        (error,) = ask(model(safe_endpoint)).errors
        assert error.startswith(f"cannot reach {safe_endpoint}/chat/completions: ")
        assert "CERTIFICATE_VERIFY_FAILED" in error

    @pytest.mark.usefixtures("named")
    def test_the_name_must_be_theirs(self, safe_endpoint, monkeypatch):
        monkeypatch.setenv("NO_PROXY", "localhost")
        (error,) = ask(model(safe_endpoint.replace("127.0.0.1", "localhost"))).errors
        assert "CERTIFICATE_VERIFY_FAILED" in error


class TestRedirects:
    def test_they_are_followed_with_the_request(self, fake_endpoint, other):
        fake_endpoint.play(to(other))
        assert texts(ask(model(fake_endpoint.base_url))) == ["hello"]
        assert other.requests[0].body == fake_endpoint.requests[0].body

    @pytest.mark.parametrize("query", ["", "?api-version=2024-10-21"])
    def test_a_key_goes_to_no_other_host(self, fake_endpoint, other, monkeypatch, query):
        monkeypatch.setenv("THE_KEY", "sk-secret")
        fake_endpoint.play(to(other))
        sampled = ask(model(fake_endpoint.base_url + query, api_key_env="THE_KEY"))
        assert "secret" in repr(fake_endpoint.requests)
        assert "secret" not in repr(other.requests)
        assert sampled.samples or sampled.errors[0].startswith("HTTP 307;")

    def test_one_that_says_not_where(self, fake_endpoint):
        fake_endpoint.play(lambda request: Reply(302))
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert error == (
            "HTTP 302; base_url is redirected, which does not say where: name the address that answers"
        )

    def test_one_that_is_not_followed(self, fake_endpoint, other, monkeypatch):
        monkeypatch.setenv("THE_KEY", "sk-secret")
        fake_endpoint.play(to(other, 302))
        (error,) = ask(
            model(fake_endpoint.base_url + "?api-version=2024-10-21", api_key_env="THE_KEY")
        ).errors
        assert error.startswith("HTTP 302; ")
        assert f"leads to {other.base_url}/chat/completions: name the address that answers" in error

    def test_one_that_leads_to_a_page(self, fake_endpoint, other):
        fake_endpoint.play(to(other, 302))  # a POST becomes a GET, which is answered with no completion
        (error,) = ask(model(fake_endpoint.base_url)).errors
        assert f"redirected, which leads to {other.base_url}/chat/completions: name" in error


def test_no_password_file_is_read(fake_endpoint, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password private")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert texts(ask(model(fake_endpoint.base_url))) == ["hello"]
    assert fake_endpoint.requests[0].headers["authorization"] == "Bearer no-key"


def test_cookies_are_not_kept(fake_endpoint):
    fake_endpoint.play(
        lambda request: Reply(body=b"{}", headers={"set-cookie": "session=1; path=/"}), raw(b"{}")
    )
    ask(model(fake_endpoint.base_url), 2)
    assert not [request for request in fake_endpoint.requests if "cookie" in request.headers]


def test_a_request_of_megabytes_is_sent(fake_endpoint):
    words = "a long story, " * 200_000
    sampled = asyncio.run(
        EndpointSampler().sample(model(fake_endpoint.base_url), Query.of(words), 1, SETTINGS)
    )
    assert texts(sampled) == ["hello"]
    assert fake_endpoint.requests[0].body["messages"][0]["content"] == words


def test_an_error_in_another_encoding_is_read(fake_endpoint):
    fake_endpoint.play(raw("schlüssel fehlt".encode("latin-1"), 400, "text/plain; charset=iso-8859-1"))
    assert ask(model(fake_endpoint.base_url)).errors == ("HTTP 400: schlüssel fehlt",)


def test_a_header_of_many_kilobytes_is_no_trouble(fake_endpoint):
    fake_endpoint.play(lambda request: Reply(400, b"no", {"x-policy": "a" * 20_000}))
    assert ask(model(fake_endpoint.base_url)).errors == ("HTTP 400: no",)


def test_connections_leave_files_for_others():
    resource = pytest.importorskip("resource")
    assert 0 < most_connections() <= 10_000
    assert most_connections() * 2 <= max(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


class TestThroughAProxy:
    @pytest.fixture
    def proxy(self, monkeypatch):
        """A proxy that knows one user; gives the lines that it was asked by."""
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self):
                asked.append(f"{self.requestline} {self.headers.get('proxy-authorization')}")
                self.send_error(403)

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                asked.append(f"{self.requestline} {self.headers.get('proxy-authorization')}")
                self.send_error(403)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name.lower(), raising=False)
            monkeypatch.setenv(name, f"http://me:pass@127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        yield asked
        server.shutdown()
        server.server_close()
        thread.join()

    def test_plain_requests_name_the_whole_address(self, proxy):
        ask(model("http://models.example/v1"))
        assert proxy == ["POST http://models.example/v1/chat/completions HTTP/1.1 Basic bWU6cGFzcw=="]

    def test_safe_ones_go_through_a_tunnel(self, proxy):
        (error,) = ask(model("https://models.example/v1")).errors
        assert proxy == ["CONNECT models.example:443 HTTP/1.1 Basic bWU6cGFzcw=="]
        assert error.startswith("cannot reach https://models.example/v1/chat/completions: ")
        assert "it is asked through the proxy http://127.0.0.1" in error
        assert "me:" not in error
