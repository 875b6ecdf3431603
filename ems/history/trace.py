"""The whole story of one mail, put together from all records that know of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol

from ems.sending.emails import EmailView
from ems.store.batches import Batch, ChunkProgress
from ems.store.recipient_ids import batch_of
from ems.store.status import Status
from ems.store.suppressions import Suppression
from ems.store.tracking import DERIVED_PREFIX

_OF_AN_EVENT = frozenset({"hard", "recipient", "message_id"})
"""What a timeline entry has beside type, time and detail; its key is for tracking alone."""


class MailReader(Protocol):
    """Where mails come from (:class:`ems.sending.emails.Emails`)."""

    def get(self, email_id: str) -> EmailView:
        """Read one mail; raises UnknownIdError when there is none."""


class BatchBook(Protocol):
    """Where batches and chunks come from (:class:`ems.store.batches.BatchStore`)."""

    def get(self, batch_id: str) -> Batch | None:
        """Read a batch; None when there is none."""

    def chunks(self, keys: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], ChunkProgress]:
        """Read how chunks stand, by batch id and chunk number."""


class SuppressionReader(Protocol):
    """Where suppressions come from (:class:`ems.store.suppressions.Suppressions`)."""

    def get(self, address: str) -> Suppression | None:
        """Read an entry; None when there is none."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a mail or its address: when (epoch seconds), what, and what more is known of it."""

    at: float
    what: str
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """A mail and what surrounds it. ``happened`` is in the order of time.

    ``batch`` is missing for a single mail, ``chunk`` also while no sender has come to the mail. ``suppression`` is the
    entry of its address now.
    """

    mail: EmailView
    batch: Batch | None
    chunk: ChunkProgress | None
    suppression: Suppression | None
    happened: tuple[Happening, ...]

    @property
    def request_id(self) -> str | None:
        """Return what the logs know the request by, also of a mail of a batch that no sender has come to."""
        return self.mail.request_id or (self.batch.request_id if self.batch else None)

    @property
    def to_do(self) -> str | None:
        """Say what an operator may do about the mail; None when nothing is left to decide."""
        mail = self.mail
        match mail.status:
            case Status.IN_DOUBT:
                return f"an SES event may settle it; if none comes: `ems resolve sent|failed|resend {mail.email_id}`"
            case Status.HELD:
                return f"`ems resolve release|drop {mail.email_id}`"
            case Status.FAILED if mail.may_pass and self.batch is not None:
                return f"`ems retry {self.batch.batch_id}` sends again to all whose failure may pass"
            case Status.QUEUED if self.batch is not None and self.batch.state == "paused":
                return f"its batch is paused: `POST /batches/{self.batch.batch_id}/resume`"
        return None


class Tracer:
    """Puts stories together. *removed* tells when addresses were last taken off the suppression list.

    The records are read one after the other: while a mail is on its way they may be of different moments.
    """

    def __init__(
        self,
        *,
        mails: MailReader,
        batches: BatchBook,
        suppressions: SuppressionReader,
        removed: Callable[[Iterable[str]], Mapping[str, float]],
    ) -> None:
        self._mails = mails
        self._batches = batches
        self._suppressions = suppressions
        self._removed = removed

    def story(self, email_id: str) -> Story:
        """Tell the story of a mail.

        Raises:
            UnknownIdError: There is none of this id.
            UnavailableError: DynamoDB cannot be reached.
        """
        mail = self._mails.get(email_id)
        batch = self._batch(mail)
        suppression = self._suppressions.get(mail.recipient) if mail.recipient else None
        happened = [*_sending(mail, batch), *_events(mail), *self._listing(mail, suppression)]
        return Story(mail, batch, self._chunk(mail), suppression, tuple(sorted(happened, key=attrgetter("at"))))

    def _batch(self, mail: EmailView) -> Batch | None:
        batch_id = batch_of(mail.email_id, mail.batch_id)
        return self._batches.get(batch_id) if batch_id else None

    def _chunk(self, mail: EmailView) -> ChunkProgress | None:
        if mail.batch_id is None or mail.chunk is None:
            return None
        key = (mail.batch_id, mail.chunk)
        return self._batches.chunks([key]).get(key)

    def _listing(self, mail: EmailView, suppression: Suppression | None) -> Iterator[Happening]:
        if suppression is not None:
            about = {"reason": suppression.reason, "scope": suppression.scope, "source": suppression.source}
            yield Happening(suppression.since, "suppressed", about | {"email_id": suppression.email_id})
        if mail.recipient is not None:
            for at in self._removed([mail.recipient]).values():
                yield Happening(at, "suppression removed", {})


def _sending(mail: EmailView, batch: Batch | None) -> Iterator[Happening]:
    if batch is not None:
        yield Happening(batch.created_at, "accepted", {"batch_id": batch.batch_id})
    if mail.created_at is not None:
        ours = not mail.email_id.startswith(DERIVED_PREFIX)
        yield Happening(mail.created_at, "accepted" if ours and batch is None else "recorded", {})
    if mail.doubted_at is not None:
        yield Happening(mail.doubted_at, "in doubt", {"reason": mail.reason} if mail.in_doubt_since else {})
    for one in mail.decisions:
        about = {"decision": one["decision"], "by": one["by"], "reason": one.get("reason")}
        yield Happening(float(one["at"]), "decided", about)
    if mail.sent_at is not None:
        yield Happening(mail.sent_at, "sent", {"message_id": mail.message_id})


def _events(mail: EmailView) -> Iterator[Happening]:
    for entry in mail.timeline:
        more = {name: value for name, value in entry.items() if name in _OF_AN_EVENT}
        yield Happening(float(entry["at"]), f"event: {entry['type']}", more | dict(entry.get("detail") or {}))
