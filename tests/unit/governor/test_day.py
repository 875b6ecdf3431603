"""The 24-hour quota over the day: when there is room again, and what waits until then."""

from dataclasses import replace

import pytest
from fakes.clock import Clock
from fakes.rate_store import MemoryRateStore

from ems.aws.account import AccountSample
from ems.governor.day import room_at
from ems.governor.errors import QuotaExhaustedError, SendingPausedError
from ems.governor.governor import Governor
from ems.governor.line import micros, used_24h
from ems.governor.policy import Policy
from ems.governor.readings import AccountReadings
from ems.sending.outcomes import LEASE_PAUSE_SECONDS, QUOTA_PAUSE_SECONDS, Postponed, after_refused_lease
from ems.store.rate_item import HOURS, KEPT_SECONDS, SCALARS, Line, used_name, wire

MIDNIGHT = 1_700_006_400.0
POLICY = Policy()


class Account:
    """SES: 1,000 recipients a day, of which bulk may use 900. Read on the hour, and when the test says so."""

    def __init__(self) -> None:
        self.clock = Clock(MIDNIGHT)
        self.store = MemoryRateStore()
        self.sample = AccountSample(100, 1_000, 0, sending_enabled=True, enforcement="HEALTHY")
        self.read()

    def read(self, **changes: float) -> None:
        self.sample = replace(self.sample, **changes)
        AccountReadings(self.store, lambda: self.sample, POLICY, self.clock).first()

    def send(self, recipients: int) -> None:
        assert self.store.line is not None
        self.store.line = replace(self.store.line, granted=self.store.line.granted + recipients)

    def governor(self) -> Governor:
        return Governor(self.store, lambda: self.sample, POLICY, clock=self.clock)

    @property
    def line(self) -> Line:
        assert self.store.line is not None
        return self.store.line


@pytest.fixture
def ses() -> Account:
    return Account()


def test_bulk_waits_until_what_was_sent_first_leaves_the_24_hours(ses: Account) -> None:
    ses.clock.advance(3 * 3600)
    ses.read()
    ses.send(400)
    ses.clock.advance(5 * 3600)
    ses.read(sent_24h=400)
    assert ses.governor().status().bulk_waits_for is None
    ses.send(500)
    status = ses.governor().status()
    assert (status.bulk_waits_for, status.quota_left, status.quota_left_for_bulk) == ("quota", 100, 0)
    assert status.bulk_waits_until == MIDNIGHT + 27 * 3600


def test_what_is_leaving_at_this_hour_makes_room_with_the_next_reading(ses: Account) -> None:
    ses.send(900)
    ses.clock.advance(24 * 3600 + 60)
    ses.read(sent_24h=900)
    status = ses.governor().status()
    assert (status.bulk_waits_for, status.bulk_waits_until) == ("quota", ses.clock() + POLICY.refresh_seconds)
    ses.clock.advance(3600)
    ses.read(sent_24h=0)
    status = ses.governor().status()
    assert (status.bulk_waits_for, status.bulk_waits_until) == (None, None)


def test_when_others_used_the_quota_nobody_can_tell_until_when(ses: Account) -> None:
    ses.clock.advance(60)
    ses.read(sent_24h=950)
    status = ses.governor().status()
    assert (status.bulk_waits_for, status.bulk_waits_until) == ("quota", None)


def test_an_account_that_may_not_send_holds_bulk_back(ses: Account) -> None:
    ses.clock.advance(60)
    ses.read(sending_enabled=False)
    assert ses.governor().status().bulk_waits_for == "account"


def test_quota_that_no_call_fits_into_is_used(ses: Account) -> None:
    ses.send(899)
    assert ses.governor().status().quota_left_for_bulk == 1
    assert ses.governor().status().bulk_waits_for == "quota"


def test_hours_in_which_nothing_was_read_granted_nothing(ses: Account) -> None:
    ses.send(10)
    ses.clock.advance(100 * 3600)
    ses.read()
    assert len(ses.line.hours) == HOURS
    assert room_at(ses.line, now=micros(ses.clock())) is None


def test_a_line_of_an_older_release_has_no_hours_and_gets_them_with_the_next_reading(ses: Account) -> None:
    ses.store.line = replace(ses.line, hours=())
    assert room_at(ses.line, now=micros(ses.clock())) is None
    ses.clock.advance(60)
    ses.read()
    assert set(ses.line.hours) == {0}


def test_the_item_stays_under_the_kilobyte_that_a_lease_pays_for() -> None:
    """Sizes as DynamoDB counts them: names in UTF-8, a number two digits a byte and one more, 1 + 3 for a list."""
    longest = dict.fromkeys(SCALARS, 10**8) | dict.fromkeys(map(used_name, range(KEPT_SECONDS)), 9_999)
    longest |= {name: 10**16 for name in SCALARS if name.endswith("_at")}
    size = sum(len(name) + len(str(value)) // 2 + 2 for name, value in longest.items())
    size += len("hours") + 3 + HOURS * (1 + 8 // 2 + 2) + len("account" + "ses")
    assert size < 1024
    assert len(wire((10**8,) * HOURS)["L"]) == HOURS


@pytest.mark.parametrize("counted", [40, 70, 100])
def test_what_was_granted_right_before_a_reading_counts_once_whether_or_not_ses_knows_of_it_yet(
    ses: Account, counted: int
) -> None:
    """Else bulk would pass its quota by what was on the way at a reading, or wait for quota that is not used."""
    second = int(ses.clock())
    ses.store.line = replace(ses.line, granted=100, used={second - 60: 40, second - 1: 30, second: 20, second + 1: 10})
    ses.clock.advance(0.5)
    ses.store.line = replace(ses.line, refresh_at=0)
    ses.read(sent_24h=counted)
    assert used_24h(ses.line) == 100
    ses.clock.advance(60)
    ses.read(sent_24h=100)
    assert used_24h(ses.line) == 100


@pytest.mark.parametrize("error", [QuotaExhaustedError, SendingPausedError])
@pytest.mark.parametrize(("until", "seconds"), [(-100, QUOTA_PAUSE_SECONDS), (30, 30), (3600, LEASE_PAUSE_SECONDS)])
def test_a_mail_that_waits_for_quota_comes_back_a_few_times_a_minute_at_most(
    error: type[QuotaExhaustedError], until: float, seconds: int
) -> None:
    postponed = after_refused_lease(error("the reason", until=1e9 + until), now=1e9)
    assert postponed == Postponed(seconds, "the reason")
