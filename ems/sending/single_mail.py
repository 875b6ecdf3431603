"""Checking the request of one mail, field by field."""

import re
from collections.abc import Iterable, Mapping

from ems.errors import InvalidError
from ems.sending.addresses import AddressError, normalise
from ems.sending.payloads import SinglePayload
from ems.sending.recipients import Shared, data_problem
from ems.sending.requests import SingleRequest
from ems.store.campaigns import Campaign

RECIPIENTS_PER_MAIL = 50
"""To, Cc and Bcc of one mail (SES quota, not adjustable)."""

MAX_TAGS = 20
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")


def single_payload(
    campaign: Campaign,
    request: SingleRequest,
    email_id: str,
    *,
    window_seconds: int,
    now: float,
    request_id: str | None = None,
) -> SinglePayload:
    """Check a single request, accepted *now* (epoch seconds), and make the message of it.

    Raises:
        InvalidError: A field cannot be accepted.
    """
    to = _address("to", request.to)
    seen = {to.lower()}
    cc = _copies("cc", request.cc, seen)
    bcc = _copies("bcc", request.bcc, seen)
    if 1 + len(cc) + len(bcc) > RECIPIENTS_PER_MAIL:
        raise InvalidError("cc", f"to, cc and bcc together may name {RECIPIENTS_PER_MAIL} recipients")
    _check_tags(request.tags)
    problem = data_problem(campaign, own=request.data, shared=Shared.of({}))
    if problem is not None:
        raise InvalidError("data", problem)
    reply_to = tuple(_address(f"reply_to[{place}]", text) for place, text in enumerate(request.reply_to))
    return SinglePayload(
        email_id=email_id,
        campaign_id=campaign.campaign_id,
        kind=campaign.kind,
        sender=campaign.sender,
        template_name=campaign.template_name,
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to or tuple(campaign.reply_to),
        data=request.data,
        tags=request.tags,
        duplicate_window_seconds=window_seconds,
        accepted_at=now,
        request_id=request_id,
    )


def _address(field: str, text: str) -> str:
    try:
        return normalise(text)
    except AddressError as error:
        raise InvalidError(field, str(error)) from None


def _copies(field: str, texts: Iterable[str], seen: set[str]) -> tuple[str, ...]:
    """Check copies and drop addresses that the mail already goes to."""
    copies = []
    for place, text in enumerate(texts):
        address = _address(f"{field}[{place}]", text)
        if address.lower() not in seen:
            seen.add(address.lower())
            copies.append(address)
    return tuple(copies)


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise InvalidError("tags", f"a mail takes {MAX_TAGS} tags")
    for name, value in tags.items():
        if name.startswith("ems_") or not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise InvalidError(
                f"tags.{name}", "names and values are 1 to 256 of A-Z a-z 0-9 _ -, and no name starts with ems_"
            )
