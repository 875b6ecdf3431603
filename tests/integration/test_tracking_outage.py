"""Tracking when DynamoDB does not answer: the event goes back to the queue, whole."""

import socket
from collections.abc import Iterator

import pytest
from fakes.ses_events import event

from ems.errors import UnavailableError
from ems.settings import Settings
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables, bind
from ems.store.tracking import MailWrite, TrackedMail, TrackingStore
from ems.tracking.apply import Tracker
from ems.tracking.decide import decide


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody_listens.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield bind(Settings(aws_region="us-east-1"))


@pytest.fixture
def store(unreachable: Tables) -> TrackingStore:
    return TrackingStore(unreachable, retention_seconds=1, clock=lambda: 1.0)


@pytest.mark.parametrize("name", ["send", "notification_bounce"])
def test_an_event_cannot_be_applied_and_says_which_service_is_down(
    unreachable: Tables, store: TrackingStore, name: str
) -> None:
    with pytest.raises(UnavailableError, match="DynamoDB"):
        Tracker(store=store, suppressions=Suppressions(unreachable)).apply(event(name))


def test_an_event_cannot_be_written(store: TrackingStore) -> None:
    write = decide(TrackedMail("em-1"), event("send"))
    assert write is not None
    with pytest.raises(UnavailableError, match="DynamoDB"):
        store.save(MailWrite(TrackedMail("em-1"), write))


def test_suppressions_can_be_neither_read_nor_written(unreachable: Tables) -> None:
    suppressions = Suppressions(unreachable)
    with pytest.raises(UnavailableError, match="DynamoDB"):
        suppressions.filter(["a@example.com"], kind="bulk")
    with pytest.raises(UnavailableError, match="DynamoDB"):
        suppressions.add("a@example.com", reason="manual", scope="all", source="operator", since=1.0)
