"""The simulator's pages for people: what was sent, and the figures."""

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ems.local.simulator.mails import Mail
from ems.local.simulator.simulator import Simulator

PAGE = 50
# Neither scripts nor anything from elsewhere; a mail's own HTML may carry its styles and remote images.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src *; frame-src 'self'; base-uri 'none'"
MAIL_POLICY = f"{POLICY}; sandbox allow-popups; frame-ancestors 'self'"


class Pages:
    """The handlers."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._environment = Environment(autoescape=True, loader=PackageLoader("ems.local.simulator", "pages"))
        self._environment.filters["clock"] = _clock

    def routes(self) -> list[Route]:
        """Return the routes, the list of mails apart: it shares ``/`` with SNS."""
        return [
            Route("/mails/{message_id}", self.mail, methods=["GET"]),
            Route("/mails/{message_id}/html", self.mail_html, methods=["GET"]),
        ]

    def mails(self, request: Request) -> Response:
        """Show a page of mails, the newest first, above them the figures."""
        asked = request.query_params.get("start", "0")
        start = int(asked) if asked.isdecimal() else 0
        mails = self._simulator.mailbox.newest(start=start, limit=PAGE)
        return self._page(
            "mails.html",
            mails=mails,
            start=start,
            page=PAGE,
            total=len(self._simulator.mailbox),
            report=self._simulator.ledger.as_json(),
            quotas=self._simulator.quotas,
            account=self._simulator.account,
        )

    def mail(self, request: Request) -> Response:
        """Show one mail."""
        mail = self._found(request)
        if mail is None:
            return HTMLResponse("There is no mail with this MessageId.", 404)
        return self._page("mail.html", mail=mail, contents=mail.contents())

    def mail_html(self, request: Request) -> Response:
        """Return a mail's HTML part for the sandboxed frame."""
        mail = self._found(request)
        if mail is None:
            return HTMLResponse("There is no mail with this MessageId.", 404)
        return HTMLResponse(mail.contents().html, headers={"Content-Security-Policy": MAIL_POLICY})

    def _found(self, request: Request) -> Mail | None:
        return self._simulator.mailbox.get(request.path_params["message_id"])

    def _page(self, name: str, **values: Any) -> Response:
        page = self._environment.get_template(name).render(values)
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]
