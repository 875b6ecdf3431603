"""The wire between EMS's processes and AWS: an HTTP proxy on which traps are laid.

Every step of a delivery is bracketed by a request to AWS, so whoever holds the wire can kill, delay and lie at exactly
that step, and the product needs no hook for it. ``url`` goes into all of AWS_ENDPOINT_URL*.
"""

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from stage.exchange import Act, Answer, Exchange, Request, Spot
from stage.sockets import owner

NOT_PASSED_ON = {"date", "server", "connection", "transfer-encoding", "content-length"}
REAL_SERVICE_SECONDS = 60.0


@dataclass
class Trap:
    """An act that strikes requests at a spot: from the *nth* on, *times* times (None: always), each with *chance*.

    ``strikes`` tells when it did, on the monotonic clock.
    """

    spot: Spot
    act: Act
    nth: int = 1
    times: int | None = 1
    chance: float = 1.0
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    strikes: list[float] = field(default_factory=list)
    seen: int = 0

    def takes(self, request: Request) -> bool:
        """Tell whether this request is struck, and count it. One caller at a time."""
        if (self.times is not None and len(self.strikes) >= self.times) or not self.spot.fits(request):
            return False
        self.seen += 1
        if self.seen < self.nth or self.dice.random() >= self.chance:
            return False
        self.strikes.append(time.monotonic())
        return True


class Wire:
    """A server on a port of its own, in front of *aws_url* (SQS, DynamoDB) and *ses_url* (SES, SNS).

    *everyone* lists the processes on it, for acts that end them all.
    """

    def __init__(self, *, aws_url: str, ses_url: str, everyone: Callable[[], Iterable[int]] = tuple) -> None:
        self.everyone = everyone
        self._aws = urlsplit(aws_url).netloc
        self._ses = urlsplit(ses_url).netloc
        self._traps: list[Trap] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def trapped(self, *traps: Trap) -> Iterator[None]:
        """Lay *traps*; of several that fit a request the one that was laid last strikes."""
        with self._lock:
            self._traps = [*traps, *self._traps]
        try:
            yield
        finally:
            with self._lock:
                self._traps = [trap for trap in self._traps if trap not in traps]

    def answer(self, request: Request, *, client_port: int) -> Answer | None:
        """Let a request meet its trap, or pass."""
        with self._lock:
            trap = next((trap for trap in self._traps if trap.takes(request)), None)
        if trap is None:
            return self._ask(request)
        return trap.act(
            Exchange(
                request,
                ask=self._ask,
                asker=lambda: owner(client_port=client_port, server_port=self.port),
                everyone=self.everyone,
            )
        )

    def _ask(self, request: Request) -> Answer:
        # A connection for each request: one that was kept may have ended, and then nobody knows what became of it.
        place = self._ses if request.is_ses or request.is_sns else self._aws
        connection = http.client.HTTPConnection(place, timeout=REAL_SERVICE_SECONDS)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in NOT_PASSED_ON}
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_ON}
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, wire: Wire) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.wire = wire


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # the caller has gone away; there is nobody to tell
            super().handle()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers), body)
        answer = self.server.wire.answer(request, client_port=self.client_address[1])
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        headers = {"Date": self.date_time_string(), **answer.headers, "Content-Length": str(len(answer.body))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: tests read what the product says."""
