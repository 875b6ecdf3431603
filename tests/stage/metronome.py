"""How far the machine itself fell behind while a test ran."""

import threading
import time
from types import TracebackType
from typing import Self

BEAT_SECONDS = 0.005


class Metronome:
    """Beats two hundred times a second; ``late`` is the most, in seconds, by which a beat came too late.

    A machine that stands still for a tenth of a second makes ten calls of a steady line arrive together: what a test
    counts in a second has to be read beside it.
    """

    def __init__(self) -> None:
        self.late = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def _beat(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            time.sleep(BEAT_SECONDS)
            self.late = max(self.late, time.monotonic() - began - BEAT_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
