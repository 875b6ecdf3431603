"""What senders do: their calls to SES, their waits for the line, and what became of their mails."""

import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import get_args

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from ems.aws.ses import Mail, Template
from ems.aws.ses_answers import Accepted, NotNow, Outcome, Pause, Refused, Unknown
from ems.governor.errors import LeaseError
from ems.governor.lease import Lease
from ems.governor.policy import Lane
from ems.sending.campaigns import Kind
from ems.sending.ports import Mailer, RateGovernor
from ems.store.status import Status

log = structlog.get_logger(__name__)

RECORDED = (Status.SENT, Status.FAILED, Status.SUPPRESSED, Status.IN_DOUBT, Status.HELD)
"""What senders record of mails."""

_CALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
_WAIT_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class SendingMetrics:
    """The metrics of a process that sends."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.call_seconds = Histogram(
            "ems_ses_call_seconds",
            "Time from a call to SES to its answer, or to the loss of it.",
            ("operation", "outcome"),
            registry=registry,
            buckets=_CALL_BUCKETS,
        )
        self.recipients = Counter(
            "ems_ses_recipients", "Recipients that SES was asked about, by its answer.", ("outcome",), registry=registry
        )
        self.outcomes = Counter(
            "ems_mail_outcomes",
            "Mails by what their sender recorded of them, by the campaign's kind.",
            ("kind", "outcome"),
            registry=registry,
        )
        self.lease_seconds = Histogram(
            "ems_lease_wait_seconds",
            "Time from asking for a slot of the line until it.",
            ("lane",),
            registry=registry,
            buckets=_WAIT_BUCKETS,
        )
        self.refusals = Counter("ems_lease_refused", "Leases that were refused.", ("lane", "reason"), registry=registry)
        # From 0 on: of a series that is born with its first count, Prometheus sees no increase.
        for answer in ("accepted", "refused", "unknown", *get_args(Pause)):
            self.recipients.labels(answer)
        for kind, status in product(get_args(Kind), RECORDED):
            self.outcomes.labels(kind, status.value)
        self.missed = Counter("ems_lease_missed", "Slots that passed before their call could leave.", registry=registry)

    def settled(self, kind: str, status: Status, number: int = 1) -> None:
        """Count *number* mails of a campaign's kind that are recorded as *status*."""
        self.outcomes.labels(kind, status.value).inc(number)


class WatchedMailer:
    """A mailer whose calls are timed, counted and logged. *clock* gives seconds that never go back."""

    def __init__(
        self, mailer: Mailer, metrics: SendingMetrics, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._mailer = mailer
        self._metrics = metrics
        self._clock = clock

    def send(self, template: Template, mails: Sequence[Mail], *, not_after: float | None = None) -> list[Outcome]:
        """Send as the mailer does."""
        asked = self._clock()
        outcomes = self._mailer.send(template, mails, not_after=not_after)
        seconds = self._clock() - asked
        names = [name_of(outcome) for outcome in outcomes]
        for name in set(names):
            self._metrics.recipients.labels(name).inc(names.count(name))
        call = names[0] if len(set(names)) == 1 else "mixed"
        if call != "late":  # no call was made
            operation = "SendEmail" if len(mails) == 1 else "SendBulkEmail"
            self._metrics.call_seconds.labels(operation, call).observe(seconds)
            self._tell(operation, call, outcomes, seconds)
        return outcomes

    def _tell(self, operation: str, call: str, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Log a call; whoever makes it has bound which mail or chunk it is for, and of which request."""
        message_ids = [outcome.message_id for outcome in outcomes if isinstance(outcome, Accepted)]
        about = {"message_id": message_ids[0]} if len(outcomes) == 1 and message_ids else {}
        log.info(
            "SES called",
            operation=operation,
            outcome=call,
            recipients=len(outcomes),
            accepted=len(message_ids),
            ms=round(seconds * 1000, 1),
            **about,
        )


class WatchedGovernor:
    """A governor whose slots are watched: how long they were waited for, and why there was none."""

    def __init__(
        self, governor: RateGovernor, metrics: SendingMetrics, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._governor = governor
        self._metrics = metrics
        self._clock = clock

    def lease(self, n: int, *, lane: Lane, deadline: float | None = None) -> Lease:
        """Wait as the governor does."""
        return self._watched(lane, lambda: self._governor.lease(n, lane=lane, deadline=deadline))

    def book(self, n: int, *, lane: Lane) -> Lease:
        """Book as the governor does."""
        return self._watched(lane, lambda: self._governor.book(n, lane=lane))

    def arrive(self, lease: Lease) -> bool:
        """Wait for a booked slot as the governor does."""
        arrived = self._governor.arrive(lease)
        if not arrived:
            self._metrics.missed.inc()
        return arrived

    def returned(self, lease: Lease) -> None:
        """Pass on."""
        self._governor.returned(lease)

    def throttled(self) -> None:
        """Pass on."""
        self._governor.throttled()

    def call_size(self) -> int:
        """Pass on."""
        return self._governor.call_size()

    def _watched(self, lane: Lane, ask: Callable[[], Lease]) -> Lease:
        asked = self._clock()
        try:
            lease = ask()
        except LeaseError as error:
            self._metrics.refusals.labels(lane, error.why).inc()
            raise
        self._metrics.lease_seconds.labels(lane).observe(max(lease.start_at - asked, 0.0))
        return lease


def name_of(outcome: Outcome) -> str:
    """Name an outcome as labels do."""
    match outcome:
        case Accepted():
            return "accepted"
        case Refused():
            return "refused"
        case Unknown():
            return "unknown"
        case NotNow(why, _):
            return why
