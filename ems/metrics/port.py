"""Where a worker process is scraped: a port of its own, and a file that tells Prometheus of it.

Several processes of a kind run on one host, and none knows of the others, so each takes the first free port from
``EMS_METRICS_PORT`` on. The file is named by the port: the process that takes a dead one's place takes its port and its
file too, and a scrape that fails means that a process is gone and nobody has come in its place.
"""

import json
import os
import socket
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server

log = structlog.get_logger(__name__)

EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
"""Addresses that stand for all of a host's: nobody can be told to ask there."""

PORTS = 100
"""How many ports are tried, the first included."""


class MetricsPort:
    """Serves *registry* on *address*, from *first_port* on (0 serves nothing), and tells of it in *targets*.

    *targets* is a folder that a Prometheus of this host reads (``file_sd_configs``); None tells nobody.
    """

    def __init__(
        self, registry: CollectorRegistry, *, address: str, first_port: int, targets: Path | None = None
    ) -> None:
        self._registry = registry
        self._address = address
        self._ports = range(first_port, min(first_port + PORTS, 65_536)) if first_port else range(0)
        self._targets = targets
        self._serving: tuple[WSGIServer, threading.Thread] | None = None
        self._file: Path | None = None

    def open(self, process: str) -> int | None:
        """Serve from a thread of its own, as a process of the kind *process*; returns the port.

        Metrics are never a reason not to work: what cannot be had is logged and left.
        """
        for port in self._ports:
            try:
                self._serving = start_http_server(port, self._address, self._registry)
            except OSError:
                continue
            log.info("metrics served", address=self._address, port=port)
            self._tell(process, port)
            return port
        if self._ports:
            log.error("no port is free for metrics", first=self._ports.start, last=self._ports.stop - 1)
        return None

    def close(self) -> None:
        """Serve no more. Twice does no harm."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None
        if self._serving is not None:
            server, thread = self._serving
            self._serving = None
            server.shutdown()
            server.server_close()
            thread.join()

    def _tell(self, process: str, port: int) -> None:
        if self._targets is None:
            return
        host = socket.getfqdn() if self._address in EVERYWHERE else self._address
        target = [{"targets": [f"{host}:{port}"], "labels": {"process": process}}]
        file = self._targets / f"ems-worker-{port}.json"
        try:
            self._targets.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(f".{os.getpid()}")  # Prometheus must not read half of it
            draft.write_text(json.dumps(target))
            draft.replace(file)
        except OSError as error:
            log.error("Prometheus is not told of this process", file=str(file), reason=str(error))  # noqa: TRY400 - the reason suffices
            return
        self._file = file
