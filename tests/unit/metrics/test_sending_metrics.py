"""What a sender counts around SES and the line."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.sending import FakeGovernor, FakeMailer
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from ems.aws.ses import Mail, Template
from ems.aws.ses_answers import Accepted, NotNow, Outcome, Refused, Unknown
from ems.governor.errors import ClockSkewError
from ems.governor.lease import Lease
from ems.metrics.sending import SendingMetrics, WatchedGovernor, WatchedMailer
from ems.store.status import Status

TEMPLATE = Template("welcome", "shop@example.com", "ems-welcome-1", "ems")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> SendingMetrics:
    return SendingMetrics(registry)


class SlowMailer(FakeMailer):
    """SES, half a second away."""

    def send(self, *args: Any, **kwargs: Any) -> list[Outcome]:
        assert isinstance(self.clock, Clock)
        self.clock.advance(0.5)
        return super().send(*args, **kwargs)


def mails(number: int) -> list[Mail]:
    return [Mail(f"e{n}", f"person{n}@example.com", {}) for n in range(number)]


@pytest.fixture
def send(metrics: SendingMetrics, clock: Clock) -> Callable[..., list[Outcome]]:
    def send(*script: Outcome, not_after: float | None = None) -> list[Outcome]:
        mailer = SlowMailer(clock=clock, script=list(script))
        return WatchedMailer(mailer, metrics, clock=clock).send(TEMPLATE, mails(len(script)), not_after=not_after)

    return send


def test_a_call_is_timed_by_its_operation_and_outcome(
    send: Callable[..., list[Outcome]], registry: CollectorRegistry
) -> None:
    assert send(Accepted("m")) == [Accepted("m")]
    labels = {"operation": "SendEmail", "outcome": "accepted"}
    assert registry.get_sample_value("ems_ses_call_seconds_count", labels) == 1
    assert registry.get_sample_value("ems_ses_call_seconds_sum", labels) == 0.5


def test_a_call_is_logged_with_what_came_of_it_and_without_an_address(send: Callable[..., list[Outcome]]) -> None:
    with capture_logs() as lines:
        send(Accepted("m-1"))
        send(Accepted("m-2"), Refused("no: person1@example.com"))
    single, bulk = lines
    assert (single["event"], single["operation"], single["outcome"]) == ("SES called", "SendEmail", "accepted")
    assert (single["message_id"], single["ms"]) == ("m-1", 500)
    assert (bulk["outcome"], bulk["recipients"], bulk["accepted"]) == ("mixed", 2, 1)
    assert "@" not in str(lines)


def test_the_recipients_of_a_bulk_call_are_counted_each_by_its_own_outcome(
    send: Callable[..., list[Outcome]], registry: CollectorRegistry
) -> None:
    send(Accepted("m"), Accepted("n"), Refused("no"), Unknown("?"), NotNow("throttled", "slow"))
    counted = {
        name: registry.get_sample_value("ems_ses_recipients_total", {"outcome": name})
        for name in ("accepted", "refused", "unknown", "throttled")
    }
    assert counted == {"accepted": 2, "refused": 1, "unknown": 1, "throttled": 1}
    bulk = {"operation": "SendBulkEmail", "outcome": "mixed"}
    assert registry.get_sample_value("ems_ses_call_seconds_count", bulk) == 1


def test_a_call_that_was_not_made_since_its_slot_had_passed_has_no_time(
    send: Callable[..., list[Outcome]], registry: CollectorRegistry, clock: Clock
) -> None:
    send(Accepted("never"), not_after=clock() - 1)
    assert registry.get_sample_value("ems_ses_recipients_total", {"outcome": "late"}) == 1
    calls = [sample for family in registry.collect() for sample in family.samples if "call_seconds" in sample.name]
    assert calls == []


class SlotInTwoSeconds(FakeGovernor):
    clock: Clock

    def lease(self, n: int, *, lane: str, deadline: float | None = None) -> Lease:
        lease = super().lease(n, lane=lane, deadline=deadline)
        return Lease(self.clock() + 2, lease.n, lease.not_after)


def test_the_wait_for_a_slot_is_watched_in_its_lane(
    metrics: SendingMetrics, registry: CollectorRegistry, clock: Clock
) -> None:
    line = SlotInTwoSeconds()
    line.clock = clock
    governor = WatchedGovernor(line, metrics, clock=clock)
    governor.lease(2, lane="bulk")
    governor.book(1, lane="transactional")
    for lane in ("bulk", "transactional"):
        assert registry.get_sample_value("ems_lease_wait_seconds_sum", {"lane": lane}) == 2


def test_a_refused_lease_and_a_missed_slot_are_counted(
    metrics: SendingMetrics, registry: CollectorRegistry, clock: Clock
) -> None:
    line = FakeGovernor(refusals=[ClockSkewError("the governor", "the clock is wrong")], missed=[True, False])
    governor = WatchedGovernor(line, metrics, clock=clock)
    with pytest.raises(ClockSkewError):
        governor.lease(1, lane="bulk")
    assert registry.get_sample_value("ems_lease_refused_total", {"lane": "bulk", "reason": "clock"}) == 1
    lease = governor.book(1, lane="bulk")
    assert [governor.arrive(lease), governor.arrive(lease)] == [False, True]
    assert registry.get_sample_value("ems_lease_missed_total") == 1


def test_what_became_of_mails_is_counted_by_the_kind_of_their_campaign(
    metrics: SendingMetrics, registry: CollectorRegistry
) -> None:
    metrics.settled("bulk", Status.SENT, 3)
    metrics.settled("transactional", Status.IN_DOUBT)
    assert registry.get_sample_value("ems_mail_outcomes_total", {"kind": "bulk", "outcome": "sent"}) == 3
    labels = {"kind": "transactional", "outcome": "in_doubt"}
    assert registry.get_sample_value("ems_mail_outcomes_total", labels) == 1
