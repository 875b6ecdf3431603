"""The fetch of a signing certificate, against real sockets."""

import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives import serialization
from fakes.sns import SigningSns

from ems.aws.certificates import MAX_CERTIFICATE_BYTES, CertificateFetcher
from ems.aws.sns import CannotDecideError


class Server(ThreadingHTTPServer):
    """Gives the prepared answers: status, headers and body by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.host = f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_arguments: object) -> None:
        """A client that hangs up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        status, headers, body = self.server.answers.get(self.path, (404, {}, b""))
        self.server.asked.append(self.path)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_the_file_is_returned(server: Server) -> None:
    server.answers["/a.pem"] = (200, {}, b"certificate")
    assert CertificateFetcher()(f"http://{server.host}/a.pem") == b"certificate"


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.answers["/a.pem"] = (302, {"Location": "/b.pem"}, b"")
    server.answers["/b.pem"] = (200, {}, b"certificate")
    with pytest.raises(CannotDecideError, match="302"):
        CertificateFetcher()(f"http://{server.host}/a.pem")
    assert server.asked == ["/a.pem"]


@pytest.mark.parametrize("status", [404, 500])
def test_any_answer_but_200_decides_nothing_and_is_not_asked_for_again(server: Server, status: int) -> None:
    server.answers["/a.pem"] = (status, {}, b"")
    with pytest.raises(CannotDecideError, match=str(status)):
        CertificateFetcher()(f"http://{server.host}/a.pem")
    assert len(server.asked) == 1


def test_a_large_file_is_refused(server: Server) -> None:
    server.answers["/a.pem"] = (200, {}, b"x" * (MAX_CERTIFICATE_BYTES + 1))
    with pytest.raises(CannotDecideError, match="64 KiB"):
        CertificateFetcher()(f"http://{server.host}/a.pem")


def test_an_answer_that_is_cut_off_decides_nothing(server: Server) -> None:
    server.answers["/a.pem"] = (200, {"Content-Length": "1000"}, b"certificate")
    with pytest.raises(CannotDecideError, match="cannot be fetched"):
        CertificateFetcher()(f"http://{server.host}/a.pem")


def test_a_host_that_is_not_there_decides_nothing() -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        with pytest.raises(CannotDecideError, match="cannot be fetched"):
            CertificateFetcher()(f"http://127.0.0.1:{port}/a.pem")


def test_a_tls_certificate_that_no_authority_signed_is_refused(server: Server, sns: SigningSns, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    private = sns.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + sns.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.answers["/a.pem"] = (200, {}, b"certificate")
    with pytest.raises(CannotDecideError, match="SSLError"):
        CertificateFetcher()(f"https://{server.host}/a.pem")
    assert server.asked == []
