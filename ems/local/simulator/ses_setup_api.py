"""The SES v2 operations that prepare an account: configuration sets, event destinations, suppression, identities."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ems.local.simulator.account import ConfigurationSet, Destination, Suppressed
from ems.local.simulator.addresses import check_address
from ems.local.simulator.guard import Guard
from ems.local.simulator.ses_api import DEFAULT_PAGE, page_size
from ems.local.simulator.simulator import Simulator
from ems.local.simulator.wire import already_exists, bad_request, json_body, member, not_found, ok, page_of

ROOT = "/v2/email"


class SesSetupApi:
    """The handlers, one for each operation."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._account = simulator.account

    def routes(self) -> list[Route]:
        """Return the routes."""
        route = Guard(self._simulator).route
        sets = f"{ROOT}/configuration-sets"
        destinations, addresses = f"{sets}/{{name}}/event-destinations", f"{ROOT}/suppression/addresses"
        event_destination = "ConfigurationSetEventDestination"
        return [
            route("POST", sets, "CreateConfigurationSet", self.create_set),
            route("POST", f"{ROOT}/list-configuration-sets", "ListConfigurationSets", self.list_sets),
            route("GET", sets, "ListConfigurationSets", self.list_sets),
            route("GET", f"{sets}/{{name}}", "GetConfigurationSet", self.get_set),
            route("DELETE", f"{sets}/{{name}}", "DeleteConfigurationSet", self.delete_set),
            route("POST", destinations, f"Create{event_destination}", self.create_destination),
            route("GET", destinations, f"Get{event_destination}s", self.get_destinations),
            route("PUT", f"{destinations}/{{destination}}", f"Update{event_destination}", self.update_destination),
            route("DELETE", f"{destinations}/{{destination}}", f"Delete{event_destination}", self.delete_destination),
            route("PUT", addresses, "PutSuppressedDestination", self.suppress),
            route("GET", addresses, "ListSuppressedDestinations", self.list_suppressed),
            route("GET", f"{addresses}/{{address:path}}", "GetSuppressedDestination", self.get_suppressed),
            route("DELETE", f"{addresses}/{{address:path}}", "DeleteSuppressedDestination", self.release),
            route("POST", f"{ROOT}/identities", "CreateEmailIdentity", self.create_identity),
            route("GET", f"{ROOT}/identities/{{identity:path}}", "GetEmailIdentity", self.get_identity),
        ]

    async def create_set(self, request: Request) -> Response:
        """CreateConfigurationSet."""
        body = await json_body(request)
        self._account.create_set(member(body, "ConfigurationSetName", str, required=True), body)
        return ok()

    async def list_sets(self, request: Request) -> Response:
        """ListConfigurationSets: a POST today, a GET in older SDKs."""
        body = await json_body(request)
        rows: list[dict[str, Any]] = [{"name": name} for name in self._account.set_names()]
        size = member(body, "PageSize", int) or DEFAULT_PAGE
        shown, following = page_of(rows, token=body.get("NextToken"), size=size)
        return ok({"ConfigurationSets": [row["name"] for row in shown], **following})

    async def get_set(self, request: Request) -> Response:
        """GetConfigurationSet."""
        return ok(self._named(request).request)

    async def delete_set(self, request: Request) -> Response:
        """DeleteConfigurationSet."""
        self._account.delete_set(request.path_params["name"])
        return ok()

    async def create_destination(self, request: Request) -> Response:
        """CreateConfigurationSetEventDestination; the topic gets SES's validation text."""
        body = await json_body(request)
        found = self._named(request)
        destination = Destination.of_request(body.get("EventDestinationName"), body.get("EventDestination"))
        if destination.name in found.destinations:
            raise already_exists(f"Event destination <{destination.name}> already exists")
        self._validate_topic(destination)
        found.destinations[destination.name] = destination
        return ok()

    async def get_destinations(self, request: Request) -> Response:
        """GetConfigurationSetEventDestinations."""
        destinations = self._named(request).destinations.values()
        return ok({"EventDestinations": [destination.as_answer() for destination in destinations]})

    async def update_destination(self, request: Request) -> Response:
        """UpdateConfigurationSetEventDestination."""
        body = await json_body(request)
        found = self._named(request)
        name = found.destination(request.path_params["destination"]).name
        destination = Destination.of_request(name, body.get("EventDestination"))
        self._validate_topic(destination)
        found.destinations[name] = destination
        return ok()

    async def delete_destination(self, request: Request) -> Response:
        """DeleteConfigurationSetEventDestination."""
        found = self._named(request)
        del found.destinations[found.destination(request.path_params["destination"]).name]
        return ok()

    async def suppress(self, request: Request) -> Response:
        """PutSuppressedDestination."""
        body = await json_body(request)
        self._account.suppress(check_address(body.get("EmailAddress")), str(body.get("Reason")))
        return ok()

    async def list_suppressed(self, request: Request) -> Response:
        """ListSuppressedDestinations."""
        reasons = request.query_params.getlist("Reason") + request.query_params.getlist("Reasons")
        since = _epoch_seconds(request.query_params.get("StartDate"))
        rows = [_summary(entry) for entry in self._account.suppressed_for(reasons, since=since)]
        shown, following = page_of(rows, token=request.query_params.get("NextToken"), size=page_size(request))
        return ok({"SuppressedDestinationSummaries": shown, **following})

    async def get_suppressed(self, request: Request) -> Response:
        """GetSuppressedDestination."""
        entry = self._account.suppressed(request.path_params["address"])
        if entry is None:
            raise not_found("This email address does not exist on your suppression list.")
        return ok({"SuppressedDestination": _summary(entry)})

    async def release(self, request: Request) -> Response:
        """DeleteSuppressedDestination."""
        self._account.release(request.path_params["address"])
        return ok()

    async def create_identity(self, request: Request) -> Response:
        """CreateEmailIdentity: verified at once."""
        body = await json_body(request)
        identity = member(body, "EmailIdentity", str, required=True)
        if identity in self._account.identities:
            raise already_exists(f"Email identity {identity} already exist.")
        self._account.identities[identity] = body.get("ConfigurationSetName")
        return ok({"IdentityType": _identity_type(identity), "VerifiedForSendingStatus": True})

    async def get_identity(self, request: Request) -> Response:
        """GetEmailIdentity: any identity is a verified one."""
        identity = request.path_params["identity"]
        answer = {
            "IdentityType": _identity_type(identity),
            "FeedbackForwardingStatus": False,
            "VerifiedForSendingStatus": True,
            "VerificationStatus": "SUCCESS",
        }
        default_set = self._account.identities.get(identity)
        return ok(answer | ({"ConfigurationSetName": default_set} if default_set else {}))

    def _named(self, request: Request) -> ConfigurationSet:
        return self._account.set_named(request.path_params["name"])

    def _validate_topic(self, destination: Destination) -> None:
        topic = self._simulator.topics.find(destination.topic_arn)
        if topic is None:
            raise bad_request(f"SNS topic <{destination.topic_arn}> not found")
        self._simulator.courier.validate(topic)


def _epoch_seconds(text: str | None) -> float:
    """Read a time of a query string, which botocore writes as ISO 8601."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError as error:
        raise bad_request(f"StartDate is no timestamp: {text}") from error


def _summary(entry: Suppressed) -> dict[str, Any]:
    return {"EmailAddress": entry.address, "Reason": entry.reason, "LastUpdateTime": entry.since}


def _identity_type(identity: str) -> str:
    return "EMAIL_ADDRESS" if "@" in identity else "DOMAIN"
