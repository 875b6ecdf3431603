"""Messages that no worker can finish: found with their reason, tried again without a second mail, or given up."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from stage.polling import until
from stage.product import Api, Product, people

from ems import queues
from ems.messages import DELIVER_EMAIL, TaskMessage, arguments_of

from .conftest import Crew

pytestmark = pytest.mark.processes

DEAD = queues.dead_letter(queues.TRIGGER)


@contextmanager
def queue(product: Product, name: str) -> Iterator[tuple[Any, str]]:
    with product.aws("sqs") as sqs:
        yield sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"]


def put(product: Product, name: str, *bodies: str) -> None:
    with queue(product, name) as (sqs, url):
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=body)


def take(product: Product, name: str) -> list[str]:
    """Take all messages out of a queue that nobody reads; return their bodies."""
    bodies = []
    with queue(product, name) as (sqs, url):
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(str(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def clear(product: Product, *names: str) -> None:
    """Throw away what other tests have left in queues, also what is hidden."""
    for name in names:
        with queue(product, name) as (sqs, url):
            sqs.purge_queue(QueueUrl=url)


def wear(product: Product, name: str, *, receives: int) -> None:
    """Spend receives of all messages of a queue that nobody reads."""
    with queue(product, name) as (sqs, url):
        for _ in range(receives):
            sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)


def length(product: Product, name: str) -> int:
    with queue(product, name) as (sqs, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[one]) for one in names)


def dlq(product: Product, *arguments: str) -> str:
    """Run ``ems dlq`` on a wide terminal; it must succeed."""
    ran = product.ems("dlq", *arguments, COLUMNS="250")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def poison(**headers: Any) -> tuple[str, str]:
    """Return id and body of a task message whose arguments make no mail."""
    body = json.loads(TaskMessage(DELIVER_EMAIL, {"mail": {"to": "poison@example.com"}}, label="e1").body())
    body["headers"] |= headers
    return str(body["headers"]["id"]), json.dumps(body)


def test_each_kind_of_poison_ends_in_the_dead_letter_queue_with_its_reason(product: Product, crew: Crew) -> None:
    raising, raises = poison()
    _, unknown = poison(task="ems.no_such_task")
    with crew.away():
        clear(product, queues.TRIGGER, DEAD)
        put(product, queues.TRIGGER, raises, unknown, '{"hello": "poison@example.com"}')
        wear(product, queues.TRIGGER, receives=queues.MAX_RECEIVES - 1)
    until(lambda: length(product, DEAD) == 3)

    listed = dlq(product, "list", queues.TRIGGER)
    assert "this release knows no task 'ems.no_such_task'" in listed
    assert "it is not in Celery's message format" in listed
    story = dlq(product, "show", raising)
    assert 'arguments  {"mail": {"to": "…@…"}}' in story
    assert story.count("TypeError") == 2  # the last run, and the reason once more
    assert "│ 5       │" in story
    for text in (dlq(product, "list"), listed, story, crew.processes.log.read_text()):
        assert "poison@" not in text
    assert f"3 of {DEAD} are gone" in dlq(product, "drop", queues.TRIGGER, "--yes")
    assert length(product, DEAD) == 0


def test_redriven_letters_reach_nobody_twice_and_dropped_ones_end_as_failed(
    product: Product, api: Api, crew: Crew, drive: str, notice: str
) -> None:
    sent = api.single(notice, "redriven@example.com")
    api.reaches(sent, "sent")
    with crew.away():
        clear(product, queues.TRIGGER, queues.WAIT, DEAD)
        batch_id = api.bulk(drive, people(60, label="redriven"))["batch_id"]
        dropped_batch_id = api.bulk(drive, people(60, label="dropped"))["batch_id"]
        waiting = api.single(notice, "waiting@example.com")
        dropped = api.single(notice, "dropped@example.com")
        chunks, mails = take(product, queues.WAIT), take(product, queues.TRIGGER)

        given_up = [one for one in mails if dropped in one] + [one for one in chunks if dropped_batch_id in one]
        put(product, DEAD, *given_up)
        asked = product.ems("dlq", "drop", queues.TRIGGER)
        assert (asked.returncode, length(product, DEAD)) == (1, len(given_up))
        assert f"Give up {len(given_up)} letters of {DEAD}?" in asked.stdout
        dlq(product, "drop", queues.TRIGGER, "--yes")
        assert api.email(dropped)["status"] == "failed"
        assert api.email(dropped)["reason"].startswith(f"dropped from {DEAD}: no failure on record")
        assert api.finished(dropped_batch_id)["counts"]["failed"] == 60

        again = [one for one in mails if waiting in one] + [one for one in chunks if batch_id in one]
        for _ in range(2):
            put(product, DEAD, *again, _repetition(sent, mails))
            moved = dlq(product, "redrive", queues.TRIGGER, "--yes")
            assert f"{len(again) + 1} of {DEAD} are tried again" in moved
    assert api.finished(batch_id)["counts"]["sent"] == 60
    api.reaches(waiting, "sent")
    until(lambda: length(product, queues.TRIGGER) == length(product, queues.WAIT) == 0)
    reached = Counter(one.recipient for one in product.ses.books.of(batch_id))
    assert (len(reached), set(reached.values())) == (60, {1})
    assert [len(product.ses.books.of(one)) for one in (sent, waiting, dropped, dropped_batch_id)] == [1, 1, 0, 0]
    for subject in (batch_id, dropped_batch_id):
        audit = product.ems("audit", subject)
        assert audit.returncode == 0, audit.stdout


def _repetition(email_id: str, mails: list[str]) -> str:
    """Make a message of a mail that was sent, after the pattern of one that was not."""
    mail = arguments_of(mails[0])["mail"] | {"email_id": email_id, "to": "redriven@example.com"}
    return TaskMessage(DELIVER_EMAIL, {"mail": mail}, label=email_id).body()
