"""Looking through a queue. SQS has no list: a look takes messages in hand, and who looks gives them back."""

from collections.abc import Iterator
from typing import Protocol

from ems.aws.sqs import BATCH_ENTRIES, ReceivedMessage

LAST_LOOK_SECONDS = 1
"""A poll that waits asks all servers of a queue, one that does not may find nothing where there is something."""


class Receives(Protocol):
    """The call that a look takes (:class:`ems.aws.sqs.Sqs`)."""

    def receive(
        self, queue: str, *, limit: int, wait_seconds: int = 0, visibility_seconds: int | None = None
    ) -> list[ReceivedMessage]:
        """Take messages in hand."""


def pages(
    sqs: Receives, queue: str, *, sent_by: float, visibility_seconds: int, limit: int = BATCH_ENTRIES
) -> Iterator[list[ReceivedMessage]]:
    """Take all messages in hand that were sent by *sent_by* (epoch seconds), up to *limit* at a time, each once.

    What comes while this goes on is left for the next time, as is what was in somebody else's hands.

    Raises:
        UnavailableError: SQS cannot be reached.
    """
    seen = set[str]()
    while True:
        received = sqs.receive(
            queue, limit=limit, wait_seconds=LAST_LOOK_SECONDS, visibility_seconds=visibility_seconds
        )
        page = [one for one in received if one.message_id not in seen and one.sent_at <= sent_by]
        if not page:
            return
        seen.update(one.message_id for one in page)
        yield page
