"""SQS in batches: what is packed together, what is tried again, what is told to the caller."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from ems.aws.sqs import BATCH_BYTES, Depth, OutgoingMessage, Sqs
from ems.errors import UnavailableError

QUEUE = "email-wait"


class FakeClient:
    """Takes batches; ``refuses`` names the bodies to put into Failed, each as often as it says."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.refuses: dict[str, int] = {}
        self.error: Exception | None = None
        self.url_lookups = 0

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        self.url_lookups += 1
        return {"QueueUrl": f"https://sqs.example.com/{QueueName}"}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl.endswith(QUEUE)
        if self.error:
            raise self.error
        self.batches.append(Entries)
        failed = [entry for entry in Entries if self.refuses.get(entry["MessageBody"], 0)]
        for entry in failed:
            self.refuses[entry["MessageBody"]] -= 1
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in failed]}


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def fake_sqs(client: Any) -> Sqs:
    return Sqs(client)


def sizes(client: FakeClient) -> list[int]:
    return sorted((len(batch) for batch in client.batches), reverse=True)


def test_messages_go_ten_at_a_time(client: FakeClient, fake_sqs: Sqs) -> None:
    fake_sqs.send(QUEUE, [OutgoingMessage(f"m{i}") for i in range(23)])
    assert sizes(client) == [10, 10, 3]
    assert {e["MessageBody"] for batch in client.batches for e in batch} == {f"m{i}" for i in range(23)}


def test_a_batch_stays_under_the_bytes_of_one_call(client: FakeClient, fake_sqs: Sqs) -> None:
    fake_sqs.send(QUEUE, [OutgoingMessage("x" * (BATCH_BYTES // 3)) for _ in range(7)])
    assert sizes(client) == [3, 3, 1]


def test_nothing_to_send_costs_no_call(client: FakeClient, fake_sqs: Sqs) -> None:
    fake_sqs.send(QUEUE, [])
    assert client.batches == []


def test_ids_are_unique_within_a_call(client: FakeClient, fake_sqs: Sqs) -> None:
    fake_sqs.send(QUEUE, [OutgoingMessage("same") for _ in range(10)])
    assert len({entry["Id"] for entry in client.batches[0]}) == 10


def test_group_and_delay_travel_and_the_delay_is_what_sqs_takes_at_most(client: FakeClient, fake_sqs: Sqs) -> None:
    fake_sqs.send(QUEUE, [OutgoingMessage("m", group="b1", delay_seconds=5000), OutgoingMessage("n")])
    first, second = client.batches[0]
    assert (first["MessageGroupId"], first["DelaySeconds"]) == ("b1", 900)
    assert second.keys() == {"Id", "MessageBody"}


def test_only_what_was_refused_is_sent_again(client: FakeClient, fake_sqs: Sqs) -> None:
    client.refuses = {"m1": 2}
    fake_sqs.send(QUEUE, [OutgoingMessage(f"m{i}") for i in range(3)])
    assert [[e["MessageBody"] for e in batch] for batch in client.batches] == [["m0", "m1", "m2"], ["m1"], ["m1"]]


def test_a_message_refused_three_times_is_an_outage_that_says_how_many(client: FakeClient, fake_sqs: Sqs) -> None:
    client.refuses = {"m1": 9, "m2": 9}
    with pytest.raises(UnavailableError, match=r"refused 2 of 3 messages \(InternalError\)"):
        fake_sqs.send(QUEUE, [OutgoingMessage(f"m{i}") for i in range(3)])


def test_one_failed_batch_of_many_fails_the_whole(client: FakeClient, fake_sqs: Sqs) -> None:
    client.refuses = {"m17": 9}
    with pytest.raises(UnavailableError):
        fake_sqs.send(QUEUE, [OutgoingMessage(f"m{i}") for i in range(30)])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessageBatch"), "AccessDenied"),
        (EndpointConnectionError(endpoint_url="x"), "EndpointConnectionError"),
    ],
)
def test_an_outage_names_the_queue_and_the_cause(
    client: FakeClient, fake_sqs: Sqs, error: Exception, words: str
) -> None:
    client.error = error
    with pytest.raises(UnavailableError, match=rf"cannot send to email-wait \({words}\)"):
        fake_sqs.send(QUEUE, [OutgoingMessage("m")])


def test_a_queues_url_is_asked_for_once(client: FakeClient, fake_sqs: Sqs) -> None:
    for _ in range(3):
        fake_sqs.send(QUEUE, [OutgoingMessage("m")])
    assert client.url_lookups == 1


def test_a_message_is_received_given_back_and_deleted() -> None:
    with mock_aws():
        client = boto3.client("sqs", "us-east-1")
        client.create_queue(QueueName=QUEUE)
        sqs = Sqs(client)
        sqs.send(QUEUE, [OutgoingMessage(f"m{i}") for i in range(12)])
        assert sqs.depth(QUEUE) == Depth(visible=12, in_flight=0, delayed=0)

        # One call after the other: of two at a time moto may hand the same message to both.
        taken = [*sqs.receive(QUEUE, limit=10), *sqs.receive(QUEUE, limit=10)]
        assert (len(taken), {message.receive_count for message in taken}) == (12, {1})
        sqs.show(QUEUE, taken[:1])
        [again] = [one for one in sqs.receive(QUEUE, limit=10) if one.body == taken[0].body]
        assert again.receive_count == 2

        sqs.delete(QUEUE, [again, *taken[1:]])
        assert sqs.depth(QUEUE).total == 0


CALLS: list[Callable[[Sqs], object]] = [
    lambda sqs: sqs.send(QUEUE, [OutgoingMessage("m")]),
    lambda sqs: sqs.receive(QUEUE, limit=1),
    lambda sqs: sqs.depth(QUEUE),
    lambda sqs: sqs.delete(QUEUE, []),
]


@pytest.mark.parametrize("call", CALLS, ids=["send", "receive", "depth", "delete"])
def test_a_missing_queue_is_an_outage_with_a_remedy(call: Callable[[Sqs], object]) -> None:
    with mock_aws(), pytest.raises(UnavailableError, match="ems provision"):
        call(Sqs(boto3.client("sqs", "us-east-1")))
