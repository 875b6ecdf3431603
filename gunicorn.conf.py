"""gunicorn reads this file from its working directory: settings checked, and one set of metrics for all workers.

Each worker writes its metrics to files in one directory, and whichever worker is scraped sums them up
(https://prometheus.github.io/client_python/multiprocess/). prometheus_client looks for the variable when it is
imported, so it is set before a worker loads the app.
"""

import os
import shutil
import tempfile
from typing import Any

from ems.settings import Settings

# Here, in gunicorn's own process, since it would start a worker again and again that cannot read its settings.
Settings.or_exit()

# Longer than a load balancer (60 s at AWS) or a client's pool keeps an idle connection. Whoever asks should be the one
# who closes: a request that meets our closing fails without an answer, and its caller cannot know whether it was taken.
keepalive = 75

_made_here = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
if _made_here:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="ems-metrics-")


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001  # gunicorn's signature
    """Forget the gauges of a worker that is gone; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415  # after the variable is set

    mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:  # noqa: ARG001  # gunicorn's signature
    """Leave nothing behind."""
    if _made_here:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
