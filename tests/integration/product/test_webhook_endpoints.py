"""The backend is told of every event, signed, also when it was down for a while."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from stage.polling import until
from stage.product import Api, Product
from stage.ses_events import SentMail, Webhook, event
from standardwebhooks.webhooks import Webhook as Verifier

from ems.store.feed import NOTICE_SECONDS

pytestmark = pytest.mark.processes


class Backend(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.taken: dict[str, Any] = {}


class Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as backend:
        thread = threading.Thread(target=backend.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield backend
        backend.shutdown()
        thread.join()


def test_every_event_is_told_and_read_although_the_backend_failed_for_a_while(
    api: Api, product: Product, webhook: Webhook, backend: Backend
) -> None:
    backend.status = 500
    campaign = api.campaign("told", "transactional")
    url = f"http://127.0.0.1:{backend.server_address[1]}/ems"
    made = api.ok("POST", "/webhook-endpoints", {"url": url, "campaign_ids": [campaign], "event_types": ["send"]})
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    time.sleep(NOTICE_SECONDS + 1)  # by then all processes know of the first endpoint
    cursor = api.ok("GET", "/events?after=now")["next"]
    ids = [api.single(campaign, f"told-{number}@example.com") for number in range(12)]
    for email_id in ids:
        api.reaches(email_id, "sent")
        [taken] = product.ses.books.of(email_id)
        mail = SentMail(taken.message_id, taken.recipient, taken.tags)
        assert webhook.notify(event("Send", mail)).ok
        assert webhook.notify(event("Delivery", mail)).ok
    until(lambda: backend.got)
    backend.status = 204

    def told() -> set[str]:
        posts = list(backend.got)
        return {Verifier(made["secret"]).verify(body, headers)["data"]["email_id"] for headers, body in posts}

    until(lambda: told() == set(ids))
    until(lambda: api.ok("GET", path)["failures"] == 0)
    page = api.ok("GET", f"/events?after={cursor}&campaign_id={campaign}&type=send&limit=200")
    assert sorted(item["data"]["email_id"] for item in page["items"]) == sorted(ids)
    assert {item["data"]["recipient"] for item in page["items"]} == {f"told-{n}@example.com" for n in range(12)}
    assert api.call("DELETE", path).status == 204
