"""The story of one mail, from the records that sending, tracking and people left."""

from functools import partial

import pytest
from fakes.audit import Books
from fakes.sending import address

from ems.errors import UnknownIdError
from ems.history.trace import Story, Tracer
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.emails import Emails
from ems.sending.resolve import Order
from ems.store.email_pages import EmailPages
from ems.store.recipient_ids import recipient_id
from ems.store.removals import Removals, removed
from ems.store.status import Status
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables


@pytest.fixture
def books(tables: Tables) -> Books:
    return Books(tables)


def story(books: Books, email_id: str) -> Story:
    tracer = Tracer(
        mails=Emails(EmailPages(books.tables), pending_status=books.path.view.pending_status),
        batches=books.path.batch_store,
        suppressions=Suppressions(books.tables),
        removed=partial(removed, books.tables),
    )
    return tracer.story(email_id)


def whats(told: Story) -> list[str]:
    assert [one.at for one in told.happened] == sorted(one.at for one in told.happened)
    return [one.what for one in told.happened]


def test_a_single_mail_is_accepted_sent_and_told_about(books: Books) -> None:
    email_id = books.single()
    books.path.settle_down()
    books.tell(email_id, "Delivery", recipients=[address(1)], smtpResponse="250 ok")

    told = story(books, email_id)

    assert sorted(whats(told)) == ["accepted", "event: delivery", "sent"]
    by_what = {one.what: one.about for one in told.happened}
    assert by_what["sent"] == {"message_id": f"ses-{email_id}"}
    assert by_what["event: delivery"] == {"smtp_response": "250 ok"}
    assert (told.batch, told.chunk, told.to_do) == (None, None, None)


def test_a_mail_of_a_batch_is_told_with_its_batch_and_its_chunk(books: Books) -> None:
    batch_id = books.sent_batch(60)

    told = story(books, recipient_id(batch_id, 55))

    assert whats(told) == ["accepted", "recorded", "sent"]
    assert told.batch is not None
    assert told.chunk is not None
    assert (told.batch.batch_id, told.mail.chunk, told.chunk.done) == (batch_id, 1, True)


def test_a_mail_that_no_sender_has_come_to_is_told_by_its_batch(books: Books) -> None:
    batch_id = books.batch(2)
    books.path.steer("pause", batch_id)

    told = story(books, recipient_id(batch_id, 1))

    assert (told.mail.status, told.chunk, whats(told)) == (Status.QUEUED, None, ["accepted"])
    assert told.to_do == f"its batch is paused: `POST /batches/{batch_id}/resume`"


def test_doubts_and_what_was_decided_about_them_are_of_the_story(tables: Tables) -> None:
    books = Books(tables, policy=DoubtPolicy(120, "hold"))
    email_id = books.held_single()
    in_doubt = story(books, email_id)
    books.path.resolver.email(email_id, Order("failed", "the command line"))

    assert in_doubt.to_do is not None
    assert "ems resolve" in in_doubt.to_do
    assert [one.about for one in in_doubt.happened if one.what == "in doubt"] == [{"reason": "ConnectionClosedError"}]
    decided = story(books, email_id)
    assert sorted(whats(decided)) == ["accepted", "decided", "in doubt"]
    assert decided.happened[-1].about == {
        "decision": "failed",
        "by": "the command line",
        "reason": "ConnectionClosedError",
    }


def test_a_failure_that_may_pass_names_the_command_that_tries_again(books: Books) -> None:
    batch_id = books.batch(1)
    books.path.ses.plan = ["refuse for now"]
    books.path.run(seconds=1)

    told = story(books, recipient_id(batch_id, 0))

    assert told.to_do == f"`ems retry {batch_id}` sends again to all whose failure may pass"


def test_the_suppression_that_a_bounce_brings_about_and_its_removal_are_of_the_story(books: Books) -> None:
    email_id = books.single()
    books.path.settle_down()
    books.tell(email_id, "Bounce", bounceType="Permanent", bouncedRecipients=[{"emailAddress": address(1)}])
    suppressions = Suppressions(books.tables)
    suppressions.add(address(1), reason="bounce", scope="all", source="ses-event", since=2e9, email_id=email_id)

    bounced = story(books, email_id)
    Removals(books.tables, retention_seconds=86_400, clock=lambda: 3e9).remove(address(1))
    removed_since = story(books, email_id)

    assert bounced.suppression is not None
    assert "suppressed" in whats(bounced)
    assert removed_since.suppression is None
    assert whats(removed_since)[-1] == "suppression removed"


def test_an_event_that_came_before_its_mail_is_told_and_finds_the_batch(books: Books) -> None:
    batch_id = books.batch(1)
    email_id = recipient_id(batch_id, 0)
    books.tell(email_id, "Delivery", recipients=["nobody@example.com"])

    told = story(books, email_id)

    assert told.batch is not None
    assert sorted(whats(told)) == ["accepted", "event: delivery", "recorded"]


def test_an_id_that_nothing_has_is_an_error(books: Books) -> None:
    for unknown in ("nothing", "nothing-000001"):
        with pytest.raises(UnknownIdError):
            story(books, unknown)
