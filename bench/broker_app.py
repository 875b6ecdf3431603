"""The worker of the broker's benchmarks: a task that does nothing, and a note of what running it took.

``BENCH_TRANSPORT`` chooses the transport: ``ems``, or kombu's own with ``kombu`` (a poll right after a poll) or
``kombu-default`` (a second between polls). ``BENCH_TASKS`` is how many tasks the note waits for, ``BENCH_RATE_LIMIT``
Celery's rate_limit of the task, if any.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from celery import Celery

NOTE = Path(os.environ["BENCH_NOTE"])
TASKS = int(os.environ["BENCH_TASKS"])

app = Celery("bench", control="ems.broker.control:Control")
app.config_from_object("celeryconfig")
if os.environ["BENCH_TRANSPORT"] != "ems":
    app.conf.worker_consumer = "celery.worker.consumer:Consumer"
    app.conf.broker_transport = None
    app.conf.broker_transport_options = {
        "region": os.environ["AWS_REGION"],
        "wait_time_seconds": 20,
        "polling_interval": 0 if os.environ["BENCH_TRANSPORT"] == "kombu" else 1,
        "visibility_timeout": 120,
    }


class Meter:
    """Counts tasks, and notes time and CPU from the first to the last."""

    def __init__(self) -> None:
        self.done = 0
        self.start = (0.0, 0.0)

    def count_task(self) -> None:
        """Count one task; the first starts the clock, the last writes the note."""
        if self.done == 0:
            self.start = (time.monotonic(), time.process_time())
        self.done += 1
        if self.done == TASKS:
            began, cpu = self.start
            note = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}
            whole = NOTE.with_suffix(".new")
            whole.write_text(json.dumps(note))
            whole.rename(NOTE)


meter = Meter()


@app.task(name="ems.deliver_email", rate_limit=os.environ.get("BENCH_RATE_LIMIT") or None)
def nothing(**_kwargs: Any) -> None:
    """Do nothing."""
    meter.count_task()
