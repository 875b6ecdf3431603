from hypothesis import given
from hypothesis import strategies as st

from ems.local.simulator.rate import DAY_SECONDS, DailyQuota, SendRate


def test_a_full_bucket_lets_one_second_of_recipients_through_at_once() -> None:
    rate = SendRate(rate=5, now=0.0)
    assert [rate.admit(1, now=0.0) for _ in range(6)] == [True] * 5 + [False]


def test_a_call_with_more_recipients_than_quota_passes_and_its_recipients_are_owed() -> None:
    rate = SendRate(rate=1, now=0.0)
    assert rate.admit(5, now=0.0)
    assert not any(rate.admit(1, now=float(second)) for second in range(1, 5))
    assert rate.admit(1, now=5.0)


def test_an_idle_account_saves_up_no_more_than_one_second() -> None:
    rate = SendRate(rate=10, now=0.0)
    assert sum(rate.admit(1, now=3_600.0) for _ in range(100)) == 10


def test_a_rate_below_one_a_second_still_lets_a_mail_through() -> None:
    rate = SendRate(rate=0.5, now=0.0)
    assert rate.admit(1, now=0.0)
    assert not rate.admit(1, now=1.0)
    assert rate.admit(1, now=2.0)


def test_a_debt_outlives_a_change_of_the_rate() -> None:
    rate = SendRate(rate=1, now=0.0)
    rate.admit(11, now=0.0)
    rate.change(10, now=0.0)
    assert not rate.admit(1, now=1.0)
    assert rate.admit(1, now=1.2)


def test_a_debt_can_be_forgiven_between_two_tests() -> None:
    rate = SendRate(rate=1, now=0.0)
    rate.admit(50, now=0.0)
    rate.forgive(now=0.0)
    assert rate.admit(1, now=0.0)


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    rate = SendRate(rate=1, now=100.0)
    assert rate.admit(1, now=100.0)
    assert not rate.admit(1, now=50.0)
    assert not rate.admit(1, now=100.5)


@given(
    calls=st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(1, 50)), max_size=80),
    rate=st.integers(1, 200),
)
def test_accepted_recipients_never_exceed_bucket_plus_refill_plus_one_call(
    calls: list[tuple[float, int]], rate: int
) -> None:
    bucket, now, accepted = SendRate(rate=rate, now=0.0), 0.0, 0
    for pause, recipients in calls:
        now += pause
        if bucket.admit(recipients, now=now):
            assert accepted <= rate + rate * now
            accepted += recipients


def test_the_daily_quota_rolls_over_twenty_four_hours() -> None:
    daily = DailyQuota(limit=100)
    daily.count(60, now=0.0)
    daily.count(40, now=3_600.0)
    assert not daily.has_room(1, now=DAY_SECONDS - 1)
    assert daily.has_room(60, now=DAY_SECONDS)
    assert daily.sent(now=DAY_SECONDS) == 40


def test_the_daily_quota_refuses_a_mail_that_does_not_fit_as_a_whole() -> None:
    daily = DailyQuota(limit=10)
    daily.count(8, now=0.0)
    assert daily.has_room(2, now=1.0)
    assert not daily.has_room(3, now=1.0)


def test_minus_one_is_an_unlimited_daily_quota() -> None:
    assert DailyQuota(limit=-1).has_room(10**9, now=0.0)
