from dataclasses import replace
from typing import Any

import pytest
from fakes.ses_events import event, load

from ems.store.status import Status
from ems.store.tracking import TrackedMail, TrackingWrite
from ems.tracking.decide import SEEN_LIMIT, TIMELINE_LIMIT, decide, mail_after
from ems.tracking.events import SesEvent, parse

JANE = TrackedMail("em-1", recipient="jane.doe@example.com")


def after(mail: TrackedMail, write: TrackingWrite) -> TrackedMail:
    """Play the store: the row that the next event finds."""
    return replace(mail_after(mail, write), version=(mail.version or 0) + 1)


def play(mail: TrackedMail, *events: SesEvent) -> TrackedMail:
    for one in events:
        write = decide(mail, one)
        if write is not None:
            mail = after(mail, write)
    return mail


def opened(number: int) -> SesEvent:
    document = load("open")
    document["open"]["timestamp"] = f"2026-10-12T10:{number // 60:02d}:{number % 60:02d}.000Z"
    return parse(document)[0]


def for_recipients(name: str, *addresses: str) -> list[SesEvent]:
    return parse(load(name, destination=list(addresses)))


def test_the_first_event_fills_what_the_row_lacks() -> None:
    write = decide(TrackedMail("em-1"), event("send"))
    assert write is not None
    assert (write.event_status, write.recipient, write.campaign_id) == (
        Status.SENT,
        "jane.doe@example.com",
        "spring",
    )
    assert write.message_id == "0100018f2f0c1a2b-5f3c1d2e-0000-4a4a-9b9b-1234567890ab-000000"
    assert write.moments == {"send": {"first": 1791795600.0, "last": 1791795600.0, "count": 1}}
    assert [entry["type"] for entry in write.timeline] == ["send"]
    assert not write.settles_doubt


def test_an_event_that_is_known_changes_nothing() -> None:
    mail = play(JANE, event("delivery"))
    assert decide(mail, event("delivery")) is None
    assert decide(mail, event("notification_delivery")) is None


def test_a_late_event_lands_on_the_timeline_and_leaves_the_status() -> None:
    mail = play(JANE, event("click"), event("delivery"), event("send"))
    assert mail.event_status is Status.CLICKED
    assert [entry["type"] for entry in mail.timeline] == ["click", "delivery", "send"]


def test_moments_keep_the_first_the_last_and_the_number() -> None:
    mail = play(JANE, opened(5), opened(1), opened(9), opened(5))
    assert mail.moments["open"] == {"first": opened(1).at, "last": opened(9).at, "count": 3}


def test_an_unknown_event_is_kept_and_proves_nothing() -> None:
    mail = play(replace(JANE, send_status=Status.IN_DOUBT), event("unknown"))
    assert (mail.event_status, mail.send_status) == (None, Status.IN_DOUBT)
    assert mail.timeline[0]["detail"] == {"ses_type": "Teleported"}


@pytest.mark.parametrize("name", ["send", "delivery", "bounce_permanent", "rendering_failure", "open", "subscription"])
def test_an_event_settles_the_doubt_whether_ses_took_the_mail(name: str) -> None:
    write = decide(replace(JANE, send_status=Status.IN_DOUBT), event(name))
    assert write is not None
    assert write.settles_doubt


@pytest.mark.parametrize("status", [None, Status.QUEUED, Status.SENDING, Status.SENT, Status.FAILED, Status.CANCELLED])
def test_where_there_is_no_doubt_none_is_settled(status: Status | None) -> None:
    write = decide(replace(JANE, send_status=status), event("send"))
    assert write is not None
    assert not write.settles_doubt


def test_a_doubt_recorded_after_the_event_is_settled_by_its_repetition_which_counts_nothing() -> None:
    mail = replace(play(JANE, event("send")), send_status=Status.IN_DOUBT)
    write = decide(mail, event("send"))
    assert write is not None
    assert write.settles_doubt
    assert after(mail, write).moments == mail.moments
    assert after(mail, write).timeline == mail.timeline


def test_a_copys_bounce_is_history_of_the_mail_but_not_its_status() -> None:
    mail = play(JANE, *for_recipients("send", "jane.doe@example.com", "copy@example.com"))
    document = load("bounce_permanent", destination=["jane.doe@example.com", "copy@example.com"])
    document["bounce"]["bouncedRecipients"][0]["emailAddress"] = "copy@example.com"
    mail = play(mail, *parse(document))
    assert mail.event_status is Status.SENT
    assert mail.moments.keys() == {"send"}
    assert mail.timeline[-1]["recipient"] == "copy@example.com"


def test_an_open_of_a_mail_to_several_counts_once() -> None:
    mail = play(JANE, *for_recipients("open", "jane.doe@example.com", "copy@example.com", "third@example.com"))
    assert mail.moments["open"]["count"] == 1
    assert len(mail.timeline) == 1


def test_an_event_for_an_address_that_the_mail_does_not_list_is_the_mails_own() -> None:
    """The row may have the address in another spelling than SES; its only recipient is meant all the same."""
    mail = play(replace(JANE, recipient="jane@xn--mnchen-3ya.example"), event("bounce_permanent"))
    assert mail.event_status is Status.BOUNCED


def test_a_second_message_of_the_same_mail_is_told_apart() -> None:
    mail = play(JANE, event("send"), event("send", messageId="another"))
    assert mail.moments["send"]["count"] == 2
    assert mail.timeline[1]["message_id"] == "another"
    assert "message_id" not in mail.timeline[0]


def test_a_full_timeline_drops_an_open_for_news_of_the_delivery() -> None:
    mail = play(JANE, event("send"), *(opened(number) for number in range(TIMELINE_LIMIT + 5)))
    assert len(mail.timeline) == TIMELINE_LIMIT
    assert mail.moments["open"]["count"] == TIMELINE_LIMIT + 5
    last_open = mail.timeline[-1]["at"]
    mail = play(mail, event("complaint"))
    assert len(mail.timeline) == TIMELINE_LIMIT
    assert mail.timeline[-1]["type"] == "complaint"
    assert last_open not in [entry["at"] for entry in mail.timeline]
    assert mail.timeline[0]["type"] == "send"


def test_a_timeline_full_of_news_keeps_the_oldest() -> None:
    entries: tuple[dict[str, Any], ...] = tuple({"type": "delivery_delay", "at": float(n)} for n in range(100))
    mail = play(replace(JANE, timeline=entries), event("delivery"))
    assert mail.timeline == entries
    assert mail.event_status is Status.DELIVERED


def test_opens_stop_counting_where_they_could_no_longer_be_told_apart_and_news_go_on() -> None:
    mail = replace(JANE, seen=frozenset(f"key-{number}" for number in range(SEEN_LIMIT)))
    assert decide(mail, event("open")) is None
    assert decide(mail, event("complaint")) is not None
