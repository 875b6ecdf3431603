import pytest

from ems.store.facts import Facts, Tally
from ems.store.models import TrackerRow
from ems.store.status import Status
from ems.store.tables import Tables
from ems.store.tracking import MailWrite, RaceLostError, TrackedMail, TrackingStore, TrackingWrite, derived_email_id

NOW = 1_791_795_600.0
DAY = 86_400.0
FACTS = Facts(campaign_id="spring", kinds={"send": Tally(NOW, 1)})


@pytest.fixture
def store(tables: Tables) -> TrackingStore:
    return TrackingStore(tables, retention_seconds=90 * DAY, clock=lambda: NOW)


def change(*, settles_doubt: bool = False, message_id: str | None = "ses-1") -> TrackingWrite:
    return TrackingWrite(
        event_status=Status.SENT,
        timeline=({"type": "send", "at": NOW},),
        moments={"send": {"first": NOW, "last": NOW, "count": 1}},
        seen=frozenset({"key-1"}),
        facts=FACTS,
        message_id=message_id,
        recipient="jane@example.com",
        campaign_id="spring",
        settles_doubt=settles_doubt,
    )


def loaded(store: TrackingStore, email_id: str) -> TrackedMail:
    return store.load([email_id])[email_id]


def test_rows_are_read_together_and_a_mail_without_one_comes_back_empty(store: TrackingStore) -> None:
    store.save(MailWrite(TrackedMail("em-2"), change()))
    mails = store.load(["em-1", "em-2"])
    assert (mails["em-1"], mails["em-2"].message_id) == (TrackedMail("em-1"), "ses-1")


def test_a_mail_without_a_row_is_empty(store: TrackingStore) -> None:
    assert loaded(store, "em-1") == TrackedMail("em-1")


def test_an_event_may_create_the_row_and_finds_it_again(tables: Tables, store: TrackingStore) -> None:
    store.save(MailWrite(loaded(store, "em-1"), change()))
    mail = loaded(store, "em-1")
    assert mail == TrackedMail(
        email_id="em-1",
        version=1,
        message_id="ses-1",
        recipient="jane@example.com",
        campaign_id="spring",
        event_status=Status.SENT,
        created_at=NOW,
        timeline=({"type": "send", "at": NOW},),
        moments={"send": {"first": NOW, "last": NOW, "count": 1}},
        seen=frozenset({"key-1"}),
        facts=FACTS,
    )
    row: TrackerRow = tables.emails.get("em-1")
    assert row.campaign_shard.startswith("spring#")
    assert row.created_at == NOW
    assert row.expires_at.timestamp() == NOW + 90 * DAY


def test_what_the_sender_wrote_stays(tables: Tables, store: TrackingStore) -> None:
    row = tables.emails("em-1", send_status="sent", message_id="ses-0", recipient="j@example.com", created_at=1.0)
    row.save()
    store.save(MailWrite(loaded(store, "em-1"), change()))
    mail = loaded(store, "em-1")
    assert (mail.send_status, mail.message_id, mail.recipient) == (Status.SENT, "ses-0", "j@example.com")
    assert tables.emails.get("em-1").created_at == 1.0


def test_of_two_writers_with_the_same_reading_one_loses(store: TrackingStore) -> None:
    first = loaded(store, "em-1")
    store.save(MailWrite(first, change()))
    with pytest.raises(RaceLostError):
        store.save(MailWrite(first, change()))
    second = loaded(store, "em-1")
    store.save(MailWrite(second, change()))
    with pytest.raises(RaceLostError):
        store.save(MailWrite(second, change()))


def test_a_message_id_finds_the_senders_row(tables: Tables, store: TrackingStore) -> None:
    tables.emails("em-1", message_id="ses-1").save()
    assert store.find("ses-1", "jane@example.com") == "em-1"
    assert store.find("ses-2", "jane@example.com") is None


def test_a_message_id_finds_the_derived_row_of_the_recipient_only(store: TrackingStore) -> None:
    jane = derived_email_id("ses-1", "jane@example.com")
    store.save(MailWrite(loaded(store, jane), change()))
    assert store.find("ses-1", "jane@example.com") == jane
    assert store.find("ses-1", "joe@example.com") is None


def test_the_senders_row_comes_before_a_derived_one(tables: Tables, store: TrackingStore) -> None:
    store.save(MailWrite(loaded(store, derived_email_id("ses-1", "jane@example.com")), change()))
    tables.emails("em-1", message_id="ses-1").save()
    assert store.find("ses-1", "jane@example.com") == "em-1"


def in_doubt(tables: Tables) -> None:
    tables.emails("em-1", send_status="in_doubt", reason="timeout", batch_id="b-1", chunk=3).save()
    tables.batches("b-1", "chunk#000003", sent=10, in_doubt=2).save()


def test_settling_a_doubt_moves_the_mail_and_its_chunks_counts_together(tables: Tables, store: TrackingStore) -> None:
    in_doubt(tables)
    store.save(MailWrite(loaded(store, "em-1"), change(settles_doubt=True)))
    row, chunk = tables.emails.get("em-1"), tables.batches.get("b-1", "chunk#000003")
    assert (row.send_status, row.event_status, row.reason, row.sent_at) == ("sent", "sent", None, NOW)
    assert (chunk.sent, chunk.in_doubt) == (11, 1)


def test_a_doubt_that_somebody_settled_meanwhile_is_not_settled_twice(tables: Tables, store: TrackingStore) -> None:
    in_doubt(tables)
    mail = loaded(store, "em-1")
    tables.emails("em-1").update(actions=[tables.emails.send_status.set("sent")])
    with pytest.raises(RaceLostError):
        store.save(MailWrite(mail, change(settles_doubt=True)))
    chunk = tables.batches.get("b-1", "chunk#000003")
    assert (chunk.sent, chunk.in_doubt) == (10, 2)
    assert loaded(store, "em-1").version is None


def test_the_doubt_about_a_single_mail_needs_no_chunk(tables: Tables, store: TrackingStore) -> None:
    tables.emails("em-1", send_status="in_doubt").save()
    store.save(MailWrite(loaded(store, "em-1"), change(settles_doubt=True)))
    assert loaded(store, "em-1").send_status is Status.SENT


def test_an_event_without_a_message_id_leaves_the_index_alone(store: TrackingStore) -> None:
    store.save(MailWrite(loaded(store, "em-1"), change(message_id=None)))
    assert loaded(store, "em-1").message_id is None
