"""Events of a made-up batch, and what the counters must show of them."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

CAMPAIGN = "bench"
REPEATED, BOUNCED, COMPLAINED = 0.05, 0.03, 0.01
BEGAN = 1_791_795_600.0
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class Sample:
    """Events as SES publishes them, in the order in which they come, and the totals of their campaign."""

    texts: list[str]
    mails: int
    expected: Counter[str]

    def groups(self, size: int) -> Iterator[list[str]]:
        """Yield the events in groups."""
        for start in range(0, len(self.texts), size):
            yield self.texts[start : start + size]


def sample(events: int, *, dice: random.Random, campaign: str = CAMPAIGN) -> Sample:
    """Make *events* different events, of four mails in ten of them, and repeat some."""
    texts: list[str] = []
    expected: Counter[str] = Counter()
    mails = 0
    while len(texts) < events:
        kinds = _history(dice)[: events - len(texts)]
        texts += (_event(campaign, mails, kind, number) for number, kind in enumerate(kinds))
        outcomes = {name for kind in kinds for name in ("sent", _OUTCOME.get(kind)) if name}
        expected.update(outcomes)
        expected["events:click:person"] += kinds.count("Click")
        expected["events:open:person"] += kinds.count("Open")
        mails += 1
    texts += dice.sample(texts, int(events * REPEATED))
    dice.shuffle(texts)
    return Sample(texts, mails, expected)


_OUTCOME = {
    "Delivery": "delivered",
    "Open": "opened",
    "Click": "clicked",
    "Bounce": "hard_bounced",
    "Complaint": "complained",
}


def _history(dice: random.Random) -> list[str]:
    if dice.random() < BOUNCED:
        return ["Send", "Bounce"]
    read = ["Open"] * dice.randrange(3)
    clicks = ["Click"] * dice.randrange(2) if read else []
    return ["Send", "Delivery", *read, *clicks, *(["Complaint"] if dice.random() < COMPLAINED else [])]


def _event(campaign: str, mail: int, kind: str, number: int) -> str:
    to = f"p{mail}@example.com"
    at = _stamp(BEGAN + mail * 0.01 + number * 30)
    body: dict[str, Any] = {"timestamp": at}
    match kind:
        case "Delivery":
            body |= {"recipients": [to], "processingTimeMillis": 400 + mail % 900}
        case "Bounce":
            body |= {"bounceType": "Permanent", "bounceSubType": "General", "feedbackId": f"f-{campaign}-{mail}"}
            body["bouncedRecipients"] = [{"emailAddress": to}]
        case "Complaint":
            body |= {"complainedRecipients": [{"emailAddress": to}], "feedbackId": f"c-{campaign}-{mail}"}
        case "Open" | "Click":
            body |= {"userAgent": PERSON, "link": f"https://shop.example/{mail % 5}"}
    return json.dumps(
        {
            "eventType": kind,
            "mail": {
                "messageId": f"m-{campaign}-{mail}",
                "timestamp": _stamp(BEGAN),
                "destination": [to],
                "tags": {"ems_email_id": [f"b{campaign}-{mail:06d}"], "ems_campaign_id": [campaign]},
            },
            kind.lower(): body,
        }
    )


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
