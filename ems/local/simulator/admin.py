"""What AWS does not have: faults, figures and mails under ``/_simulator``."""

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ems.local.simulator.faults import Fault
from ems.local.simulator.guard import Handler
from ems.local.simulator.simulator import Simulator
from ems.local.simulator.wire import SesError, bad_request, error_response, json_body, member

MAX_PAGE = 1000
PREFIX = "/_simulator"


class AdminApi:
    """The handlers."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(f"{PREFIX}/health", self.health, methods=["GET"]),
            Route(f"{PREFIX}/report", _answering(self.report), methods=["GET"]),
            Route(f"{PREFIX}/mails", _answering(self.mails), methods=["GET"]),
            Route(f"{PREFIX}/mails", self.forget, methods=["DELETE"]),
            Route(f"{PREFIX}/mails/{{message_id}}", self.mail, methods=["GET"]),
            Route(f"{PREFIX}/faults", _answering(self.add_faults), methods=["POST"]),
            Route(f"{PREFIX}/faults", self.faults, methods=["GET"]),
            Route(f"{PREFIX}/faults", self.lift_faults, methods=["DELETE"]),
            Route(f"{PREFIX}/account", _answering(self.change_account), methods=["PUT"]),
        ]

    async def health(self, _request: Request) -> Response:
        """Answer that the simulator is up."""
        return JSONResponse({"status": "ok"})

    async def report(self, request: Request) -> Response:
        """Return the figures; ``?campaign=`` and ``?since=`` (epoch seconds) narrow the acceptances down."""
        asked = request.query_params
        try:
            since = float(asked["since"]) if "since" in asked else None
        except ValueError as error:
            raise bad_request("since must be a time in epoch seconds") from error
        figures = self._simulator.ledger.as_json(campaign_id=asked.get("campaign"), since=since)
        return JSONResponse(figures | {"faults": self._simulator.faults.as_json()})

    async def mails(self, request: Request) -> Response:
        """Return a page of mails, oldest first; ``?ems_email_id=``, ``?campaign=``, ``?recipient=`` filter."""
        asked = request.query_params
        start, limit = asked.get("cursor", "0"), asked.get("limit", "100")
        if not start.isdecimal() or not limit.isdecimal() or not 1 <= int(limit) <= MAX_PAGE:
            raise bad_request(f"cursor must be the last page's next, limit 1 to {MAX_PAGE}")
        found = list(
            self._simulator.mailbox.matching(
                email_id=asked.get("ems_email_id"),
                campaign_id=asked.get("campaign"),
                recipient=asked.get("recipient"),
            )
        )
        end = int(start) + int(limit)
        items = [mail.as_json() for mail in found[int(start) : end]]
        return JSONResponse({"items": items, "total": len(found), "next": str(end) if end < len(found) else None})

    async def mail(self, request: Request) -> Response:
        """Return one mail with its rendered contents."""
        mail = self._simulator.mailbox.get(request.path_params["message_id"])
        if mail is None:
            return JSONResponse({"message": "there is no mail with this MessageId"}, 404)
        contents = mail.contents()
        return JSONResponse(mail.as_json() | {"text": contents.text, "html": contents.html})

    async def forget(self, _request: Request) -> Response:
        """Forget every mail and begin the figures anew."""
        self._simulator.reset()
        return Response(status_code=204)

    async def add_faults(self, request: Request) -> Response:
        """Put one rule, or ``{"rules": [...]}``, in force."""
        body = await json_body(request)
        added = [Fault.of_request(rule) for rule in body.get("rules", [body])]
        for fault in added:
            self._simulator.faults.add(fault)
        return JSONResponse({"faults": self._simulator.faults.as_json()}, 201)

    async def faults(self, _request: Request) -> Response:
        """Return the rules with how often each struck."""
        return JSONResponse({"faults": self._simulator.faults.as_json()})

    async def lift_faults(self, _request: Request) -> Response:
        """Lift every rule."""
        self._simulator.faults.clear()
        return Response(status_code=204)

    async def change_account(self, request: Request) -> Response:
        """Change ``rate``, ``daily_quota`` and ``sending_enabled`` while it runs."""
        body = await json_body(request)
        if unknown := body.keys() - {"rate", "daily_quota", "sending_enabled"}:
            raise bad_request(f"unknown fields: {', '.join(sorted(unknown))}")
        rate, daily_quota = _number(body, "rate"), _number(body, "daily_quota")
        if rate is not None:
            self._simulator.quotas.rate.change(rate, now=time.monotonic())
        if daily_quota is not None:
            self._simulator.quotas.daily.limit = daily_quota
        enabled = member(body, "sending_enabled", bool)
        if enabled is not None:
            self._simulator.account.sending_enabled = enabled
        return JSONResponse(
            {"rate": self._simulator.quotas.rate.rate, "daily_quota": self._simulator.quotas.daily.limit}
        )


def _number(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise bad_request(f"{name} must be a number")
    return None if value is None else float(value)


def _answering(handler: Handler) -> Handler:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except SesError as error:
            return error_response(error)

    return endpoint
