from collections.abc import Callable

import pytest
from fakes.ses_events import event, load
from structlog.testing import capture_logs

from ems.errors import UnavailableError
from ems.store.status import Status
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.store.tracking import MailWrite, RaceLostError, TrackingStore, derived_email_id
from ems.tracking.apply import ATTEMPTS, Tracker
from ems.tracking.events import parse
from ems.tracking.outcomes import Applied, Outcome

NOW = 1_791_800_000.0
MESSAGE_ID = "0100018f2f0c1a2b-5f3c1d2e-0000-4a4a-9b9b-1234567890ab-000000"
JANE = "jane.doe@example.com"


class ContendedStore(TrackingStore):
    """Real tables, and somebody who is faster: runs *rivals* one by one between reading and writing."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables, retention_seconds=86_400, clock=lambda: NOW)
        self.tables = tables
        self.rivals: list[Callable[[], object]] = []

    def save(self, *writes: MailWrite) -> None:
        if self.rivals:
            self.rivals.pop(0)()
        super().save(*writes)


@pytest.fixture
def store(tables: Tables) -> ContendedStore:
    return ContendedStore(tables)


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def tracker(tables: Tables, store: ContendedStore, slept: list[float]) -> Tracker:
    return Tracker(
        store=store, suppressions=Suppressions(tables), clock=lambda: NOW, sleep=slept.append, jitter=lambda: 0.5
    )


def another_process(store: ContendedStore) -> Tracker:
    return Tracker(store=store, suppressions=Suppressions(store.tables), clock=lambda: NOW)


def sent_by_us(tables: Tables, **attributes: object) -> None:
    tables.emails("em-1", send_status="sent", message_id=MESSAGE_ID, recipient=JANE, **attributes).save()


def test_the_tag_finds_the_row(tables: Tables, tracker: Tracker) -> None:
    sent_by_us(tables)
    assert tracker.apply(event("delivery"))[0] == Applied(Outcome.APPLIED, "em-1", Status.DELIVERED)
    row = tables.emails.get("em-1")
    assert (row.send_status, row.event_status) == ("sent", "delivered")
    assert row.moments["delivery"]["count"] == 1


def test_an_event_is_logged_with_the_request_that_its_mail_was_accepted_with_and_without_an_address(
    tables: Tables, tracker: Tracker
) -> None:
    sent_by_us(tables, request_id="r-1")
    with capture_logs() as lines:
        tracker.apply(event("delivery"))
        tracker.apply(event("delivery"))
    [line] = lines
    assert (line["event"], line["types"], line["email_id"]) == ("events counted", ["delivery"], "em-1")
    assert (line["request_id"], line["message_id"], line["status"]) == ("r-1", MESSAGE_ID, "delivered")
    assert JANE not in str(line)


def test_an_event_that_outruns_the_sender_creates_the_row(tables: Tables, tracker: Tracker) -> None:
    assert tracker.apply(event("send"))[0] == Applied(Outcome.APPLIED, "em-1", Status.SENT)
    row = tables.emails.get("em-1")
    assert (row.message_id, row.recipient, row.campaign_id) == (MESSAGE_ID, JANE, "spring")
    assert row.expires_at.timestamp() == NOW + 86_400


def test_without_a_tag_the_message_id_finds_the_row(tables: Tables, tracker: Tracker) -> None:
    sent_by_us(tables)
    assert tracker.apply(event("notification_delivery"))[0].email_id == "em-1"


def test_without_tag_and_row_nothing_is_lost_and_later_events_join(tables: Tables, tracker: Tracker) -> None:
    derived = derived_email_id(MESSAGE_ID, JANE)
    assert tracker.apply(event("notification_delivery"))[0] == Applied(Outcome.APPLIED, derived, Status.DELIVERED)
    assert tracker.apply(event("notification_complaint"))[0].email_id == derived
    assert tables.emails.get(derived).event_status == "complained"


def test_untagged_events_of_several_recipients_get_a_row_each(tables: Tables, tracker: Tracker) -> None:
    document = load("notification_bounce", destination=["a@example.com", "b@example.com"])
    document["bounce"]["bouncedRecipients"] = [{"emailAddress": "a@example.com"}, {"emailAddress": "b@example.com"}]
    rows = [tracker.apply(one)[0].email_id for one in parse(document)]
    assert len(set(rows)) == 2
    assert [tables.emails.get(row).event_status for row in rows] == ["bounced", "bounced"]


def test_an_event_counts_once_however_often_it_comes(tables: Tables, tracker: Tracker) -> None:
    sent_by_us(tables)
    outcomes = [tracker.apply(event("open"))[0].outcome for _ in range(3)]
    assert outcomes == [Outcome.APPLIED, Outcome.REPEATED, Outcome.REPEATED]
    row = tables.emails.get("em-1")
    assert row.moments["open"]["count"] == 1
    assert len(row.timeline) == 1
    assert row.version == 1


def test_a_repetition_reports_the_status_as_it_is(tables: Tables, tracker: Tracker) -> None:
    sent_by_us(tables)
    tracker.apply(event("open"))
    tracker.apply(event("click"))
    assert tracker.apply(event("open"))[0] == Applied(Outcome.REPEATED, "em-1", Status.CLICKED)


def test_what_names_no_mail_is_ignored(tracker: Tracker) -> None:
    (nameless,) = parse('{"eventType": "Bounce"}')
    assert tracker.apply(nameless)[0] == Applied(Outcome.IGNORED)


def test_an_unknown_type_about_an_unknown_mail_is_ignored(tracker: Tracker) -> None:
    assert tracker.apply(event("unknown", tags=None))[0] == Applied(Outcome.IGNORED)


def test_two_events_at_once_both_count(
    tables: Tables, tracker: Tracker, store: ContendedStore, slept: list[float]
) -> None:
    sent_by_us(tables)
    store.rivals = [lambda: another_process(store).apply(event("click"))]
    tracker.apply(event("open"))
    row = tables.emails.get("em-1")
    assert row.event_status == "clicked"
    assert row.moments.keys() == {"open", "click"}
    assert len(slept) == 1


def test_the_same_event_in_two_workers_counts_once(tables: Tables, tracker: Tracker, store: ContendedStore) -> None:
    sent_by_us(tables)
    store.rivals = [lambda: another_process(store).apply(event("open"))]
    assert tracker.apply(event("open"))[0].outcome is Outcome.REPEATED
    assert tables.emails.get("em-1").moments["open"]["count"] == 1


def test_the_sender_writing_in_between_loses_nothing(tables: Tables, tracker: Tracker, store: ContendedStore) -> None:
    tables.emails("em-1", send_status="sending").save()
    store.rivals = [lambda: tables.emails("em-1").update(actions=[tables.emails.send_status.set("sent")])]
    tracker.apply(event("delivery"))
    row = tables.emails.get("em-1")
    assert (row.send_status, row.event_status) == ("sent", "delivered")


def test_a_row_that_stays_contended_is_given_back_to_the_queue(
    tracker: Tracker, store: ContendedStore, slept: list[float]
) -> None:
    def lose() -> None:
        raise RaceLostError("em-1")

    store.rivals = [lose] * ATTEMPTS
    with pytest.raises(UnavailableError, match="contended"):
        tracker.apply(event("open"))
    assert len(slept) == ATTEMPTS
    assert max(slept) <= 0.25


def in_doubt(tables: Tables) -> None:
    tables.emails("em-1", send_status="in_doubt", reason="timeout", batch_id="b-1", chunk=0, recipient=JANE).save()
    tables.batches("b-1", "chunk#000000", sent=3, in_doubt=1).save()


def test_an_event_of_a_mail_in_doubt_settles_it_once(tables: Tables, tracker: Tracker) -> None:
    in_doubt(tables)
    assert tracker.apply(event("send"))[0] == Applied(Outcome.APPLIED, "em-1", Status.SENT, settled_doubt=True)
    assert not tracker.apply(event("delivery"))[0].settled_doubt
    chunk = tables.batches.get("b-1", "chunk#000000")
    assert (chunk.sent, chunk.in_doubt) == (4, 0)
    assert tables.emails.get("em-1").send_status == "sent"


def test_a_doubt_that_was_recorded_after_its_event_is_settled_by_the_next(tables: Tables, tracker: Tracker) -> None:
    tracker.apply(event("send"))
    tables.emails("em-1").update(
        actions=[
            tables.emails.send_status.set("in_doubt"),
            tables.emails.batch_id.set("b-1"),
            tables.emails.chunk.set(0),
        ]
    )
    tables.batches("b-1", "chunk#000000", in_doubt=1).save()
    assert tracker.apply(event("send"))[0].settled_doubt
    row, chunk = tables.emails.get("em-1"), tables.batches.get("b-1", "chunk#000000")
    assert (row.send_status, row.moments["send"]["count"]) == ("sent", 1)
    assert (chunk.sent, chunk.in_doubt) == (1, 0)


def test_a_hard_bounce_suppresses_the_address(tables: Tables, tracker: Tracker) -> None:
    sent_by_us(tables)
    assert tracker.apply(event("bounce_permanent"))[0].suppressed
    row = tables.suppressions.get(JANE)
    assert (row.reason, row.scope, row.source, row.email_id, row.since) == ("bounce", "all", "ses-event", "em-1", NOW)


def test_an_address_that_was_taken_off_the_list_stays_off_when_the_old_event_comes_again(
    tables: Tables, tracker: Tracker
) -> None:
    tracker.apply(event("complaint"))
    tables.suppressions(JANE).delete()
    assert not tracker.apply(event("complaint"))[0].suppressed
    assert Suppressions(tables).filter([JANE], kind="bulk") == {}


def test_a_worker_killed_after_suppressing_finishes_the_event_the_next_time(
    tables: Tables, tracker: Tracker, store: ContendedStore
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    store.rivals = [die]
    with pytest.raises(KeyboardInterrupt):
        tracker.apply(event("bounce_permanent"))
    assert Suppressions(tables).filter([JANE], kind="bulk") == {JANE: "bounce"}
    assert tracker.apply(event("bounce_permanent"))[0].outcome is Outcome.APPLIED
    assert tables.emails.get("em-1").event_status == "bounced"


def test_simulator_addresses_bounce_and_stay_usable(tables: Tables, tracker: Tracker) -> None:
    document = load("bounce_permanent", destination=["bounce@simulator.amazonses.com"])
    document["bounce"]["bouncedRecipients"][0]["emailAddress"] = "bounce@simulator.amazonses.com"
    (bounced,) = parse(document)
    assert tracker.apply(bounced)[0] == Applied(Outcome.APPLIED, "em-1", Status.BOUNCED)
    assert Suppressions(tables).filter(["bounce@simulator.amazonses.com"], kind="bulk") == {}


def test_events_of_several_mails_are_applied_together(tables: Tables, tracker: Tracker) -> None:
    events = [
        event(kind, tags={"ems_email_id": [f"em-{number}"]}, messageId=f"message-{number}")
        for kind in ("send", "delivery")
        for number in range(3)
    ]
    assert tracker.apply(*events) == [Applied(Outcome.APPLIED, f"em-{n}", Status.DELIVERED) for n in range(3)]
    for number in range(3):
        row = tables.emails.get(f"em-{number}")
        assert ([entry["type"] for entry in row.timeline], row.message_id) == (
            ["send", "delivery"],
            f"message-{number}",
        )
        assert row.version == 1


def test_a_lost_race_of_one_mail_costs_the_others_nothing(
    tables: Tables, tracker: Tracker, store: ContendedStore, slept: list[float]
) -> None:
    other = event("open", tags={"ems_email_id": ["em-2"]}, messageId="message-2")
    store.rivals = [lambda: another_process(store).apply(event("click"))]
    assert [one.status for one in tracker.apply(event("open"), other)] == [Status.CLICKED, Status.OPENED]
    assert set(tables.emails.get("em-1").moments) == {"open", "click"}
    assert len(slept) == 1


def test_two_messages_of_a_mail_in_doubt_are_both_on_record(tables: Tables, tracker: Tracker) -> None:
    tables.emails("em-1", send_status="sent", doubted_at=NOW, message_id="second", recipient=JANE).save()
    tracker.apply(event("send", messageId="first"), event("send", messageId="second"))
    row = tables.emails.get("em-1")
    assert row.message_ids == {"first", "second"}
    assert row.moments["send"]["count"] == 2
