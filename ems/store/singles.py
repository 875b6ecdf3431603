"""The rows of single mails: accepted, claimed by one sender, settled."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ems.errors import UnavailableError
from ems.store.doubts import Decision, Doubt, still
from ems.store.emails import campaign_shard
from ems.store.failures import conditionally, patiently, translated
from ems.store.models import TrackerRow
from ems.store.retention import expiry
from ems.store.status import Status
from ems.store.tables import Tables


@dataclass(frozen=True, slots=True)
class SingleRow:
    """What accepting a single mail writes."""

    email_id: str
    campaign_id: str
    kind: str
    recipient: str
    fingerprint: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """The row that an earlier request with the same id left."""

    fingerprint: str | None
    enqueued: bool
    status: Status


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether the mail may be sent now. ``status`` is what the row says otherwise; None when there is no row.

    ``lease_until`` (epoch seconds) is when the sender that has it must be done; ``doubt`` is of a mail in doubt.
    """

    granted: bool
    status: Status | None = None
    lease_until: float = 0.0
    doubt: Doubt | None = None


class Singles:
    """Rows of single mails. *clock* gives epoch seconds."""

    def __init__(
        self,
        tables: Tables,
        *,
        retention_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._emails = tables.emails
        self._retention = retention_seconds
        self._clock = clock
        self._sleep = sleep

    def create(self, single: SingleRow) -> Existing | None:
        """Write the row as ``queued``; an existing one is returned instead and left alone."""
        now = self._clock()
        row = self._emails(
            single.email_id,
            campaign_id=single.campaign_id,
            campaign_shard=campaign_shard(single.campaign_id, single.email_id),
            kind=single.kind,
            recipient=single.recipient,
            fingerprint=single.fingerprint,
            request_id=single.request_id,
            send_status=Status.QUEUED.value,
            attempts=0,
            created_at=now,
            updated_at=now,
            expires_at=expiry(now, self._retention),
        )
        if conditionally("cannot record the mail", row.save, condition=self._emails.send_status.does_not_exist()):
            return None
        existing = self.find(single.email_id)
        if existing is None:
            raise UnavailableError("SQS", "another request withdrew the same mail just now")
        return existing

    def find(self, email_id: str) -> Existing | None:
        """Return what an earlier request left; None when there is none."""
        row = self._get(email_id)
        if row is None:
            return None
        return Existing(row.fingerprint, bool(row.enqueued), Status(row.send_status))

    def mark_enqueued(self, email_id: str) -> bool:
        """Remember that the queue has the mail, so that a repeated request enqueues nothing.

        False when another request has withdrawn the mail meanwhile.
        """
        table = self._emails
        return self._update_if(email_id, [table.enqueued.set(value=True)], table.send_status.exists())

    def withdraw(self, email_id: str) -> bool:
        """Remove a row whose mail the queue did not take: a stray message without a row is never sent.

        False when the queue has it after all: a sender took it, or another request with the same key enqueued it.
        """
        table = self._emails
        untouched = (table.send_status == Status.QUEUED.value) & table.enqueued.does_not_exist()
        withdrawn = conditionally("cannot withdraw the mail", table(email_id).delete, condition=untouched)
        return withdrawn or self.standing(email_id).status is None

    def claim(self, email_id: str, *, owner: str, lease_seconds: float) -> Claim:
        """Take a queued mail for *owner*: from here to :meth:`settle` its outcome is in the sender's hands."""
        table, now = self._emails, self._clock()
        claimed = conditionally(
            "cannot claim a mail",
            table(email_id).update,
            actions=[
                table.send_status.set(Status.SENDING.value),
                table.lease_owner.set(owner),
                table.lease_until.set(now + lease_seconds),
                table.attempts.add(1),
            ],
            condition=table.send_status == Status.QUEUED.value,
        )
        return Claim(granted=True) if claimed else self.standing(email_id, owner=owner)

    def claim_again(self, doubt: Doubt, decision: Decision, *, owner: str, lease_seconds: float) -> Claim:
        """Take a mail in doubt for *owner* to send it once more, unless an event has proved its sending meanwhile."""
        table, now = self._emails, self._clock()
        taken = self._update_if(
            doubt.email_id,
            [
                table.send_status.set(Status.SENDING.value),
                table.lease_owner.set(owner),
                table.lease_until.set(now + lease_seconds),
                table.attempts.add(1),
                table.decisions.set(decision.after(doubt.decisions, reason=doubt.reason)),
                table.updated_at.set(now),
            ],
            still(table, doubt) & table.event_status.does_not_exist(),
        )
        return Claim(granted=True) if taken else self.standing(doubt.email_id, owner=owner)

    def give_back(self, doubt: Doubt, *, owner: str) -> bool:
        """Let a mail that was claimed again and that SES did not take be in the doubt that it was in."""
        table = self._emails
        actions: list[Action] = [
            table.send_status.set(Status.IN_DOUBT.value),
            table.attempts.add(-1),
            table.decisions.set(list(doubt.decisions)),
            table.lease_owner.remove(),
            table.lease_until.remove(),
        ]
        held = table.lease_owner == owner
        return patiently(lambda: self._update_if(doubt.email_id, actions, held), sleep=self._sleep)

    def standing(self, email_id: str, *, owner: str | None = None) -> Claim:
        """Read how a mail stands: granted when it is in *owner*'s hands.

        It is although :meth:`claim` was refused when botocore sent the claim twice, its first answer being lost.
        """
        row = self._get(email_id)
        if row is None:
            return Claim(granted=False)
        status = Status(row.send_status)
        granted = owner is not None and status is Status.SENDING and row.lease_owner == owner
        doubt = Doubt.of_row(row) if status is Status.IN_DOUBT else None
        return Claim(granted, status, float(row.lease_until or 0), doubt)

    def settle(
        self,
        email_id: str,
        status: Status,
        *,
        owner: str | None,
        message_id: str | None = None,
        reason: str | None = None,
        may_pass: bool = False,
        again: bool = False,
    ) -> bool:
        """Write the outcome of a claimed mail; False when it is no longer *owner*'s.

        *again*: the mail had been in doubt. A failure is False then too if an event has proved that SES took it before.

        ``queued`` gives the mail back without spending the attempt. *owner* None settles a mail that nobody has
        claimed (suppressed before sending).
        """
        table, now = self._emails, self._clock()
        actions: list[Action] = [
            table.send_status.set(status.value),
            table.updated_at.set(now),
            table.lease_owner.remove(),
            table.lease_until.remove(),
        ]
        if message_id is not None:
            actions += [table.message_id.set(message_id), table.sent_at.set(now)]
        if reason is not None:
            actions.append(table.reason.set(reason))
        if status is Status.QUEUED:
            actions.append(table.attempts.add(-1))
        if status is Status.IN_DOUBT:
            actions.append(table.doubted_at.set(now))
        if may_pass:
            actions.append(table.may_pass.set(value=True))
        if again and message_id is not None:
            # The first attempt may have made a message too, of which an event may tell.
            actions += [table.message_ids.add({message_id}), table.reason.remove()]
        held = table.send_status == Status.QUEUED.value if owner is None else table.lease_owner == owner
        if again and status is Status.FAILED:
            held &= table.event_status.does_not_exist()
        return patiently(lambda: self._update_if(email_id, actions, held), sleep=self._sleep)

    def mark_abandoned(self, email_id: str, *, reason: str) -> bool:
        """Put a mail whose sender's lease ran out in doubt; False when it is not so."""
        table, now = self._emails, self._clock()
        return self._update_if(
            email_id,
            [
                table.send_status.set(Status.IN_DOUBT.value),
                table.doubted_at.set(now),
                table.reason.set(reason),
                table.updated_at.set(now),
            ],
            (table.send_status == Status.SENDING.value) & (table.lease_until < now),
        )

    def _update_if(self, email_id: str, actions: list[Action], condition: Condition) -> bool:
        row = self._emails(email_id)
        return conditionally("cannot update the mail", row.update, actions=actions, condition=condition)

    def _get(self, email_id: str) -> TrackerRow | None:
        """Read a row that a sender's side has written; one that only an event made is none of ours."""
        with translated("cannot read the mail"):
            try:
                row = self._emails.get(email_id, consistent_read=True)
            except DoesNotExist:
                return None
        return row if row.send_status else None
