"""Campaigns and batches in numbers, counted by the tracker in the real tables."""

from collections import Counter
from dataclasses import replace

import pytest
from fakes.clock import Clock
from fakes.sending import CAMPAIGN, batch
from fakes.ses_events import load
from fakes.tables import batches_of
from fakes.tracking import tracker_of
from fakes.web import FakeCampaignStore

from ems.errors import UnknownIdError
from ems.history.statistics import LinkView, Readings, Statistics
from ems.store.stats import StatsStore
from ems.store.tables import Tables
from ems.tracking.apply import Tracker
from ems.tracking.events import parse


@pytest.fixture
def campaigns() -> FakeCampaignStore:
    return FakeCampaignStore()


@pytest.fixture
def statistics(tables: Tables, campaigns: FakeCampaignStore, clock: Clock) -> Statistics:
    batches = batches_of(tables, clock)
    batches.create(batch())
    return Statistics(StatsStore(tables), campaigns, batches)


@pytest.fixture
def tracker(tables: Tables, clock: Clock) -> Tracker:
    return tracker_of(tables, clock)


def happen(tracker: Tracker, email_id: str, *names: str) -> None:
    for name in names:
        mail = {"tags": {"ems_email_id": [email_id], "ems_campaign_id": ["welcome"]}, "messageId": f"m-{email_id}"}
        tracker.apply(*parse(load(name, **mail)))


def test_a_batch_and_its_campaign_count_the_same_mails(statistics: Statistics, tracker: Tracker) -> None:
    happen(tracker, "b1-000000", "send", "delivery", "open", "click")
    happen(tracker, "b1-000001", "send", "bounce_permanent")
    happen(tracker, "b1-000002", "send", "delivery", "complaint")
    happen(tracker, "e1", "send")

    batch, campaign = statistics.batch("b1"), statistics.campaign("welcome")
    assert {name: number for name, number in batch.mails.items() if number} == {
        "sent": 3,
        "delivered": 2,
        "hard_bounced": 1,
        "complained": 1,
        "opened": 1,
        "clicked": 1,
    }
    assert campaign.mails == {**batch.mails, "sent": 4}
    assert batch.events == {"click": 1, "complaint": 1, "delivery": 2, "hard_bounce": 1, "open": 1, "send": 3}
    assert (sum(batch.hard_bounces.values()), batch.complaints) == (1, {"abuse": 1})
    assert batch.delivery_seconds.mails == 2
    assert (batch.opens["person"], batch.opens["apple_mpp"]) == (Readings(1, 1), Readings(0, 0))
    assert batch.links == campaign.links == [LinkView("https://www.example.com/offer", 1, 1, 0)]


def test_a_series_adds_up_to_the_mails_that_are_counted(statistics: Statistics, tracker: Tracker) -> None:
    happen(tracker, "b1-000000", "send", "delivery", "open", "click", "complaint")
    happen(tracker, "b1-000001", "send", "bounce_permanent")
    counted = {name: number for name, number in statistics.batch("b1").mails.items() if number}
    for step in ("hour", "minute"):
        for series in (statistics.batch_series, statistics.campaign_series):
            subject = "b1" if series == statistics.batch_series else "welcome"
            points = series(subject, step, start=0.0, end=2e9)  # type: ignore[arg-type]
            assert sum((Counter(one.mails) for one in points), Counter()) == counted
            assert [one.at for one in points] == sorted({one.at for one in points})


def test_a_subject_is_a_batch_or_else_a_campaign(statistics: Statistics, tracker: Tracker) -> None:
    happen(tracker, "b1-000000", "send")
    happen(tracker, "e1", "send")
    assert [statistics.subject(one).mails["sent"] for one in ("b1", "welcome")] == [1, 2]
    assert len(statistics.subject_series("welcome", "hour", start=0.0, end=2e9)) == 1
    with pytest.raises(UnknownIdError):
        statistics.subject_series("nothing", "hour", start=0.0, end=2e9)


def test_a_campaign_without_an_event_counts_nothing(statistics: Statistics, campaigns: FakeCampaignStore) -> None:
    campaigns.insert(CAMPAIGN)
    view = statistics.campaign(CAMPAIGN.campaign_id)
    assert (sum(view.mails.values()), view.events, view.since) == (0, {}, None)
    assert (view.delivery_seconds.mails, view.delivery_seconds.p50) == (0, None)


def test_a_campaigns_numbers_say_that_it_is_paused_and_why(
    statistics: Statistics, campaigns: FakeCampaignStore
) -> None:
    campaigns.insert(replace(CAMPAIGN, state="paused_by_breaker", state_reason="8 of 100 bounced"))
    view = statistics.campaign(CAMPAIGN.campaign_id)
    assert (view.state, view.state_reason) == ("paused_by_breaker", "8 of 100 bounced")


def test_the_numbers_of_a_deleted_campaign_stay(statistics: Statistics, tracker: Tracker) -> None:
    happen(tracker, "e1", "send")
    assert statistics.campaign("welcome").mails["sent"] == 1


def test_an_id_of_nothing_is_no_subject_without_numbers(statistics: Statistics) -> None:
    with pytest.raises(UnknownIdError):
        statistics.campaign("welcome")
    with pytest.raises(UnknownIdError):
        statistics.batch("b2")
