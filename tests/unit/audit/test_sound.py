"""What is in order is called sound, wherever its mails are."""

import pytest
from fakes.audit import Books
from fakes.tables import again_of

from ems import queues
from ems.audit.run import Options
from ems.errors import UnknownIdError
from ems.store.tables import Tables


def test_an_empty_system_is_sound(books: Books) -> None:
    verdict = books.audit()
    assert (verdict.sound, verdict.accepted, verdict.notes) == (True, 0, [])


def test_a_batch_that_is_sent_is_sound_and_its_books_add_up(books: Books) -> None:
    batch_id = books.sent_batch(60)
    verdict = books.auditor.batch(batch_id)
    assert verdict.breaks == []
    assert (verdict.accepted, verdict.books["sent"], verdict.books["suppressed"]) == (60, 59, 1)
    assert verdict.recount.sender == {"sent": 59, "suppressed": 1}


def test_a_batch_that_waits_is_sound_while_its_messages_are_there(books: Books) -> None:
    books.batch(120)
    books.single()
    verdict = books.audit()
    assert (verdict.breaks, verdict.notes) == ([], [])
    assert verdict.books == {"waiting": 121}


def test_a_parked_batch_is_sound_without_a_message(books: Books) -> None:
    batch_id = books.batch(60)
    books.path.view.pause(batch_id)
    books.path.drainer.tick()
    assert not books.path.sqs.bodies(queues.WAIT)
    verdict = books.audit()
    assert (verdict.breaks, verdict.books["waiting"]) == ([], 60)


def test_a_cancelled_batch_is_sound_before_and_after_its_chunks_are_dropped(books: Books) -> None:
    batch_id = books.batch(60)
    books.path.view.cancel(batch_id)
    for _ in range(2):
        verdict = books.audit()
        assert (verdict.breaks, verdict.books["cancelled"], verdict.accepted) == ([], 60, 60)
        books.path.settle_down()


def test_mails_in_doubt_are_sound_and_counted_as_such(books: Books) -> None:
    batch_id = books.batch(2)
    books.path.ses.plan = ["lose answer"] * 2
    books.path.drainer.tick()
    books.path.work()
    assert books.auditor.batch(batch_id).books["in_doubt"] == 2
    books.tell(f"{batch_id}-000001", "Send")
    verdict = books.auditor.batch(batch_id)
    assert verdict.breaks == []
    assert (verdict.books["in_doubt"], verdict.books["sent"]) == (1, 1)


def test_recipients_that_were_sent_to_again_are_counted_once(resending: Books) -> None:
    batch_id = resending.sent_again()
    assert resending.chunk(batch_id, 1).again == "in_doubt"
    verdict = resending.audit()
    assert (verdict.breaks, verdict.books) == ([], {"sent": 3})


def test_two_messages_of_a_mail_that_was_sent_again_are_no_duplicate(resending: Books) -> None:
    batch_id = resending.sent_again()
    resending.apply(resending.told(f"{batch_id}-000000", "Send", message_id="ses-first"))
    assert resending.mail(batch_id, 0).message_ids == {"ses-first", f"ses-{batch_id}-000000"}
    assert resending.audit().breaks == []


def test_a_number_that_no_chunk_was_made_for_is_not_missed(resending: Books, tables: Tables) -> None:
    batch_id = resending.sent_again()
    again_of(tables, resending.clock).new_chunk(batch_id)
    assert resending.audit().breaks == []


def test_events_in_any_number_keep_the_books_sound(books: Books) -> None:
    batch_id = books.sent_batch(4)
    for kind in ("Send", "Delivery", "Open", "Open", "Click", "Reject"):
        books.tell(f"{batch_id}-000000", kind)
    books.tell(f"{batch_id}-000001", "Complaint", complainedRecipients=[{"emailAddress": "person1@example.com"}])
    verdict = books.audit()
    assert verdict.breaks == []
    assert verdict.recount.events == {"send": 1, "delivery": 1, "open": 1, "click": 1, "reject": 1, "complaint": 1}
    assert verdict.recount.status["complained"] == 1


def test_a_mail_that_only_its_events_know_is_none_of_ours(books: Books) -> None:
    told = books.told("e1", "Delivery", recipients=["a@example.com", "b@example.com"])
    del told["mail"]["tags"]
    books.apply(told)
    verdict = books.audit()
    assert (verdict.breaks, verdict.accepted) == ([], 0)
    assert verdict.recount.sender == {"none": 2}


def test_what_has_expired_counts_as_gone(books: Books) -> None:
    batch_id = books.sent_batch(4)
    row = books.chunk(batch_id)
    row.update(actions=[type(row).expires_at.remove(), type(row).sent.set(0)])
    assert not books.audit().sound
    books.clock.advance(2 * 86_400)
    books.tables.batches(batch_id, "chunk#000000").delete()
    verdict = books.audit()
    assert (verdict.breaks, verdict.accepted) == ([], 0)


def test_a_campaign_is_its_batches_and_its_single_mails(books: Books) -> None:
    books.sent_batch(3)
    books.single()
    books.path.settle_down()
    [verdict] = books.auditor.campaign("welcome")
    assert (verdict.breaks, verdict.accepted, verdict.subject) == ([], 4, "campaign welcome")


def test_a_subject_is_a_batch_or_else_a_campaign(books: Books) -> None:
    batch_id = books.sent_batch(3)
    assert [one.subject for one in books.auditor.subject(batch_id)] == [f"batch {batch_id}"]
    assert [one.subject for one in books.auditor.subject("welcome")] == ["campaign welcome"]


def test_a_name_that_nothing_has_is_an_error_and_not_sound(books: Books) -> None:
    with pytest.raises(UnknownIdError, match="no batch or campaign 'no-such'"):
        books.auditor.subject("no-such")


def test_progress_counts_every_row(books: Books) -> None:
    batch_id = books.sent_batch(60)
    told: list[tuple[int, int | None]] = []
    books.auditor.batch(batch_id, Options(progress=lambda read, of: told.append((read, of))))
    assert sum(read for read, _ in told) == 60
    assert {of for _, of in told} == {60}
