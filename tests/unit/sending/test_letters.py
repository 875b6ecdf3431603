"""What a dead letter says of itself."""

import json
from typing import Any

import pytest
from fakes.sending import chunk, single
from fakes.ses_events import load

from ems import messages, queues
from ems.aws.sqs import ReceivedMessage
from ems.messages import TaskMessage
from ems.sending.letters import NO_FAILURE, Letter, shortened
from ems.sending.payloads import ChunkLabel
from ems.store.failed_runs import FailedRun

MAIL = single("e1").message().body
CHUNK = chunk(3).message().body
NOTIFICATION = json.dumps({"Type": "Notification", "Message": json.dumps(load("bounce_permanent"))})


def letter(body: str, queue: str = queues.TRIGGER, *runs: FailedRun) -> Letter:
    return Letter(queue, ReceivedMessage("m1", "h", body, 6), runs)


def changed(body: str, **headers: Any) -> str:
    envelope = json.loads(body)
    envelope["headers"] |= headers
    return json.dumps(envelope)


def test_a_letter_is_called_by_its_task_or_by_its_message() -> None:
    assert letter(changed(MAIL, id="t1")).id == "t1"
    assert letter("foreign").id == "m1"
    assert letter(changed(MAIL, id="t1")).names == {"t1", "m1"}


def test_the_reason_is_how_its_last_run_failed() -> None:
    runs = (FailedRun(1.0, 1, "KeyError: 'a'"), FailedRun(2.0, 2, "KeyError: 'b'"))
    assert letter(MAIL, queues.TRIGGER, *runs).reason == "KeyError: 'b'"


def test_a_letter_whose_runs_never_ended_says_so() -> None:
    assert letter(MAIL).reason == NO_FAILURE


@pytest.mark.parametrize(
    ("queue", "body", "reason"),
    [
        (queues.TRIGGER, "no JSON", "not in Celery's message format"),
        (queues.TRIGGER, '{"eventType": "Send"}', "not in Celery's message format"),
        (queues.TRIGGER, changed(MAIL, task="another.task"), "knows no task 'another.task'"),
        (queues.TRIGGER, changed(MAIL, id=None), "name no task and id"),
        (queues.TRIGGER, MAIL.replace("application/json", "application/x-python-serialize"), "content type"),
        (queues.WAIT, MAIL, "no chunk of a campaign"),
        (queues.WAIT, "no JSON", "no chunk of a campaign"),
    ],
)
def test_what_every_worker_refuses_needs_no_record(queue: str, body: str, reason: str) -> None:
    assert reason in letter(body, queue).reason


@pytest.mark.parametrize(("queue", "body"), [(queues.WAIT, CHUNK), (queues.EVENTS, NOTIFICATION)])
def test_what_somebody_takes_is_not_refused(queue: str, body: str) -> None:
    assert letter(body, queue).reason == NO_FAILURE


def test_a_letter_knows_the_mails_that_it_carries() -> None:
    assert letter(MAIL).payload == single("e1")
    assert letter(CHUNK).payload == chunk(3)
    assert letter(NOTIFICATION, queues.EVENTS).payload is None


@pytest.mark.parametrize("arguments", [{}, {"mail": 3}, {"mail": {"email_id": "e1"}}, {"mail": None}])
def test_a_damaged_message_carries_nothing(arguments: dict[str, Any]) -> None:
    assert letter(TaskMessage(messages.DELIVER_EMAIL, arguments, label="e1").body()).payload is None


def test_a_chunk_is_known_by_its_label() -> None:
    assert letter(CHUNK).chunk == ChunkLabel.of_payload(chunk(3))
    assert (letter(MAIL).chunk, letter("foreign", queues.WAIT).chunk) == (None, None)


@pytest.mark.parametrize("body", [MAIL, CHUNK, NOTIFICATION, "mail to ada@example.com"])
def test_the_arguments_show_no_address_and_no_data(body: str) -> None:
    shown = json.dumps(letter(body).arguments, ensure_ascii=False)
    assert "@example" not in shown
    assert "Ada" not in shown


def test_the_arguments_show_ids_and_names() -> None:
    mail = letter(MAIL).arguments["mail"]
    assert (mail["email_id"], mail["to"], mail["data"]) == ("e1", "…@…", ["name"])
    assert letter(CHUNK).arguments["chunk"]["recipients"] == "3 recipients"
    assert letter(NOTIFICATION, queues.EVENTS).arguments["Message"]["eventType"] == "Bounce"


def test_what_is_long_or_deep_is_cut() -> None:
    deep = {"a": {"b": {"c": {"d": {"e": 1}}}}}
    assert shortened(deep) == {"a": {"b": {"c": ["d"]}}}
    assert shortened("x" * 100) == "x" * 60 + "…"
    assert shortened([1, 2, 3, 4, 5]) == [1, 2, 3, "… 2 more"]


def test_what_it_is_about_never_shows_an_address() -> None:
    assert letter(MAIL).about == "e1"
    assert letter(changed(MAIL, kwargsrepr="{'to': 'ada@example.com'}")).about == "{'to': '…@…'}"
