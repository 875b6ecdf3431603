"""A DynamoDB in bad shape, for the processes that are pointed at it: what it is asked goes on to the real one."""

import http.client
import json
import threading
import time
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

NOT_PASSED_ON = {"date", "server", "connection", "transfer-encoding", "content-length"}
THROTTLED = json.dumps(
    {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "for the test"}
).encode()


class CrookedDynamoDb:
    """A server on a port of its own: ``url`` goes into AWS_ENDPOINT_URL_DYNAMODB.

    Attributes:
        date_shift: Seconds that its clock, as its ``Date`` headers tell it, is ahead.
        throttles_leases: Whether it refuses every change of the governor's line as beyond the table's throughput.
    """

    def __init__(self, real_url: str) -> None:
        self.date_shift = 0.0
        self.throttles_leases = False
        self._real = urlsplit(real_url).netloc
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self.throttles_leases and headers.get("X-Amz-Target", "").endswith(".UpdateItem") and b'"ses"' in body:
            return 400, {"Content-Type": "application/x-amz-json-1.0"}, THROTTLED
        connection = http.client.HTTPConnection(self._real, timeout=30)
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_ON}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, crooked: CrookedDynamoDb) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.crooked = crooked


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.server.crooked.answer(dict(self.headers), text)
        self.send_response_only(status)
        self.send_header("Date", formatdate(time.time() + self.server.crooked.date_shift, usegmt=True))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(ConnectionError):  # the caller has gone away; there is nobody to tell
            super().handle()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: tests read what the product says."""
