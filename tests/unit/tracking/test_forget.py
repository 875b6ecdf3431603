"""Events about somebody who was erased: they count as ever, and bring no address back."""

from typing import Any

import pytest
from fakes.clock import Clock
from fakes.ses_events import FIXTURES, load
from fakes.tracking import tracker_of

from ems.store.erased import Marks
from ems.store.models import TrackerRow
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.tracking.apply import Tracker
from ems.tracking.events import parse
from ems.tracking.forget import history_without
from ems.tracking.outcomes import Outcome

JANE = "jane.doe@example.com"
COPY = "copy@example.com"
KINDS = sorted(path.stem for path in FIXTURES.glob("*.json") if "greeting" not in path.stem)


@pytest.fixture
def tracker(tables: Tables, clock: Clock) -> Tracker:
    return tracker_of(tables, clock)


@pytest.fixture
def marks(tables: Tables) -> Marks:
    return Marks(tables)


def erase(marks: Marks, clock: Clock, address: str = JANE) -> None:
    marks.erase(address, at=clock(), kept_seconds=1e6)


def told(name: str, **changes: Any) -> str:
    """Return an event of SES with every address of the fixture turned into JANE's."""
    return str(load(name, **changes)).replace("recipient@example.com", JANE)


def raw(tables: Tables) -> str:
    every = (tables.emails, tables.suppressions, tables.notes)
    return str([row.serialize() for table in every for row in table.scan()]).lower()


def row(tables: Tables) -> TrackerRow:
    [only] = tables.emails.scan()
    return only


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("known", [True, False])
def test_no_event_brings_an_address_back_and_each_counts_as_it_would_have(
    tables: Tables, tracker: Tracker, marks: Marks, clock: Clock, kind: str, *, known: bool
) -> None:
    events = parse(load(kind))
    people = {address for event in events for address in (event.recipient, *event.destination) if address}
    for address in people:
        erase(marks, clock, address)
    if known:
        tables.emails("em-1", send_status="sent", erased_at=clock(), created_at=clock() - 9, message_id="m").save()
    applied = tracker.apply(*events)

    assert not any(address in raw(tables) for address in people)
    if not known and applied[0].outcome is not Outcome.IGNORED:
        counted = row(tables).moments
        for one in tables.emails.scan():
            one.delete()
        for mark in tables.suppressions.scan():
            mark.delete()
        tracker.apply(*events)
        assert row(tables).moments == counted


def test_a_bounce_of_an_erased_person_stops_further_mail_without_the_address(
    tables: Tables, tracker: Tracker, marks: Marks, clock: Clock
) -> None:
    [bounce] = parse(load("bounce_permanent"))
    assert bounce.recipient is not None
    erase(marks, clock, bounce.recipient)
    [applied] = tracker.apply(bounce)
    assert applied.suppressed
    assert Suppressions(tables).filter([bounce.recipient], kind="transactional") == {bounce.recipient: "bounce"}
    assert bounce.recipient not in raw(tables)


def test_the_second_event_of_a_row_that_an_event_made_names_nobody_either(
    tables: Tables, tracker: Tracker, marks: Marks, clock: Clock
) -> None:
    erase(marks, clock)
    for kind in ("send", "delivery", "open"):
        clock.advance(60)
        tracker.apply(*parse(load(kind)))
    assert set(row(tables).moments) == {"send", "delivery", "open"}
    assert JANE not in raw(tables)


def test_a_mail_that_was_accepted_after_the_erasure_is_tracked_as_any_other(
    tables: Tables, tracker: Tracker, marks: Marks, clock: Clock
) -> None:
    erase(marks, clock)
    clock.advance(1)
    tables.emails("em-1", send_status="sent", recipient="first@example.com", created_at=clock()).save()
    event = load("delivery", destination=["first@example.com", JANE])
    event["delivery"]["recipients"] = [JANE]
    tracker.apply(*parse(event))
    [entry] = row(tables).timeline
    assert entry["recipient"] == JANE
    assert "smtp_response" in entry["detail"]


def test_a_copy_that_was_erased_stays_uncounted_and_unnamed(
    tables: Tables, tracker: Tracker, marks: Marks, clock: Clock
) -> None:
    tables.emails("em-1", send_status="sent", recipient=JANE, created_at=clock()).save()
    erase(marks, clock, COPY)
    event = load("delivery", destination=[JANE, COPY])
    event["delivery"]["recipients"] = [JANE, COPY]
    tracker.apply(*parse(event))
    of_jane, of_copy = row(tables).timeline
    assert "recipient" not in of_jane
    assert (of_copy["recipient"], "smtp_response" in of_copy["detail"]) == (None, False)
    assert row(tables).moments["delivery"]["count"] == 1


def test_what_stays_of_an_entry_is_what_counters_and_audit_go_by() -> None:
    bounce = {"type": "bounce", "at": 1.0, "key": "k", "hard": True}
    detail = {
        "bounce_type": "Permanent",
        "bounce_subtype": "NoEmail",
        "diagnostic": f"550 {JANE}",
        "remote_mta_ip": "1",
    }
    kept = {"bounce_type": "Permanent", "bounce_subtype": "NoEmail"}
    timeline = [{**bounce, "detail": detail}, {**bounce, "recipient": COPY, "detail": detail}]
    assert history_without(timeline, {JANE}, main=JANE) == ({**bounce, "detail": kept}, timeline[1])
    assert history_without(timeline, {COPY}, main=JANE) == (
        timeline[0],
        {**bounce, "recipient": None, "detail": kept},
    )
    again = history_without(timeline, {JANE}, main=None)
    assert history_without(again, {JANE}, main=None) == again
