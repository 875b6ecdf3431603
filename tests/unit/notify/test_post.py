"""Posts over real sockets: what an endpoint may do to us, and where a post can lead."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ems.notify.post import MAX_ANSWER_BYTES, Gone, HttpPoster, NotTaken, Taken, UnreachableError

pytestmark = pytest.mark.usefixtures("loopback")


class Server(ThreadingHTTPServer):
    """An endpoint that answers as told and keeps what it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Callable[[Any], None] = lambda handler: handler.answered(204)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.server.answer(self)

    def answered(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def self_signed(name: str) -> bytes:
    """Return a certificate of *name* and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM) + secret


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def poster() -> HttpPoster:
    return HttpPoster(allow_private=True, seconds=5, ask=lambda _host, port: [(2, 1, 6, "", ("127.0.0.1", port))])


def test_a_post_arrives_whole_at_the_checked_address_under_the_name_of_the_url(
    server: Server, poster: HttpPoster
) -> None:
    with poster.open(f"http://backend.example:{server.port}/ems?tenant=7") as line:
        assert line.post(b'{"a": 1}', {"webhook-id": "evt_00_1"}) == Taken()
    [(path, headers, body)] = server.got
    assert (path, body) == ("/ems?tenant=7", b'{"a": 1}')
    assert headers["Host"] == f"backend.example:{server.port}"
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-id"] == "evt_00_1"


def test_posts_of_one_visit_share_a_connection_and_outlast_its_end(server: Server, poster: HttpPoster) -> None:
    with poster.open(f"http://backend.example:{server.port}") as line:
        assert [line.post(b"{}", {}) for _ in range(3)] == [Taken()] * 3
        assert server.connections == 1
        [kept] = line._idle
        kept.sock.shutdown(socket.SHUT_RDWR)
        assert line.post(b"{}", {}) == Taken()
    assert len(server.got) == 4


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Taken()),
        (299, {}, Taken()),
        (302, {"Location": "http://169.254.169.254/"}, NotTaken("it answered 302")),
        (400, {}, NotTaken("it answered 400")),
        (410, {}, Gone()),
        (429, {"Retry_After": "120"}, NotTaken("it answered 429", 120)),
        (503, {"Retry_After": "soon"}, NotTaken("it answered 503")),
    ],
)
def test_every_answer_is_an_outcome_and_no_redirect_is_followed(
    server: Server, poster: HttpPoster, status: int, headers: dict[str, str], outcome: object
) -> None:
    server.answer = lambda handler: handler.answered(status, **headers)
    with poster.open(f"http://backend.example:{server.port}") as line:
        assert line.post(b"{}", {}) == outcome
    assert len(server.got) == 1


def test_a_long_answer_is_not_read_to_its_end(server: Server, poster: HttpPoster) -> None:
    server.answer = lambda handler: handler.answered(200, b"x" * (MAX_ANSWER_BYTES + 1))
    with poster.open(f"http://backend.example:{server.port}") as line:
        assert line.post(b"{}", {}) == Taken()
        assert line.post(b"{}", {}) == Taken()
    assert server.connections == 2


def test_an_answer_that_comes_byte_by_byte_is_cut_off(server: Server, poster: HttpPoster) -> None:
    begun, ended = threading.Event(), threading.Event()

    def drips(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        begun.set()
        ended.wait(30)

    server.answer = drips
    outcomes: list[object] = []
    with poster.open(f"http://backend.example:{server.port}") as line:
        posting = threading.Thread(target=lambda: outcomes.append(line.post(b"{}", {})))
        posting.start()
        assert begun.wait(30)
        line.cut()
        posting.join()
        assert line.post(b"{}", {}) == NotTaken("no whole answer within 5 seconds")
    ended.set()
    assert outcomes == [NotTaken("no whole answer within 5 seconds")]


def test_an_endpoint_that_breaks_the_connection_or_talks_nonsense_has_not_taken_it(
    server: Server, poster: HttpPoster
) -> None:
    def nonsense(handler: Handler) -> None:
        handler.wfile.write(b"nonsense\r\n\r\n")
        handler.close_connection = True

    server.answer = nonsense
    with poster.open(f"http://backend.example:{server.port}") as line:
        assert line.post(b"{}", {}) == NotTaken("the connection broke (BadStatusLine)")


def test_nobody_at_the_port_is_an_outcome(poster: HttpPoster) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with poster.open(f"http://backend.example:{port}") as line:
        assert line.post(b"{}", {}) == NotTaken("no connection can be made")


def test_over_tls_the_name_of_the_url_is_proved_although_an_address_is_connected_to(
    server: Server, poster: HttpPoster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, tls = tmp_path / "cert.pem", ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.write_bytes(self_signed("backend.example"))
    tls.load_cert_chain(certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    with poster.open(f"https://backend.example:{server.port}") as line:
        assert line.post(b"{}", {}) == NotTaken("no connection can be made"), "nobody vouches for the certificate"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with poster.open(f"https://other.example:{server.port}") as line:
        assert line.post(b"{}", {}) == NotTaken("no connection can be made"), "it is another's"
    with poster.open(f"https://backend.example:{server.port}") as line:
        assert line.post(b"{}", {}) == Taken()
    assert len(server.got) == 1


def test_a_host_inside_is_not_connected_to(server: Server) -> None:
    poster = HttpPoster(allow_private=False, seconds=5)
    with pytest.raises(UnreachableError, match="not public"), poster.open(f"http://127.0.0.1:{server.port}"):
        pass
    assert server.connections == 0
