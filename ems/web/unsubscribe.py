"""``/unsubscribe/…``: where the links of bulk mails lead. The token is all that anybody needs (RFC 8058)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

import structlog
from flask import Response
from jinja2 import Environment, PackageLoader
from werkzeug.datastructures import MIMEAccept

from ems.errors import UnavailableError
from ems.links import UnsubscribeLink
from ems.web.openapi import HTML
from ems.web.operations import operation
from ems.web.problems import MEDIA_TYPE, ProblemError
from ems.web.services import Links
from ems.web.services import Unsubscribing as UnsubscribingService

ACTION = "action"
"""The field by which the page's own buttons are told from what mailbox providers post."""
COME_BACK = "come-back"

State = Literal["asks", "gone", "back", "unchanged", "unknown", "later"]

_TITLES: Mapping[State, str] = {
    "asks": "Unsubscribe?",
    "gone": "You are unsubscribed",
    "back": "You are subscribed again",
    "unchanged": "Nothing was changed",
    "unknown": "This link does not work",
    "later": "Please try again",
}

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    # The URL is a key: it shall not travel on, and not into a search engine.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

_pages = Environment(autoescape=True, loader=PackageLoader("ems.web", "pages"))
_log = structlog.get_logger(__name__)


class Unsubscribe:
    """Lets the recipients of bulk mail leave, and come back."""

    def __init__(self, links: Links, unsubscribing: UnsubscribingService) -> None:
        self._links = links
        self._unsubscribing = unsubscribing

    @operation("GET /unsubscribe/{token}", scope=None, tag="unsubscribing", problems=(404,), media_type=HTML)
    def show_unsubscribe_page(self, token: str, accept: MIMEAccept) -> Response:
        """Show a page with one button.

        It changes nothing: scanners and browsers follow links in advance.
        """
        link = self._links.read(token)
        return _unknown(accept) if link is None else _page("asks", link)

    @operation("POST /unsubscribe/{token}", scope=None, tag="unsubscribing", problems=(404, 503), media_type=HTML)
    def unsubscribe(self, token: str, form: Mapping[str, str], accept: MIMEAccept) -> Response:
        """Unsubscribe the recipient of the mail whose link it is; twice does no harm.

        A mailbox provider posts List-Unsubscribe=One-Click, as a form of either kind. The page's own buttons post an
        action; come-back takes an unsubscription back.
        """
        link = self._links.read(token)
        if link is None:
            return _unknown(accept)
        action = form.get(ACTION)
        try:
            state = self._act(link, action)
        except UnavailableError as error:
            if not _reads_pages(accept):
                raise
            _log.warning("service_unavailable", service=error.service, error=str(error))
            retry = {"Retry-After": str(error.retry_after)}
            return _page("later", link, action=action, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=retry)
        return _page(state, link)

    def _act(self, link: UnsubscribeLink, action: str | None) -> State:
        if action == COME_BACK:
            return "back" if self._unsubscribing.come_back(link) else "unchanged"
        self._unsubscribing.unsubscribe(link, by="page" if action else "one-click")
        return "gone"


def _unknown(accept: MIMEAccept) -> Response:
    if not _reads_pages(accept):
        raise ProblemError(HTTPStatus.NOT_FOUND, "this link names no mail of ours; take that of a newer mail")
    return _page("unknown", None, status=HTTPStatus.NOT_FOUND)


def _reads_pages(accept: MIMEAccept) -> bool:
    """Tell a browser, which asks for HTML, from a program, which takes anything."""
    return accept.best_match([MEDIA_TYPE, HTML], default=MEDIA_TYPE) == HTML


def _page(
    state: State,
    link: UnsubscribeLink | None,
    *,
    action: str | None = None,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    address = None if link is None else _shortened(link.address)
    text = _pages.get_template("unsubscribe.html").render(
        state=state, title=_TITLES[state], address=address, action=action or "unsubscribe"
    )
    return Response(text, status, {**_HEADERS, **(headers or {})}, mimetype=HTML)


def _shortened(address: str) -> str:
    """Return enough of an address for its owner, and not all of it for whom the mail was passed on to."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
