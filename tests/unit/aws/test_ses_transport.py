"""What becomes of a call when the network fails: was SES asked, or can nobody tell?"""

import socket
import ssl
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
from botocore.exceptions import SSLError
from botocore.hooks import HierarchicalEmitter
from fakes.http import Answer, ScriptedServer, answers, hangs_up, says_nothing

from ems.aws.clients import ses
from ems.aws.ses import Mail, SesSender, Template
from ems.aws.ses_answers import NotNow, Outcome
from ems.settings import Settings

TEMPLATE = Template("welcome", "shop@example.com", "ems-welcome-1", "ems")
MAIL = Mail("e1", "ada@example.com", {})

pytestmark = pytest.mark.usefixtures("loopback")


def send_to(url: str, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", url)
    settings = Settings(ses_connect_timeout_seconds=0.5, ses_read_timeout_seconds=0.2)
    [outcome] = SesSender(ses(settings)).send(TEMPLATE, [MAIL])
    return outcome


def kind(outcome: Outcome) -> str:
    return outcome.why if isinstance(outcome, NotNow) else type(outcome).__name__.lower()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(answers("200 OK", b'{"MessageId": "m1"}'), "accepted", id="accepted"),
        pytest.param(says_nothing, "unknown", id="read timeout"),
        pytest.param(hangs_up, "unknown", id="cut before the answer"),
        pytest.param(answers("200 OK", b'{"MessageId": "m', length=99), "unknown", id="cut within the answer"),
        pytest.param(answers("200 OK", b"<html>"), "unknown", id="not JSON"),
        pytest.param(answers("500 Oops", b'{"message": "oops"}'), "unknown", id="500"),
        pytest.param(answers("502 Bad Gateway", b"<html>"), "unknown", id="502"),
        pytest.param(answers("503 Later", b'{"message": "later"}'), "unavailable", id="503"),
        pytest.param(answers("504 Late", b'{"message": "late"}'), "unknown", id="504"),
    ],
)
def test_a_call_is_made_once_and_its_outcome_tells_whether_ses_may_have_the_mail(
    answer: Answer, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(answer) as server:
        assert kind(send_to(server.url, monkeypatch)) == expected
    assert server.connections == 1


def test_a_call_whose_slot_has_passed_does_not_leave_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(answers("200 OK", b'{"MessageId": "m1"}')) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", server.url)
        sender = SesSender(ses(Settings()), clock=lambda: 100.0)
        [late] = sender.send(TEMPLATE, [MAIL], not_after=99.9)
        assert kind(late) == "late"
        assert server.connections == 0
        [in_time] = sender.send(TEMPLATE, [MAIL], not_after=100.0)
        assert kind(in_time) == "accepted"


class BrokenTls:
    """A client whose TLS fails."""

    def __init__(self, cause: Exception) -> None:
        self.error = SSLError(endpoint_url="https://example.com", error=cause)
        self.meta = SimpleNamespace(events=HierarchicalEmitter())

    def send_email(self, **_: Any) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (ssl.SSLCertVerificationError("self-signed certificate"), "unavailable"),
        (urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed certificate")), "unavailable"),
        (urllib3.exceptions.SSLError(ssl.SSLError("decryption failed or bad record mac")), "unknown"),
    ],
)
def test_only_an_untrusted_certificate_shows_that_tls_broke_before_the_mail_was_sent(
    cause: Exception, expected: str
) -> None:
    client: Any = BrokenTls(cause)
    [outcome] = SesSender(client).send(TEMPLATE, [MAIL])
    assert kind(outcome) == expected


def test_a_refused_connection_never_reached_ses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert send_to(url, monkeypatch) == NotNow("unavailable", "EndpointConnectionError")


def test_missing_credentials_never_reached_ses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with ScriptedServer(hangs_up) as server:
        assert send_to(server.url, monkeypatch) == NotNow("unavailable", "NoCredentialsError")
    assert server.connections == 0
