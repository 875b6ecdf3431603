"""Rows of single mails on moto's DynamoDB."""

import pytest
from fakes.clock import Clock
from fakes.tables import singles_of

from ems.errors import UnavailableError
from ems.store.singles import Claim, SingleRow, Singles
from ems.store.status import Status
from ems.store.tables import Tables

ROW = SingleRow("e1", "welcome", "transactional", "ada@example.com", "print")


@pytest.fixture
def singles(tables: Tables, clock: Clock) -> Singles:
    return singles_of(tables, clock)


def status(tables: Tables) -> str | None:
    return tables.emails.get("e1").send_status


def test_a_second_create_returns_what_the_first_wrote_and_leaves_it_alone(singles: Singles) -> None:
    assert singles.create(ROW) is None
    existing = singles.create(SingleRow("e1", "other", "bulk", "bob@example.com", "another"))

    assert existing is not None
    assert (existing.fingerprint, existing.enqueued, existing.status) == ("print", False, Status.QUEUED)


def test_a_row_that_only_an_event_made_can_still_be_created(singles: Singles, tables: Tables) -> None:
    tables.emails("e1", event_status="delivered").save()
    assert singles.create(ROW) is None


def test_a_mail_is_claimed_once(singles: Singles, clock: Clock) -> None:
    singles.create(ROW)

    assert singles.claim("e1", owner="a", lease_seconds=30) == Claim(granted=True)
    assert singles.claim("e1", owner="b", lease_seconds=30) == Claim(
        granted=False, status=Status.SENDING, lease_until=clock() + 30
    )


def test_a_claim_that_was_sent_twice_is_still_ones_own(singles: Singles) -> None:
    singles.create(ROW)
    singles.claim("e1", owner="a", lease_seconds=30)
    assert singles.claim("e1", owner="a", lease_seconds=30).granted


def test_a_mail_without_a_row_is_not_granted_and_has_no_status(singles: Singles) -> None:
    assert singles.claim("e1", owner="a", lease_seconds=30) == Claim(granted=False)


def test_giving_a_mail_back_spends_no_attempt(singles: Singles, tables: Tables) -> None:
    singles.create(ROW)
    singles.claim("e1", owner="a", lease_seconds=30)
    assert singles.settle("e1", Status.QUEUED, owner="a")

    row = tables.emails.get("e1")
    assert (row.send_status, row.attempts, row.lease_owner) == ("queued", 0, None)


def test_only_the_owner_settles(singles: Singles, tables: Tables) -> None:
    singles.create(ROW)
    singles.claim("e1", owner="a", lease_seconds=30)

    assert not singles.settle("e1", Status.FAILED, owner="b", reason="no")
    assert singles.settle("e1", Status.SENT, owner="a", message_id="m1")
    assert (status(tables), tables.emails.get("e1").message_id) == ("sent", "m1")


def test_a_mail_is_abandoned_only_when_its_lease_has_run_out(singles: Singles, clock: Clock, tables: Tables) -> None:
    singles.create(ROW)
    singles.claim("e1", owner="a", lease_seconds=30)

    assert not singles.mark_abandoned("e1", reason="died")
    clock.advance(31)
    assert singles.mark_abandoned("e1", reason="died")
    assert status(tables) == "in_doubt"


def test_a_sender_that_was_only_slow_can_still_say_what_came_of_its_mail(
    singles: Singles, clock: Clock, tables: Tables
) -> None:
    singles.create(ROW)
    singles.claim("e1", owner="a", lease_seconds=30)
    clock.advance(31)
    singles.mark_abandoned("e1", reason="died")

    assert singles.settle("e1", Status.SENT, owner="a", message_id="m1")
    assert status(tables) == "sent"


def test_a_mail_that_nobody_touched_can_be_withdrawn(singles: Singles) -> None:
    singles.create(ROW)
    assert singles.withdraw("e1")
    assert singles.standing("e1").status is None


def test_a_withdrawal_that_was_sent_twice_still_counts(singles: Singles) -> None:
    singles.create(ROW)
    singles.withdraw("e1")
    assert singles.withdraw("e1")


def test_a_mail_that_a_sender_took_cannot_be_withdrawn(singles: Singles) -> None:
    singles.create(ROW)
    singles.claim("e1", owner="a", lease_seconds=30)
    assert not singles.withdraw("e1")


def test_a_mail_that_another_request_enqueued_cannot_be_withdrawn(singles: Singles) -> None:
    singles.create(ROW)
    assert singles.mark_enqueued("e1")
    assert not singles.withdraw("e1")


def test_a_withdrawn_mail_is_not_marked_as_enqueued(singles: Singles, tables: Tables) -> None:
    singles.create(ROW)
    singles.withdraw("e1")

    assert not singles.mark_enqueued("e1")
    assert list(tables.emails.scan()) == []


def test_a_missing_table_is_an_outage_with_a_remedy(singles: Singles, tables: Tables) -> None:
    tables.emails.delete_table()
    with pytest.raises(UnavailableError, match="ems provision"):
        singles.create(ROW)
