from itertools import product

import pytest
from fakes.ses_events import event, load

from ems.store.status import RANK, Status, current
from ems.tracking.events import EventType, parse
from ems.tracking.status import NEXT, Evidence, evidence_of, next_status

PROVES = {
    Evidence.SEND: Status.SENT,
    Evidence.DELIVERY_DELAY: Status.DELAYED,
    Evidence.SOFT_BOUNCE: Status.SOFT_BOUNCED,
    Evidence.DELIVERY: Status.DELIVERED,
    Evidence.OPEN: Status.OPENED,
    Evidence.CLICK: Status.CLICKED,
    Evidence.REJECT: Status.REJECTED,
    Evidence.RENDERING_FAILURE: Status.RENDERING_FAILED,
    Evidence.HARD_BOUNCE: Status.BOUNCED,
    Evidence.COMPLAINT: Status.COMPLAINED,
    Evidence.NOT_SPAM: Status.DELIVERED,
    Evidence.SUBSCRIPTION: Status.SENT,
    Evidence.UNSUBSCRIBE: Status.SENT,
}


def test_the_table_is_total() -> None:
    assert set(NEXT) == set(product(Status, Evidence))


@pytest.mark.parametrize(("status", "evidence"), list(product(Status, Evidence)))
def test_every_entry_is_the_higher_rank_of_the_status_and_what_the_event_proves(
    status: Status, evidence: Evidence
) -> None:
    after = next_status(status, evidence)
    proved = PROVES.get(evidence, status)
    if RANK[proved] == RANK[status]:
        # Between equals (failed, rejected, rendering_failed) the order of the enum decides, not that of arrival.
        assert after is max(proved, status, key=list(Status).index)
    else:
        assert after is max(proved, status, key=RANK.__getitem__)


@pytest.mark.parametrize(
    ("before", "evidence", "after"),
    [
        (Status.DELIVERED, Evidence.HARD_BOUNCE, Status.BOUNCED),
        (Status.DELIVERED, Evidence.SOFT_BOUNCE, Status.DELIVERED),
        (Status.DELIVERED, Evidence.DELIVERY_DELAY, Status.DELIVERED),
        (Status.DELIVERED, Evidence.SEND, Status.DELIVERED),
        (Status.CLICKED, Evidence.OPEN, Status.CLICKED),
        (Status.COMPLAINED, Evidence.NOT_SPAM, Status.COMPLAINED),
        (Status.BOUNCED, Evidence.DELIVERY, Status.BOUNCED),
        (Status.IN_DOUBT, Evidence.SEND, Status.SENT),
        (Status.IN_DOUBT, Evidence.UNKNOWN, Status.IN_DOUBT),
    ],
)
def test_the_cases_that_are_easy_to_get_wrong(before: Status, evidence: Evidence, after: Status) -> None:
    assert next_status(before, evidence) is after


def test_every_event_type_is_evidence() -> None:
    for kind in EventType:
        if kind is not EventType.BOUNCE:
            assert Evidence(kind.value)
    assert evidence_of(event("bounce_permanent")) is Evidence.HARD_BOUNCE
    assert [evidence_of(one) for one in parse(load("bounce_mixed"))] == [Evidence.HARD_BOUNCE, Evidence.SOFT_BOUNCE]


@pytest.mark.parametrize("evidence", sorted(PROVES))
@pytest.mark.parametrize("send_status", [None, "queued", "sending", "in_doubt"])
def test_an_unsettled_row_with_evidence_is_at_least_sent(evidence: Evidence, send_status: str | None) -> None:
    seen = next_status(Status.QUEUED, evidence)
    assert RANK[current(send_status, seen.value)] >= RANK[Status.SENT]
