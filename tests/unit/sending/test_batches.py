"""Batches as callers see and steer them."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.sending import CAMPAIGN, FakeCampaigns, batch

from ems.errors import ConflictError, UnknownIdError
from ems.governor.status import Hindrance
from ems.sending.batches import Batches
from ems.sending.requests import BatchCounts
from ems.store.batches import BatchStore
from ems.store.tables import Tables

TOTAL = 200


@dataclass
class Line:
    effective_rate: float = 95.0
    bulk_waits_for: Hindrance | None = None
    bulk_waits_until: float | None = None


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def view(batches: BatchStore, campaigns: FakeCampaigns, clock: Clock, line: Line) -> Batches:
    return Batches(batches, campaigns=campaigns, rate=lambda: line, clock=clock)


def part(tables: Tables, number: int, **attributes: Any) -> None:
    """Write a chunk's item."""
    tables.batches("b1", f"chunk#{number:06d}", state="open", size=50, **attributes).save()


def mixed(tables: Tables, clock: Clock) -> None:
    """One chunk done, one under way, two not begun."""
    part(tables, 0, sent=40, failed=3, suppressed=5, in_doubt=2, left=[], started_at=clock(), updated_at=clock() + 5)
    part(tables, 1, sent=10, left=list(range(15, 50)), under_way=[10, 11, 12, 13, 14], started_at=clock() + 5)


def test_a_new_batch_waits_with_the_lines_speed_as_its_estimate(view: Batches, batches: BatchStore) -> None:
    batches.create(batch(total=TOTAL))
    got = view.get("b1")
    assert (got.status, got.counts, got.rate) == ("waiting", BatchCounts(waiting=TOTAL), 0.0)
    assert got.eta_seconds == round(TOTAL / 95, 1)


def test_counts_add_up_to_the_total(view: Batches, batches: BatchStore, tables: Tables, clock: Clock) -> None:
    batches.create(batch(total=TOTAL))
    mixed(tables, clock)
    assert view.get("b1").counts == BatchCounts(
        waiting=100, sending=40, sent=50, failed=3, suppressed=5, cancelled=0, in_doubt=2
    )


def test_a_batch_on_its_way_has_its_own_speed(view: Batches, batches: BatchStore, tables: Tables, clock: Clock) -> None:
    batches.create(batch(total=TOTAL))
    mixed(tables, clock)
    clock.advance(10)
    got = view.get("b1")
    assert (got.status, got.rate, got.eta_seconds) == ("sending", 5.5, round(140 / 5.5, 1))


def test_a_batch_is_done_when_nobody_waits(view: Batches, batches: BatchStore, tables: Tables, clock: Clock) -> None:
    batches.create(batch(total=50))
    part(tables, 0, sent=48, in_doubt=2, left=[], started_at=clock(), updated_at=clock() + 4)
    clock.advance(1000)
    got = view.get("b1")
    assert (got.status, got.rate, got.eta_seconds) == ("done", 12.5, 0.0)


def test_a_scheduled_batch_counts_the_time_until_it_is_due(view: Batches, batches: BatchStore, clock: Clock) -> None:
    batches.create(batch(total=95, send_at=clock() + 60))
    got = view.get("b1")
    assert (got.status, got.eta_seconds, got.send_at) == ("scheduled", 61.0, clock() + 60)


def test_without_any_speed_there_is_no_estimate(view: Batches, batches: BatchStore, line: Line) -> None:
    batches.create(batch())
    line.effective_rate = 0.0
    assert view.get("b1").eta_seconds is None


def test_a_batch_says_what_keeps_all_bulk_waiting_and_until_when(
    view: Batches, batches: BatchStore, line: Line, clock: Clock
) -> None:
    batches.create(batch())
    line.bulk_waits_for, line.bulk_waits_until = "quota", clock() + 3600
    got = view.get("b1")
    assert (got.status, got.waits_for, got.waits_until, got.eta_seconds) == ("waiting", "quota", clock() + 3600, None)
    got = view.pause("b1")
    assert (got.status, got.waits_for, got.waits_until) == ("paused", None, None)


def test_a_batch_of_a_paused_campaign_is_paused_and_says_why(
    view: Batches, batches: BatchStore, campaigns: FakeCampaigns
) -> None:
    batches.create(batch())
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, state="paused_by_breaker", state_reason="6 % bounced")
    got = view.get("b1")
    assert (got.status, got.waits_for, got.waits_because) == ("paused", "campaign", "6 % bounced")
    assert got.eta_seconds is None
    assert view.cancel("b1").status == "cancelled"


def test_a_batch_whose_campaign_was_deleted_goes_on(
    view: Batches, batches: BatchStore, campaigns: FakeCampaigns
) -> None:
    batches.create(batch())
    campaigns.campaigns.clear()
    assert (view.get("b1").status, view.get("b1").waits_for) == ("waiting", None)


def test_a_batch_says_that_its_canary_is_out(view: Batches, batches: BatchStore, clock: Clock) -> None:
    batches.create(batch(total=500, canary=2))
    assert (view.get("b1").status, view.get("b1").waits_for, view.get("b1").eta_seconds) == ("waiting", "canary", None)
    batches.end_canary("b1")
    assert (view.get("b1").waits_for, view.get("b1").eta_seconds) == (None, round(500 / 95, 1))
    batches.create(batch("b2", total=500, canary=2, send_at=clock() + 60))
    assert (view.get("b2").status, view.get("b2").waits_for) == ("scheduled", None)


def test_a_paused_batch_has_no_estimate(view: Batches, batches: BatchStore) -> None:
    batches.create(batch())
    got = view.pause("b1")
    assert (got.status, got.eta_seconds) == ("paused", None)
    assert view.pause("b1").status == "paused"
    assert view.resume("b1").status == "waiting"
    assert view.resume("b1").status == "waiting"


def test_who_was_not_sent_to_counts_as_cancelled_at_once(
    view: Batches, batches: BatchStore, tables: Tables, clock: Clock
) -> None:
    batches.create(batch(total=TOTAL))
    mixed(tables, clock)
    got = view.cancel("b1")
    assert (got.status, got.eta_seconds) == ("cancelled", None)
    assert got.counts == BatchCounts(sending=40, sent=50, failed=3, suppressed=5, cancelled=100, in_doubt=2)
    assert view.cancel("b1").status == "cancelled"


def test_the_drainers_own_count_of_the_cancelled_changes_nothing_for_callers(
    view: Batches, batches: BatchStore
) -> None:
    batches.create(batch(total=TOTAL))
    before = view.cancel("b1").counts
    batches.cancel_chunk("b1", 2, 50)
    assert view.get("b1").counts == before == BatchCounts(cancelled=TOTAL)


def test_a_cancelled_batch_is_not_resumed_or_paused(view: Batches, batches: BatchStore) -> None:
    batches.create(batch())
    view.cancel("b1")
    for steer in (view.resume, view.pause):
        with pytest.raises(ConflictError, match="cancelled"):
            steer("b1")


def test_a_batch_that_is_done_is_not_stopped(view: Batches, batches: BatchStore, tables: Tables) -> None:
    batches.create(batch(total=50))
    part(tables, 0, sent=50, left=[])
    for stop in (view.pause, view.cancel):
        with pytest.raises(ConflictError, match="done"):
            stop("b1")


def test_a_batch_that_was_given_up_while_it_was_paused_is_resumed_so_that_copies_of_its_chunks_can_go(
    view: Batches, batches: BatchStore, tables: Tables
) -> None:
    batches.create(batch(total=50))
    view.pause("b1")
    part(tables, 0, failed=50, left=[])
    assert view.resume("b1").status == "done"
    assert batches.get("b1").state == "waiting"


@pytest.mark.parametrize("state", ["accepting", "abandoned", None])
def test_a_batch_whose_request_was_not_accepted_is_unknown(
    view: Batches, batches: BatchStore, state: str | None
) -> None:
    if state is not None:
        batches.create(batch(state=state))
    for call in (view.get, view.pause, view.resume, view.cancel):
        with pytest.raises(UnknownIdError):
            call("b1")
    assert view.pending_status("b1-000001") is None


def test_a_recipient_without_a_row_is_queued_or_cancelled_with_its_batch(view: Batches, batches: BatchStore) -> None:
    batches.create(batch())
    assert view.pending_status("b1-000001") == "queued"
    view.cancel("b1")
    assert view.pending_status("b1-000001") == "cancelled"


@pytest.mark.parametrize("email_id", ["e1", "b1", "b1-1", "b1-00000x", "b2-000001", "b1-000004"])
def test_an_id_of_no_batch_has_no_pending_status(view: Batches, batches: BatchStore, email_id: str) -> None:
    batches.create(batch())
    assert view.pending_status(email_id) is None
