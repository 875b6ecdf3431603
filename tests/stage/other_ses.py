"""Another SES v2: written from the API reference alone and sharing nothing with the product or its simulator.

It answers what EMS calls, keeps the rate as SES does (by recipients, in a bucket that can go into debt), remembers
every recipient that it accepts, and breaks in the ways that a test asks for.
"""

import http
import itertools
import json
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote

Fault = Literal["throttle", "unavailable", "error", "hang", "cut", "throttle_entries"]
"""What one call of a send meets.

- ``throttle``: 429, nothing accepted. ``unavailable``: 503, nothing accepted. ``error``: 500, nothing accepted.
- ``hang``: accepted, but the answer never comes. ``cut``: accepted, and the connection ends without an answer.
- ``throttle_entries``: of a bulk call, every second entry is ``ACCOUNT_THROTTLED``.
"""

SUPPRESSED = "/v2/email/suppression/addresses"
SENDS = ("/v2/email/outbound-emails", "/v2/email/outbound-bulk-emails")
HANG_SECONDS = 30.0
QUOTA_24H = 1_000_000.0
"""What the account may send in 24 hours, unless a test says otherwise."""


@dataclass(frozen=True)
class Taken:
    """One recipient that was accepted."""

    at: float
    recipient: str
    message_id: str
    tags: dict[str, str]
    template: str
    data: dict[str, Any]
    headers: dict[str, str]
    configuration_set: str

    @property
    def email_id(self) -> str:
        return self.tags.get("ems_email_id", "")


class Bucket:
    """Fills at *rate* recipients a second up to one second's worth; a call passes while anything is in it."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._level = rate
        self._at = time.monotonic()

    def passes(self, recipients: int) -> bool:
        now = time.monotonic()
        self._level = min(self._rate, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level <= 0:
            return False
        self._level -= recipients
        return True


@dataclass
class Books:
    """What was asked of the account. Read it after the dust has settled; writes are under the lock.

    ``suppressed`` holds for each address on the account's list its reason and since when.
    """

    templates: dict[str, dict[str, str]] = field(default_factory=dict)
    configuration_sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    suppressed: dict[str, tuple[str, float]] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    throttled: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    def of(self, prefix: str) -> list[Taken]:
        """Return what went to mails whose id starts with *prefix*: a batch, or one mail."""
        return [one for one in list(self.taken) if one.email_id.startswith(prefix)]


def fullest_second(times: Sequence[float]) -> int:
    """Return the most entries of *times* in any sliding second."""
    ordered = sorted(times)
    fullest = start = 0
    for end, moment in enumerate(ordered):
        while ordered[start] <= moment - 1.0:
            start += 1
        fullest = max(fullest, end - start + 1)
    return fullest


class OtherSes:
    """The server. ``url`` goes into AWS_ENDPOINT_URL_SESV2; ``certificate`` is served at ``certificate_url``."""

    def __init__(self, *, rate: float, certificate: bytes = b"") -> None:
        self.rate = rate
        self.quota_24h = QUOTA_24H
        self.books = Books()
        self._bucket = Bucket(rate)
        self._certificate = certificate
        self._faults: list[Fault] = []
        self._outage = False
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._port = 0
        self.listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def certificate_url(self) -> str:
        return f"{self.url}/SimpleNotificationService-0123456789abcdef.pem"

    def listen(self) -> None:
        """Serve, on the same port as before if there was one."""
        self._server = _Server(self._port, self)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def vanish(self) -> None:
        """Refuse connections from now on, and end those that are open."""
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._thread.join()
        self._released.set()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._released.clear()

    def outage(self, *, on: bool) -> None:
        """Answer 503 to everything, or no longer."""
        self._outage = on

    def change(self, *, promised: float, taken: float | None = None) -> None:
        """Change what GetAccount says about the rate; with *taken*, take so many recipients a second instead."""
        with self._lock:
            self.rate = promised
            self._bucket = Bucket(promised if taken is None else taken)

    def break_next(self, fault: Fault, *, times: int = 1) -> None:
        """Let the next *times* sends meet *fault*."""
        with self._lock:
            self._faults += [fault] * times

    @property
    def faults_left(self) -> int:
        return len(self._faults)

    # What the handlers ask.

    def connected(self, connection: socket.socket, *, yes: bool) -> None:
        with self._lock:
            (self._connections.add if yes else self._connections.discard)(connection)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> "Reply":
        with self._lock:
            self.books.calls[f"{method} {path}"] += 1
        if self._outage:
            return refusal(503, "ServiceUnavailableException", "down for the test")
        if path in SENDS:
            return self._send(path, body)
        for route, take in self._routes().items():
            verb, _, pattern = route.partition(" ")
            if verb == method and (path == pattern or (pattern.endswith("/") and path.startswith(pattern))):
                return take(path, body)
        return refusal(404, "UnknownOperationException", f"{method} {path}")

    def _routes(self) -> dict[str, Callable[[str, dict[str, Any]], "Reply"]]:
        return {
            "GET /v2/email/account": self._account,
            "POST /v2/email/templates": self._create_template,
            "GET /v2/email/templates/": self._get_template,
            "PUT /v2/email/templates/": self._update_template,
            "POST /v2/email/configuration-sets": self._create_configuration_set,
            "POST /v2/email/configuration-sets/": self._event_destination,
            "PUT /v2/email/configuration-sets/": self._event_destination,
            f"GET {SUPPRESSED}": self._list_suppressed,
            f"PUT {SUPPRESSED}": self._suppress,
            f"GET {SUPPRESSED}/": self._get_suppressed,
            f"DELETE {SUPPRESSED}/": self._release,
            "GET /SimpleNotificationService-0123456789abcdef.pem": lambda _p, _b: Reply(200, self._certificate),
        }

    def _account(self, _path: str, _body: dict[str, Any]) -> "Reply":
        quota = {
            "Max24HourSend": self.quota_24h,
            "MaxSendRate": self.rate,
            "SentLast24Hours": float(len(self.books.taken)),
        }
        return reply(
            {
                "SendQuota": quota,
                "SendingEnabled": True,
                "ProductionAccessEnabled": True,
                "EnforcementStatus": "HEALTHY",
                "DedicatedIpAutoWarmupEnabled": False,
            }
        )

    def _create_template(self, _path: str, body: dict[str, Any]) -> "Reply":
        name = body["TemplateName"]
        if name in self.books.templates:
            return refusal(400, "AlreadyExistsException", f"Template {name} already exists")
        self.books.templates[name] = body["TemplateContent"]
        return reply({})

    def _get_template(self, path: str, _body: dict[str, Any]) -> "Reply":
        name = path.rpartition("/")[2]
        if name not in self.books.templates:
            return refusal(404, "NotFoundException", f"Template {name} does not exist")
        return reply({"TemplateName": name, "TemplateContent": self.books.templates[name]})

    def _update_template(self, path: str, body: dict[str, Any]) -> "Reply":
        name = path.rpartition("/")[2]
        if name not in self.books.templates:
            return refusal(404, "NotFoundException", f"Template {name} does not exist")
        self.books.templates[name] = body["TemplateContent"]
        return reply({})

    def _list_suppressed(self, _path: str, _body: dict[str, Any]) -> "Reply":
        return reply({"SuppressedDestinationSummaries": [self._summary(one) for one in self.books.suppressed]})

    def _suppress(self, _path: str, body: dict[str, Any]) -> "Reply":
        self.books.suppressed[body["EmailAddress"]] = body["Reason"], time.time()
        return reply({})

    def _get_suppressed(self, path: str, _body: dict[str, Any]) -> "Reply":
        address = unquote(path.removeprefix(f"{SUPPRESSED}/"))
        if address not in self.books.suppressed:
            return refusal(404, "NotFoundException", "not on the list")
        return reply({"SuppressedDestination": self._summary(address)})

    def _release(self, path: str, _body: dict[str, Any]) -> "Reply":
        if self.books.suppressed.pop(unquote(path.removeprefix(f"{SUPPRESSED}/")), None) is None:
            return refusal(404, "NotFoundException", "not on the list")
        return reply({})

    def _summary(self, address: str) -> dict[str, Any]:
        reason, since = self.books.suppressed[address]
        return {"EmailAddress": address, "Reason": reason, "LastUpdateTime": since}

    def _create_configuration_set(self, _path: str, body: dict[str, Any]) -> "Reply":
        name = body["ConfigurationSetName"]
        if name in self.books.configuration_sets:
            return refusal(400, "AlreadyExistsException", f"Configuration set {name} already exists")
        self.books.configuration_sets[name] = {}
        return reply({})

    def _event_destination(self, path: str, body: dict[str, Any]) -> "Reply":
        _, _, _, _, name, _, *destination = path.split("/")
        known = self.books.configuration_sets.get(name)
        if known is None:
            return refusal(404, "NotFoundException", f"Configuration set {name} does not exist")
        key = destination[0] if destination else body["EventDestinationName"]
        if not destination and key in known:
            return refusal(400, "AlreadyExistsException", f"Event destination {key} already exists")
        known[key] = body["EventDestination"]
        return reply({})

    def _send(self, path: str, body: dict[str, Any]) -> "Reply":
        bulk = path.endswith("outbound-bulk-emails")
        wanted = _entries(body) if bulk else [_single(body)]
        with self._lock:
            fault = self._faults.pop(0) if self._faults else None
            if fault in _REFUSALS:
                self.books.throttled += fault == "throttle"
                return _REFUSALS[fault]
            if not self._bucket.passes(sum(len(entry.recipients) for entry in wanted)):
                self.books.throttled += 1
                return _REFUSALS["throttle"]
            results = [
                self._throttle_entry()
                if fault == "throttle_entries" and place % 2
                else self._take(entry, configuration_set=body.get("ConfigurationSetName", ""))
                for place, entry in enumerate(wanted)
            ]
        if fault == "hang":
            self._released.wait(HANG_SECONDS)
        if fault in {"hang", "cut"}:
            return Reply(0, b"")
        return reply({"BulkEmailEntryResults": results}) if bulk else reply({"MessageId": results[0]["MessageId"]})

    def _throttle_entry(self) -> dict[str, str]:
        self.books.throttled += 1
        return {"Status": "ACCOUNT_THROTTLED", "Error": "Maximum sending rate exceeded."}

    def _take(self, entry: "_Entry", *, configuration_set: str) -> dict[str, str]:
        if entry.template not in self.books.templates:
            return {"Status": "TEMPLATE_NOT_FOUND", "Error": f"Template {entry.template} does not exist"}
        message_id = f"0100{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000"
        self.books.taken += [
            Taken(time.time(), to, message_id, entry.tags, entry.template, entry.data, entry.headers, configuration_set)
            for to in entry.recipients
        ]
        return {"Status": "SUCCESS", "MessageId": message_id}


@dataclass(frozen=True)
class Reply:
    """What goes back; status 0 ends the connection without an answer."""

    status: int
    body: bytes
    error: str | None = None


def reply(document: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(document).encode())


def refusal(status: int, code: str, message: str) -> Reply:
    return Reply(status, json.dumps({"message": message}).encode(), code)


_REFUSALS: dict[str | None, Reply] = {
    "throttle": refusal(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "unavailable": refusal(503, "ServiceUnavailableException", "Service is unavailable"),
    "error": refusal(500, "InternalFailure", "Internal failure"),
}


@dataclass(frozen=True)
class _Entry:
    recipients: list[str]
    template: str
    data: dict[str, Any]
    tags: dict[str, str]
    headers: dict[str, str]


def _single(body: dict[str, Any]) -> _Entry:
    template = body["Content"]["Template"]
    return _Entry(
        _recipients(body["Destination"]),
        template["TemplateName"],
        json.loads(template.get("TemplateData") or "{}"),
        _named(body.get("EmailTags", [])),
        _named(template.get("Headers", [])),
    )


def _entries(body: dict[str, Any]) -> list[_Entry]:
    """Merge defaults and replacements by top-level name, as the API reference says."""
    default = body["DefaultContent"]["Template"]
    shared = json.loads(default.get("TemplateData") or "{}")
    entries = []
    for one in body["BulkEmailEntries"]:
        own = one.get("ReplacementEmailContent", {}).get("ReplacementTemplate", {}).get("ReplacementTemplateData")
        tags = {**_named(body.get("DefaultEmailTags", [])), **_named(one.get("ReplacementTags", []))}
        headers = {**_named(default.get("Headers", [])), **_named(one.get("ReplacementHeaders", []))}
        data = {**shared, **json.loads(own or "{}")}
        entries.append(_Entry(_recipients(one["Destination"]), default["TemplateName"], data, tags, headers))
    return entries


def _recipients(destination: dict[str, list[str]]) -> list[str]:
    kinds = ("ToAddresses", "CcAddresses", "BccAddresses")
    return list(itertools.chain.from_iterable(destination.get(kind) or [] for kind in kinds))


def _named(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Name"]: pair["Value"] for pair in pairs}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, ses: OtherSes) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.ses = ses


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.ses.connected(self.connection, yes=True)

    def finish(self) -> None:
        self.server.ses.connected(self.connection, yes=False)
        with suppress(OSError):  # the caller has gone away; there is nobody to tell
            super().finish()

    def handle(self) -> None:
        with suppress(ConnectionError):  # as above
            super().handle()

    def answer(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = self.server.ses.answer(self.command, self.path, json.loads(text) if text else {})
        if not sent.status:
            self.close_connection = True
            with suppress(OSError):  # the caller's patience may have ended first
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(sent.status, http.HTTPStatus(sent.status).phrase)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent.body)))
        if sent.error:
            self.send_header("x-amzn-ErrorType", sent.error)
        self.end_headers()
        self.wfile.write(sent.body)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names of the base class

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: tests read the books."""
