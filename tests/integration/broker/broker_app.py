"""A Celery app with EMS's configuration and tasks that leave traces in a file."""

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery

app = Celery("broker-tests", control="ems.broker.control:Control")
app.config_from_object("celeryconfig")
app.conf.broker_transport_options |= {"visibility_timeout": int(os.environ.get("TEST_VISIBILITY_SECONDS", "30"))}


@app.task(name="ems.deliver_email", Request="ems.tasks.request:EmsRequest")
def deliver_email(*, trace: str, wait_for: str | None = None, fail: bool = False, **_future: Any) -> None:
    """Note the start, wait for a file to appear, fail or note the end."""
    _note(trace, "start")
    while wait_for is not None and not Path(wait_for).exists():
        time.sleep(0.02)
    if fail:
        raise RuntimeError("told to fail")
    _note(trace, "end")


@app.task(name="ems.drain")
def drain(**kwargs: Any) -> None:
    """Do the same, on another queue."""
    deliver_email(**kwargs)


@app.task(name="ems.track_event")
def track_event(*, message: str, **_future: Any) -> None:
    """Write the message to the file that its first line names."""
    path, _, rest = message.partition("\n")
    _note(path, rest)


def _note(path: str, text: str) -> None:
    with Path(path).open("a") as trace:
        trace.write(f"{text}\n")
