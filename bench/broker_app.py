"""The worker that bench/broker.py measures: a task that does nothing, and a note of what running it took.

``BENCH_TRANSPORT`` chooses the transport: ``ems``, or kombu's own with ``kombu`` (a poll right after a poll) or
``kombu-default`` (a second between polls). ``BENCH_RATE_LIMIT`` is Celery's rate_limit of the task, or empty.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import botocore.httpsession
from celery import Celery, signals

NOTE = Path(os.environ["BENCH_NOTE"])
TASKS = int(os.environ["BENCH_TASKS"])

app = Celery("bench", control="ems.broker.control:Control")
app.config_from_object("celeryconfig")
if os.environ["BENCH_TRANSPORT"] != "ems":
    app.conf.broker_transport = None
    app.conf.broker_transport_options = {
        "region": os.environ["AWS_REGION"],
        "wait_time_seconds": 20,
        "polling_interval": 0 if os.environ["BENCH_TRANSPORT"] == "kombu" else 1,
        "visibility_timeout": 120,
    }


class Meter:
    """Counts calls to AWS and tasks, and notes time and CPU from the first task to the last."""

    def __init__(self) -> None:
        self.calls = 0
        self.done = 0
        self.start: tuple[float, float, int] | None = None

    def count_call(self) -> None:
        """Count one request to AWS."""
        self.calls += 1

    def count_task(self) -> None:
        """Count one task; the first starts the clock, the last writes the note."""
        if self.start is None:
            self.start = (time.monotonic(), time.process_time(), self.calls)
        self.done += 1
        if self.done == TASKS:
            began, cpu, calls = self.start
            NOTE.write_text(
                json.dumps(
                    {
                        "seconds": time.monotonic() - began,
                        "cpu_seconds": time.process_time() - cpu,
                        "calls": self.calls - calls,
                    }
                )
            )


meter = Meter()


@app.task(name="ems.deliver_email", rate_limit=os.environ["BENCH_RATE_LIMIT"] or None)
def nothing(**_kwargs: Any) -> None:
    """Do nothing."""
    meter.count_task()


@signals.worker_init.connect
def count_calls(**_kwargs: Any) -> None:
    """Count what goes through botocore, and what kombu sends around it."""
    send = botocore.httpsession.URLLib3Session.send

    def counted(self: Any, request: Any) -> Any:
        meter.count_call()
        return send(self, request)

    botocore.httpsession.URLLib3Session.send = counted  # type: ignore[method-assign]
    if os.environ["BENCH_TRANSPORT"] != "ems":
        from kombu.asynchronous.http.curl import CurlClient  # noqa: PLC0415 - needs pycurl, which EMS does without

        add = CurlClient.add_request

        def counted_add(self: Any, request: Any) -> Any:
            meter.count_call()
            return add(self, request)

        CurlClient.add_request = counted_add
