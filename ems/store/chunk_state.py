"""A chunk as its sender sees it: where it belongs, how far it is, and what became of each of its recipients."""

from dataclasses import dataclass

from ems.store.status import Status


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one recipient: the row to write and the state it is counted under.

    ``recipient`` is None for somebody who was erased. ``may_pass`` is of a failure, ``repeats`` (an email id) of a
    possible duplicate that is held. ``reverts`` is of somebody who is not sent to again after all and is what they
    were.
    """

    position: int
    email_id: str
    recipient: str | None
    status: Status
    message_id: str | None = None
    reason: str | None = None
    may_pass: bool = False
    reverts: bool = False
    repeats: str | None = None

    @property
    def asked(self) -> bool:
        """Tell whether SES was asked about the mail: what it gave back is not settled."""
        return self.status not in {Status.SUPPRESSED, Status.HELD} and not self.reverts

    @property
    def unresolved(self) -> bool:
        """Tell whether something may still become of it: in doubt, held, or failed for a reason that may pass."""
        return self.status in {Status.IN_DOUBT, Status.HELD} or self.may_pass


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """Where a chunk and its mails belong. ``request_id`` is of the request that they were accepted with."""

    batch_id: str
    chunk: int
    campaign_id: str
    kind: str
    size: int
    request_id: str | None = None

    @property
    def item(self) -> str:
        """Return the sort key of the chunk's item."""
        return chunk_item(self.chunk)


@dataclass(frozen=True, slots=True)
class ChunkState:
    """A chunk's progress, in positions. ``under_way`` of a chunk just taken over is in doubt.

    ``unresolved``: something may still become of recipients that are settled. ``again`` is of a chunk whose recipients
    are sent to once more, or after all: the state that they were in, ``in_doubt``, ``failed`` or ``held``.
    """

    left: tuple[int, ...]
    under_way: tuple[int, ...]
    unresolved: bool = False
    again: Status | None = None

    def guards(self, one: Settled) -> bool:
        """Tell whether *one* contradicts an event that proves that SES took the mail."""
        return one.status is not Status.SENT and (self.again is not None or one.status is Status.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker has the chunk until ``until`` (epoch seconds)."""

    until: float


@dataclass(frozen=True, slots=True)
class Done:
    """The chunk is finished; the message is a repetition, or waits for what is ``unresolved``."""

    unresolved: bool = False


def chunk_item(chunk: int) -> str:
    """Name the sort key of a chunk."""
    return f"chunk#{chunk:06d}"
