"""Which mails of one content were let pass: notes of ``email-note``, by which a second one is noticed.

A note lists the mails with their times of acceptance, so what it says does not depend on the order in which senders
come to them, nor on how long each waits in a queue. Whoever is on the list may pass again, however often: a
redelivery, or a sender that goes on for one that died.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pynamodb.transactions import TransactWrite

from ems.errors import UnavailableError
from ems.store.failures import translated
from ems.store.models import NoteRow
from ems.store.retention import expiry
from ems.store.tables import Tables
from ems.store.transactions import transact

PREFIX = "content#"

REMEMBERED = 100
"""The latest mails of one content that a note lists; a note must stay small."""

ATTEMPTS = 20
"""Times to read anew what another sender has written meanwhile."""


@dataclass(frozen=True, slots=True)
class Content:
    """A mail by its content: ``key`` is the content's hash, ``accepted_at`` in epoch seconds."""

    key: str
    email_id: str
    accepted_at: float


@dataclass(frozen=True, slots=True)
class Note:
    """The mails of one content that were let pass: ids with times of acceptance. ``version`` 0 is not written yet."""

    passed: Mapping[str, float]
    version: int = 0

    def repeated_by(self, mail: Content, window_seconds: float) -> str | None:
        """Return the mail that *mail* repeats: another one that was accepted less than the window before or after."""
        if mail.email_id in self.passed:
            return None
        distances = {one: abs(at - mail.accepted_at) for one, at in self.passed.items()}
        nearest = min(distances, key=distances.__getitem__, default=None)
        return nearest if nearest is not None and distances[nearest] < window_seconds else None

    def with_mail(self, mail: Content) -> "Note":
        """Return the note with *mail* on it; the earliest falls off a full one."""
        passed = sorted({**self.passed, mail.email_id: mail.accepted_at}.items(), key=lambda one: one[1])
        return Note(dict(passed[-REMEMBERED:]), self.version + 1)


class ContentNotes:
    """Reads and writes the notes. *retention_seconds* is how long a mail may wait; *clock* gives epoch seconds."""

    def __init__(
        self,
        tables: Tables,
        *,
        retention_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tables = tables
        self._retention = retention_seconds
        self._clock = clock
        self._sleep = sleep

    def repeated(self, mails: Sequence[Content], *, window_seconds: int) -> dict[str, str]:
        """Note those of up to 50 mails that may pass; return the others by id, each with the mail that it repeats.

        One read, and one write if there is anything new. The *mails* have different contents.

        Raises:
            UnavailableError: DynamoDB cannot be reached; mails that were noted may pass when they come again.
        """
        for _ in range(ATTEMPTS if mails else 0):
            notes = self._read([mail.key for mail in mails])
            repeated = {mail.email_id: notes[mail.key].repeated_by(mail, window_seconds) for mail in mails}
            new = [
                mail
                for mail in mails
                if repeated[mail.email_id] is None and mail.email_id not in notes[mail.key].passed
            ]
            if not new or self._write(new, notes, window_seconds):
                return {email_id: earlier for email_id, earlier in repeated.items() if earlier is not None}
        if mails:
            raise UnavailableError("DynamoDB", "the notes of a content kept changing")
        return {}

    def _read(self, keys: Sequence[str]) -> dict[str, Note]:
        table = self._tables.notes
        with translated("cannot read which mails have passed"):
            rows = list(table.batch_get([PREFIX + key for key in keys], consistent_read=True))
        return {key: Note({}) for key in keys} | {row.note.removeprefix(PREFIX): _note(row) for row in rows}

    def _write(self, mails: Sequence[Content], notes: Mapping[str, Note], window_seconds: int) -> bool:
        """Put *mails* on their notes, all or none; False when a note has changed since it was read."""
        table = self._tables.notes
        # A mail that was accepted within the window may wait as long as records live before a sender asks.
        expires_at = expiry(self._clock(), window_seconds + self._retention)

        def write(transaction: TransactWrite) -> None:
            for mail in mails:
                seen = notes[mail.key]
                after = seen.with_mail(mail)
                row = table(PREFIX + mail.key, version=after.version, expires_at=expires_at)
                row.passed = [[email_id, at] for email_id, at in after.passed.items()]
                unchanged = table.version == seen.version if seen.version else table.note.does_not_exist()
                transaction.save(row, condition=unchanged)

        return transact(self._tables, "cannot note which mails pass", write, sleep=self._sleep)


def _note(row: NoteRow) -> Note:
    return Note({email_id: float(at) for email_id, at in row.passed or ()}, int(row.version or 0))
