"""API keys (the table ``email-api-key``): made, checked, revoked.

A token is ``ems_<key id>_<secret>``. Only the secret's SHA-256 is stored: it has 256 random bits, so a slow hash would
protect nothing and cost every request.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from threading import Lock

import structlog
from pynamodb.exceptions import DoesNotExist, UpdateError

from ems.errors import UnavailableError
from ems.store.failures import conditionally, translated
from ems.store.scopes import SCOPES, Scope
from ems.store.tables import Tables

BOOTSTRAP = "bootstrap"

CACHE_SECONDS = 15.0
"""How long a revoked key may still work in a process that has seen it."""

CACHE_SIZE = 1024
LAST_USED_SECONDS = 60.0

_TOKEN = re.compile(r"ems_([0-9a-f]{12})_([A-Za-z0-9_-]{1,128})")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token belongs to and what that key may do."""

    key_id: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. Times are epoch seconds."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    created_at: float
    last_used_at: float | None = None


class ApiKeys:
    """The keys of this installation, and the bootstrap key of the settings if there is one.

    *clock* gives epoch seconds.
    """

    def __init__(self, tables: Tables, *, bootstrap: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.api_keys
        self._bootstrap = None if bootstrap is None else _hash(bootstrap)
        self._clock = clock
        self._known: OrderedDict[str, tuple[Identity, float]] = OrderedDict()
        self._lock = Lock()

    def create(self, name: str, scopes: Iterable[Scope]) -> tuple[ApiKey, str]:
        """Make a key; returns it with its token, which cannot be read again."""
        key = ApiKey(secrets.token_hex(6), name, frozenset(scopes), self._clock())
        secret = secrets.token_urlsafe(32)
        row = self._table(
            key.key_id, secret_hash=_hash(secret), scopes=set(key.scopes), name=name, created_at=key.created_at
        )
        with translated("cannot store the API key"):
            row.save(condition=self._table.key_id.does_not_exist())
        return key, f"ems_{key.key_id}_{secret}"

    def all(self) -> list[ApiKey]:
        """List the stored keys, oldest first."""
        with translated("cannot list API keys"):
            rows = list(self._table.scan(consistent_read=True))
        keys = [
            ApiKey(
                row.key_id,
                row.name,
                _scopes(row.scopes),
                float(row.created_at),
                None if row.last_used_at is None else float(row.last_used_at),
            )
            for row in rows
        ]
        return sorted(keys, key=lambda key: key.created_at)

    def revoke(self, key_id: str) -> bool:
        """Delete a key; False when there is none. Other processes notice within CACHE_SECONDS."""
        existed = conditionally(
            "cannot delete the API key", self._table(key_id).delete, condition=self._table.key_id.exists()
        )
        if existed:
            with self._lock:
                self._known.clear()
        return existed

    def authenticate(self, token: str) -> Identity | None:
        """Tell whose token this is; None when it is nobody's.

        Raises:
            UnavailableError: DynamoDB is out of reach and the token was not seen lately.
        """
        digest = _hash(token)
        if self._bootstrap is not None and hmac.compare_digest(digest, self._bootstrap):
            return Identity(BOOTSTRAP, frozenset(SCOPES))
        now = self._clock()
        with self._lock:
            identity, until = self._known.get(digest, (None, 0.0))
        if identity is not None and now < until:
            return identity
        identity = self._look_up(token, now)
        if identity is not None:
            self._remember(digest, identity, now + CACHE_SECONDS)
        return identity

    def _look_up(self, token: str, now: float) -> Identity | None:
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        key_id, secret = parts.groups()
        with translated("cannot check the API key"):
            try:
                row = self._table.get(key_id)
            except DoesNotExist:
                return None
        if not hmac.compare_digest(_hash(secret), row.secret_hash):
            return None
        if row.last_used_at is None or now - float(row.last_used_at) >= LAST_USED_SECONDS:
            self._note_use(key_id, now)
        return Identity(key_id, _scopes(row.scopes))

    def _remember(self, digest: str, identity: Identity, until: float) -> None:
        with self._lock:
            self._known[digest] = (identity, until)
            self._known.move_to_end(digest)
            while len(self._known) > CACHE_SIZE:
                self._known.popitem(last=False)

    def _note_use(self, key_id: str, now: float) -> None:
        """Record the time of use. A request is not refused because this note could not be written."""
        try:
            with translated("cannot note the use of an API key"):
                self._table(key_id).update(
                    actions=[self._table.last_used_at.set(now)], condition=self._table.key_id.exists()
                )
        except (UnavailableError, UpdateError) as error:
            _log.warning("api_key_use_not_noted", key_id=key_id, error=type(error).__name__)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _scopes(stored: Collection[str]) -> frozenset[Scope]:
    return frozenset(scope for scope in SCOPES if scope in stored)
