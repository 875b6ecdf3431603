"""Signing certificates of SNS: fetched over TLS, kept for a while, one fetch at a time.

Who serves the certificate is what is trusted: the verifier allows only URLs on SNS's own host, and the fetch checks
that host's TLS certificate and follows no redirect. The signing certificate's issuer is therefore not checked again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

import urllib3
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ems.aws.sns import CannotDecideError

MAX_CERTIFICATE_BYTES = 64 * 1024
"""SNS's are about 2 KiB."""

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 3.0

SUCCESS_TTL_SECONDS = 24 * 3600.0
"""SNS changes its certificate about once a year, under a new URL."""

FAILURE_TTL_SECONDS = 5.0
"""Long enough to spare a host that is down, shorter than the 20 s after which SNS tries again."""

MAX_ENTRIES = 64
CLOCK_SKEW_SECONDS = 300.0

OK = 200


@dataclass(frozen=True, slots=True)
class _Certificate:
    key: RSAPublicKey
    not_before: float
    not_after: float

    def is_valid(self, now: float) -> bool:
        return self.not_before - CLOCK_SKEW_SECONDS <= now <= self.not_after + CLOCK_SKEW_SECONDS


Value = TypeVar("Value")


class _Memory(Generic[Value]):
    """Values by URL that are forgotten after *ttl* seconds, and the longest unused first when there are too many."""

    def __init__(self, *, ttl: float, clock: Callable[[], float]) -> None:
        self._ttl = ttl
        self._clock = clock
        self._entries: OrderedDict[str, tuple[Value, float]] = OrderedDict()
        self._lock = Lock()

    def get(self, url: str) -> Value | None:
        with self._lock:
            value, until = self._entries.get(url, (None, 0.0))
            if value is None or until <= self._clock():
                return None
            self._entries.move_to_end(url)
            return value

    def put(self, url: str, value: Value) -> None:
        with self._lock:
            self._entries[url] = (value, self._clock() + self._ttl)
            self._entries.move_to_end(url)
            while len(self._entries) > MAX_ENTRIES:
                self._entries.popitem(last=False)


class CertificateFetcher:
    """Fetches one file over HTTP(S) with the limits that a URL from a message calls for."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(
            num_pools=4,
            maxsize=2,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS),
            retries=False,
        )

    def __call__(self, url: str) -> bytes:
        """Return the body of a 200 answer of at most 64 KiB.

        Raises:
            CannotDecideError: Anything else came back, a redirect included, or nothing.
        """
        try:
            response = self._pool.request("GET", url, preload_content=False, redirect=False)
            body = response.read(MAX_CERTIFICATE_BYTES + 1)
        except urllib3.exceptions.HTTPError as error:
            raise CannotDecideError(f"the signing certificate cannot be fetched ({type(error).__name__})") from error
        response.close()
        if response.status != OK:
            raise CannotDecideError(f"the signing certificate's host answers {response.status}")
        if len(body) > MAX_CERTIFICATE_BYTES:
            raise CannotDecideError("the signing certificate's file is larger than 64 KiB")
        return body


class CertificateStore:
    """A :class:`ems.aws.sns.CertificateSource` that keeps what it fetched.

    Successes stay for a day, failures for seconds only: a certificate that was unreachable once must not stay so.
    Each kind has its own bounded memory, so that a flood of invented names cannot push a good certificate out. Only
    one fetch runs at a time: the first messages after a start cost one fetch together, and that flood opens no more
    than one connection.

    A certificate of SNS is used only within its validity. Posts are at most an hour old (SNS's retry window), so a
    genuine one is never signed with a certificate that has ended, and a key that SNS has retired is of no use to a
    thief. The answer is "cannot decide" rather than "forged", so that a wrong clock of ours delays events instead of
    losing them.
    """

    def __init__(self, *, fetch: Callable[[str], bytes] | None = None, clock: Callable[[], float] = time.time) -> None:
        """*fetch* returns the PEM file at a URL or raises CannotDecideError; *clock* gives epoch seconds."""
        self._fetch = fetch or CertificateFetcher()
        self._clock = clock
        self._certificates = _Memory[_Certificate](ttl=SUCCESS_TTL_SECONDS, clock=clock)
        self._failures = _Memory[str](ttl=FAILURE_TTL_SECONDS, clock=clock)
        self._fetch_lock = Lock()

    def public_key(self, url: str, *, vouched_for: bool) -> RSAPublicKey:
        """Return the key of the certificate at *url*, from memory or from its host.

        Args:
            url: Where it is; the caller has made sure that this place can be trusted.
            vouched_for: The operator named this very URL, so the certificate's dates do not matter.

        Raises:
            CannotDecideError: It cannot be fetched, is no single X.509 certificate with an RSA key, or is not valid
                today.
        """
        found = self._certificates.get(url) or self._fetched(url)
        if not vouched_for and not found.is_valid(self._clock()):
            raise CannotDecideError("the signing certificate is not valid today; check this machine's clock")
        return found.key

    def _fetched(self, url: str) -> _Certificate:
        # Who waits longer than a fetch takes stands behind a slow host or a flood: SNS will come again.
        if not self._fetch_lock.acquire(timeout=CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS):
            raise CannotDecideError("other signing certificates are being fetched")
        try:
            return self._certificates.get(url) or self._fetch_and_remember(url)
        finally:
            self._fetch_lock.release()

    def _fetch_and_remember(self, url: str) -> _Certificate:
        failure = self._failures.get(url)
        if failure is not None:
            raise CannotDecideError(failure)
        try:
            certificate = _parse(self._fetch(url))
        except CannotDecideError as error:
            self._failures.put(url, str(error))
            raise
        self._certificates.put(url, certificate)
        return certificate


def _parse(pem: bytes) -> _Certificate:
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        key = certificates[0].public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CannotDecideError("the signing certificate's file holds no X.509 certificate") from error
    if len(certificates) != 1 or not isinstance(key, RSAPublicKey):
        raise CannotDecideError("the signing certificate's file must hold one certificate with an RSA key")
    certificate = certificates[0]
    return _Certificate(
        key=key,
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
    )
