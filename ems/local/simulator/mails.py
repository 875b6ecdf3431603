"""The mails that the simulator accepted, and the log of acceptances that knows nothing of EMS's own records."""

import time
import uuid
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ems.local.simulator.templates import Content, RenderingError

EMAIL_TAG = "ems_email_id"
CAMPAIGN_TAG = "ems_campaign_id"


@dataclass(frozen=True, slots=True)
class Body:
    """A mail's contents, rendered only when somebody looks; ``data`` is ``None`` when there is nothing to fill in."""

    content: Content
    data: dict[str, Any] | None = None

    def rendered(self) -> Content:
        """Return the finished contents.

        Raises:
            RenderingError: A variable is missing.
        """
        return self.content if self.data is None else self.content.rendered(self.data)


def new_message_id() -> str:
    """Make a MessageId in SES's shape: 16 hex digits of time, a UUID, a count."""
    return f"{time.time_ns() // 1_000_000:016x}-{uuid.uuid4()}-000000"


@dataclass(slots=True, eq=False)
class Mail:
    """One accepted mail: one MessageId, its recipients, what was said and what became of it.

    ``at`` is in epoch seconds; ``subject`` is known once the mail was rendered; ``events`` holds the published ones as
    (epoch seconds, type).
    """

    operation: str
    source: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    body: Body | None
    reply_to: list[str] = field(default_factory=list)
    configuration_set: str | None = None
    template_name: str | None = None
    tags: dict[str, list[str]] = field(default_factory=dict)
    headers: list[tuple[str, str]] = field(default_factory=list)
    at: float = field(default_factory=time.time)
    message_id: str = field(default_factory=new_message_id)
    subject: str = ""
    events: list[tuple[float, str]] = field(default_factory=list)

    @property
    def recipients(self) -> list[str]:
        """Everyone who gets it; what the quotas count."""
        return [*self.to, *self.cc, *self.bcc]

    def tag(self, name: str) -> str | None:
        """Return one message tag's value."""
        values = self.tags.get(name)
        return values[0] if values else None

    def contents(self) -> Content:
        """Return the rendered contents, or a word on why there are none."""
        if self.body is None:
            return Content(text="(the contents of older mails are not kept)")
        try:
            return self.body.rendered()
        except RenderingError as error:
            return Content(text=f"(rendering failed: {error})")

    def as_json(self) -> dict[str, Any]:
        """Return the envelope as ``GET /_simulator/mails`` shows it."""
        return {
            "message_id": self.message_id,
            "at": self.at,
            "operation": self.operation,
            "from": self.source,
            "to": self.to,
            "cc": self.cc,
            "bcc": self.bcc,
            "reply_to": self.reply_to,
            "configuration_set": self.configuration_set,
            "subject": self.subject,
            "template": self.template_name,
            "tags": {name: values[0] for name, values in self.tags.items()},
            "headers": dict(self.headers),
            "events": [{"at": at, "type": kind} for at, kind in self.events],
        }


class Mailbox:
    """Every accepted mail in order; the newest ``kept_bodies`` keep their contents."""

    def __init__(self, *, kept_bodies: int) -> None:
        self._kept_bodies = kept_bodies
        self._mails: dict[str, Mail] = {}
        self._with_body: deque[Mail] = deque()

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, mail: Mail) -> None:
        """File an accepted mail."""
        self._mails[mail.message_id] = mail
        self._with_body.append(mail)
        if len(self._with_body) > self._kept_bodies:
            self._with_body.popleft().body = None

    def get(self, message_id: str) -> Mail | None:
        """Return one mail."""
        return self._mails.get(message_id)

    def clear(self) -> None:
        """Forget every mail."""
        self._mails.clear()
        self._with_body.clear()

    def newest(self, *, start: int, limit: int) -> list[Mail]:
        """Return one page, the newest mail first."""
        return list(islice(reversed(self._mails.values()), start, start + limit))

    def matching(self, *, email_id: str | None, campaign_id: str | None, recipient: str | None) -> Iterator[Mail]:
        """Yield the mails, oldest first, that carry these tags and go to this address; ``None`` asks for no match."""
        wanted = recipient.lower() if recipient else None
        for mail in self._mails.values():
            if email_id is not None and mail.tag(EMAIL_TAG) != email_id:
                continue
            if campaign_id is not None and mail.tag(CAMPAIGN_TAG) != campaign_id:
                continue
            if wanted is not None and wanted not in (address.lower() for address in mail.recipients):
                continue
            yield mail


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A recipient who was sent the same ``ems_email_id`` more than once; ``at`` is the last time, monotonic."""

    email_id: str
    recipient: str
    campaign_id: str
    times: int
    at: float


class AcceptanceLog:
    """When how many recipients were accepted: a few bytes each, for the figures of :mod:`.report`."""

    def __init__(self) -> None:
        self.times = array("d")
        self.counts = array("L")
        self.campaigns: list[str] = []
        self.duplicates: dict[tuple[str, str], Duplicate] = {}
        self._seen: dict[tuple[str, str], int] = {}

    def record(self, mail: Mail, *, now: float) -> None:
        """Log one mail at *now* (monotonic seconds, never going back)."""
        campaign_id = mail.tag(CAMPAIGN_TAG) or ""
        self.times.append(now)
        self.counts.append(len(mail.recipients))
        self.campaigns.append(campaign_id)
        if email_id := mail.tag(EMAIL_TAG):
            for recipient in mail.recipients:
                self._see(email_id, recipient.lower(), campaign_id=campaign_id, now=now)

    def _see(self, email_id: str, recipient: str, *, campaign_id: str, now: float) -> None:
        key = (email_id, recipient)
        times = self._seen[key] = self._seen.get(key, 0) + 1
        if times > 1:
            self.duplicates[key] = Duplicate(email_id, recipient, campaign_id, times, now)
