"""Records broken by hand: the audit says what is wrong, and whose."""

from typing import Any

from fakes.audit import Books
from fakes.clock import Clock
from fakes.sending import batch
from fakes.tables import removals_of

from ems.audit.findings import MAX_BREAKS, REMEDY, Break, Kind, Verdict
from ems.sending.resolve import Order
from ems.store.status import Status

COMPLAINED_AT = 1_800_000_001.0
"""When SES says that the complaint came (:meth:`fakes.audit.Books.told`)."""


def found(verdict: Verdict) -> list[tuple[Kind, str]]:
    """Return the breaks by kind and id; each has a sentence and a remedy."""
    assert all(one.what and REMEDY[one.kind] for one in verdict.breaks)
    return [(one.kind, one.subject) for one in verdict.breaks]


def change(row: Any, **values: Any) -> None:
    row.update(actions=[getattr(type(row), name).set(value) for name, value in values.items()])


def test_every_kind_of_break_has_a_remedy() -> None:
    assert set(REMEDY) == set(Kind)


def test_a_batch_with_fewer_recipients_in_its_chunks_than_accepted(books: Books) -> None:
    batch_id = books.sent_batch(60)
    books.chunk(batch_id, 1).delete()
    rows = [(Kind.ROWS, f"{batch_id} chunk 1")]
    assert found(books.auditor.batch(batch_id)) == [*rows, *[(Kind.LOST, f"{batch_id} chunk 1")]]
    change(books.tables.batches.get(batch_id, "batch"), chunks=1)
    assert found(books.auditor.batch(batch_id)) == [(Kind.TOTAL, batch_id), *rows]


def test_a_chunk_whose_counts_do_not_fill_it(books: Books) -> None:
    batch_id = books.sent_batch(60)
    change(books.chunk(batch_id), cancelled=1)
    assert found(books.auditor.batch(batch_id)) == [(Kind.CHUNK, f"{batch_id} chunk 0")]


def test_a_chunk_that_is_done_with_recipients_left(books: Books) -> None:
    batch_id = books.sent_batch(60)
    change(books.chunk(batch_id), left=[7], sent=48)
    verdict = books.auditor.batch(batch_id)
    assert found(verdict) == [(Kind.CHUNK, f"{batch_id} chunk 0"), (Kind.ROWS, f"{batch_id} chunk 0")]
    assert "counts 48 sent, its rows 49" in str(verdict.breaks[1])


def test_recipients_that_left_their_chunk_and_came_into_none(resending: Books) -> None:
    batch_id = resending.sent_again()
    resending.chunk(batch_id, 1).delete()
    assert found(resending.audit()) == [(Kind.TOTAL, batch_id), (Kind.ROWS, f"{batch_id} chunk 1")]


def test_a_counter_of_a_chunk_that_its_rows_do_not_bear_out(books: Books) -> None:
    batch_id = books.sent_batch(60)
    change(books.chunk(batch_id), sent=48, failed=1)
    verdict = books.audit()
    assert found(verdict) == [(Kind.ROWS, f"{batch_id} chunk 0")] * 2
    assert [one.what for one in verdict.breaks] == ["counts 1 failed, its rows 0", "counts 48 sent, its rows 49"]


def test_a_doubt_that_its_chunk_does_not_name(books: Books) -> None:
    row = books.chunk(batch_id := books.held_batch())
    row.update(actions=[type(row).doubted.delete({f"{batch_id}-000001"})])
    verdict = books.audit()
    assert found(verdict) == [(Kind.CHUNK, f"{batch_id} chunk 0")]
    assert "counts 2 in_doubt and names 1" in verdict.breaks[0].what


def test_a_failure_that_may_pass_and_that_its_chunk_does_not_name(books: Books) -> None:
    row = books.chunk(batch_id := books.held_batch())
    row.update(actions=[type(row).passing.remove()])
    verdict = books.audit()
    assert found(verdict) == [(Kind.ROWS, f"{batch_id} chunk 0")]
    assert "names 0 as failed for a reason that may pass, its rows 1" in verdict.breaks[0].what


def test_a_recipient_to_be_sent_to_again_whose_row_does_not_say_so(books: Books) -> None:
    batch_id = books.held_batch()
    books.path.resolver.batch(batch_id, Order("resend", "me"))
    change(books.mail(batch_id, 0), send_status="failed")
    verdict = books.audit()
    assert found(verdict) == [(Kind.ROWS, f"{batch_id} chunk 1")] * 2
    assert [one.what for one in verdict.breaks] == ["counts 0 failed, its rows 1", "counts 2 queued, its rows 1"]


def test_a_row_that_is_gone(books: Books) -> None:
    batch_id = books.sent_batch(60)
    books.mail(batch_id, 55).delete()
    assert found(books.auditor.batch(batch_id)) == [(Kind.ROWS, f"{batch_id} chunk 1")]


def test_a_row_that_lost_its_chunk(books: Books) -> None:
    batch_id = books.sent_batch(2)
    row = books.mail(batch_id, 1)
    row.update(actions=[type(row).chunk.remove()])
    verdict = books.auditor.batch(batch_id)
    assert [str(one) for one in verdict.breaks] == [
        f"{batch_id} chunk -1: 1 rows are of this chunk, and it has no item",
        f"{batch_id} chunk 0: counts 2 sent, its rows 1",
    ]


def test_rows_of_a_batch_that_is_not_there(books: Books) -> None:
    batch_id = books.sent_batch(3)
    books.tables.batches.get(batch_id, "batch").delete()
    assert found(books.audit()) == [(Kind.NO_BATCH, batch_id)]


def test_a_batch_whose_item_expired_before_its_rows_is_no_break(books: Books) -> None:
    batch_id = books.sent_batch(3)
    books.tables.batches.get(batch_id, "batch").delete()
    for index in range(3):
        change(books.mail(batch_id, index), created_at=books.clock() - 80 * 86_400)
    assert found(books.audit()) == []


def test_mails_of_a_batch_that_was_never_accepted(books: Books) -> None:
    batch_id = books.sent_batch(3)
    change(books.tables.batches.get(batch_id, "batch"), state="abandoned")
    assert found(books.audit()) == [(Kind.NOT_ACCEPTED, batch_id)]


def test_a_batch_that_is_still_being_accepted_is_no_break(books: Books) -> None:
    books.path.batch_store.create(batch(state="accepting"))
    verdict = books.audit()
    assert (found(verdict), verdict.accepted) == ([], 0)


def test_a_sent_mail_without_a_message_id(books: Books) -> None:
    batch_id = books.sent_batch(3)
    row = books.mail(batch_id, 2)
    row.update(actions=[type(row).message_id.remove()])
    assert found(books.audit()) == [(Kind.NO_MESSAGE_ID, row.email_id)]


def test_a_mail_that_an_event_proves_sent_needs_no_message_id(books: Books) -> None:
    batch_id = books.sent_batch(3)
    row = books.mail(batch_id, 2)
    row.update(actions=[type(row).message_id.remove()])
    books.tell(row.email_id, "Send")
    row.update(actions=[type(row).message_id.remove()])
    assert found(books.audit()) == []


def test_a_mail_in_doubt_that_an_operator_took_for_sent_needs_no_message_id(books: Books) -> None:
    batch_id = books.sent_batch(3)
    row = books.mail(batch_id, 2)
    row.update(actions=[type(row).message_id.remove(), type(row).decisions.set([{"decision": "sent", "by": "cli"}])])
    assert found(books.audit()) == []


def test_a_mail_of_which_ses_made_two_messages_although_nobody_decided_so(books: Books) -> None:
    batch_id = books.sent_batch(3)
    books.tell(f"{batch_id}-000001", "Send")
    assert found(books.audit()) == []
    books.tell(f"{batch_id}-000001", "Send", message_id="ses-another")
    verdict = books.audit()
    assert found(verdict) == [(Kind.TWICE, f"{batch_id}-000001")]
    assert "2 messages of it" in verdict.breaks[0].what


def test_a_mail_that_was_to_be_sent_again_and_is_sent_needs_a_message_id(books: Books) -> None:
    batch_id = books.sent_batch(3)
    row = books.mail(batch_id, 2)
    row.update(actions=[type(row).message_id.remove(), type(row).decisions.set([{"decision": "resend", "by": "cli"}])])
    assert found(books.audit()) == [(Kind.NO_MESSAGE_ID, row.email_id)]


def test_a_message_id_that_stands_twice_in_different_batches(books: Books) -> None:
    first, second = books.sent_batch(2), books.single(5)
    books.path.settle_down()
    change(books.row(second), message_id=f"ses-{first}-000001")
    [broken] = books.audit().breaks
    assert (broken.kind, broken.subject) == (Kind.DUPLICATE, f"ses-{first}-000001")
    assert f"{first}-000001" in broken.what
    assert second in broken.what


def test_a_status_that_is_none(books: Books) -> None:
    email_id = books.single()
    change(books.row(email_id), send_status="lost")
    assert found(books.audit()) == [(Kind.STATUS, email_id)]


def test_a_single_mail_that_ses_sent_and_no_sender_recorded(books: Books) -> None:
    books.tell("eunheard", "Send")
    assert found(books.audit()) == [(Kind.UNRECORDED, "eunheard")]


def test_a_late_open_of_a_mail_whose_row_expired_is_no_break(books: Books) -> None:
    books.tell("eexpired", "Open")
    assert found(books.audit()) == []


def test_a_recipient_that_was_cancelled_and_yet_sent_to(books: Books) -> None:
    batch_id = books.batch(3)
    books.path.view.cancel(batch_id)
    books.path.settle_down()
    books.tell(f"{batch_id}-000002", "Send")
    assert found(books.audit()) == [(Kind.UNRECORDED, f"{batch_id}-000002")]


def told(books: Books) -> Any:
    batch_id = books.sent_batch(1)
    for kind in ("Send", "Delivery", "Open"):
        books.tell(f"{batch_id}-000000", kind)
    return books.mail(batch_id, 0)


def test_an_event_counter_that_the_timeline_does_not_bear_out(books: Books) -> None:
    row = told(books)
    change(row, moments={**row.moments, "open": {**row.moments["open"], "count": 2}})
    verdict = books.audit()
    assert found(verdict) == [(Kind.EVENTS, row.email_id)]
    assert "4 events" in str(verdict.breaks[0])


def test_an_event_that_is_on_the_timeline_and_not_counted(books: Books) -> None:
    row = told(books)
    change(row, moments={kind: moment for kind, moment in row.moments.items() if kind != "open"})
    [broken] = books.audit().breaks
    assert (broken.kind, broken.subject) == (Kind.EVENTS, row.email_id)
    assert broken.what.startswith("open: counts none, its timeline 1 (first ")


def test_a_last_time_that_no_event_had(books: Books) -> None:
    row = told(books)
    change(row, moments={**row.moments, "open": {**row.moments["open"], "last": 5.0}})
    assert found(books.audit()) == [(Kind.EVENTS, row.email_id)]


def test_an_event_that_is_counted_twice(books: Books) -> None:
    row = told(books)
    change(row, timeline=[*row.timeline, row.timeline[0]])
    assert found(books.audit()) == [(Kind.EVENTS, row.email_id)]


def test_an_event_status_that_no_event_has_proved(books: Books) -> None:
    row = told(books)
    change(row, event_status=Status.DELIVERED.value)
    verdict = books.audit()
    assert found(verdict) == [(Kind.EVENTS, row.email_id)]
    assert "prove opened" in str(verdict.breaks[0])


def complained(books: Books) -> str:
    batch_id = books.sent_batch(1)
    email_id = f"{batch_id}-000000"
    books.tell(email_id, "Complaint", complainedRecipients=[{"emailAddress": books.row(email_id).recipient}])
    return email_id


def test_a_complaint_that_suppressed_nobody(books: Books) -> None:
    email_id = complained(books)
    books.tables.suppressions.get("person0@example.com").delete()
    verdict = books.audit()
    assert found(verdict) == [(Kind.NOT_SUPPRESSED, email_id)]
    assert "person0" not in str(verdict.json())


def test_a_complaint_that_came_after_its_address_was_taken_off_and_suppressed_nobody(books: Books) -> None:
    email_id = complained(books)
    assert removals_of(books.tables, Clock(COMPLAINED_AT - 1)).remove("person0@example.com")
    assert found(books.audit()) == [(Kind.NOT_SUPPRESSED, email_id)]


def test_an_address_that_was_taken_off_after_its_complaint_is_no_break(books: Books) -> None:
    complained(books)
    assert removals_of(books.tables, Clock(COMPLAINED_AT + 1)).remove("person0@example.com")
    assert found(books.audit()) == []


def test_a_suppression_whose_event_is_on_no_row(books: Books) -> None:
    email_id = complained(books)
    row = books.row(email_id)
    change(row, moments={}, timeline=[])
    row.update(actions=[type(row).seen.remove(), type(row).event_status.remove(), type(row).facts.remove()])
    assert [one for one in found(books.audit()) if one[0] is not Kind.COUNTERS] == [(Kind.NO_CAUSE, email_id)]


def test_an_old_suppression_outlives_its_mail(books: Books) -> None:
    email_id = complained(books)
    books.row(email_id).delete()
    books.tables.suppressions.get("person0@example.com").update(
        actions=[books.tables.suppressions.since.set(books.clock() - 50 * 86_400)]
    )
    assert Kind.NO_CAUSE not in {kind for kind, _ in found(books.audit())}


def test_more_breaks_than_anybody_reads_are_counted_and_not_listed() -> None:
    verdict = Verdict("everything")
    verdict.add(Break(Kind.STATUS, str(n), "") for n in range(MAX_BREAKS + 5))
    assert (len(verdict.breaks), verdict.more, verdict.sound) == (MAX_BREAKS, 5, False)
