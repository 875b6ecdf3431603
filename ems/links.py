"""Links by which the recipient of a bulk mail unsubscribes (RFC 8058; docs/adr/0027).

What a link names is sealed into its token with AES-SIV (RFC 5297): whoever has no key can neither read an address in it
nor make one of their own. The same mail always has the same link, so an SES call that is made again says the same.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ems.errors import UnavailableError
from ems.settings import Settings

PATH = "/unsubscribe/"

MAX_TOKEN_CHARACTERS = 700
"""More than the longest address, campaign id and mail id take."""

_FORMAT = "1"
"""Ends every token: tells its form, and keeps a dash from the end, which programs that look for links in plain text
leave out."""

_TOKEN = re.compile(re.escape(PATH) + r"[A-Za-z0-9_-]{40,}")
_SEPARATOR = "\x1f"
_KEY_BYTES = 64
_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class UnsubscribeLink:
    """What a token names: a mail, its campaign, and whom it went to (in any case)."""

    email_id: str
    campaign_id: str
    address: str = field(repr=False)


class UnsubscribeLinks:
    """Makes links and reads their tokens.

    Args:
        secrets: The first seals, all of them open; none where *missing* says why there can be no links.
        public_url: Where recipients reach the web process, without a slash at its end.
        missing: What must be set first.
    """

    def __init__(self, secrets: Sequence[str], *, public_url: str, missing: str | None = None) -> None:
        self._keys = [AESSIV(_key(secret)) for secret in secrets]
        self._prefix = public_url + PATH
        self._missing = missing

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make links as the settings say."""
        secrets = [secret.get_secret_value() for secret in settings.unsubscribe_secrets]
        return cls(secrets, public_url=settings.public_url, missing=_missing(settings))

    def require(self, kind: str) -> None:
        """See that mails of a campaign of this *kind* can have their links, if they need any.

        Raises:
            UnavailableError: A setting is missing, and the mails are of a bulk campaign.
        """
        if kind == "bulk" and self._missing is not None:
            raise UnavailableError("bulk mail", self._missing, retry_after=_RETRY_SECONDS)

    def url(self, kind: str, link: UnsubscribeLink) -> str | None:
        """Return the URL for a mail of a campaign of this *kind*; None if such mails have none.

        Raises:
            UnavailableError: As :meth:`require`.
        """
        if kind != "bulk":
            return None
        self.require(kind)
        named = _SEPARATOR.join((link.email_id, link.campaign_id, link.address)).encode()
        return (
            self._prefix + base64.urlsafe_b64encode(self._keys[0].encrypt(named, None)).decode().rstrip("=") + _FORMAT
        )

    def read(self, token: str) -> UnsubscribeLink | None:
        """Return what *token* names; None if it is none of ours, or its secret is gone."""
        if len(token) > MAX_TOKEN_CHARACTERS or not token.endswith(_FORMAT):
            return None
        text = token.removesuffix(_FORMAT)
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:  # binascii.Error, and what is not ASCII
            return None
        for key in self._keys:
            try:
                named = key.decrypt(sealed, None)
            except (InvalidTag, ValueError):  # another secret's, or too short to be anything
                continue
            return UnsubscribeLink(*named.decode().split(_SEPARATOR))
        return None


def without_token(url: str) -> str:
    """Return *url* without the token in it, if it is a link of ours: whoever reads of a click shall not hold it."""
    return _TOKEN.sub(PATH + "…", url) if PATH in url else url


def _key(secret: str) -> bytes:
    """Derive the key: the secret may be of any length and shape, and serve something else one day."""
    return HKDF(algorithm=SHA512(), length=_KEY_BYTES, salt=None, info=b"ems unsubscribe 1").derive(secret.encode())


def _missing(settings: Settings) -> str | None:
    """Name the setting without which no link would work, or none that mailbox providers accept."""
    if not settings.unsubscribe_secrets:
        return (
            "EMS_UNSUBSCRIBE_SECRETS is not set, and each mail of a bulk campaign needs a link by which its recipient "
            "unsubscribes; set it for web and sender alike (docs/operations.md)"
        )
    url = urlsplit(settings.public_url)
    if url.scheme != "https" and not ("public_url" in settings.model_fields_set and _is_loopback(url.hostname or "")):
        return (
            "EMS_PUBLIC_URL must be the https:// URL under which recipients reach the web process, since mailbox "
            "providers follow no other link for unsubscribing; set it for web and sender alike (docs/operations.md)"
        )
    return None


def _is_loopback(host: str) -> bool:
    """A run on one machine, which says so itself, has no certificate."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
