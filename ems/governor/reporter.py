"""Tells the others, every few seconds, how this process's calls wait and what its clock is like.

The reports ride on no lease and hold up none: they are written beside the work, a few a minute whatever is sent. So a
process that gets no lease, because its clock is wrong or because nothing is granted, is seen as well.
"""

import time
from collections.abc import Callable
from threading import Event, Thread

import structlog

from ems.errors import UnavailableError
from ems.governor.lease import ClockCheck
from ems.governor.minute import REPORT_SECONDS
from ems.governor.watch import Watch
from ems.store.senders import SenderReport, process_name

log = structlog.get_logger(__name__)


class Reporter:
    """Reports from a thread of its own between :meth:`start` and :meth:`stop`.

    Args:
        write: Stores a report; raises UnavailableError.
        watch: What there is to tell.
        clock_check: Measures this process's clock.
        max_skew: Clock error, in seconds, beyond which this process does not send.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        write: Callable[[SenderReport], None],
        watch: Watch,
        *,
        clock_check: ClockCheck,
        max_skew: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._write = write
        self._watch = watch
        self._clock_check = clock_check
        self._max_skew = max_skew
        self._clock = clock
        self._stopping = Event()
        self._process = process_name()

    def start(self) -> None:
        """Report from now on."""
        Thread(target=self._keep_reporting, name="ems-sender-report", daemon=True).start()

    def stop(self) -> None:
        """Report no more."""
        self._stopping.set()

    def report(self) -> None:
        """Write one report.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        minute = self._watch.last_minute()
        self._write(
            SenderReport(
                process=self._process,
                at=self._clock(),
                clock_offset_seconds=self._clock_check.bounds(),
                clock_wrong=self._clock_check.skew_exceeds(self._max_skew),
                lanes=minute.lanes,
                refused=minute.refused,
                missed=minute.missed,
                requests=minute.requests,
                newest=minute.newest,
                asking=minute.asking,
            )
        )

    def _keep_reporting(self) -> None:
        while not self._stopping.is_set():
            try:
                self.report()
            except UnavailableError as error:
                log.warning("report_not_written", error=str(error))
            self._stopping.wait(REPORT_SECONDS)
