"""Which addresses and headers SES takes. It has no SMTPUTF8: local parts are 7-bit ASCII, domains are punycode."""

import re
from typing import Any

from ems.local.simulator.wire import bad_request

MAX_RECIPIENTS = 50
MAX_HEADERS = 15
MAX_HEADER_NAME = 126
MAX_HEADER_VALUE = 995
MAX_HEADER = 996

_MAILBOX = re.compile(r"^(?:(?P<name>[^<>]*)<(?P<inner>[^<>]*)>|(?P<bare>[^<>]*))$", re.DOTALL)
_LOCAL = re.compile(r"^(?:\"[^\"\\]+\"|[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)$")
_DOMAIN = re.compile(r"^(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z0-9-]{2,63}$")
_TAG = re.compile(r"^[A-Za-z0-9_-]{1,256}$")
_HEADER_NAME = re.compile(r"^[!-9;-~]+$")
_HEADER_VALUE = re.compile(r"^[ -~]*$")


def check_address(text: Any) -> str:
    """Return the bare address of ``a@b.example`` or ``Name <a@b.example>``.

    Raises:
        SesError: SES would refuse it.
    """
    if not isinstance(text, str) or not text.strip():
        raise bad_request("Missing address")
    if any(character < " " or character == "\x7f" for character in text):
        raise bad_request("Local address contains control or whitespace")
    parts = _MAILBOX.match(text.strip())
    if parts is None:
        raise bad_request("Illegal address")
    if not (parts["name"] or "").isascii():
        raise bad_request("a non-ASCII display name must be encoded as RFC 2047 says")
    address = (parts["bare"] if parts["inner"] is None else parts["inner"]).strip()
    return _check_bare(address)


def _check_bare(address: str) -> str:
    local, separator, domain = address.rpartition("@")
    if not separator or not domain:
        raise bad_request("Missing final '@domain'")
    if not local.isascii():
        raise bad_request("Local address contains non-ASCII characters")
    if not _LOCAL.match(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise bad_request("Local address contains illegal character")
    if not _DOMAIN.match(domain):
        raise bad_request("Domain contains illegal character")
    return address


def check_all(addresses: Any) -> list[str]:
    """Check each address of a list and return the bare ones; an absent list is empty."""
    if addresses is None:
        return []
    if not isinstance(addresses, list):
        raise bad_request("addresses must be a list")
    return [check_address(address) for address in addresses]


def check_tags(tags: Any) -> dict[str, list[str]]:
    """Return message tags as events show them, name to list of values.

    Raises:
        SesError: A name or value has a character that SES does not take, or a name comes twice.
    """
    checked: dict[str, list[str]] = {}
    for tag in tags or []:
        name, value = tag.get("Name", ""), tag.get("Value", "")
        if not _TAG.match(name) or not _TAG.match(value):
            raise bad_request(f"Invalid tag <{name}>: up to 256 letters, digits, underscores and dashes are taken")
        if name in checked:
            raise bad_request(f"Duplicate tag <{name}>")
        checked[name] = [value]
    return checked


def check_headers(headers: Any) -> list[tuple[str, str]]:
    """Return custom headers as pairs.

    Raises:
        SesError: More than 15, or a name or value that SES does not take.
    """
    pairs = [(header.get("Name", ""), header.get("Value", "")) for header in headers or []]
    if len(pairs) > MAX_HEADERS:
        raise bad_request(f"no more than {MAX_HEADERS} headers are taken")
    for name, value in pairs:
        if not _HEADER_NAME.match(name) or len(name) > MAX_HEADER_NAME:
            raise bad_request("Invalid header name")
        if not _HEADER_VALUE.match(value) or len(value) > MAX_HEADER_VALUE or len(name) + len(value) > MAX_HEADER:
            raise bad_request(f"Invalid value of header <{name}>")
    return pairs


def check_subject(subject: str) -> str:
    """Return the subject of a mail that is sent without a template.

    Raises:
        SesError: It has a line break, which would start another header.
    """
    if "\r" in subject or "\n" in subject:
        raise bad_request("Subject contains a line break")
    return subject
