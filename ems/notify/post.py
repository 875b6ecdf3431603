"""Posting to endpoints: to checked addresses alone, without redirects, with limits on time and size."""

import socket
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException
from importlib.metadata import version
from threading import Lock
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from ems.notify.addresses import ForbiddenAddressError, Resolve, UnknownHostError, addresses_of, resolve

MAX_ANSWER_BYTES = 16 * 1024
"""What an endpoint answers is of no use but for its status; beyond this the connection is closed."""

CONNECT_SECONDS = 5.0

HEADERS = {"Content-Type": "application/json", "User-Agent": f"ems/{version('ems')}"}


@dataclass(frozen=True, slots=True)
class Taken:
    """The endpoint has it: it answered 2xx."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint wants nothing any more: it answered 410."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Try again. ``why`` holds nothing secret; ``retry_after`` is what the endpoint asked for, in seconds."""

    why: str
    retry_after: float | None = None


Outcome = Taken | Gone | NotTaken


class UnreachableError(Exception):
    """No connection can be made; says why in words that may be shown."""


class Line:
    """Posts to one URL over connections that are kept, for several threads at once."""

    def __init__(self, url: SplitResult, addresses: list[str], *, seconds: float) -> None:
        self._url = url
        self._addresses = addresses
        self._seconds = seconds
        self._idle: deque[HTTPConnection] = deque()
        self._busy: set[HTTPConnection] = set()
        self._lock = Lock()
        self._cut = False

    def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Post *body*; whatever keeps it from being taken is an outcome."""
        try:
            while (connection := self._kept()) is not None:
                with suppress(OSError, HTTPException, urllib3.exceptions.HTTPError):
                    return self._exchange(connection, body, headers)
                # The endpoint has closed it since it was used, as it may.
            return self._exchange(self._connected(), body, headers)
        except UnreachableError as error:
            return NotTaken(str(error))
        except (OSError, HTTPException, urllib3.exceptions.HTTPError) as error:
            return NotTaken(self._reason(error))

    def cut(self) -> None:
        """End all posts under way: they have had their time. An endpoint that answers byte by byte has it, too."""
        with self._lock:
            self._cut = True
            for connection in self._busy:
                if connection.sock is not None:
                    with suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections."""
        for connection in (*self._idle, *self._busy):
            connection.close()

    def _kept(self) -> HTTPConnection | None:
        return self._idle.pop() if self._idle and not self._cut else None

    def _connected(self) -> HTTPConnection:
        for address in self._addresses:
            connection = self._connection(address)
            with suppress(OSError, urllib3.exceptions.HTTPError):
                connection.connect()
                connection.timeout = self._seconds
                return connection
            connection.close()
        raise UnreachableError("no connection can be made")

    def _connection(self, address: str) -> HTTPConnection:
        if self._url.scheme == "http":
            return HTTPConnection(address, self._url.port or 80, timeout=CONNECT_SECONDS)
        return HTTPSConnection(
            address,
            self._url.port or 443,
            timeout=CONNECT_SECONDS,
            server_hostname=self._url.hostname,
            ssl_context=self._tls,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _exchange(self, connection: HTTPConnection, body: bytes, headers: Mapping[str, str]) -> Outcome:
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        sent = {"Host": self._url.netloc, **HEADERS, **headers}
        kept = False
        with self._lock:
            if self._cut:
                connection.close()
                raise TimeoutError
            self._busy.add(connection)
        try:
            connection.request("POST", target, body=body, headers=sent, preload_content=False, decode_content=False)
            response = connection.getresponse()
            answered = response.read(MAX_ANSWER_BYTES + 1)
            if self._cut:
                raise TimeoutError  # what was read so far may look like a whole answer
            kept = len(answered) <= MAX_ANSWER_BYTES
            return _outcome(response.status, response.headers.get("Retry-After"))
        finally:
            with self._lock:
                self._busy.discard(connection)
            if kept:
                self._idle.append(connection)
            else:
                connection.close()

    def _reason(self, error: Exception) -> str:
        if self._cut or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
            return f"no whole answer within {self._seconds:g} seconds"
        return f"the connection broke ({type(error).__name__})"


class HttpPoster:
    """Opens lines to endpoints.

    Args:
        allow_private: Post to addresses that are not public, too.
        seconds: How long a post may take from its first byte to the answer's last.
        ask: Resolves names.
    """

    def __init__(self, *, allow_private: bool, seconds: float, ask: Resolve = resolve) -> None:
        self._allow_private = allow_private
        self.seconds = seconds
        self._ask = ask

    @contextmanager
    def open(self, url: str) -> Iterator[Line]:
        """Yield a line to *url*.

        Raises:
            UnreachableError: Its host has no address, or one that may not be posted to.
        """
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
        try:
            addresses = addresses_of(parts.hostname or "", port, allow_private=self._allow_private, ask=self._ask)
        except (ForbiddenAddressError, UnknownHostError) as error:
            raise UnreachableError(str(error)) from error
        line = Line(parts, addresses, seconds=self.seconds)
        try:
            yield line
        finally:
            line.close()


def _outcome(status: int, retry_after: str | None) -> Outcome:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Taken()
    if status == HTTPStatus.GONE:
        return Gone()
    return NotTaken(f"it answered {status}", _seconds(retry_after))


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After, which is a number of seconds or a date."""
    if retry_after is None:
        return None
    try:
        return urllib3.Retry().parse_retry_after(retry_after)
    except urllib3.exceptions.InvalidHeader:
        return None
