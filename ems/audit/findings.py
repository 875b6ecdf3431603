"""What an audit comes to: a recount, and a break for everything that does not add up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ems.store.audit_entries import MailEntry
from ems.store.status import Status, current

MAX_BREAKS = 1_000
"""Breaks that are listed one by one; more are counted. A million lines would help nobody, and fill the memory."""


class Kind(StrEnum):
    """What kind of rule is broken."""

    TOTAL = "total"
    CHUNK = "chunk"
    ROWS = "rows"
    NO_BATCH = "no_batch"
    NOT_ACCEPTED = "not_accepted"
    UNRECORDED = "unrecorded"
    NO_MESSAGE_ID = "no_message_id"
    TWICE = "twice"
    DUPLICATE = "duplicate"
    STATUS = "status"
    EVENTS = "events"
    COUNTERS = "counters"
    NOT_SUPPRESSED = "not_suppressed"
    NO_CAUSE = "no_cause"
    LOST = "lost"
    UNDECIDED = "undecided"
    DEAD_LETTER = "dead_letter"
    STALE_MESSAGE = "stale_message"


REMEDY: Mapping[Kind, str] = {
    Kind.TOTAL: "find out who of the request has no mail (GET /emails/{id}) and send to them in a new request",
    Kind.CHUNK: "the chunk's item was changed by other hands than EMS's; compare it with its rows",
    Kind.ROWS: "compare the chunk's item with its rows; SES events tell which mails were sent",
    Kind.NO_BATCH: "the batch's item was deleted; its rows still tell what became of each recipient",
    Kind.NOT_ACCEPTED: "its caller was never told that it is accepted; tell them which recipients got it",
    Kind.UNRECORDED: "SES took this mail; count it as sent, and look in the senders' logs for its id",
    Kind.NO_MESSAGE_ID: "look for its Send event in SES (tag ems_email_id) to learn whether it was sent",
    Kind.TWICE: "it went out more than once: look in the senders' logs for its id, and report it with them",
    Kind.DUPLICATE: "one of these mails was not sent under this id; look for the Send events of each",
    Kind.STATUS: "the row was changed by other hands than EMS's",
    Kind.EVENTS: "the timeline is what SES told; the counters beside it are wrong",
    Kind.COUNTERS: "the mails' rows are what SES told; the sums beside them are wrong (table email-stats)",
    Kind.NOT_SUPPRESSED: "put the address on the suppression list (`ems suppressions add`)",
    Kind.NO_CAUSE: "look for its event in email-events and email-events-dlq; if it is in neither, lift the suppression",
    Kind.LOST: "nobody will send it: repeat the request with its Idempotency-Key, or end it "
    "(`ems resolve abandon MAIL`, POST /batches/ID/cancel) and send anew",
    Kind.UNDECIDED: "it cannot be sent any more: end doubts by `ems resolve sent|failed`, what is held by `drop`",
    Kind.DEAD_LETTER: "`ems dlq show ID` tells why; mend that, then `ems dlq redrive`, or give up with `ems dlq drop`",
    Kind.STALE_MESSAGE: "nothing is left to do for it: a worker drops it, and `ems dlq drop` a dead letter",
}


@dataclass(frozen=True, slots=True)
class Break:
    """Something that does not add up: whose (an id), and what."""

    kind: Kind
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"

    def json(self) -> dict[str, str]:
        """Return it for machines."""
        return {"kind": self.kind.value, "id": self.subject, "what": self.what, "remedy": REMEDY[self.kind]}


@dataclass(slots=True)
class Recount:
    """What the rows say: mails by the sender's state, by present status, and SES events by type."""

    sender: Counter[str] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    def add(self, mail: MailEntry) -> None:
        """Count one mail."""
        self.sender[mail.send_status or "none"] += 1
        for event, moment in mail.moments.items():
            self.events[event] += int(moment["count"])
        if {mail.send_status, mail.event_status} <= _STATUSES:
            self.status[current(mail.send_status, mail.event_status).value] += 1


@dataclass(slots=True)
class Verdict:
    """What was audited.

    Attributes:
        subject: In words.
        books: What was accepted, by where it is: waiting, sending, and the final states. Adds up to ``accepted``.
        recount: What the rows say.
        breaks: Everything that does not add up; at most MAX_BREAKS of it.
        more: Breaks that are not listed.
        notes: What an auditor cannot decide, or what passes by itself.
    """

    subject: str
    books: Counter[str] = field(default_factory=Counter)
    recount: Recount = field(default_factory=Recount)
    breaks: list[Break] = field(default_factory=list)
    more: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Return the number of recipients that were accepted."""
        return self.books.total()

    @property
    def sound(self) -> bool:
        """Tell whether everything adds up."""
        return not self.breaks

    def add(self, breaks: Iterable[Break]) -> None:
        """Take breaks in."""
        for one in breaks:
            if len(self.breaks) < MAX_BREAKS:
                self.breaks.append(one)
            else:
                self.more += 1

    def json(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "subject": self.subject,
            "sound": self.sound,
            "accepted": self.accepted,
            "books": dict(self.books),
            "rows": dict(self.recount.sender),
            "status": dict(self.recount.status),
            "events": dict(self.recount.events),
            "breaks": [one.json() for one in self.breaks],
            "more_breaks": self.more,
            "notes": self.notes,
        }


_STATUSES: frozenset[str | None] = frozenset({None, *(status.value for status in Status)})
