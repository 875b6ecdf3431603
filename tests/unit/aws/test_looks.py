"""Looking through a queue: every message once, none that comes meanwhile."""

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs

from ems.aws.looks import pages
from ems.aws.sqs import OutgoingMessage

VISIBILITY_SECONDS = 60


@pytest.fixture
def sqs(clock: Clock) -> MemorySqs:
    return MemorySqs(clock)


def test_a_look_takes_every_message_once_page_by_page(sqs: MemorySqs, clock: Clock) -> None:
    sqs.send("q", [OutgoingMessage(str(n)) for n in range(23)])
    found = list(pages(sqs, "q", sent_by=clock(), visibility_seconds=VISIBILITY_SECONDS))
    assert [len(page) for page in found] == [10, 10, 3]
    assert {message.body for page in found for message in page} == {str(n) for n in range(23)}


def test_a_look_ends_although_messages_keep_coming(sqs: MemorySqs, clock: Clock) -> None:
    sqs.send("q", [OutgoingMessage("old")])
    found = []
    for page in pages(sqs, "q", sent_by=clock(), visibility_seconds=VISIBILITY_SECONDS):
        found += [message.body for message in page]
        clock.advance(1)
        sqs.send("q", [OutgoingMessage("new")])
    assert found == ["old"]


def test_a_look_that_outlasts_the_visibility_sees_no_message_again(sqs: MemorySqs, clock: Clock) -> None:
    sqs.send("q", [OutgoingMessage("slow")])
    look = pages(sqs, "q", sent_by=clock(), visibility_seconds=VISIBILITY_SECONDS)
    next(look)
    clock.advance(VISIBILITY_SECONDS + 1)
    assert list(look) == []
