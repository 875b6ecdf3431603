"""Reading mails from the real table."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ems.errors import InvalidError, UnknownIdError
from ems.sending.emails import Emails, EmailView
from ems.store import email_pages
from ems.store.email_pages import EmailPages
from ems.store.emails import campaign_shard
from ems.store.pages import Page
from ems.store.status import Status
from ems.store.tables import Tables

NOW = 1_700_000_000.0


def put(tables: Tables, email_id: str, **attributes: object) -> None:
    given = {"campaign_id": "spring", "recipient": "ada@example.com", "send_status": "sent", **attributes}
    tables.emails(email_id, campaign_shard=campaign_shard("spring", email_id), **given).save()


@pytest.fixture
def emails(tables: Tables) -> Emails:
    pending = {"ba-1-000007": "queued", "ba-2-000007": "cancelled"}
    return Emails(EmailPages(tables, clock=lambda: NOW), pending_status=pending.get)


def walk(ask: Callable[[str | None], Page[EmailView]]) -> list[str]:
    ids: list[str] = []
    cursor = None
    while True:
        page = ask(cursor)
        ids += [one.email_id for one in page.items]
        cursor = page.next
        if cursor is None:
            return ids


def test_a_mail_shows_the_further_of_what_sender_and_events_say(emails: Emails, tables: Tables) -> None:
    put(
        tables,
        "em-1",
        send_status="in_doubt",
        event_status="delivered",
        message_id="m-1",
        attempts=2,
        created_at=1e9,
        timeline=[{"type": "delivery", "at": 1e9, "detail": {}}],
        moments={"delivery": {"first": 1e9, "last": 1e9, "count": 1}},
    )

    mail = emails.get("em-1")

    assert (mail.status, mail.message_id, mail.attempts, mail.created_at) == (Status.DELIVERED, "m-1", 2, 1e9)
    assert [entry["type"] for entry in mail.timeline] == ["delivery"]


def test_a_row_made_by_an_event_alone_can_be_read(emails: Emails, tables: Tables) -> None:
    tables.emails("em-1", event_status="bounced").save()

    mail = emails.get("em-1")

    assert (mail.status, mail.campaign_id, mail.recipient, mail.timeline) == (Status.BOUNCED, None, None, [])


@pytest.mark.parametrize(("email_id", "status"), [("ba-1-000007", "queued"), ("ba-2-000007", "cancelled")])
def test_a_mail_of_a_batch_without_a_row_is_answered_from_the_batch(emails: Emails, email_id: str, status: str) -> None:
    mail = emails.get(email_id)

    assert (mail.status, mail.batch_id) == (status, email_id[:4])


@pytest.mark.parametrize("email_id", ["em-1", "ba-3-000007", "ba-1-7", "x" * 3000])
def test_an_unknown_mail_is_unknown(emails: Emails, email_id: str) -> None:
    with pytest.raises(UnknownIdError):
        emails.get(email_id)


def test_mails_are_found_by_message_id(emails: Emails, tables: Tables) -> None:
    put(tables, "em-1", message_id="m-1")
    put(tables, "em-2", message_id="m-2")

    page = emails.of_message("m-1", limit=50)

    assert [(one.email_id, one.recipient) for one in page.items] == [("em-1", "ada@example.com")]
    assert emails.of_message("m-3", limit=50) == Page([], None)
    assert emails.of_message("m" * 3000, limit=50) == Page([], None)


def test_mails_are_found_by_recipient_in_any_case_page_by_page(emails: Emails, tables: Tables) -> None:
    for number in range(5):
        put(tables, f"em-{number}")
    put(tables, "em-other", recipient="bob@example.com")

    def ask(cursor: str | None) -> Page[EmailView]:
        return emails.of_recipient("Ada@Example.com", limit=2, cursor=cursor)

    assert walk(ask) == [f"em-{number}" for number in range(5)]


def test_a_recipient_that_is_no_address_is_refused(emails: Emails) -> None:
    with pytest.raises(InvalidError) as caught:
        emails.of_recipient("nobody", limit=1)

    assert caught.value.field == "recipient"


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_all_mails_of_a_campaign_are_listed_once_across_its_shards(emails: Emails, tables: Tables, limit: int) -> None:
    ids = {f"em-{number}" for number in range(40)}
    for email_id in ids:
        put(tables, email_id)

    def ask(cursor: str | None) -> Page[EmailView]:
        return emails.of_campaign("spring", limit=limit, cursor=cursor)

    found = walk(ask)
    assert (len(found), set(found)) == (40, ids)


def test_a_campaigns_mails_are_filtered_by_the_status_that_is_shown(emails: Emails, tables: Tables) -> None:
    put(tables, "em-1", event_status="bounced")
    put(tables, "em-2")
    put(tables, "em-3", send_status="failed")

    def ask(cursor: str | None) -> Page[EmailView]:
        return emails.of_campaign("spring", status=Status.BOUNCED, limit=1, cursor=cursor)

    assert walk(ask) == ["em-1"]


def test_a_filtered_page_ends_after_a_bounded_read_and_goes_on(
    emails: Emails, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email_pages, "ROWS_READ_PER_PAGE", 3)
    for number in range(10):
        put(tables, f"em-{number}", send_status="failed" if number == 7 else "sent")

    def ask(cursor: str | None) -> Page[EmailView]:
        return emails.of_campaign("spring", status=Status.FAILED, limit=50, cursor=cursor)

    assert emails.of_campaign("spring", status=Status.CANCELLED, limit=50).next is not None
    assert walk(ask) == ["em-7"]


def test_a_cursor_works_only_where_it_was_given(emails: Emails, tables: Tables) -> None:
    for number in range(3):
        put(tables, f"em-{number}")
    cursor = emails.of_recipient("ada@example.com", limit=1).next
    assert cursor is not None

    for ask in (
        lambda: emails.of_recipient("bob@example.com", limit=1, cursor=cursor),
        lambda: emails.of_campaign("spring", limit=1, cursor=cursor),
        lambda: emails.of_message("m-1", limit=1, cursor=cursor),
        lambda: emails.of_recipient("ada@example.com", limit=1, cursor=cursor + "x"),
        lambda: emails.of_recipient("ada@example.com", limit=1, cursor="%%%"),
        lambda: emails.of_recipient("ada@example.com", limit=1, cursor="bnVsbA"),
    ):
        with pytest.raises(InvalidError) as caught:
            ask()
        assert caught.value.field == "cursor"


def test_a_mail_whose_time_is_over_is_in_no_listing_although_dynamodb_has_not_deleted_it_yet(
    emails: Emails, tables: Tables
) -> None:
    for email_id, ends in (("em-1", NOW - 1), ("em-2", NOW + 60)):
        put(tables, email_id, message_id="m-1", expires_at=datetime.fromtimestamp(ends, tz=UTC))

    pages = [
        emails.of_message("m-1", limit=9),
        emails.of_recipient("ada@example.com", limit=9),
        emails.of_campaign("spring", limit=9),
    ]

    assert [[one.email_id for one in page.items] for page in pages] == [["em-2"]] * 3
    assert [[one.email_id for one in mails] for mails in emails.all_of_campaign("spring")] == [["em-2"]]
    with pytest.raises(UnknownIdError):
        emails.get("em-1")
