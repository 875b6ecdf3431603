"""Whatever policies, operators and `ems dlq` decide, the books stay sound at every step."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes.audit import Books
from fakes.sending import CAMPAIGN, address

from ems import queues
from ems.audit.findings import Kind
from ems.sending.resolve import Order, Resolution, Word
from ems.sending.retry import Retry

SETTLED = {"failed": 1, "sent": 1, "suppressed": 1}
"""What a held batch holds beside its two doubts."""


def books_of(books: Books) -> dict[str, int]:
    """Audit in all ways; return where the mails are."""
    verdict = books.audit()
    assert verdict.breaks == []
    assert books.auditor.campaign("welcome")[0].breaks == []
    assert books.audit(look=True).breaks == []
    return dict(verdict.books)


def test_doubts_that_are_held_with_their_payload_need_no_message(books: Books) -> None:
    batch_id, email_id = books.held_batch(), books.held_single()
    assert not books.path.sqs.bodies(queues.TRIGGER)
    assert (books.mail(batch_id, 0).send_status, books.row(email_id).send_status) == ("in_doubt", "in_doubt")
    assert books_of(books) == {**SETTLED, "in_doubt": 3}


@pytest.mark.parametrize("word", ["sent", "failed"])
def test_an_operator_ends_doubts(books: Books, word: Word) -> None:
    books.held_batch(), books.held_single()
    assert books.path.resolver.everything(Order(word, "me")).decided == 3
    assert books_of(books) == {**SETTLED, word: SETTLED[word] + 3}


def test_an_operator_has_doubts_sent_again(books: Books) -> None:
    books.held_batch(), books.held_single()
    assert books.path.resolver.everything(Order("resend", "me")) == Resolution(decided=3)
    # Until its message comes the single mail is in doubt; the batch's recipients wait in a new chunk.
    assert books_of(books) == {**SETTLED, "sending": 2, "in_doubt": 1}
    books.path.settle_down()
    assert books_of(books) == {**SETTLED, "sent": 4}


def test_a_mail_that_went_out_twice_by_an_operators_word_is_no_break(books: Books) -> None:
    batch_id = books.held_batch()
    books.path.resolver.batch(batch_id, Order("resend", "me"))
    books.path.settle_down()
    books.tell(f"{batch_id}-000001", "Send", message_id="ses-the-first")
    assert len(books.mail(batch_id, 1).message_ids) == 2
    assert books_of(books) == {**SETTLED, "sent": 3}


def test_a_retry_moves_failures_into_a_new_chunk(books: Books) -> None:
    batch_id = books.held_batch()
    assert books.path.retries.batch(batch_id, by="me") == Retry(retried=1)
    assert books_of(books) == {"sending": 1, "sent": 1, "suppressed": 1, "in_doubt": 2}
    books.path.ses.plan = ["refuse for now"]
    books.path.run(seconds=2)
    assert books_of(books) == {**SETTLED, "in_doubt": 2}
    books.path.retries.batch(batch_id, by="me")
    books.path.settle_down()
    assert books_of(books) == {"sent": 2, "suppressed": 1, "in_doubt": 2}


def test_a_batch_that_is_cancelled_before_its_recipients_are_sent_to_again(books: Books) -> None:
    batch_id = books.held_batch()
    books.path.resolver.batch(batch_id, Order("resend", "me"))
    books.path.view.cancel(batch_id)
    books_of(books)
    books.path.settle_down()
    assert books_of(books) == {**SETTLED, "in_doubt": 2}


def test_a_batch_that_is_paused_while_recipients_are_in_doubt(books: Books) -> None:
    batch_id = books.batch(60)
    books.path.ses.plan = ["lose mail"]
    books.path.drainer.tick()
    books.path.work()
    books.path.view.pause(batch_id)
    books.path.run(seconds=130)
    assert not books.path.sqs.bodies(queues.TRIGGER)
    books_of(books)
    books.path.settle_down()
    assert books_of(books) == {"sent": 58, "suppressed": 1, "in_doubt": 1}


def test_a_policy_sends_again(resending: Books) -> None:
    batch_id, email_id = resending.batch(2), resending.single(7)
    resending.path.ses.plan = ["lose mail"] * 3
    resending.path.drainer.tick()
    while resending.path.work():
        pass
    assert books_of(resending) == {"in_doubt": 3}
    resending.path.settle_down()
    assert books_of(resending) == {"sent": 3}
    assert {row.decisions[0]["by"] for row in (resending.mail(batch_id, 0), resending.row(email_id))} == {"policy"}


def redrive(books: Books) -> None:
    assert books.path.dead_letters.redrive(queues.TRIGGER) == 2
    books.path.settle_down()


def drop(books: Books) -> None:
    assert books.path.dead_letters.drop(queues.TRIGGER).gone == 2


@pytest.mark.parametrize(("ends", "expected"), [(redrive, {"sent": 3}), (drop, {"failed": 3})])
def test_a_dead_letter_is_a_break_until_it_is_redriven_or_dropped(
    books: Books, ends: Callable[[Books], None], expected: dict[str, int]
) -> None:
    books.batch(2)
    books.single(7)
    books.path.drainer.tick()
    assert books.bury(queues.TRIGGER) == 2
    assert [one.kind for one in books.audit().breaks] == [Kind.DEAD_LETTER] * 2
    ends(books)
    assert books_of(books) == expected


def test_a_suppressed_address_is_not_sent_to_again(resending: Books) -> None:
    email_id = resending.single(7)
    resending.path.ses.plan = ["lose mail"]
    resending.path.work()
    resending.path.suppressions.reasons[address(7)] = "complaint"
    resending.path.settle_down()
    assert resending.row(email_id).send_status == "suppressed"
    assert books_of(resending) == {"suppressed": 1}


@pytest.fixture
def repeated(books: Books) -> Books:
    """A batch of two and a single mail that were sent; the same once more, and all of it is held."""
    books.path.campaigns.campaigns["welcome"] = replace(CAMPAIGN, duplicate_window_seconds=600)
    for _ in range(2):
        books.batch(2), books.single(7)
        books.path.run(seconds=5)
    return books


def test_possible_duplicates_are_held_with_their_payload(repeated: Books) -> None:
    assert books_of(repeated) == {"sent": 3, "held": 3}


@pytest.mark.parametrize(("word", "expected"), [("release", {"sent": 6}), ("drop", {"sent": 3, "failed": 3})])
def test_an_operator_decides_about_possible_duplicates(repeated: Books, word: Word, expected: dict[str, int]) -> None:
    repeated.path.resolver.everything(Order(word, "me"))
    books_of(repeated)
    repeated.path.settle_down()
    assert books_of(repeated) == expected


def test_a_possible_duplicate_that_nobody_would_find_is_a_break(repeated: Books) -> None:
    chunks = repeated.tables.batches
    [row] = chunks.scan(chunks.repeating.exists())
    row.update(actions=[chunks.repeating.remove()])
    [broken] = repeated.audit().breaks
    assert (broken.kind, broken.subject) == (Kind.CHUNK, f"{row.batch_id} chunk 0")
    assert "counts 2 held and names 0" in broken.what


def test_possible_duplicates_without_their_payload_are_left_to_nobody(repeated: Books) -> None:
    table = repeated.tables.batches
    for row in table.scan(table.item.startswith("kept#") | (table.batch_id == "#kept")):
        row.delete()
    assert [one.kind for one in repeated.audit().breaks] == [Kind.UNDECIDED] * 2
