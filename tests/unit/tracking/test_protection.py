from dataclasses import replace

import pytest
from fakes.ses_events import event, load

from ems.tracking.events import parse
from ems.tracking.protection import Verdict, verdict_on


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("bounce_permanent", Verdict("bounce", "all")),
        ("notification_bounce", Verdict("bounce", "all")),
        ("bounce_suppressed", Verdict("bounce", "all")),
        ("bounce_out_of_office", None),
        ("complaint", Verdict("complaint", "all")),
        ("complaint_suppressed", Verdict("complaint", "all")),
        ("complaint_not_spam", None),
        ("subscription", Verdict("unsubscribe", "bulk")),
        ("send", None),
        ("delivery", None),
        ("delivery_delay", None),
        ("open", None),
        ("reject", None),
        ("rendering_failure", None),
        ("unknown", None),
    ],
)
def test_what_an_event_means_for_the_address(name: str, verdict: Verdict | None) -> None:
    assert verdict_on(event(name)) == verdict


def test_only_the_recipient_that_is_gone_is_suppressed() -> None:
    gone, later = parse(load("bounce_mixed"))
    assert verdict_on(gone) == Verdict("bounce", "all")
    assert verdict_on(later) is None


def test_a_bounce_of_list_management_is_an_unsubscription() -> None:
    document = load("bounce_permanent")
    document["bounce"]["bounceSubType"] = "UnsubscribedRecipient"
    assert verdict_on(parse(document)[0]) == Verdict("unsubscribe", "bulk")


def test_subscribing_again_suppresses_nobody() -> None:
    document = load("subscription")
    preferences = document["subscription"]
    preferences["newTopicPreferences"] = preferences["oldTopicPreferences"]
    assert verdict_on(parse(document)[0]) is None


@pytest.mark.parametrize("name", ["bounce_permanent", "complaint", "subscription"])
def test_addresses_of_the_mailbox_simulator_stay_usable(name: str) -> None:
    simulated = replace(event(name), recipient="bounce+label@simulator.amazonses.com")
    assert verdict_on(simulated) is None


def test_an_event_without_an_address_suppresses_nobody() -> None:
    assert verdict_on(replace(event("bounce_permanent"), recipient=None)) is None
