"""An embedded AWS of these tests' own: they change its rate and break it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from ems.local.client import SimulatorClient
from ems.local.launcher import LocalAws, free_port

ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)


@pytest.fixture(scope="session")
def own_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    options = ("--event-seconds", "0.05", "--open-rate", "1", "--click-rate", "1")
    with LocalAws(
        aws_port=free_port(),
        ses_port=free_port(),
        state_dir=tmp_path_factory.mktemp("own-aws"),
        simulator_options=options,
    ) as local:
        yield local


@pytest.fixture(autouse=True)
def simulator(own_aws: LocalAws) -> SimulatorClient:
    """The simulator as new: no mails, no faults, a rate that hinders nobody."""
    assert own_aws.ses_url is not None
    client = SimulatorClient(own_aws.ses_url)
    client.lift_faults()
    client.reset()
    client.account(rate=10_000, daily_quota=-1, sending_enabled=True)
    return client


def client_of(service: str, url: str | None) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=ONE_TRY,
    )


@pytest.fixture(scope="session")
def ses(own_aws: LocalAws) -> Any:
    return client_of("sesv2", own_aws.ses_url)


@pytest.fixture(scope="session")
def sns(own_aws: LocalAws) -> Any:
    return client_of("sns", own_aws.ses_url)


@pytest.fixture(scope="session")
def sqs(own_aws: LocalAws) -> Any:
    return client_of("sqs", own_aws.aws_url)


@pytest.fixture(scope="session")
def dynamodb(own_aws: LocalAws) -> Any:
    return client_of("dynamodb", own_aws.aws_url)


@pytest.fixture(scope="session")
def ministack_sns(own_aws: LocalAws) -> Any:
    return client_of("sns", own_aws.aws_url)


class Receiver:
    """A tiny subscriber: keeps what is posted, answers with ``statuses`` in turn, then 200."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.posts.append((dict(self.headers), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name of the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def envelopes(self, kind: str = "Notification") -> list[dict[str, Any]]:
        return [json.loads(body) for headers, body in list(self.posts) if headers["x-amz-sns-message-type"] == kind]

    def events(self) -> list[dict[str, Any]]:
        texts = [envelope["Message"] for envelope in self.envelopes()]
        return [json.loads(text) for text in texts if text.startswith("{")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


def eventually(condition: Callable[[], Any], *, seconds: float = 8.0) -> Any:
    """Return the first true value of *condition*, or fail."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    pytest.fail("it did not happen in time")


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    return eventually


@pytest.fixture
def topic_arn(sns: Any) -> Iterator[str]:
    """A topic of this test's own, signing with version 2."""
    name = f"topic-{time.time_ns()}"
    arn: str = sns.create_topic(Name=name, Attributes={"SignatureVersion": "2"})["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def subscribed(sns: Any, topic_arn: str, receiver: Receiver) -> Receiver:
    """A receiver that has confirmed its subscription to the topic."""
    sns.subscribe(TopicArn=topic_arn, Protocol="http", Endpoint=receiver.url)
    confirmation = eventually(lambda: receiver.envelopes("SubscriptionConfirmation"))[0]
    sns.confirm_subscription(TopicArn=topic_arn, Token=confirmation["Token"])
    return receiver


@pytest.fixture
def configuration_set(ses: Any, topic_arn: str) -> Iterator[str]:
    """A configuration set that publishes everything to the topic."""
    name = f"set-{time.time_ns()}"
    ses.create_configuration_set(ConfigurationSetName=name)
    ses.create_configuration_set_event_destination(
        ConfigurationSetName=name,
        EventDestinationName="events",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": [
                "SEND",
                "DELIVERY",
                "BOUNCE",
                "COMPLAINT",
                "OPEN",
                "CLICK",
                "REJECT",
                "RENDERING_FAILURE",
                "DELIVERY_DELAY",
                "SUBSCRIPTION",
            ],
            "SnsDestination": {"TopicArn": topic_arn},
        },
    )
    yield name
    ses.delete_configuration_set(ConfigurationSetName=name)
