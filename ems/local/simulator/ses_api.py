"""The SES v2 operations on mails, templates and the account. Paths and members are botocore's model of sesv2."""

import time
from email.message import EmailMessage
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ems.local.simulator.guard import Guard
from ems.local.simulator.simulator import Simulator
from ems.local.simulator.templates import Content, RenderingError, parse_data
from ems.local.simulator.wire import bad_request, json_body, member, ok, page_of

DEFAULT_PAGE = 10


class SesApi:
    """The handlers, one for each operation."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes, the hottest first."""
        route = Guard(self._simulator).route
        templates, template = "/v2/email/templates", "/v2/email/templates/{name}"
        return [
            route("POST", "/v2/email/outbound-emails", "SendEmail", self.send_email),
            route("POST", "/v2/email/outbound-bulk-emails", "SendBulkEmail", self.send_bulk_email),
            route("GET", "/v2/email/account", "GetAccount", self.get_account),
            route("PUT", "/v2/email/account/sending", "PutAccountSendingAttributes", self.put_sending),
            route("PUT", "/v2/email/account/suppression", "PutAccountSuppressionAttributes", self.put_suppression),
            route("POST", templates, "CreateEmailTemplate", self.create_template),
            route("GET", templates, "ListEmailTemplates", self.list_templates),
            route("GET", template, "GetEmailTemplate", self.get_template),
            route("PUT", template, "UpdateEmailTemplate", self.update_template),
            route("DELETE", template, "DeleteEmailTemplate", self.delete_template),
            route("POST", f"{template}/render", "TestRenderEmailTemplate", self.render_template),
        ]

    async def send_email(self, request: Request) -> Response:
        """SendEmail."""
        return ok({"MessageId": self._simulator.sender.send_email(await json_body(request))})

    async def send_bulk_email(self, request: Request) -> Response:
        """SendBulkEmail."""
        return ok({"BulkEmailEntryResults": self._simulator.sender.send_bulk(await json_body(request))})

    async def get_account(self, _request: Request) -> Response:
        """GetAccount."""
        quotas, account = self._simulator.quotas, self._simulator.account
        return ok(
            {
                "DedicatedIpAutoWarmupEnabled": False,
                "EnforcementStatus": "HEALTHY",
                "ProductionAccessEnabled": True,
                "SendingEnabled": account.sending_enabled,
                "SendQuota": {
                    "Max24HourSend": quotas.daily.limit,
                    "MaxSendRate": quotas.rate.rate,
                    "SentLast24Hours": float(quotas.daily.sent(now=time.monotonic())),
                },
                "SuppressionAttributes": {"SuppressedReasons": account.suppressed_reasons},
            }
        )

    async def put_sending(self, request: Request) -> Response:
        """PutAccountSendingAttributes."""
        body = await json_body(request)
        self._simulator.account.sending_enabled = bool(member(body, "SendingEnabled", bool))
        return ok()

    async def put_suppression(self, request: Request) -> Response:
        """PutAccountSuppressionAttributes."""
        reasons = member(await json_body(request), "SuppressedReasons", list) or []
        if not set(reasons) <= {"BOUNCE", "COMPLAINT"}:
            raise bad_request("SuppressedReasons are BOUNCE and COMPLAINT")
        self._simulator.account.suppressed_reasons = reasons
        return ok()

    async def create_template(self, request: Request) -> Response:
        """CreateEmailTemplate."""
        body = await json_body(request)
        name = member(body, "TemplateName", str, required=True)
        self._simulator.templates.create(name, Content.of_template(body.get("TemplateContent")))
        return ok()

    async def list_templates(self, request: Request) -> Response:
        """ListEmailTemplates."""
        rows: list[dict[str, Any]] = [
            {"TemplateName": template.name, "CreatedTimestamp": template.created}
            for template in self._simulator.templates.all()
        ]
        shown, following = page_of(rows, token=request.query_params.get("NextToken"), size=page_size(request))
        return ok({"TemplatesMetadata": shown, **following})

    async def get_template(self, request: Request) -> Response:
        """GetEmailTemplate."""
        template = self._simulator.templates.get(request.path_params["name"])
        return ok({"TemplateName": template.name, "TemplateContent": template.content.as_request()})

    async def update_template(self, request: Request) -> Response:
        """UpdateEmailTemplate."""
        body = await json_body(request)
        content = Content.of_template(body.get("TemplateContent"))
        self._simulator.templates.update(request.path_params["name"], content)
        return ok()

    async def delete_template(self, request: Request) -> Response:
        """DeleteEmailTemplate."""
        self._simulator.templates.delete(request.path_params["name"])
        return ok()

    async def render_template(self, request: Request) -> Response:
        """TestRenderEmailTemplate: the answer is a whole MIME message."""
        body = await json_body(request)
        template = self._simulator.templates.get(request.path_params["name"])
        data = parse_data(member(body, "TemplateData", str, required=True))
        try:
            rendered = template.content.rendered(data)
        except RenderingError as error:
            raise bad_request(str(error)) from error
        return ok({"RenderedTemplate": as_mime(rendered)})


def as_mime(content: Content) -> str:
    """Write rendered contents as a MIME message."""
    message = EmailMessage()
    message["Subject"] = " ".join(content.subject.splitlines())
    message.set_content(content.text)
    if content.html:
        message.add_alternative(content.html, subtype="html")
    return message.as_string()


def page_size(request: Request) -> int:
    """Return the page size that was asked for.

    Raises:
        SesError: It is no positive number.
    """
    asked = request.query_params.get("PageSize", str(DEFAULT_PAGE))
    if not asked.isdecimal() or int(asked) < 1:
        raise bad_request("PageSize must be a positive number")
    return int(asked)
