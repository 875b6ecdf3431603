"""Delivering one single mail: suppression, lease, claim, SES, outcome."""

import math
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import structlog

from ems.aws.ses import Mail
from ems.aws.ses_answers import Accepted, NotNow, Outcome, Refused, Unknown
from ems.governor.errors import LeaseError
from ems.governor.lease import Lease
from ems.governor.policy import Lane
from ems.links import UnsubscribeLinks
from ems.sending.chunk_outcomes import erased_of
from ems.sending.guard import ContentGuard
from ems.sending.outcomes import Delivery, Finished, Postponed, after_pause, after_refused_lease
from ems.sending.payloads import SinglePayload
from ems.sending.ports import UNWATCHED, DeliveryWatch, Mailer, RateGovernor, SuppressionFilter
from ems.sending.single_doubts import SingleDoubts
from ems.store.doubts import Doubt
from ems.store.reasons import ERASED
from ems.store.singles import Claim, Singles
from ems.store.status import Status

log = structlog.get_logger()

SENDER_DIED = "its sender died between asking SES and recording the answer"


class EmailDelivery:
    """Delivers single mails; safe to be handed the same mail any number of times.

    *doubts* decides about mails of which nobody knows whether SES has them. *call_seconds* is the longest an SES call
    can take, after which a claim belongs to a dead sender.
    """

    def __init__(  # noqa: PLR0913 - each of them is a part of delivering
        self,
        *,
        singles: Singles,
        suppressions: SuppressionFilter,
        guard: ContentGuard,
        governor: RateGovernor,
        mailer: Mailer,
        doubts: SingleDoubts,
        links: UnsubscribeLinks,
        configuration_set: str,
        call_seconds: float,
        watch: DeliveryWatch = UNWATCHED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._singles = singles
        self._suppressions = suppressions
        self._guard = guard
        self._governor = governor
        self._mailer = mailer
        self._doubts = doubts
        self._links = links
        self._configuration_set = configuration_set
        self._lease_seconds = call_seconds + 10
        self._watch = watch
        self._clock = clock

    def deliver(self, mail: SinglePayload) -> Delivery:
        """Send the mail if it has not been, and record what became of it.

        Raises:
            UnavailableError: DynamoDB cannot be reached, or a setting is missing; hand the mail in again later.
        """
        self._guard.let_go(mail)
        mail, suppressed = self._looked_up(mail)
        reason = ERASED if mail.erased else suppressed.get(mail.to.lower())
        if reason is not None:
            return self._suppress(mail, reason)
        if self._guard.holds(mail):
            self._watch.settled(mail.kind, Status.HELD)
            return Finished()
        outgoing = _without_copies(mail, suppressed, self._links)
        lane: Lane = "transactional" if mail.kind == "transactional" else "bulk"
        try:
            # Booked before the claim, which is written while the slot comes: whoever waits for the line is in nobody's
            # hands, and the call is not late by the time of a write.
            lease = self._governor.book(outgoing.recipients, lane=lane)
        except LeaseError as error:
            return after_refused_lease(error, now=self._clock())
        owner = str(uuid.uuid4())
        claim, again = self._claim(mail, owner)
        if not claim.granted:
            return self._not_granted(mail, claim)
        return self._settle(mail, owner, self._send(mail, outgoing, lease), again=again)

    def _looked_up(self, mail: SinglePayload) -> tuple[SinglePayload, Mapping[str, str]]:
        """Ask who of the mail's recipients gets none; nothing is kept any more of those who were erased."""
        reasons = self._suppressions.filter(mail.addresses, kind=mail.kind, accepted_at=mail.accepted_at)
        return mail.without(erased_of(reasons)), reasons

    def _claim(self, mail: SinglePayload, owner: str) -> tuple[Claim, Doubt | None]:
        """Take the mail in hand: one in doubt only if it is to be sent again, and then with that doubt."""
        claim = self._singles.claim(mail.email_id, owner=owner, lease_seconds=self._lease_seconds)
        decision = None if claim.doubt is None else self._doubts.resend(mail, claim.doubt)
        if claim.doubt is None or decision is None:
            return claim, None
        again = self._singles.claim_again(claim.doubt, decision, owner=owner, lease_seconds=self._lease_seconds)
        return again, claim.doubt

    def give_up(self, mail: SinglePayload, *, reason: str) -> Delivery:
        """End a mail as failed that shall not be sent, unless a sender had it in hand.

        Postponed while one has; a mail that one had and died with may have been sent, so it is in doubt.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        if self._settled(mail, Status.FAILED, owner=None, reason=reason):
            return Finished()
        mail, _suppressed = self._looked_up(mail)
        return self._not_granted(mail, self._singles.standing(mail.email_id))

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

    def _suppress(self, mail: SinglePayload, reason: str) -> Delivery:
        if self._settled(mail, Status.SUPPRESSED, owner=None, reason=reason):
            return Finished()
        # It was in a sender's hands before: the bounce of that very sending may be what suppressed the address.
        return self._not_granted(mail, self._singles.standing(mail.email_id), suppressed=reason)

    def _settle(self, mail: SinglePayload, owner: str, outcome: Outcome, *, again: Doubt | None) -> Delivery:
        """Record what SES answered; *again* is the doubt in which the mail was sent once more."""
        settle = partial(self._settled, mail, owner=owner, again=again is not None)
        match outcome:
            case Accepted(message_id):
                settle(Status.SENT, message_id=message_id)
            case Refused(reason, may_pass):
                if not settle(Status.FAILED, reason=reason, may_pass=may_pass) and again:
                    settle(Status.SENT)  # the first attempt was taken, as an event has shown meanwhile
            case Unknown(reason):
                settle(Status.IN_DOUBT, reason=reason)
                return self._doubts.wait()
            case NotNow(why, _):
                if again is None:
                    settle(Status.QUEUED)
                else:
                    self._singles.give_back(again, owner=owner)
                if why == "throttled":
                    self._governor.throttled()
                return after_pause(outcome)
        return Finished()

    def _settled(self, mail: SinglePayload, status: Status, **outcome: Any) -> bool:
        """Record an outcome as :meth:`ems.store.singles.Singles.settle` does, and tell of it."""
        settled = self._singles.settle(mail.email_id, status, **outcome)
        if settled and status is not Status.QUEUED:
            self._watch.settled(mail.kind, status)
        return settled

    def _not_granted(self, mail: SinglePayload, claim: Claim, *, suppressed: str | None = None) -> Delivery:
        """Decide about a mail that is not queued: a repetition, in doubt, somebody else's, or a dead sender's."""
        if claim.status is None:
            log.warning("message without an accepted mail dropped", email_id=mail.email_id)
            return Finished()
        if claim.doubt is not None:
            return self._doubts.conclude(mail, claim.doubt, suppressed=suppressed)
        if claim.status is not Status.SENDING:
            return Finished()
        left = claim.lease_until - self._clock()
        if left > 0:
            return Postponed(math.ceil(left) + 1, "another sender has it")
        if self._singles.mark_abandoned(mail.email_id, reason=SENDER_DIED):
            log.warning("mail in doubt", email_id=mail.email_id, reason=SENDER_DIED)
            self._watch.settled(mail.kind, Status.IN_DOUBT)
        return self._doubts.wait()


def _without_copies(mail: SinglePayload, suppressed: Collection[str], links: UnsubscribeLinks) -> Mail:
    """Build the SES mail without the copies to *suppressed* addresses (lower case)."""
    cc = [address for address in mail.cc if address.lower() not in suppressed]
    bcc = [address for address in mail.bcc if address.lower() not in suppressed]
    return mail.mail(links, cc=cc, bcc=bcc)
