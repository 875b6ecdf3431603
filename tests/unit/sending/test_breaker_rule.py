"""The breaker's rule on numbers."""

import pytest

from ems.sending.breaker_rule import MIN_MAILS, WINDOW_SECONDS, Limits, counted, judge, wilson_lower
from ems.store.breakers import Mark, Tally

LIMITS = Limits(bounce_rate=0.05, complaint_rate=0.001)


@pytest.mark.parametrize(
    ("count", "total", "lower"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        # table I, method 3 (score, without continuity correction).
        (81, 263, 0.2553),
        (15, 148, 0.0624),
        (1, 29, 0.0061),
        (0, 20, 0.0),
    ],
)
def test_the_lower_bound_is_that_of_the_literature(count: int, total: int, lower: float) -> None:
    assert wilson_lower(count, total) == pytest.approx(lower, abs=5e-5)


def test_nothing_of_nothing_has_the_bound_zero() -> None:
    assert wilson_lower(0, 0) == 0.0


@pytest.mark.parametrize(
    ("tally", "kind"),
    [
        (Tally(sent=100, hard_bounced=9), None),
        (Tally(sent=100, hard_bounced=10), "hard bounces"),
        (Tally(sent=10, hard_bounced=4), None),
        (Tally(sent=10, hard_bounced=5), "hard bounces"),
        (Tally(sent=100_000, hard_bounced=5_000), None),
        (Tally(sent=100_000, hard_bounced=5_200), "hard bounces"),
        (Tally(sent=100, complained=4), None),
        (Tally(sent=100, complained=5), "complaints"),
        (Tally(sent=5_000, complained=5), None),
        (Tally(sent=1_000_000, complained=1_000), None),
        (Tally(sent=1_000_000, complained=1_070), "complaints"),
        (Tally(sent=100, hard_bounced=50, complained=50), "hard bounces"),
        (Tally(), None),
    ],
)
def test_it_trips_on_what_is_above_the_limit_and_no_accident(tally: Tally, kind: str | None) -> None:
    alarm = judge(tally, LIMITS)
    assert (alarm and alarm.kind) == kind


def test_bounces_that_come_before_the_word_that_their_mails_were_sent_count_as_sent() -> None:
    alarm = judge(Tally(sent=2, hard_bounced=MIN_MAILS), LIMITS)
    assert alarm is not None
    assert (alarm.count, alarm.sent) == (MIN_MAILS, MIN_MAILS)


def test_the_reason_holds_the_numbers_and_names_the_setting() -> None:
    assert str(judge(Tally(sent=100, hard_bounced=23), LIMITS)) == (
        "23 hard bounces of 100 mails sent: 23 %, and with 95 % confidence more than 15.8 %; "
        "the limit is 5 % (EMS_BREAKER_BOUNCE_RATE)"
    )
    assert "the limit is 0.1 % (EMS_BREAKER_COMPLAINT_RATE)" in str(judge(Tally(sent=100, complained=9), LIMITS))


def test_a_limit_of_one_is_no_limit() -> None:
    assert judge(Tally(sent=1000, hard_bounced=1000, complained=1000), Limits(1.0, 1.0)) is None


def test_what_came_before_it_began_to_count_does_not_count() -> None:
    tally, marks = counted(None, Mark(0, Tally(500, 300, 20, 480)))
    assert tally == Tally()
    tally, again = counted(marks, Mark(60, Tally(600, 310, 20, 590)))
    assert (tally, again) == (Tally(100, 10, 0, 110), marks)


def test_what_counts_is_a_day_at_least_and_two_at_most_while_mails_are_sent() -> None:
    marks = None
    for hour in range(24 * 7):
        tally, marks = counted(marks, Mark(hour * 3600.0, Tally(sent=hour)))
        assert tally.sent <= 48
        assert tally.sent >= min(hour, 24)


def test_complaints_that_came_after_the_last_sending_count_at_the_next() -> None:
    _, marks = counted(None, Mark(0, Tally()))
    _, marks = counted(marks, Mark(3600, Tally(sent=10_000)))
    week = 7 * WINDOW_SECONDS
    tally, marks = counted(marks, Mark(week, Tally(sent=10_000, complained=80)))
    assert (tally.sent, tally.complained) == (10_000, 80)
    tally, _ = counted(marks, Mark(week + WINDOW_SECONDS, Tally(sent=20_000, complained=80)))
    assert (tally.sent, tally.complained) == (10_000, 0)


def test_counters_that_expired_never_make_less_than_nothing() -> None:
    _, marks = counted(None, Mark(0, Tally(100, 10, 5, 100)))
    assert counted(marks, Mark(1, Tally()))[0] == Tally()
