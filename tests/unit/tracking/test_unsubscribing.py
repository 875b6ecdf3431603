"""Recipients who follow the link of a mail."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from fakes.clock import Clock
from fakes.ses_events import load
from fakes.tables import RETENTION_SECONDS, singles_of
from fakes.tracking import sent_event, tracker_of

from ems.errors import UnavailableError
from ems.links import UnsubscribeLink
from ems.store.erased import Marks
from ems.store.models import TrackerRow
from ems.store.reasons import Reason
from ems.store.removals import Removals, removed
from ems.store.singles import SingleRow
from ems.store.status import Status
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.store.tracking import MailWrite, TrackedMail, TrackingStore
from ems.tracking.events import parse
from ems.tracking.unsubscribing import Unsubscribing

ADA = "ada@example.com"
LINK = UnsubscribeLink("e1", "spring", "Ada@example.com")


@pytest.fixture
def unsubscribing(tables: Tables, clock: Clock) -> Unsubscribing:
    return Unsubscribing(
        suppressions=Suppressions(tables),
        removals=Removals(tables, retention_seconds=RETENTION_SECONDS, clock=clock),
        store=TrackingStore(tables, retention_seconds=RETENTION_SECONDS, clock=clock),
        tracker=tracker_of(tables, clock),
        clock=clock,
    )


@pytest.fixture
def mail(tables: Tables, clock: Clock) -> TrackerRow:
    """The mail e1 of ADA, sent."""
    singles = singles_of(tables, clock)
    singles.create(SingleRow("e1", "spring", "bulk", ADA, "print"))
    tracker_of(tables, clock).apply(sent_event("e1", "m1"))
    return tables.emails.get("e1")


@pytest.mark.usefixtures("mail")
def test_who_unsubscribes_gets_no_more_bulk_mail_and_it_stands_on_the_timeline(
    unsubscribing: Unsubscribing, tables: Tables, clock: Clock
) -> None:
    unsubscribing.unsubscribe(LINK, by="one-click")
    entry = Suppressions(tables).get(ADA)
    assert entry is not None
    assert (entry.reason, entry.scope, entry.source, entry.email_id) == (
        "unsubscribe",
        "bulk",
        "unsubscribe link",
        "e1",
    )
    row = tables.emails.get("e1")
    assert row.moments["unsubscribe"] == {"first": clock(), "last": clock(), "count": 1}
    assert (row.timeline[-1]["type"], row.timeline[-1]["detail"]) == ("unsubscribe", {"by": "one-click"})
    assert "recipient" not in row.timeline[-1]


@pytest.mark.usefixtures("mail")
def test_unsubscribing_twice_counts_once(unsubscribing: Unsubscribing, tables: Tables, clock: Clock) -> None:
    unsubscribing.unsubscribe(LINK, by="one-click")
    clock.sleep(60)
    unsubscribing.unsubscribe(LINK, by="page")
    assert tables.emails.get("e1").moments["unsubscribe"]["count"] == 1


@pytest.mark.parametrize("reason", ["bounce", "complaint", "manual", "unsubscribe"])
def test_what_is_against_all_mail_is_not_lifted_by_a_link(
    unsubscribing: Unsubscribing, tables: Tables, reason: Reason
) -> None:
    Suppressions(tables).add(ADA, reason=reason, scope="all", source="the command line", since=1.0)
    unsubscribing.unsubscribe(LINK, by="page")
    assert not unsubscribing.come_back(LINK)
    entry = Suppressions(tables).get(ADA)
    assert entry is not None
    assert (entry.reason, entry.scope) == (reason, "all")


def test_a_link_outlives_the_row_of_its_mail_and_brings_none_back(unsubscribing: Unsubscribing, tables: Tables) -> None:
    unsubscribing.unsubscribe(LINK, by="page")
    assert Suppressions(tables).filter([ADA], kind="bulk") == {ADA: "unsubscribe"}
    assert list(tables.emails.scan()) == []


def test_a_row_that_has_forgotten_its_recipient_is_not_told_again(
    unsubscribing: Unsubscribing, tables: Tables, mail: TrackerRow
) -> None:
    mail.update(actions=[tables.emails.recipient.remove()])
    unsubscribing.unsubscribe(LINK, by="page")
    row = tables.emails.get("e1")
    assert row.recipient is None
    assert ADA not in str(row.timeline).lower()
    assert row.moments["unsubscribe"]["count"] == 1


def test_who_was_erased_can_still_unsubscribe_and_come_back_and_stays_erased(
    unsubscribing: Unsubscribing, tables: Tables, clock: Clock
) -> None:
    Marks(tables).erase(ADA, at=clock(), kept_seconds=RETENTION_SECONDS)
    unsubscribing.unsubscribe(LINK, by="page")
    assert Suppressions(tables).filter([ADA], kind="bulk") == {ADA: "unsubscribe"}
    assert unsubscribing.come_back(LINK)
    assert Suppressions(tables).filter([ADA], kind="bulk") == {}
    rows = [*tables.suppressions.scan(), *tables.emails.scan(), *tables.notes.scan()]
    assert ADA not in str([row.attribute_values for row in rows]).lower()


@pytest.mark.usefixtures("mail")
def test_whoever_comes_back_is_taken_off_the_list_with_a_note_and_may_leave_again(
    unsubscribing: Unsubscribing, tables: Tables, clock: Clock
) -> None:
    unsubscribing.unsubscribe(LINK, by="page")
    assert unsubscribing.come_back(LINK)
    assert not unsubscribing.come_back(LINK)
    assert Suppressions(tables).get(ADA) is None
    assert removed(tables, [ADA]) == {ADA: clock()}
    unsubscribing.unsubscribe(LINK, by="page")
    assert Suppressions(tables).filter([ADA], kind="bulk") == {ADA: "unsubscribe"}


@dataclass
class OutageOnWriting:
    """A store whose next write meets an outage."""

    store: TrackingStore
    meets: bool = True

    def load(self, email_ids: Iterable[str]) -> dict[str, TrackedMail]:
        return self.store.load(email_ids)

    def save(self, *writes: MailWrite) -> None:
        if self.meets:
            self.meets = False
            raise UnavailableError("DynamoDB", "down")
        self.store.save(*writes)


@pytest.mark.usefixtures("mail")
def test_an_outage_between_the_list_and_the_timeline_keeps_the_word_and_a_repetition_ends_it(
    tables: Tables, clock: Clock
) -> None:
    store = TrackingStore(tables, retention_seconds=RETENTION_SECONDS, clock=clock)
    unsubscribing = Unsubscribing(
        suppressions=Suppressions(tables),
        removals=Removals(tables, retention_seconds=RETENTION_SECONDS, clock=clock),
        store=store,
        tracker=tracker_of(tables, clock, through=OutageOnWriting),
        clock=clock,
    )
    with pytest.raises(UnavailableError):
        unsubscribing.unsubscribe(LINK, by="one-click")
    assert Suppressions(tables).filter([ADA], kind="bulk") == {ADA: "unsubscribe"}
    assert "unsubscribe" not in tables.emails.get("e1").moments
    unsubscribing.unsubscribe(LINK, by="one-click")
    assert tables.emails.get("e1").moments["unsubscribe"]["count"] == 1


def test_whoever_unsubscribes_proves_that_a_mail_in_doubt_was_sent(
    unsubscribing: Unsubscribing, tables: Tables, clock: Clock
) -> None:
    singles = singles_of(tables, clock)
    singles.create(SingleRow("e1", "spring", "bulk", ADA, "print"))
    singles.claim("e1", owner="me", lease_seconds=20)
    singles.settle("e1", Status.IN_DOUBT, owner="me", reason="ReadTimeoutError")
    unsubscribing.unsubscribe(LINK, by="one-click")
    assert tables.emails.get("e1").send_status == Status.SENT


def test_a_click_on_the_link_does_not_keep_its_token() -> None:
    document = load("click")
    document["click"]["link"] = "https://ems.example.com/unsubscribe/" + "x" * 80
    assert parse(document)[0].detail["link"] == "https://ems.example.com/unsubscribe/…"
