"""Releases side by side, as in a deploy: each runs the messages of the other, since arguments only grow."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.tasks import registered

from ems import messages
from ems.aws.sqs import ReceivedMessage
from ems.broker.envelopes import Received, task_payload
from ems.messages import TaskMessage
from ems.sending.letters import Letter
from ems.sending.outcomes import Delivery, Finished
from ems.sending.payloads import ChunkLabel, ChunkPayload, ChunkRecipient, SinglePayload
from ems.tasks.base import EmsTask
from ems.tasks.deliver import DeliverChunk, DeliverEmail
from ems.tasks.track import TrackEvent
from ems.tracking.events import SesEvent

RECORDED = Path(__file__).parents[2] / "fixtures" / "messages"
RELEASES = sorted(path.name for path in RECORDED.iterdir() if path.is_dir())
GROUPING = [release for release in RELEASES if (RECORDED / release / "track_events.json").exists()]
GUARDING = {"0b4c782", "60c64da"}
"""Releases that write what the content guard goes by."""

NAMING_REQUESTS = {"60c64da"}
"""Releases whose messages name the request that they were accepted with."""

NAMES = ["deliver_email", "deliver_chunk", "track_event"]

TO_COME = {"added_by_the_next_release": {"since": 2}}


@dataclass
class FakeServices:
    """Notes what reaches the middle of EMS."""

    sqs: MemorySqs
    reached: list[Any] = field(default_factory=list)

    @property
    def email_delivery(self) -> "FakeServices":
        return self

    chunk_delivery = tracker = email_delivery

    def deliver(self, payload: SinglePayload | ChunkPayload) -> Delivery:
        self.reached.append(payload)
        return Finished()

    def apply(self, *events: SesEvent) -> None:
        self.reached += events


def recorded(release: str, name: str) -> str:
    return (RECORDED / release / f"{name}.json").read_text()


def run(body: str) -> Any:
    """Run a message as a worker does, from its body; return the one thing that reached the middle."""
    [reached] = run_all(body)
    return reached


def run_all(body: str) -> list[Any]:
    """Run a message as a worker does; return all that reached the middle."""
    received = Received("m-1", "handle-1", body, "http://sqs/queue", receives=1)
    payload = task_payload(received, queue="queue", outside_task=None, tasks=messages.QUEUE_OF_TASK)
    services: Any = FakeServices(MemorySqs(Clock()))
    kinds: tuple[type[EmsTask], ...] = (DeliverEmail, DeliverChunk, TrackEvent)
    tasks = {kind.name: registered(kind(services)) for kind in kinds}
    _args, kwargs, _embed = messages.content_of(payload)
    tasks[payload["headers"]["task"]].run(**kwargs)
    return list(services.reached)


@pytest.mark.parametrize("release", RELEASES)
def test_a_worker_of_today_sends_a_mail_of_yesterday(release: str) -> None:
    mail = run(recorded(release, "deliver_email"))
    assert (mail.email_id, mail.campaign_id, mail.kind) == ("ei6rhw7iievrdljjqnn6dsxrs", "welcome", "transactional")
    assert (mail.to, mail.cc, mail.bcc) == ("ada@example.com", ("cc@example.com",), ("bcc@example.com",))
    assert (mail.sender, mail.reply_to) == ("Shop <shop@example.com>", ("help@example.com",))
    assert (mail.data, mail.tags) == ({"name": "Ada", "order": {"id": 7}}, {"team": "billing"})


@pytest.mark.parametrize("release", RELEASES)
def test_a_worker_of_today_sends_a_chunk_of_yesterday(release: str) -> None:
    chunk = run(recorded(release, "deliver_chunk"))
    assert (chunk.batch_id, chunk.chunk, chunk.campaign_id) == ("buxq3fg6ge4denvkstydorl7p", 3, "welcome")
    assert chunk.recipients == (
        ChunkRecipient(150, "ada@example.com", {"name": "Ada"}),
        ChunkRecipient(151, "grace@example.com", {"name": "Grace"}),
    )
    assert (chunk.data, chunk.reply_to) == ({"shop": "Shop"}, ("help@example.com",))
    assert chunk.email_id(1) == "buxq3fg6ge4denvkstydorl7p-000151"


@pytest.mark.parametrize("name", ["deliver_email", "deliver_chunk"])
@pytest.mark.parametrize("release", RELEASES)
def test_the_content_guard_holds_nothing_of_a_release_before_it(release: str, name: str) -> None:
    payload = run(recorded(release, name))
    guarded = (payload.duplicate_window_seconds, payload.accepted_at)
    assert guarded == ((600, 1_800_000_000.5) if release in GUARDING else (0, 0.0))


@pytest.mark.parametrize(("name", "request_id"), [("deliver_email", "order-7"), ("deliver_chunk", "spring-1")])
@pytest.mark.parametrize("release", RELEASES)
def test_a_message_names_its_request_since_releases_write_it(release: str, name: str, request_id: str) -> None:
    assert run(recorded(release, name)).request_id == (request_id if release in NAMING_REQUESTS else None)


@pytest.mark.parametrize("release", RELEASES)
def test_a_drainer_of_today_knows_a_chunk_of_yesterday(release: str) -> None:
    label = ChunkLabel.of_body(recorded(release, "deliver_chunk"))
    assert (label.batch_id, label.chunk, label.campaign_id, label.size) == (
        "buxq3fg6ge4denvkstydorl7p",
        3,
        "welcome",
        2,
    )


@pytest.mark.parametrize("release", RELEASES)
def test_a_worker_of_today_tracks_an_event_of_yesterday(release: str) -> None:
    assert run(recorded(release, "track_event")).type == "delivery"


@pytest.mark.parametrize("release", GROUPING)
def test_a_worker_of_today_tracks_a_group_of_yesterday(release: str) -> None:
    assert [event.type for event in run_all(recorded(release, "track_events"))] == ["send", "delivery"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("release", RELEASES)
def test_a_worker_of_yesterday_runs_what_tomorrow_adds(release: str, name: str) -> None:
    """Today's code is yesterday's of the next release: it leaves alone what it does not know, wherever it stands."""
    body = recorded(release, name)
    envelope = json.loads(body)
    _args, kwargs, embed = messages.content_of(envelope)
    grown = {argument: {**value, **TO_COME} if isinstance(value, dict) else value for argument, value in kwargs.items()}
    content = json.dumps([[], {**grown, **TO_COME}, embed])
    envelope["body"], envelope["properties"]["body_encoding"] = content, None
    envelope["headers"] |= TO_COME
    envelope["properties"] |= TO_COME
    assert run(json.dumps(envelope)) == run(body)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["deliver_email", "deliver_chunk"])
def test_what_today_writes_holds_all_that_yesterday_reads(release: str, name: str) -> None:
    """A worker of yesterday takes what it knows by name: a field that vanished would leave it without."""
    body = recorded(release, name)
    again = run(body).message().body
    assert _fields(messages.arguments_of(body)) <= _fields(messages.arguments_of(again))
    before, after = json.loads(body)["headers"], json.loads(again)["headers"]
    assert before.keys() <= after.keys()
    # A label may grow at its end; the drainer of yesterday must find the four that it reads.
    label = before.get(messages.CHUNK_HEADER)
    assert label is None or after[messages.CHUNK_HEADER][: len(label)] == label


def test_what_today_writes_of_an_event_is_what_was_recorded() -> None:
    bodies = [recorded(release, "track_event") for release in RELEASES]
    bodies += [recorded(release, "track_events") for release in GROUPING]
    for arguments in map(messages.arguments_of, bodies):
        again = TaskMessage(messages.TRACK_EVENT, arguments, label="again").body()
        assert messages.arguments_of(again) == arguments


@pytest.mark.parametrize("release", RELEASES)
def test_a_dead_letter_of_yesterday_can_be_dropped_today(release: str) -> None:
    body = recorded(release, "deliver_chunk")
    payload = Letter("email-trigger", ReceivedMessage("m", "h", body, 6)).payload
    assert isinstance(payload, ChunkPayload)


def _fields(arguments: dict[str, Any]) -> set[tuple[str, str]]:
    return {(name, inner) for name, value in arguments.items() if isinstance(value, dict) for inner in value}
