"""Mail addresses as SES takes them.

SES supports no SMTPUTF8: the local part is 7-bit ASCII and an internationalised domain travels as punycode (SES API v2,
``Destination``). What differs from that is refused here, with words that tell how to mend it, instead of by SES later.
"""

import re
import unicodedata
from dataclasses import dataclass
from email.utils import formataddr

from email_validator import EmailNotValidError, validate_email

MAX_ADDRESS = 254
MAX_LOCAL_PART = 64
MAX_SENDER_HEADER = 320
"""SES's limit on the encoded From header (SES API v2, ``SendEmail``)."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"(?!xn--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+[A-Za-z]{{2,63}})")
_NAMED = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^<>"]*?))\s*<(?P<address>[^<>]*)>\s*')
_NEEDS_QUOTES = re.compile(r'[()<>@,;:\\".\[\]]')
_LINE_BREAKERS = frozenset({"Cc", "Zl", "Zp"})


class AddressError(ValueError):
    """The text is no address that SES would take; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a campaign's mails come from: an address and a display name, which may be empty and may be non-ASCII."""

    name: str
    address: str

    def __str__(self) -> str:
        """Return ``name <address>`` for people, the name in quotes where RFC 5322 wants them; not yet RFC 2047."""
        if not self.name:
            return self.address
        if not _NEEDS_QUOTES.search(self.name):
            return f"{self.name} <{self.address}>"
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.address}>'


def has_control_characters(text: str) -> bool:
    """Tell whether *text* holds a character that could end a header line, or any other control character."""
    return not text.isprintable() and any(unicodedata.category(character) in _LINE_BREAKERS for character in text)


def normalise(text: str) -> str:
    """Check one bare address and return it as SES wants it: domain in lower case and punycode, local part as given.

    Plain ASCII takes a regular expression only, since a request may carry 50,000 of these.

    Raises:
        AddressError: SES would refuse the address.
    """
    address = text.strip(" ")
    plain = _PLAIN.fullmatch(address)
    if plain is None:
        return _normalise_unusual(address)
    local, domain = plain.groups()
    if len(local) > MAX_LOCAL_PART or len(address) > MAX_ADDRESS:
        raise AddressError(f"an address has at most {MAX_LOCAL_PART} characters before the @ and {MAX_ADDRESS} in all")
    return f"{local}@{domain.lower()}"


def parse_sender(text: str) -> Sender:
    """Read ``address`` or ``Display Name <address>``.

    Raises:
        AddressError: No such thing, a control character in it, or too long for SES.
    """
    if has_control_characters(text):
        raise AddressError("remove the line breaks and control characters")
    named = _NAMED.fullmatch(text)
    if named is None:
        return Sender(name="", address=normalise(text))
    quoted = named["quoted"]
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else named["bare"]
    sender = Sender(name=name.strip(), address=normalise(named["address"]))
    if len(formataddr((sender.name, sender.address))) > MAX_SENDER_HEADER:
        raise AddressError(
            f"name and address together exceed SES's {MAX_SENDER_HEADER} encoded characters; shorten them"
        )
    return sender


def _normalise_unusual(address: str) -> str:
    if has_control_characters(address):
        raise AddressError("remove the line breaks and control characters")
    if "<" in address or ">" in address:
        raise AddressError("give the address alone, without a display name or angle brackets")
    if "," in address or ";" in address:
        raise AddressError("give one address, not a list")
    try:
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise AddressError(_in_our_words(error)) from None
    # Without SMTPUTF8 there is always an ASCII form: punycode where the domain needs it.
    local, _, domain = (checked.ascii_email or checked.normalized).rpartition("@")
    *_, top = domain.split(".")
    if top in {domain, ""} or top.isdigit():
        raise AddressError("the part after the @ must be a full domain name such as example.com")
    return f"{local}@{domain}"


def _in_our_words(error: EmailNotValidError) -> str:
    text = str(error)
    if text.startswith("Internationalized characters before the @-sign"):
        return "SES takes only ASCII before the @ (no SMTPUTF8); a non-ASCII domain is fine"
    return text[0].lower() + text[1:]
