"""How the line's last minute is accounted for, by what each process saw of it."""

from dataclasses import replace

import pytest
from fakes.clock import Clock

from ems.errors import UnavailableError
from ems.governor.errors import ClockSkewError, QuotaExhaustedError
from ems.governor.minute import LAG_SECONDS, MINUTE, Minute, account
from ems.governor.policy import Policy
from ems.governor.reporter import Reporter
from ems.governor.watch import KEPT_SECONDS, Watch
from ems.store.rate_item import MILLI, SECOND, Line
from ems.store.senders import LaneWaits, SenderReport

POLICY = Policy(headroom=0)
NOW = 1_800_000_000
NEWEST = NOW - 1 - LAG_SECONDS
"""The newest second of the minute that is accounted for."""


def line(*, used: int, seconds: int = MINUTE, **changes: int) -> Line:
    """A line of 100 recipients a second that used so many in each of the last *seconds* of the minute."""
    minute = dict.fromkeys(range(NEWEST - seconds + 1, NEWEST + 1), used)
    return replace(Line(send_limit=100 * MILLI, sampled_at=NOW * SECOND, used=minute), **changes)


def sender(asking: float, *, process: str = "mail-1-7", missed: int = 0) -> SenderReport:
    """A process whose calls waited for that share of every second."""
    kept = (round(asking * 1000),) * KEPT_SECONDS
    return SenderReport(process=process, at=NOW, newest=NOW - 2, asking=kept, missed=missed)


def unused(line: Line, *reports: SenderReport) -> dict[str, float]:
    told = account(line, reports, now=NOW * SECOND, policy=POLICY).unused_seconds
    return {why: seconds for why, seconds in told.items() if seconds}


def test_a_full_line_has_no_time_unused() -> None:
    assert unused(line(used=100), sender(1.0)) == {}


def test_where_nobody_waits_there_was_no_work() -> None:
    assert unused(line(used=0), sender(0.0)) == {"no_work": 60.0}
    assert unused(line(used=100, seconds=20), sender(0.0)) == {"no_work": 40.0}
    assert unused(line(used=0)) == {"no_work": 60.0}


def test_a_trickle_of_mails_that_each_wait_a_moment_for_their_lease_is_no_lack_of_grants() -> None:
    assert unused(line(used=5), sender(0.04)) == {"no_work": 57.0}


def test_where_calls_wait_and_none_is_booked_nothing_was_granted() -> None:
    assert unused(line(used=0), sender(0.2), sender(1.0, process="mail-2-7")) == {"no_grant": 60.0}
    assert unused(line(used=90), sender(1.0)) == {"no_grant": 6.0}


def test_what_a_throttle_takes_counts_as_its_own_while_calls_wait() -> None:
    throttled = {"penalty_rate": 50 * MILLI, "penalty_at": (NEWEST - 200) * SECOND}
    floor = line(used=0, **throttled | {"penalty_at": NOW * SECOND})
    assert unused(replace(floor, used=line(used=60).used), sender(1.0)) == {
        "throttled": pytest.approx(60 / 3, abs=0.02),
        "no_grant": pytest.approx(60 * (2 / 3 - 0.6), abs=0.02),
    }
    assert unused(line(used=0, **throttled), sender(0.0)) == {"no_work": 60.0}


def test_slots_that_were_missed_were_booked_and_not_used() -> None:
    assert unused(line(used=100), sender(1.0, missed=300)) == {"late": 3.0}


def test_while_no_limit_is_known_there_is_no_line_to_account_for() -> None:
    assert account(Line(), [], now=NOW * SECOND, policy=POLICY).unused_seconds == {}


def test_the_lanes_of_all_processes_are_added_up() -> None:
    one = replace(sender(0), lanes={"bulk": LaneWaits(calls=1, seconds=0.3, longest_seconds=0.3, waiting=1)})
    two = replace(sender(0), lanes={"bulk": LaneWaits(calls=3, seconds=0.5, longest_seconds=0.4)}, refused={"quota": 2})
    one, two = replace(one, requests=3), replace(two, requests=4)
    minute: Minute = account(line(used=0), [one, two], now=NOW * SECOND, policy=POLICY)
    bulk, none = minute.lanes["bulk"], minute.lanes["transactional"]
    assert (bulk.calls, bulk.mean_seconds, bulk.longest_seconds, bulk.waiting) == (4, 0.2, 0.4, 1)
    assert (none.calls, none.mean_seconds) == (0, None)
    assert (minute.refused, minute.lease_requests) == ({"quota": 2}, 7)


# What a process sees itself.


def test_the_time_in_which_any_call_waited_is_counted_once_however_many_waited() -> None:
    clock = Clock(NOW)
    watch = Watch(clock)
    clock.advance(0.25)
    with watch.asking("bulk"):
        clock.advance(0.5)
        with watch.asking("transactional"):
            clock.advance(1.0)
    clock.advance(10)
    seen = watch.last_minute()
    assert seen.newest == NOW + 10
    assert seen.asking[-11:-8] == (750, 750, 0)


def test_refusals_waits_and_missed_slots_of_the_last_minute_are_told_and_older_ones_forgotten() -> None:
    clock = Clock(NOW)
    watch = Watch(clock)
    with pytest.raises(QuotaExhaustedError), watch.asking("bulk"):
        raise QuotaExhaustedError("used", until=0)
    watch.granted("bulk", wait=0.25)
    watch.granted("bulk", wait=0.75)
    watch.missed(2)
    watch.requested()
    seen = watch.last_minute()
    assert seen.lanes["bulk"] == LaneWaits(calls=2, seconds=1.0, longest_seconds=0.75, waiting=0)
    assert (seen.refused, seen.missed, seen.requests) == ({"quota": 1}, 2, 1)
    clock.advance(MINUTE + 1)
    with watch.asking("bulk"):
        seen = watch.last_minute()
    assert (seen.lanes["bulk"], seen.refused, seen.missed, seen.requests) == (LaneWaits(waiting=1), {}, 0, 0)
    clock.advance(KEPT_SECONDS)
    watch.missed(1)
    assert len(watch._seconds) == 1


def test_a_clock_that_steps_back_does_no_harm() -> None:
    clock = Clock(NOW)
    watch = Watch(clock)
    with watch.asking("bulk"):
        clock.advance(-30)
    assert sum(watch.last_minute().asking) == 0


class Skew:
    def skew_exceeds(self, seconds: float) -> bool:
        return seconds < 5

    def bounds(self) -> tuple[float, float]:
        return (4.9, 5.1)


def test_a_process_whose_clock_is_wrong_says_so() -> None:
    clock, written = Clock(NOW), list[SenderReport]()
    watch = Watch(clock)
    with pytest.raises(ClockSkewError), watch.asking("transactional"):
        raise ClockSkewError("the clock", "off")
    Reporter(written.append, watch, clock_check=Skew(), max_skew=0.25, clock=clock).report()
    [report] = written
    assert report.clock_wrong
    assert (report.clock_offset_seconds, report.refused, report.at) == ((4.9, 5.1), {"clock": 1}, NOW)


def test_a_report_that_cannot_be_written_is_followed_by_the_next() -> None:
    attempts = list[SenderReport]()

    def write(report: SenderReport) -> None:
        attempts.append(report)
        reporter.stop()
        raise UnavailableError("DynamoDB", "gone")

    reporter = Reporter(write, Watch(Clock(NOW)), clock_check=Skew(), max_skew=0.25)
    reporter._keep_reporting()
    assert len(attempts) == 1
