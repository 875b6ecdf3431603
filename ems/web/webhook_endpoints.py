"""``/events`` and ``/webhook-endpoints``: how the backend learns what became of its mails."""

from ems.web.event_models import (
    EnableQuery,
    EventPage,
    EventsQuery,
    PutWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpointList,
    WebhookEndpointSecret,
)
from ems.web.event_services import Endpoints, Events
from ems.web.operations import operation

TAG = "events"


class EventFeed:
    """Reads the feed of events."""

    def __init__(self, events: Events) -> None:
        self._events = events

    @operation("GET /events", scope="read", tag=TAG, problems=(409, 422, 503))
    def list_events(self, query: EventsQuery) -> EventPage:
        """Read events from a cursor on, each once and in the order in which they were applied.

        Keep next and give it as after, also when nothing came: whoever was away goes on where they were. A page of one
        type or campaign may be short, even empty, and still have more.
        """
        return EventPage.model_validate(self._events.after(query.after, wishes=query.wishes(), limit=query.limit))


class WebhookEndpoints:
    """Keeps the caller's endpoints. Changing them takes ``admin``: they are told who gets which mail."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    @operation("POST /webhook-endpoints", scope="admin", tag=TAG, success=201, problems=(400, 409, 413, 415, 422, 503))
    def create_webhook_endpoint(self, body: PutWebhookEndpoint) -> WebhookEndpointSecret:
        """Have events posted to a URL, as Standard Webhooks has it.

        It is told of what happens from now on; of the first endpoint all processes know within 10 seconds. An event is
        posted until it is taken (2xx), in order, at least once and always under the same webhook-id.
        """
        view, secret = self._endpoints.create(body.wishes())
        return WebhookEndpointSecret.of(view, secret=secret)

    @operation("GET /webhook-endpoints", scope="read", tag=TAG, problems=(503,))
    def list_webhook_endpoints(self) -> WebhookEndpointList:
        """List endpoints and how telling them goes."""
        return WebhookEndpointList(items=[WebhookEndpoint.of(view) for view in self._endpoints.all()])

    @operation("GET /webhook-endpoints/{endpoint_id}", scope="read", tag=TAG, problems=(404, 503))
    def get_webhook_endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        """Read an endpoint and how telling it goes."""
        return WebhookEndpoint.of(self._endpoints.get(endpoint_id))

    @operation("PUT /webhook-endpoints/{endpoint_id}", scope="admin", tag=TAG, problems=(400, 404, 413, 415, 422, 503))
    def put_webhook_endpoint(self, endpoint_id: str, body: PutWebhookEndpoint) -> WebhookEndpoint:
        """Replace where an endpoint is and what it wants. Its secret and how far it was told stay."""
        return WebhookEndpoint.of(self._endpoints.replace(endpoint_id, body.wishes()))

    @operation("DELETE /webhook-endpoints/{endpoint_id}", scope="admin", tag=TAG, success=204, problems=(404, 503))
    def delete_webhook_endpoint(self, endpoint_id: str) -> None:
        """Delete an endpoint. Posts that are under way still arrive."""
        self._endpoints.delete(endpoint_id)

    @operation("POST /webhook-endpoints/{endpoint_id}/enable", scope="admin", tag=TAG, problems=(404, 422, 503))
    def enable_webhook_endpoint(self, endpoint_id: str, query: EnableQuery) -> WebhookEndpoint:
        """Tell an endpoint again, from where it was; one that fails is tried at once."""
        return WebhookEndpoint.of(self._endpoints.enable(endpoint_id, skip=query.skip))

    @operation("POST /webhook-endpoints/{endpoint_id}/disable", scope="admin", tag=TAG, problems=(404, 503))
    def disable_webhook_endpoint(self, endpoint_id: str, by: str) -> WebhookEndpoint:
        """Tell an endpoint nothing until it is enabled again."""
        return WebhookEndpoint.of(self._endpoints.disable(endpoint_id, by=by))

    @operation("POST /webhook-endpoints/{endpoint_id}/rotate-secret", scope="admin", tag=TAG, problems=(404, 503))
    def rotate_webhook_secret(self, endpoint_id: str) -> WebhookEndpointSecret:
        """Make a new secret. For 24 hours posts are signed with both."""
        view, secret = self._endpoints.rotate(endpoint_id)
        return WebhookEndpointSecret.of(view, secret=secret)
