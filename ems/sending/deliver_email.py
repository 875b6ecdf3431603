"""Delivering one single mail: suppression, lease, claim, SES, outcome."""

import math
import time
import uuid
from collections.abc import Callable

import structlog

from ems.aws.ses import Mail
from ems.aws.ses_answers import Accepted, NotNow, Outcome, Refused, Unknown
from ems.governor.errors import LeaseError
from ems.governor.lease import Lease
from ems.governor.policy import Lane
from ems.sending.outcomes import Delivery, Finished, Postponed, after_pause, after_refused_lease
from ems.sending.payloads import SinglePayload
from ems.sending.ports import Mailer, RateGovernor, SuppressionFilter
from ems.store.singles import Claim, Singles
from ems.store.status import Status

log = structlog.get_logger()

SENDER_DIED = "its sender died between asking SES and recording the answer"


class EmailDelivery:
    """Delivers single mails; safe to be handed the same mail any number of times.

    *call_seconds* is the longest an SES call can take, after which a claim belongs to a dead sender.
    """

    def __init__(
        self,
        *,
        singles: Singles,
        suppressions: SuppressionFilter,
        governor: RateGovernor,
        mailer: Mailer,
        configuration_set: str,
        call_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._singles = singles
        self._suppressions = suppressions
        self._governor = governor
        self._mailer = mailer
        self._configuration_set = configuration_set
        self._lease_seconds = call_seconds + 10
        self._clock = clock

    def deliver(self, mail: SinglePayload) -> Delivery:
        """Send the mail if it has not been, and record what became of it.

        Raises:
            UnavailableError: DynamoDB cannot be reached; hand the mail in again later.
        """
        suppressed = self._suppressions.filter([a.lower() for a in (mail.to, *mail.cc, *mail.bcc)], kind=mail.kind)
        reason = suppressed.get(mail.to.lower())
        if reason is not None:
            return self._suppress(mail.email_id, reason)
        cc = [address for address in mail.cc if address.lower() not in suppressed]
        bcc = [address for address in mail.bcc if address.lower() not in suppressed]
        outgoing = mail.mail(cc=cc, bcc=bcc)
        lane: Lane = "transactional" if mail.kind == "transactional" else "bulk"
        try:
            # Booked before the claim, which is written while the slot comes: whoever waits for the line is in nobody's
            # hands, and the call is not late by the time of a write.
            lease = self._governor.book(outgoing.recipients, lane=lane)
        except LeaseError as error:
            return after_refused_lease(error, now=self._clock())
        owner = str(uuid.uuid4())
        claim = self._singles.claim(mail.email_id, owner=owner, lease_seconds=self._lease_seconds)
        if not claim.granted:
            return self._not_granted(mail.email_id, claim)
        return self._settle(mail.email_id, owner, self._send(mail, outgoing, lease))

    def _send(self, mail: SinglePayload, outgoing: Mail, lease: Lease) -> Outcome:
        try:
            if not self._governor.arrive(lease):
                return NotNow("late", "the slot had passed")
        except LeaseError as error:
            return NotNow("late", str(error))
        try:
            template = mail.template(self._configuration_set)
            [outcome] = self._mailer.send(template, [outgoing], not_after=lease.not_after)
        finally:
            self._governor.returned(lease)
        return outcome

    def _suppress(self, email_id: str, reason: str) -> Delivery:
        if self._singles.settle(email_id, Status.SUPPRESSED, owner=None, reason=reason):
            return Finished()
        # It was in a sender's hands before: the bounce of that very sending may be what suppressed the address.
        return self._not_granted(email_id, self._singles.standing(email_id))

    def _settle(self, email_id: str, owner: str, outcome: Outcome) -> Delivery:
        match outcome:
            case Accepted(message_id):
                self._singles.settle(email_id, Status.SENT, owner=owner, message_id=message_id)
            case Refused(reason):
                self._singles.settle(email_id, Status.FAILED, owner=owner, reason=reason)
            case Unknown(reason):
                self._singles.settle(email_id, Status.IN_DOUBT, owner=owner, reason=reason)
            case NotNow(why, _):
                self._singles.settle(email_id, Status.QUEUED, owner=owner)
                if why == "throttled":
                    self._governor.throttled()
                return after_pause(outcome)
        return Finished()

    def _not_granted(self, email_id: str, claim: Claim) -> Delivery:
        """Decide about a mail that is not queued: a repetition, somebody else's, or a dead sender's."""
        if claim.status is None:
            log.warning("message without an accepted mail dropped", email_id=email_id)
            return Finished()
        if claim.status is not Status.SENDING:
            return Finished()
        left = claim.lease_until - self._clock()
        if left > 0:
            return Postponed(math.ceil(left) + 1, "another sender has it")
        if self._singles.mark_abandoned(email_id, reason=SENDER_DIED):
            log.warning("mail in doubt", email_id=email_id, reason=SENDER_DIED)
        return Finished()
