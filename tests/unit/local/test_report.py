import time

from hypothesis import given
from hypothesis import strategies as st

from ems.local.simulator.mails import Body, Mail, Mailbox
from ems.local.simulator.report import Ledger, fullest_second, per_second
from ems.local.simulator.templates import Content


def mail(email_id: str, *recipients: str, campaign: str = "c-1") -> Mail:
    return Mail(
        operation="SendEmail",
        source="news@example.com",
        to=list(recipients),
        cc=[],
        bcc=[],
        body=Body(Content(text="hi")),
        tags={"ems_email_id": [email_id], "ems_campaign_id": [campaign]},
    )


def test_the_fullest_second_may_begin_at_any_moment() -> None:
    assert fullest_second([0.0, 0.9, 1.1, 1.8], [10, 40, 30, 5]) == 75


def test_a_second_does_not_contain_its_end() -> None:
    assert fullest_second([0.0, 1.0], [10, 10]) == 10


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 50)), max_size=60))
def test_the_fullest_second_is_what_counting_every_window_gives(arrivals: list[tuple[float, int]]) -> None:
    arrivals.sort()
    times, counts = [at for at, _ in arrivals], [count for _, count in arrivals]
    windows = [sum(count for at, count in arrivals if 0 <= end - at < 1.0) for end in times]
    # The windows above end with an arrival, and include it, so ties at one moment need the last of them.
    assert fullest_second(times, counts) == max(windows, default=0)


def test_the_series_counts_from_the_first_acceptance() -> None:
    assert per_second([5.0, 5.5, 7.1], [1, 2, 3]) == [3, 0, 3]
    assert per_second([], []) == []


def test_a_recipient_who_gets_the_same_mail_twice_is_a_duplicate() -> None:
    ledger = Ledger()
    for repeated in (mail("e-1", "a@example.com"), mail("e-2", "a@example.com"), mail("e-1", "A@example.com")):
        ledger.log.record(repeated, now=1.0)
    figures = ledger.as_json()
    assert figures["duplicates"] == 1
    assert figures["duplicate_list"] == [{"ems_email_id": "e-1", "recipient": "a@example.com", "times": 2}]


def test_the_report_narrows_down_to_a_campaign_and_a_time() -> None:
    ledger, now = Ledger(), time.monotonic()
    ledger.log.record(mail("e-1", "a@example.com", campaign="old"), now=now - 100)
    ledger.log.record(mail("e-2", "a@example.com", "b@example.com", campaign="old"), now=now - 10)
    ledger.log.record(mail("e-3", "a@example.com", campaign="new"), now=now)
    assert ledger.as_json()["accepted"] == 4
    assert ledger.as_json(campaign_id="old")["accepted"] == 3
    assert ledger.as_json(campaign_id="old", since=time.time() - 50)["accepted"] == 2
    assert ledger.as_json(campaign_id="none")["fullest_second"] == 0


def test_old_mails_lose_their_contents_and_keep_their_envelope() -> None:
    mailbox = Mailbox(kept_bodies=1)
    first, second = mail("e-1", "a@example.com"), mail("e-2", "b@example.com")
    mailbox.add(first)
    mailbox.add(second)
    assert (first.body, first.to) == (None, ["a@example.com"])
    assert second.contents().text == "hi"
    assert [each.tag("ems_email_id") for each in mailbox.newest(start=0, limit=5)] == ["e-2", "e-1"]


def test_mails_are_found_by_tag_and_by_recipient_in_any_case() -> None:
    mailbox = Mailbox(kept_bodies=10)
    wanted = mail("e-1", "Ann@example.com")
    mailbox.add(wanted)
    mailbox.add(mail("e-2", "b@example.com"))
    assert list(mailbox.matching(email_id=None, campaign_id=None, recipient="ann@EXAMPLE.com")) == [wanted]
    assert list(mailbox.matching(email_id="e-1", campaign_id="c-1", recipient=None)) == [wanted]
