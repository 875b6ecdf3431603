import pytest

from ems.aws.clock import WINDOW_SECONDS, SkewMeter, offset_of

START = 1_700_000_000.0


def test_one_answer_bounds_the_offset_by_its_resolution() -> None:
    offset = offset_of(sent=START + 0.3, received=START + 0.5, date=START, staleness=0)
    assert (offset.least, offset.most) == (pytest.approx(-0.7), pytest.approx(0.5))


def test_nothing_is_known_before_the_first_answer() -> None:
    meter = SkewMeter()
    assert meter.bounds() is None
    assert not meter.skew_exceeds(0.25)


def test_a_clock_that_is_behind_is_proved_by_one_answer() -> None:
    meter = SkewMeter()
    meter.observe(sent=START - 2, received=START - 1.9, date=START)
    assert meter.skew_exceeds(0.25)


def test_bounds_of_minutes_ago_do_not_count() -> None:
    meter = SkewMeter()
    meter.observe(sent=START - 2, received=START - 1.9, date=START)
    later = START + 2 * WINDOW_SECONDS
    meter.observe(sent=later, received=later + 0.1, date=later)
    assert not meter.skew_exceeds(0.25)


def test_bounds_of_the_last_minute_still_count() -> None:
    meter = SkewMeter(staleness=0)
    meter.observe(sent=START + 0.99, received=START + 1.0, date=START)
    later = START + WINDOW_SECONDS
    meter.observe(sent=later + 0.01, received=later + 0.02, date=later)
    assert meter.bounds() == (pytest.approx(-0.01), pytest.approx(0.02))


def test_a_mended_clock_is_believed_when_an_answer_contradicts_the_bounds() -> None:
    meter = SkewMeter()
    meter.observe(sent=START - 2, received=START - 1.9, date=START)
    meter.observe(sent=START + 1.9, received=START + 1.95, date=START)
    assert not meter.skew_exceeds(0.25)
