"""A sender that joins, works for some seconds and leaves, again and again, as in a deploy or an autoscaling group."""

import signal
import subprocess
import threading

from procfile import command_of

LEAVING_SECONDS = 30.0


class Joining(threading.Thread):
    """Runs between :meth:`start` and :meth:`stop`; *seconds* is how long each guest stays."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._enough = threading.Event()
        self.guests = 0

    def run(self) -> None:
        """Start a guest, end it, and so on."""
        while not self._enough.is_set():
            self.guests += 1
            guest = subprocess.Popen(
                ["/bin/sh", "-c", command_of("sender")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self._enough.wait(self._seconds)
            guest.send_signal(signal.SIGTERM)
            guest.wait(LEAVING_SECONDS)

    def stop(self) -> None:
        """End the guest that is there, and invite no more."""
        self._enough.set()
        self.join()
