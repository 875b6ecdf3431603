"""What a mail adds to the counters."""

import math
from dataclasses import replace

import pytest
from fakes.ses_events import event, load

from ems.store.counters import ACCOUNT, Counts, Place, Scope, bucket
from ems.store.tracking import TrackedMail
from ems.tracking.contribution import GROWTH, contribution, quantile, time_class, timed
from ems.tracking.decide import decide_all, mail_after
from ems.tracking.events import SesEvent, parse
from ems.tracking.kinds import kind_of, type_of
from ems.tracking.unsubscribing import unsubscription

SPRING = Scope("campaign", "spring")


def after(*events: SesEvent, mail: TrackedMail | None = None) -> TrackedMail:
    mail = mail or TrackedMail("em-1")
    decision = decide_all(mail, events)
    assert decision is not None
    return mail_after(mail, decision.write)


def in_total(mail: TrackedMail, scope: Scope = SPRING) -> dict[str, int]:
    """Return what a mail adds to a scope's total, but for times to delivery."""
    counts: Counts = contribution(mail)
    return {name: number for name, number in counts.get(Place(scope), {}).items() if "delivered_in" not in name}


def test_a_mail_counts_once_however_often_it_is_opened() -> None:
    later = load("open")
    later["open"]["timestamp"] = "2026-10-12T11:30:00.000Z"
    mail = after(event("open"), *parse(later))
    assert in_total(mail) == {"sent": 1, "opened": 1, "events:open:person": 2, "mails:open:person": 1}


def test_any_proof_makes_a_mail_sent_but_a_refusal() -> None:
    assert in_total(after(event("delivery")))["sent"] == 1
    assert "sent" not in in_total(after(event("reject")))
    assert "sent" not in in_total(after(event("rendering_failure")))


def test_whoever_leaves_by_the_link_or_by_ses_own_list_is_unsubscribed_and_told_apart() -> None:
    by_link = unsubscription(TrackedMail("em-1", campaign_id="spring"), by="page", at=1.0)
    assert in_total(after(by_link)) == {"sent": 1, "unsubscribed": 1, "events:unsubscribe": 1}
    by_ses = event("subscription")
    assert in_total(after(by_ses)) == {"sent": 1, "unsubscribed": 1, "events:ses_unsubscribe": 1}
    assert in_total(after(by_link, by_ses))["unsubscribed"] == 1
    assert (type_of(kind_of(by_link)), type_of(kind_of(by_ses))) == (by_link.type, by_ses.type)


def test_bounces_are_told_apart_by_hardness_and_subtype() -> None:
    assert in_total(after(event("bounce_permanent"))) == {"sent": 1, "hard_bounced": 1, "events:hard_bounce:General": 1}
    strange = load("bounce_permanent")
    strange["bounce"] |= {"bounceType": "Transient", "bounceSubType": "SomethingNew"}
    assert in_total(after(*parse(strange))) == {"sent": 1, "soft_bounced": 1, "events:soft_bounce:other": 1}


def test_a_mail_counts_in_the_hour_and_minute_of_its_first_event() -> None:
    mail = after(event("open"))
    first = mail.moments["open"]["first"]
    counts = contribution(mail)
    assert counts[Place(SPRING, bucket("hour", first))] == {"sent": 1, "opened": 1}
    assert counts[Place(SPRING, bucket("minute", first))] == {"sent": 1, "opened": 1}
    assert Place(ACCOUNT, bucket("minute", first)) not in counts


def test_a_batch_is_known_by_the_mails_id_also_before_the_sender_wrote_the_row() -> None:
    mail = after(event("send"), mail=TrackedMail("b1-000007"))
    assert in_total(mail, Scope("batch", "b1")) == in_total(mail, SPRING) == in_total(mail, ACCOUNT)
    assert in_total(after(event("send")), Scope("batch", "b1")) == {}


def test_a_mail_of_no_campaign_counts_for_the_account() -> None:
    mail = after(event("send", tags=None))
    assert {place.scope for place in contribution(mail)} == {ACCOUNT}


def test_the_event_of_a_copy_is_no_count() -> None:
    mail = after(event("send"))
    copied = load("bounce_permanent", destination=["jane.doe@example.com", "boss@example.com"])
    copied["bounce"]["bouncedRecipients"][0]["emailAddress"] = "boss@example.com"
    assert in_total(after(*parse(copied), mail=mail)) == in_total(mail)


def test_a_row_of_a_release_before_the_counters_counts_whole_with_its_next_event() -> None:
    played = after(event("send"), event("delivery"))
    old = replace(played, facts=None)
    assert contribution(old) == {}
    assert contribution(after(event("open"), mail=old)) == contribution(after(event("open"), mail=played))


def test_what_a_worker_of_such_a_release_applied_in_between_is_taken_in_later() -> None:
    first = after(event("send"))
    by_both = replace(after(event("delivery"), mail=first), facts=first.facts)
    everything = after(event("open"), mail=by_both)
    assert contribution(everything) == contribution(after(event("send"), event("delivery"), event("open")))


@pytest.mark.parametrize("milliseconds", [0.0, 1.0, 3.0, 250.0, 1_234.0, 86_400_000.0])
def test_a_quantile_is_off_by_at_most_a_twentieth(milliseconds: float) -> None:
    told = quantile({f"delivered_in:{time_class(milliseconds)}": 3}, 0.5)
    assert told is not None
    assert math.isclose(told * 1000, max(milliseconds, 1.0), rel_tol=(GROWTH - 1) / (GROWTH + 1) + 1e-9)


def test_quantiles_follow_the_ranks() -> None:
    counts = {f"delivered_in:{time_class(ms)}": number for ms, number in ((100.0, 90), (5_000.0, 10))}
    assert timed(counts) == 100
    assert quantile(counts, 0.9) == pytest.approx(0.1, rel=0.05)
    assert quantile(counts, 0.95) == pytest.approx(5.0, rel=0.05)
    assert quantile({}, 0.5) is None
