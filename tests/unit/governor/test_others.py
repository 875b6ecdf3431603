"""What a process expects the others to have booked since it last saw the line."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.governor.others import MOST, Others
from ems.governor.policy import Policy
from ems.store.rate_item import MILLI, SECOND, Line

NOW = 1_700_000_000 * SECOND
LINE = Line(send_limit=100 * MILLI, sampled_at=NOW, next_at=NOW)


def watching(*, seconds: float, others: float, own: int = 0) -> Others:
    """Watch a line of 100 a second for *seconds*, on which others book so many a second, and this process *own*."""
    watcher, line = Others(Policy(headroom=0)), LINE
    for step in range(round(seconds * 10) + 1):
        watcher.saw(line, own=own, at=NOW + step * SECOND // 10)
        line = replace(line, granted=line.granted + round(others / 10) + own)
    return watcher


def test_whoever_is_alone_expects_the_line_where_it_was() -> None:
    alone = watching(seconds=3, others=0, own=5)
    assert alone.expected(LINE, at=NOW + 9 * SECOND) == LINE


@pytest.mark.parametrize(("others", "share"), [(50, 0.5), (70, 0.7), (100, MOST), (300, MOST)])
def test_others_are_expected_to_go_on_as_they_did_but_not_to_take_everything(others: float, share: float) -> None:
    watcher = watching(seconds=5, others=others)
    assert watcher.share == pytest.approx(share, abs=0.01)
    later = watcher.expected(LINE, at=NOW + 6 * SECOND)
    assert later.next_at - NOW == pytest.approx(share * SECOND, rel=0.02)


def test_others_that_stop_are_forgotten_within_seconds() -> None:
    watcher = watching(seconds=5, others=50)
    seen = replace(LINE, granted=10**6)
    watcher.saw(seen, own=0, at=NOW + 6 * SECOND)
    watcher.saw(seen, own=0, at=NOW + 9 * SECOND)
    assert watcher.share < 0.01


@given(st.lists(st.tuples(st.integers(-SECOND, SECOND), st.integers(0, 10**4), st.integers(0, 10**4)), max_size=30))
def test_whatever_is_seen_the_line_is_expected_no_earlier_than_seen_and_no_faster_than_time(
    looks: list[tuple[int, int, int]],
) -> None:
    watcher, line, at = Others(Policy()), LINE, NOW
    for step, others, own in looks:
        at += step
        line = replace(line, granted=line.granted + others)
        watcher.saw(line, own=own, at=at)
        for ahead in (-SECOND, 0, SECOND):
            expected = watcher.expected(line, at=at + ahead)
            assert line.next_at <= expected.next_at <= line.next_at + max(0, ahead)
