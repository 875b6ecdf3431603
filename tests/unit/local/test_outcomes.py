import json
import random
from typing import Any

import pytest

from ems.local.simulator.account import Account
from ems.local.simulator.events import event_json
from ems.local.simulator.faults import OUTCOMES
from ems.local.simulator.mails import Body, Mail
from ems.local.simulator.options import Options
from ems.local.simulator.outcomes import plan
from ems.local.simulator.templates import Content

ALWAYS_READ = Options(open_rate=1.0, click_rate=1.0)
LINKED = Content(subject="Hi", html="<p><a href='https://example.com/x'>x</a></p>", text="hi")


def mail_to(*recipients: str, content: Content = LINKED, data: dict[str, Any] | None = None) -> Mail:
    return Mail(
        operation="SendEmail",
        source="EMS <news@example.com>",
        to=list(recipients),
        cc=[],
        bcc=[],
        body=Body(content, data),
        configuration_set="ems",
        template_name="welcome",
        tags={"ems_email_id": ["e-1"]},
    )


def events_of(mail: Mail, *, options: Options = ALWAYS_READ, **choices: Any) -> list[dict[str, Any]]:
    choices.setdefault("suppression_reason", lambda _address: None)
    planned = plan(mail, options=options, chance=random.Random(1), **choices)
    ordered = sorted(planned, key=lambda event: event.after)
    return [json.loads(event_json(mail, event.kind, event.body)) for event in ordered]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["eventType"] for event in events]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("success@simulator.amazonses.com", ["Send", "Delivery"]),
        ("bounce+label@simulator.amazonses.com", ["Send", "Bounce"]),
        ("Bounce@Simulator.AmazonSES.com", ["Send", "Bounce"]),
        ("ooto@simulator.amazonses.com", ["Send", "Delivery", "Bounce"]),
        ("complaint@simulator.amazonses.com", ["Send", "Delivery", "Complaint"]),
        ("suppressionlist@simulator.amazonses.com", ["Send", "Bounce"]),
        ("bounce@example.com", ["Send", "Delivery", "Open", "Click"]),
    ],
)
def test_the_mailbox_simulator_decides_by_the_address(address: str, expected: list[str]) -> None:
    assert kinds(events_of(mail_to(address))) == expected


@pytest.mark.parametrize(
    ("address", "kind", "subtype", "status"),
    [
        ("bounce@simulator.amazonses.com", "Permanent", "General", "5.1.1"),
        ("ooto@simulator.amazonses.com", "Transient", "General", "5.3.0"),
        ("suppressionlist@simulator.amazonses.com", "Permanent", "OnAccountSuppressionList", "5.1.1"),
    ],
)
def test_bounces_have_their_documented_kind(address: str, kind: str, subtype: str, status: str) -> None:
    bounce = events_of(mail_to(address))[-1]["bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == (kind, subtype)
    assert bounce["bouncedRecipients"][0]["emailAddress"] == address
    assert bounce["bouncedRecipients"][0]["status"] == status


@pytest.mark.parametrize(("reason", "kind"), [("BOUNCE", "Bounce"), ("COMPLAINT", "Complaint")])
def test_a_suppressed_address_gets_nothing_but_the_event_of_its_reason(reason: str, kind: str) -> None:
    events = events_of(mail_to("a@example.com"), suppression_reason=lambda _address: reason)
    assert kinds(events) == ["Send", kind]
    assert events[-1][kind.lower()][f"{kind.lower()}SubType"] == "OnAccountSuppressionList"


def test_an_account_may_ignore_a_reason_of_its_suppression_list() -> None:
    account = Account()
    account.suppress("a@example.com", "BOUNCE")
    assert account.suppression_reason("A@example.com") == "BOUNCE"
    account.suppressed_reasons = ["COMPLAINT"]
    assert account.suppression_reason("A@example.com") is None


def test_a_text_mail_is_never_seen_to_be_opened() -> None:
    assert kinds(events_of(mail_to("a@example.com", content=Content(text="hi")))) == ["Send", "Delivery"]


def test_a_mail_without_a_link_is_opened_but_not_clicked() -> None:
    html = Content(html="<p>hi</p>")
    assert kinds(events_of(mail_to("a@example.com", content=html))) == ["Send", "Delivery", "Open"]


def test_a_click_names_a_link_of_the_mail() -> None:
    click = events_of(mail_to("a@example.com"))[-1]["click"]
    assert (click["link"], click["linkTags"]) == ("https://example.com/x", None)


def test_a_missing_variable_is_a_rendering_failure_and_nothing_else() -> None:
    events = events_of(mail_to("a@example.com", content=Content(text="{{name}}"), data={}))
    assert kinds(events) == ["Rendering Failure"]
    assert events[0]["failure"] == {
        "errorMessage": "Attribute 'name' is not present in the rendering data.",
        "templateName": "welcome",
    }
    assert "headers" not in events[0]["mail"]


def test_each_recipient_of_a_mail_has_a_fate_of_its_own() -> None:
    events = events_of(mail_to("bounce@simulator.amazonses.com", "success@simulator.amazonses.com"))
    assert sorted(kinds(events)) == ["Bounce", "Delivery", "Send"]
    assert all(len(event["mail"]["destination"]) == 2 for event in events)


def test_tags_are_lists_and_include_those_of_ses() -> None:
    tags = events_of(mail_to("a@example.com"))[0]["mail"]["tags"]
    assert tags["ems_email_id"] == ["e-1"]
    assert tags["ses:configuration-set"] == ["ems"]
    assert tags["ses:from-domain"] == ["example.com"]
    assert all(isinstance(values, list) for values in tags.values())


def test_the_send_event_of_a_templated_mail_has_no_subject_yet() -> None:
    send, delivery, *_ = events_of(mail_to("a@example.com"))
    assert "subject" not in send["mail"]["commonHeaders"]
    assert delivery["mail"]["commonHeaders"]["subject"] == "Hi"


def test_opens_and_clicks_name_no_identity() -> None:
    named = {event["eventType"]: "sourceArn" in event["mail"] for event in events_of(mail_to("a@example.com"))}
    assert named == {"Send": True, "Delivery": True, "Open": False, "Click": False}


def test_the_message_ends_with_a_line_break_as_ses_sends_it() -> None:
    assert event_json(mail_to("a@example.com"), "Send", {}).endswith("}\n")


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_every_outcome_that_can_be_asked_for_happens(outcome: str) -> None:
    expected = {
        "reject": ["Send", "Reject"],
        "soft_bounce": ["Send", "Bounce"],
        "delivery_delay": ["Send", "DeliveryDelay"],
        "not_spam": ["Send", "Delivery", "Complaint"],
        "subscription": ["Send", "Delivery", "Subscription"],
        "rendering_failure": ["Rendering Failure"],
    }
    assert kinds(events_of(mail_to("a@example.com"), outcome=outcome)) == expected[outcome]


def test_events_keep_to_the_pace_that_was_asked_for() -> None:
    slow = Options(event_seconds=10.0)
    planned = plan(
        mail_to("complaint@simulator.amazonses.com"),
        options=slow,
        chance=random.Random(7),
        suppression_reason=lambda _: None,
    )
    assert all(0.5 <= event.after <= 10.0 for event in planned)


def test_the_same_seed_tells_the_same_story() -> None:
    half = Options(open_rate=0.5, click_rate=0.5)
    mails = [mail_to(f"reader{number}@example.com") for number in range(50)]

    def story() -> list[list[str]]:
        chance = random.Random(3)
        return [
            [event.kind for event in plan(mail, options=half, chance=chance, suppression_reason=lambda _: None)]
            for mail in mails
        ]

    assert story() == story()
    assert len({len(events) for events in story()}) == 3
