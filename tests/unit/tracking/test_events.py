import json
from typing import Any

import pytest
from fakes.ses_events import FIXTURES, event, load

from ems.tracking.events import EventType, is_greeting, parse

MESSAGE_ID = "0100018f2f0c1a2b-5f3c1d2e-0000-4a4a-9b9b-1234567890ab-000000"
NINE_O_CLOCK = 1791795600.0  # 2026-10-12T09:00:00Z


@pytest.mark.parametrize(
    ("name", "kind", "at"),
    [
        ("send", EventType.SEND, NINE_O_CLOCK),
        ("delivery", EventType.DELIVERY, NINE_O_CLOCK + 1.25),
        ("delivery_delay", EventType.DELIVERY_DELAY, NINE_O_CLOCK + 300),
        ("open", EventType.OPEN, NINE_O_CLOCK + 3600),
        ("click", EventType.CLICK, NINE_O_CLOCK + 3660),
        ("bounce_permanent", EventType.BOUNCE, NINE_O_CLOCK + 2),
        ("bounce_out_of_office", EventType.BOUNCE, NINE_O_CLOCK + 5),
        ("bounce_suppressed", EventType.BOUNCE, NINE_O_CLOCK + 0.5),
        ("complaint", EventType.COMPLAINT, NINE_O_CLOCK + 7200),
        ("complaint_not_spam", EventType.NOT_SPAM, NINE_O_CLOCK + 10800),
        ("complaint_suppressed", EventType.COMPLAINT, NINE_O_CLOCK + 0.5),
        ("reject", EventType.REJECT, NINE_O_CLOCK),
        ("rendering_failure", EventType.RENDERING_FAILURE, NINE_O_CLOCK),
        ("subscription", EventType.SUBSCRIPTION, NINE_O_CLOCK + 14400),
        ("unknown", EventType.UNKNOWN, NINE_O_CLOCK),
    ],
)
def test_every_type_of_event_publishing_is_read(name: str, kind: EventType, at: float) -> None:
    read = event(name)
    assert (read.type, read.at) == (kind, at)
    assert (read.message_id, read.recipient) == (MESSAGE_ID, "jane.doe@example.com")
    assert (read.email_id, read.campaign_id) == ("em-1", "spring")
    assert read.raw == load(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("notification_bounce", EventType.BOUNCE),
        ("notification_complaint", EventType.COMPLAINT),
        ("notification_delivery", EventType.DELIVERY),
    ],
)
def test_identity_notifications_say_the_same_without_tags(name: str, kind: EventType) -> None:
    read = event(name)
    assert (read.type, read.recipient, read.message_id) == (kind, "jane.doe@example.com", MESSAGE_ID)
    assert (read.email_id, read.campaign_id) == (None, None)


@pytest.mark.parametrize(
    ("published", "notified"),
    [
        ("bounce_permanent", "notification_bounce"),
        ("complaint", "notification_complaint"),
        ("delivery", "notification_delivery"),
    ],
)
def test_both_dialects_of_one_event_have_one_key(published: str, notified: str) -> None:
    assert event(published).key == event(notified).key


def test_every_fixture_reads_the_same_from_text_and_from_json_and_has_a_key_of_its_own() -> None:
    keys = []
    for path in sorted(FIXTURES.glob("*.json")):
        read = parse(path.read_text())
        assert read == parse(json.loads(path.read_text()))
        if not path.name.startswith("notification_"):
            keys += [one.key for one in read]
    assert len(keys) == len(set(keys))


def test_the_detail_is_json_and_keeps_what_a_reader_needs() -> None:
    assert event("bounce_permanent").detail == {
        "bounce_type": "Permanent",
        "bounce_subtype": "General",
        "reporting_mta": "dsn; a8-1.smtp-out.example.com",
        "remote_mta_ip": "192.0.2.25",
        "feedback_id": "0100018f2f0c2000-aaaa-bbbb-000000",
        "action": "failed",
        "status": "5.1.1",
        "diagnostic": "smtp; 550 5.1.1 user unknown",
    }
    assert event("click").detail["link"] == "https://www.example.com/offer?id=7"
    assert event("delivery_delay").detail["delay_type"] == "MailboxFull"
    assert event("complaint").detail["feedback_type"] == "abuse"
    assert event("reject").detail == {"reason": "Bad content"}
    assert event("rendering_failure").detail["template"] == "spring-3"
    assert event("subscription").detail["unsubscribed"] is True
    assert event("unknown").detail == {"ses_type": "Teleported"}


def test_long_texts_are_cut() -> None:
    document = load("bounce_permanent")
    document["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = "x" * 10_000
    assert len(parse(document)[0].detail["diagnostic"]) == 500


@pytest.mark.parametrize(
    ("name", "hard"),
    [("bounce_permanent", True), ("bounce_suppressed", True), ("bounce_out_of_office", False), ("complaint", False)],
)
def test_permanent_bounces_are_hard(name: str, hard: bool) -> None:  # noqa: FBT001 - a table's column
    assert event(name).hard is hard


def test_a_recipient_that_is_only_delayed_has_no_hard_bounce() -> None:
    gone, later = parse(load("bounce_mixed"))
    assert (gone.recipient, gone.hard) == ("gone@example.com", True)
    assert (later.recipient, later.hard) == ("later@example.com", False)


def test_an_undetermined_bounce_is_not_hard() -> None:
    document = load("bounce_permanent")
    document["bounce"]["bounceType"] = "Undetermined"
    assert parse(document)[0].hard is False


@pytest.mark.parametrize("name", ["send", "open", "click", "reject", "rendering_failure", "unknown"])
def test_events_without_a_recipient_are_about_everybody_in_the_mail(name: str) -> None:
    events = parse(load(name, destination=["a@example.com", "B@example.com"]))
    assert [one.recipient for one in events] == ["a@example.com", "b@example.com"]
    assert len({one.key for one in events}) == 2
    assert {one.destination for one in events} == {("a@example.com", "b@example.com")}


def test_a_delivery_is_about_those_it_lists_and_not_about_all() -> None:
    (only,) = parse(load("delivery", destination=["jane.doe@example.com", "b@example.com"]))
    assert only.recipient == "jane.doe@example.com"


def test_a_bounce_that_lists_nobody_is_about_the_mail() -> None:
    document = load("bounce_permanent")
    document["bounce"]["bouncedRecipients"] = []
    assert [one.recipient for one in parse(document)] == ["jane.doe@example.com"]


def test_an_address_with_a_display_name_is_read_without_it() -> None:
    assert event("send", destination=['"Doe, Jane" <Jane.Doe@Example.com>']).recipient == "jane.doe@example.com"


def test_a_second_open_has_a_key_of_its_own() -> None:
    later = load("open")
    later["open"]["timestamp"] = "2026-10-12T10:00:00.001Z"
    assert event("open").key != parse(later)[0].key


def test_two_links_followed_in_the_same_millisecond_are_two_clicks() -> None:
    other = load("click")
    other["click"]["link"] = "https://www.example.com/other"
    assert event("click").key != parse(other)[0].key


@pytest.mark.parametrize("name", ["send", "reject", "rendering_failure"])
def test_what_happens_once_a_mail_has_one_key_although_its_timestamps_differ(name: str) -> None:
    assert event(name).key == event(name, timestamp="2026-10-12T09:00:00.123Z").key


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-12T09:00:00.000Z",
        "2026-10-12T09:00:00Z",
        "2026-10-12T02:00:00.000-07:00",
        "2026-10-12T09:00:00+00:00",
        "2026-10-12T09:00:00",
    ],
)
def test_every_way_to_write_a_time_is_understood(text: str) -> None:
    assert event("send", timestamp=text).at == NINE_O_CLOCK


@pytest.mark.parametrize("text", [None, "", "yesterday", 5])
def test_a_time_that_cannot_be_read_falls_back_to_the_mails(text: Any) -> None:
    document = load("delivery")
    document["delivery"]["timestamp"] = text
    assert parse(document)[0].at == NINE_O_CLOCK


@pytest.mark.parametrize(
    "message",
    ["Successfully validated SNS topic for Amazon SES event publishing.", (FIXTURES / "notification_greeting.json")],
)
def test_a_set_up_greeting_is_no_event(message: Any) -> None:
    text = message if isinstance(message, str) else message.read_text()
    assert parse(text) == []
    assert is_greeting(text)


@pytest.mark.parametrize(
    ("name", "body", "changes"),
    [
        ("click", "click", {"linkTags": None}),
        ("complaint", "complaint", {"complaintSubType": None, "userAgent": None, "arrivalDate": None}),
        ("delivery", "delivery", {"processingTimeMillis": "546", "remoteMtaIp": None}),
        ("bounce_permanent", "bounce", {"bounceSubType": "Invented", "reportingMTA": None}),
        ("open", "mail", {"sourceArn": None, "tomorrow": {"a": [1]}}),
    ],
)
def test_what_ses_leaves_out_or_writes_in_another_way_changes_nothing_of_what_an_event_says(
    name: str, body: str, changes: dict[str, Any]
) -> None:
    document = load(name)
    document[body] = {key: value for key, value in (document[body] | changes).items() if key != "sourceArn"}
    usual, read = event(name), parse(document)[0]
    assert (read.type, read.recipient, read.key, read.at, read.hard) == (
        usual.type,
        usual.recipient,
        usual.key,
        usual.at,
        usual.hard,
    )


def test_an_event_is_no_greeting() -> None:
    assert not is_greeting(json.dumps(load("send", source="AmazonSnsSubscriptionSucceeded")))


@pytest.mark.parametrize(
    "message",
    ["", "hello", "[1]", "null", "{}", '{"eventType": 3}', '{"mail": []}', '{"eventType": "Bounce"}', "[" * 100_000],
)
def test_nothing_that_comes_in_is_an_error(message: str) -> None:
    (only,) = parse(message)
    assert only.message_id == ""
    assert only.recipient is None
    assert only.email_id is None


@pytest.mark.parametrize("broken", [None, "x", 5, [], {}])
@pytest.mark.parametrize(
    "name", ["bounce_permanent", "complaint", "delivery", "open", "subscription", "rendering_failure"]
)
def test_an_event_whose_own_object_is_missing_or_strange_is_still_one(name: str, broken: Any) -> None:
    document = load(name)
    kind = parse(document)[0].type
    own = next(key for key in document if key not in ("eventType", "mail"))
    document[own] = broken
    (only,) = parse(document)
    assert (only.type, only.recipient, only.at) == (kind, "jane.doe@example.com", NINE_O_CLOCK)


def test_a_partial_unsubscription_is_none() -> None:
    document = load("subscription")
    document["subscription"]["newTopicPreferences"] = {
        "unsubscribeAll": False,
        "topicSubscriptionStatus": [
            {"topicName": "offers", "subscriptionStatus": "OptOut"},
            {"topicName": "news", "subscriptionStatus": "OptIn"},
        ],
    }
    assert parse(document)[0].detail["unsubscribed"] is False


def test_leaving_every_topic_is_an_unsubscription() -> None:
    document = load("subscription")
    document["subscription"]["newTopicPreferences"]["unsubscribeAll"] = False
    assert parse(document)[0].detail["unsubscribed"] is True


def test_addresses_do_not_show_in_the_repr() -> None:
    assert "jane" not in repr(event("bounce_permanent")).lower()
