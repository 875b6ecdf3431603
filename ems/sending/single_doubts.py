"""What becomes of a single mail in doubt.

Its queue message lives until the doubt has ended: it waits as a copy with DelaySeconds (docs/adr/0006), so a process
that dies between recording a doubt and sending the copy leaves the message that it had in hand, and nothing forgets
the doubt. Only a mail that is held leaves the queue, and its payload is kept before.
"""

import math
import time
from collections.abc import Callable

import structlog

from ems.sending.doubt_policy import POLICY, RESEND, DoubtPolicy
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import SinglePayload
from ems.store.doubts import Decision, Doubt, Doubts
from ems.store.kept import Kept
from ems.store.status import Status

log = structlog.get_logger()


class SingleDoubts:
    """Decides about single mails in doubt. *clock* gives epoch seconds."""

    def __init__(
        self, *, doubts: Doubts, kept: Kept, policy: DoubtPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        self._doubts = doubts
        self._kept = kept
        self._policy = policy
        self._clock = clock

    def wait(self) -> Postponed:
        """Wait for evidence of a doubt that has just been recorded."""
        return Postponed(math.ceil(self._policy.window_seconds), "in doubt")

    def resend(self, mail: SinglePayload, doubt: Doubt) -> Decision | None:
        """Return the decision to send *mail* again now; None when it has to wait, is proven or is not to be."""
        if doubt.proven:
            return None
        if mail.resend_of == doubt.attempts:
            return Decision(RESEND, mail.resend_by or POLICY, self._clock())
        if self._left(doubt) > 0 or not self._policy.resends(mail.kind):
            return None
        return Decision(RESEND, POLICY, self._clock())

    def conclude(self, mail: SinglePayload, doubt: Doubt, *, suppressed: str | None = None) -> Delivery:
        """Decide about a mail that is not sent again now; *suppressed* is why its address gets no mail."""
        if doubt.proven:
            self._doubts.prove(doubt)
            return Finished()
        left = self._left(doubt)
        if left > 0:
            return Postponed(math.ceil(left), "in doubt")
        if suppressed is not None and self.resend(mail, doubt):
            decision = Decision(f"not sent again: suppressed ({suppressed})", POLICY, self._clock())
            self._doubts.decide(doubt, Status.SUPPRESSED, decision)
            return Finished()
        self._kept.keep_mail(mail.email_id, mail.message().body)
        log.warning("mail held in doubt", email_id=mail.email_id)
        return Finished()

    def _left(self, doubt: Doubt) -> float:
        return self._policy.decides_at(doubt.since) - self._clock()
