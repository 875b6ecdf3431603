"""The 24-hour quota over the day: what was granted in which hour, and so when SES has room again.

SES counts the last 24 hours, always sliding (SES Developer Guide, "Service quotas"), and says only the sum. What this
line granted in an hour leaves that sum 24 to 25 hours after the hour began; what others send through the same account
EMS does not know.
"""

from itertools import pairwise

from ems.store.rate_item import HOURS, SECOND, Line

HOUR = 3600 * SECOND
DAY_HOURS = 24


def marked(line: Line, *, now: int, granted: int) -> tuple[int, ...]:
    """Return ``hours`` of *line* with the hours marked that began between its last reading and the one at *now*.

    The account is read every minute while anything is sent, so nothing was granted in hours without a reading.
    """
    if len(line.hours) != HOURS:
        return (granted,) * HOURS
    hours = list(line.hours)
    newest = now // HOUR
    for hour in range(max(line.sampled_at // HOUR + 1, newest - HOURS + 1), newest + 1):
        hours[hour % HOURS] = granted
    return tuple(hours)


def room_at(line: Line, *, now: int) -> int | None:
    """Return when (microseconds) the first of what the line granted leaves the 24 hours.

    That is in the past when some of it is leaving at this hour; None when the line granted nothing in 24 hours.
    """
    if len(line.hours) != HOURS:
        return None
    newest = line.sampled_at // HOUR
    marks = [line.hours[hour % HOURS] for hour in range(newest - DAY_HOURS, newest + 1)] + [line.granted]
    for age, (before, after) in enumerate(pairwise(marks)):
        hour = newest - DAY_HOURS + age
        if after > before and (hour + DAY_HOURS + 1) * HOUR > now:
            return (hour + DAY_HOURS) * HOUR
    return None
