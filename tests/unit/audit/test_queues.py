"""Queues against records: what is lost, what is dead, and what is told without touching a message."""

import json

from fakes.audit import Books, auditor_of
from fakes.sending import chunk, single

from ems import queues
from ems.audit.findings import Kind, Verdict
from ems.aws.sqs import OutgoingMessage
from ems.store.parking import Lot


def found(verdict: Verdict) -> list[tuple[Kind, str]]:
    return [(one.kind, one.subject) for one in verdict.breaks]


def purge(books: Books, *names: str) -> None:
    for name in names:
        books.path.sqs.queues[name] = []


def test_everything_that_waits_without_a_message_is_lost_by_name(books: Books) -> None:
    batch_id, email_id = books.batch(60), books.single()
    purge(books, queues.WAIT, queues.TRIGGER)
    books.clock.advance(61)
    assert found(books.audit()) == [
        (Kind.LOST, email_id),
        (Kind.LOST, f"{batch_id} chunk 0"),
        (Kind.LOST, f"{batch_id} chunk 1"),
    ]


def test_a_shortage_of_messages_is_told_by_its_number(books: Books) -> None:
    books.batch(120)
    books.path.sqs.queues[queues.WAIT].pop()
    [broken] = books.audit().breaks
    assert broken.kind is Kind.LOST
    assert "1 of 3 mails and chunks that wait have no message" in broken.what


def parked(books: Books) -> tuple[str, Lot]:
    """Pause a batch, so that the drainer parks its chunks."""
    batch_id = books.batch(60)
    books.path.view.pause(batch_id)
    books.path.drainer.tick()
    lots = books.path.parking.waiting().lots
    assert {chunk for lot in lots for chunk in lot.chunks} == {0, 1}
    return batch_id, lots[0]


def test_a_parked_chunk_whose_payload_is_gone_is_lost(books: Books) -> None:
    batch_id, lot = parked(books)
    books.tables.batches(f"{lot.lot_id}#{lot.chunks[0]:06d}", "parked").delete()
    for verdict in (books.audit(), books.auditor.batch(batch_id)):
        assert found(verdict) == [(Kind.LOST, f"{batch_id} chunk {lot.chunks[0]}")]


def test_a_parked_chunk_that_no_lot_lists_is_lost(books: Books) -> None:
    batch_id, lot = parked(books)
    books.tables.batches("#parked", lot.lot_id).delete()
    lost = [(Kind.LOST, f"{batch_id} chunk {number}") for number in lot.chunks]
    assert found(books.audit()) == lost


def test_a_look_into_the_queues_names_what_is_lost_and_gives_everything_back(books: Books) -> None:
    batch_id = books.batch(120)
    books.path.sqs.queues[queues.WAIT].pop(1)
    assert found(books.audit(look=True)) == [(Kind.LOST, f"{batch_id} chunk 1")]
    assert books.path.sqs.receive_counts(queues.WAIT) == [1, 1]
    assert len(books.path.sqs.receive(queues.WAIT, limit=10)) == 2


def test_no_message_is_touched_unless_asked(books: Books) -> None:
    books.batch(120)
    books.path.sqs.queues[queues.WAIT].pop(1)
    books.audit()
    assert books.path.sqs.receive_counts(queues.WAIT) == [0, 0]


def test_a_single_mail_that_was_just_recorded_may_still_be_on_its_way_into_the_queue(books: Books) -> None:
    books.single()
    purge(books, queues.TRIGGER)
    assert found(books.audit()) == []


def test_a_message_that_comes_late_is_no_loss(books: Books) -> None:
    books.batch(60)
    missing = books.path.sqs.queues[queues.WAIT].pop()
    held = books.path.sqs.queues[queues.WAIT]
    books.auditor = auditor_of(books.path, sleep=lambda _seconds: held.append(missing))
    assert found(books.audit()) == []


def test_a_mail_that_was_given_up_by_its_sender_and_has_no_message_is_lost(books: Books) -> None:
    email_id = books.single()
    books.path.work()
    row = books.row(email_id)
    row.update(actions=[type(row).send_status.set("sending"), type(row).created_at.set(1.0)])
    assert found(books.audit()) == [(Kind.LOST, email_id)]


def test_what_is_held_without_a_payload_is_left_to_nobody(books: Books) -> None:
    batch_id, email_id = books.held_batch(), books.held_single()
    books.tables.batches(batch_id, "kept#000000").delete()
    books.tables.batches("#kept", email_id).delete()
    for look in (False, True):
        assert found(books.audit(look=look)) == [
            (Kind.UNDECIDED, email_id),
            (Kind.UNDECIDED, f"{batch_id} chunk 0"),
        ]


def test_a_doubt_whose_message_is_gone_within_its_window_is_left_to_nobody(books: Books) -> None:
    email_id = books.single()
    books.path.ses.plan = ["lose answer"]
    books.path.work()
    assert found(books.audit()) == []
    purge(books, queues.TRIGGER)
    assert found(books.audit()) == [(Kind.UNDECIDED, email_id)]


def test_copies_in_the_queues_are_noted_and_pass(books: Books) -> None:
    books.sent_batch(2)
    books.path.sqs.send(queues.TRIGGER, [chunk(2).message()])
    books.path.sqs.send(queues.EVENTS, [OutgoingMessage("{}")])
    verdict = books.audit()
    assert verdict.sound
    assert verdict.notes == [
        "1 messages with SES events are still to be counted",
        "the queues hold 1 messages more than mails and chunks wait: copies",
    ]


def test_a_look_into_the_queues_finds_messages_whose_records_are_final(books: Books) -> None:
    batch_id = books.sent_batch(2)
    books.path.sqs.send(queues.TRIGGER, [chunk(2, batch_id=batch_id).message(), single("egone").message()])
    verdict = books.audit(look=True)
    assert [one.kind for one in verdict.breaks] == [Kind.STALE_MESSAGE] * 2
    assert f"about {batch_id} chunk 0, which the records call done" in verdict.breaks[0].what
    assert "about egone, which the records call nothing" in verdict.breaks[1].what


def test_a_message_of_a_mail_in_doubt_is_not_stale(books: Books) -> None:
    email_id, batch_id = books.single(), books.batch(1)
    books.path.ses.plan = ["lose answer"] * 2
    books.path.drainer.tick()
    while books.path.work():
        pass
    assert len(books.path.sqs.bodies(queues.TRIGGER)) == 2
    books.clock.advance(200)
    assert (books.row(email_id).send_status, books.mail(batch_id, 0).send_status) == ("in_doubt", "in_doubt")
    assert found(books.audit(look=True)) == []


def test_a_dead_letter_of_a_mail_that_waits_goes_nowhere_by_itself(books: Books) -> None:
    email_id = books.single()
    [message] = books.path.sqs.queues[queues.TRIGGER]
    purge(books, queues.TRIGGER)
    books.dead(queues.TRIGGER, message.message.body)
    books.clock.advance(61)
    [broken] = books.audit().breaks
    assert broken.kind is Kind.DEAD_LETTER
    assert broken.what == f"a message of email-trigger-dlq about {email_id}, which the records call waiting"
    assert len(books.path.sqs.receive(queues.dead_letter(queues.TRIGGER), limit=10)) == 1


def test_a_dead_letter_of_a_mail_that_was_sent_is_to_be_deleted(books: Books) -> None:
    email_id = books.single()
    [message] = books.path.sqs.queues[queues.TRIGGER]
    books.path.settle_down()
    books.dead(queues.TRIGGER, message.message.body)
    [broken] = books.audit().breaks
    assert broken.kind is Kind.STALE_MESSAGE
    assert f"about {email_id}, which the records call sent" in broken.what


def test_a_dead_event_is_a_count_that_is_missing_until_it_is_counted(books: Books) -> None:
    batch_id = books.sent_batch(1)
    event = books.told(f"{batch_id}-000000", "Delivery", recipients=["person0@example.com"])
    books.dead_event(json.dumps(event))
    [broken] = books.audit().breaks
    assert broken.kind is Kind.DEAD_LETTER
    assert f"SES events of {batch_id}-000000" in broken.what
    books.apply(event)
    assert [one.kind for one in books.audit().breaks] == [Kind.STALE_MESSAGE]


def test_a_group_of_events_is_a_dead_letter_of_every_batch_in_it(books: Books) -> None:
    told = [books.told(f"{books.sent_batch(1)}-000000", "Delivery") for _ in range(2)]
    books.dead_event(*map(json.dumps, told))
    for event in told:
        [email_id] = event["mail"]["tags"]["ems_email_id"]
        [broken] = books.auditor.batch(email_id.partition("-")[0]).breaks
        assert email_id in broken.what
    books.apply(told[0])
    assert [one.kind for one in books.audit().breaks] == [Kind.DEAD_LETTER]
    books.apply(told[1])
    assert [one.kind for one in books.audit().breaks] == [Kind.STALE_MESSAGE]


def test_a_foreign_dead_letter_is_told_of_everything_and_of_no_campaign(books: Books) -> None:
    books.sent_batch(1)
    books.dead(queues.TRIGGER, "hello")
    books.dead(queues.EVENTS, json.dumps({"eventType": "Open", "mail": {}}))
    assert [one.kind for one in books.audit().breaks] == [Kind.DEAD_LETTER] * 2
    assert books.auditor.campaign("welcome")[0].sound


def test_a_batch_is_told_of_its_own_dead_letters_alone(books: Books) -> None:
    batch_id = books.sent_batch(1)
    books.dead(queues.WAIT, chunk(1, batch_id="other").message().body)
    books.dead_event(json.dumps(books.told(f"{batch_id}-000000", "Open")))
    [broken] = books.auditor.batch(batch_id).breaks
    assert f"SES events of {batch_id}-000000" in broken.what
