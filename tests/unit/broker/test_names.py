"""Names that SQS and SNS accept, and that two processes agree on where they must."""

import re

import pytest

from ems.broker import names
from ems.broker.control import Mailbox

MAILBOX = "celery@a-host.with.a.long.domain.example.com.ems.pidbox"
REPLIES = "4f9c.reply.ems.pidbox"


@pytest.mark.parametrize("queue", [MAILBOX, REPLIES, "ems-task-events.4f9c"])
def test_a_temporary_queue_has_a_name_that_sqs_accepts(queue: str) -> None:
    assert re.fullmatch(r"ems-tmp-[A-Za-z0-9_-]{1,72}", names.temporary_name(queue))


def test_a_restarted_workers_mailbox_is_another_queue() -> None:
    assert names.temporary_name(MAILBOX) != names.temporary_name(MAILBOX)


def test_whoever_answers_works_out_the_reply_queue() -> None:
    assert names.reply_queue("reply.ems.pidbox", "4f9c") == REPLIES
    assert names.temporary_name(REPLIES) == names.temporary_name(REPLIES)


@pytest.mark.parametrize(("queue", "is_reply"), [(REPLIES, True), (MAILBOX, False), ("email-trigger", False)])
def test_reply_queues_are_known_by_their_name(queue: str, *, is_reply: bool) -> None:
    assert names.is_reply_queue(queue) is is_reply


def test_a_topic_has_a_name_that_sns_accepts() -> None:
    assert names.topic_name("ems.pidbox") == "ems-pidbox"


def test_every_call_of_one_thread_waits_at_the_same_reply_queue() -> None:
    mailbox = Mailbox("ems", type="fanout")
    first, second = mailbox(None).get_reply_queue(), mailbox(None).get_reply_queue()
    assert first.name == second.name == f"{mailbox.oid}.reply.ems.pidbox"
    assert not first.auto_delete
