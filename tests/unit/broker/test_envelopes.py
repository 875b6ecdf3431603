"""What becomes of each kind of message body."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from ems import messages
from ems.broker.envelopes import Received, broadcast_payload, task_payload
from ems.messages import RefusedMessageError, TaskMessage

QUEUE = "email-trigger"
BODY = TaskMessage(messages.DELIVER_EMAIL, {"email_id": "e-1"}, label="email=e-1").body()
RECEIVED = Received("m-1", "handle-1", BODY, "http://sqs/email-trigger", receives=1)


def arguments(payload: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(payload["body"]))


def changed(**parts: Any) -> Received:
    """The published message with some parts of its envelope replaced."""
    return replace(RECEIVED, body=json.dumps({**json.loads(BODY), **parts}))


def test_a_published_task_arrives_as_it_was_sent() -> None:
    payload = task_payload(RECEIVED, queue=QUEUE, outside_task=None)
    assert payload["headers"]["task"] == messages.DELIVER_EMAIL
    assert arguments(payload)[1] == {"email_id": "e-1"}


def test_the_receipt_handle_is_what_the_delivery_is_acknowledged_by() -> None:
    properties = task_payload(RECEIVED, queue=QUEUE, outside_task=None)["properties"]
    assert properties["delivery_tag"] == "handle-1"
    assert properties["delivery_info"]["sqs_queue"] == "http://sqs/email-trigger"


@pytest.mark.parametrize(("receives", "redelivered"), [(1, False), (2, True)])
def test_a_task_can_tell_that_it_was_delivered_before(receives: int, *, redelivered: bool) -> None:
    payload = task_payload(replace(RECEIVED, receives=receives), queue=QUEUE, outside_task=None)
    assert payload["properties"]["delivery_info"]["redelivered"] is redelivered


def test_the_base64_of_kombus_own_transport_is_read() -> None:
    encoded = replace(RECEIVED, body=base64.b64encode(BODY.encode()).decode())
    assert task_payload(encoded, queue=QUEUE, outside_task=None)["headers"]["task"] == messages.DELIVER_EMAIL


@pytest.mark.parametrize(
    "body",
    ['{"eventType": "Bounce"}', '{"Type": "Notification", "Message": "{}"}', "Successfully validated SNS topic", "äöü"],
)
def test_a_body_from_outside_becomes_the_argument_of_the_queues_task(body: str) -> None:
    payload = task_payload(replace(RECEIVED, body=body), queue="email-events", outside_task=messages.TRACK_EVENT)
    assert payload["headers"]["task"] == messages.TRACK_EVENT
    assert arguments(payload)[:2] == [[], {"message": body}]


def test_a_redelivery_from_outside_is_the_same_task() -> None:
    first, second = (
        task_payload(replace(RECEIVED, body="{}", receives=n), queue="email-events", outside_task="t") for n in (1, 2)
    )
    assert first["headers"]["id"] == second["headers"]["id"]


@pytest.mark.parametrize(
    "received",
    [
        replace(RECEIVED, body="secret words of a person"),
        replace(RECEIVED, body='{"secret": 1}'),
        replace(RECEIVED, body='["secret"]'),
        changed(**{"content-type": "application/x-python-serialize"}),
        changed(body="secret, and no base64"),
        changed(body=base64.b64encode(b"secret, and no JSON").decode()),
        changed(body=base64.b64encode(b'{"secret": "no list of three"}').decode()),
        changed(headers={}),
        changed(headers={"task": 7, "id": "i"}),
        changed(properties=None),
    ],
)
def test_what_cannot_be_a_task_is_refused_in_words_that_hold_no_part_of_it(received: Received) -> None:
    with pytest.raises(RefusedMessageError) as refusal:
        task_payload(received, queue=QUEUE, outside_task=None)
    assert "secret" not in str(refusal.value)


def test_a_control_message_need_not_be_a_task() -> None:
    body = base64.b64encode(b'{"method": "ping"}').decode()
    assert arguments(broadcast_payload(changed(body=body, headers={}))) == {"method": "ping"}


def test_what_is_no_control_message_is_refused() -> None:
    with pytest.raises(RefusedMessageError):
        broadcast_payload(replace(RECEIVED, body="hello"))


def test_a_task_that_nobody_knows_is_refused_by_its_name() -> None:
    with pytest.raises(RefusedMessageError, match="knows no task 'ems\\.deliver_email'"):
        task_payload(RECEIVED, queue=QUEUE, outside_task=None, tasks=["ems.drain"])


def test_a_task_that_is_known_is_taken() -> None:
    payload = task_payload(RECEIVED, queue=QUEUE, outside_task=None, tasks=[messages.DELIVER_EMAIL])
    assert payload["headers"]["task"] == messages.DELIVER_EMAIL
