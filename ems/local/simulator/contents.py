"""The three ways of saying what a mail contains: template, simple, raw."""

import base64
import binascii
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from typing import Any

from ems.local.simulator.addresses import check_subject
from ems.local.simulator.mails import Body
from ems.local.simulator.templates import Content, TemplateStore, parse_data
from ems.local.simulator.wire import bad_request

Headers = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Message:
    """What a mail says. ``source`` and ``destination`` are set by raw mails only, from their headers."""

    body: Body
    template_name: str | None = None
    headers: Headers = field(default_factory=list)
    source: str | None = None
    destination: dict[str, list[str]] = field(default_factory=dict)


def of_email(content: dict[str, Any], templates: TemplateStore) -> Message:
    """Read SendEmail's ``Content``.

    Raises:
        SesError: Not exactly one of the three, an unknown template, or contents that SES does not take.
    """
    given = [name for name in ("Template", "Simple", "Raw") if content.get(name)]
    if len(given) != 1:
        raise bad_request("Content must have exactly one of Simple, Raw and Template")
    if given[0] == "Simple":
        return _simple(content["Simple"])
    if given[0] == "Raw":
        return _raw(content["Raw"])
    template = content["Template"]
    name, source = _template(template, templates)
    return Message(Body(source, parse_data(template.get("TemplateData"))), name, template.get("Headers") or [])


def of_bulk_entry(body: dict[str, Any], entry: dict[str, Any], templates: TemplateStore) -> Message:
    """Read what one entry of SendBulkEmail gets: the call's content with the entry's replacements.

    Raises:
        SesError: An unknown template, or data that is no JSON.
    """
    template = (body.get("DefaultContent") or {}).get("Template")
    if not isinstance(template, dict):
        raise bad_request("DefaultContent.Template must not be null")
    name, source = _template(template, templates)
    replacement = ((entry.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}).get(
        "ReplacementTemplateData"
    )
    # Default values stand in for whatever the replacement leaves out.
    data = {**parse_data(template.get("TemplateData")), **parse_data(replacement)}
    return Message(
        Body(source, data), name, _merged(template.get("Headers") or [], entry.get("ReplacementHeaders") or [])
    )


def _template(template: dict[str, Any], templates: TemplateStore) -> tuple[str | None, Content]:
    if inline := template.get("TemplateContent"):
        return None, Content.of_template(inline)
    name = template.get("TemplateName") or (template.get("TemplateArn") or "").rpartition("/")[2]
    if not name:
        raise bad_request("one of TemplateName, TemplateArn and TemplateContent must be set")
    return name, templates.get(name).content


def _merged(of_template: Headers, of_entry: Headers) -> Headers:
    """An entry's header wins over the template's of the same name [botocore sesv2 BulkEmailEntry]."""
    replaced = {header.get("Name", "").lower() for header in of_entry}
    return [header for header in of_template if header.get("Name", "").lower() not in replaced] + of_entry


def _simple(simple: dict[str, Any]) -> Message:
    parts = simple.get("Body") or {}
    content = Content(
        subject=check_subject((simple.get("Subject") or {}).get("Data") or ""),
        text=(parts.get("Text") or {}).get("Data") or "",
        html=(parts.get("Html") or {}).get("Data") or "",
    )
    if not content.text and not content.html:
        raise bad_request("Body must have a Text or an Html part")
    return Message(Body(content), headers=simple.get("Headers") or [])


def _raw(raw: dict[str, Any]) -> Message:
    try:
        parsed = message_from_bytes(base64.b64decode(raw.get("Data") or "", validate=True), policy=default)
    except (binascii.Error, TypeError) as error:
        raise bad_request(f"Raw.Data is not base64: {error}") from error
    if not isinstance(parsed, EmailMessage) or not parsed.keys():
        raise bad_request("Raw.Data has no headers")
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    content = Content(
        subject=str(parsed.get("Subject", "")),
        text=str(text.get_content()) if text else "",
        html=str(html.get_content()) if html else "",
    )
    destination = {
        f"{name}Addresses": [address for _, address in getaddresses(parsed.get_all(name, []))]
        for name in ("To", "Cc", "Bcc")
    }
    return Message(Body(content), source=str(parsed.get("From", "")) or None, destination=destination)
