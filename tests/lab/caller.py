"""A backend that hands mails over and, when it hears nothing, asks again with the same Idempotency-Key."""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import requests
from stage.polling import until
from stage.product import Answer, Api, people

from lab.scenario import Load

TEMPLATE = {
    "subject": "Hello {{name}}",
    "html": '<p>Dear {{name}}, <a href="https://example.com/stage">come</a></p>',
    "text": "Dear {{name}}",
}


@dataclass(frozen=True)
class Accepted:
    """What was answered with 202: the ids of single mails, and the batch with the number of its recipients."""

    campaign_id: str
    singles: tuple[str, ...] = ()
    batch_id: str | None = None
    bulk: int = 0

    @property
    def total(self) -> int:
        return len(self.singles) + self.bulk

    def holds(self, email_id: str) -> bool:
        """Tell whether a mail is one of them, by its id."""
        return email_id in self.singles or (self.batch_id is not None and email_id.startswith(f"{self.batch_id}-"))


def open_campaign(api: Api, load: Load) -> str:
    """Create a campaign for one load; return its id."""
    campaign_id = f"lab-{uuid.uuid4().hex[:12]}"
    kind = "bulk" if load.bulk else "transactional"
    campaign = {"campaign_id": campaign_id, "name": campaign_id, "kind": kind, "sender": "Lab <lab@example.com>"}
    api.ok("POST", "/campaigns", {**campaign, "template": TEMPLATE})
    return campaign_id


def hand_over(api: Api, campaign_id: str, load: Load) -> Accepted:
    """Hand a load over: the batch first, so that the single mails have something to overtake."""
    batch_id, bulk = None, 0
    if load.bulk:
        recipients = people(load.bulk, label=campaign_id)
        for place in range(load.bounces):
            recipients[place]["to"] = f"bounce+{campaign_id}-{place}@simulator.amazonses.com"
        batch: dict[str, Any] = {"campaign_id": campaign_id, "recipients": recipients}
        if load.due_in is not None:
            batch["send_at"] = (datetime.now(UTC) + timedelta(seconds=load.due_in)).isoformat()
        answer = insist(api, "/send-bulk-email", batch)
        batch_id, bulk = answer["batch_id"], answer["accepted"]
    mail = {"campaign_id": campaign_id, "data": {"name": "Ada"}}
    singles = []
    for number in range(load.singles):
        to = f"{campaign_id}-single-{number}@example.com"
        singles.append(insist(api, "/send-email", {**mail, "to": to})["email_id"])
        time.sleep(load.every)
    return Accepted(campaign_id, tuple(singles), batch_id, bulk)


def insist(api: Api, path: str, body: dict[str, Any]) -> Any:
    """Post until it is accepted. A lost connection and a 503 say: again; the key makes that harmless."""
    key = uuid.uuid4().hex

    def answered() -> Answer | None:
        try:
            answer = api.call("POST", path, body, Idempotency_Key=key)
        except requests.ConnectionError:
            return None
        return None if answer.status == HTTPStatus.SERVICE_UNAVAILABLE else answer

    answer = until(answered)
    assert answer is not None
    assert answer.status < HTTPStatus.BAD_REQUEST, f"{path}: {answer.status} {answer.document}"
    return answer.document
