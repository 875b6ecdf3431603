"""Stored templates and their rendering with Handlebars, as SES does it."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dotpromptz_handlebars import Handlebars, StrictModeError

from ems.aws.handlebars import readable
from ems.local.simulator.wire import already_exists, bad_request, not_found

MAX_TEMPLATE_BYTES = 500 * 1024
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


class RenderingError(Exception):
    """A mail cannot be built from its template and data; the text is the event's ``errorMessage``."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says: of a template (with variables), or rendered (without)."""

    subject: str = ""
    text: str = ""
    html: str = ""

    @classmethod
    def of_template(cls, content: Any) -> "Content":
        """Read a request's ``TemplateContent``.

        Raises:
            SesError: It is too large, empty, or does not parse.
        """
        if not isinstance(content, dict):
            raise bad_request("TemplateContent must not be null")
        read = cls(subject=content.get("Subject") or "", text=content.get("Text") or "", html=content.get("Html") or "")
        if not read.text and not read.html:
            raise bad_request("the template has neither a text nor an HTML part")
        if sum(len(part.encode()) for part in (read.subject, read.text, read.html)) > MAX_TEMPLATE_BYTES:
            raise bad_request("the template is larger than 500 KB")
        read.check()
        return read

    def check(self) -> None:
        """Raise an SES error when a part is no Handlebars template."""
        for name, source in (("Subject", self.subject), ("Text", self.text), ("Html", self.html)):
            try:
                _compiled(source)
            except ValueError as error:
                raise bad_request(f"Template {name} part is invalid: {error}") from error

    def rendered(self, data: Mapping[str, Any]) -> "Content":
        """Fill in the variables.

        Nothing is escaped: "SES doesn't escape HTML content when rendering the HTML template for a message"
        (SES developer guide, send-personalized-email-advanced).

        Raises:
            RenderingError: A variable is missing, or a helper or partial is unknown.
        """
        return Content(*(_render(source, data) for source in (self.subject, self.text, self.html)))

    def as_request(self) -> dict[str, str]:
        """Return the API's ``TemplateContent``."""
        return {"Subject": self.subject, "Text": self.text, "Html": self.html}


def parse_data(text: Any) -> dict[str, Any]:
    """Read a request's ``TemplateData``; absent is empty.

    Raises:
        SesError: It is no JSON object.
    """
    try:
        data = json.loads(text or "{}")
    except (TypeError, ValueError) as error:
        raise bad_request(f"Invalid template rendering data: {error}") from error
    if not isinstance(data, dict):
        raise bad_request("Invalid template rendering data: it is no JSON object")
    return data


def _render(source: str, data: Mapping[str, Any]) -> str:
    if "{{" not in source:
        return source
    try:
        return _compiled(source)(dict(data))
    except StrictModeError as error:
        raise RenderingError(f"Attribute '{error.path}' is not present in the rendering data.") from error
    except (ValueError, RecursionError) as error:
        raise RenderingError(str(error)) from error


@lru_cache(maxsize=512)
def _compiled(source: str) -> Callable[[dict[str, Any]], str]:
    return Handlebars(strict=True, escape_html=False).compile(readable(source))


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """One template of the account; ``created`` is in epoch seconds."""

    name: str
    content: Content
    created: float


class TemplateStore:
    """The account's templates by name."""

    def __init__(self) -> None:
        self._templates: dict[str, StoredTemplate] = {}

    def create(self, name: str, content: Content) -> None:
        """Store a new template."""
        if not _NAME.match(name):
            raise bad_request("Template name must be 1 to 64 letters, digits, underscores and dashes")
        if name in self._templates:
            raise already_exists(f"Template {name} already exists")
        self._templates[name] = StoredTemplate(name, content, time.time())

    def update(self, name: str, content: Content) -> None:
        """Replace a template's content."""
        self._templates[name] = StoredTemplate(name, content, self.get(name).created)

    def get(self, name: str) -> StoredTemplate:
        """Return one template; an unknown name is an SES error."""
        if name not in self._templates:
            raise not_found(f"Template {name} does not exist")
        return self._templates[name]

    def delete(self, name: str) -> None:
        """Forget one template."""
        self.get(name)
        del self._templates[name]

    def all(self) -> list[StoredTemplate]:
        """Return every template, the newest first."""
        return sorted(self._templates.values(), key=lambda template: template.created, reverse=True)
