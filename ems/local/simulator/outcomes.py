"""What becomes of a mail: decided from its addresses, its contents and chance, before any of it happens."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ems.local.simulator import events
from ems.local.simulator.mails import Mail
from ems.local.simulator.options import Options
from ems.local.simulator.templates import Content, RenderingError

SIMULATOR_DOMAIN = "simulator.amazonses.com"
SUPPRESSED = "OnAccountSuppressionList"
EXPIRES_AFTER_SECONDS = 14 * 3600.0
_LINK = re.compile(r"""<a\b[^>]*\bhref\s*=\s*["'](https?://[^"']+)["']""", re.IGNORECASE)

SEND, DELIVER, RETURN, READ, CLICK = (0.07, 0.2), (0.2, 0.5), (0.5, 0.8), (0.6, 0.8), (0.8, 1.0)
"""When things happen after acceptance, as a range in parts of ``Options.event_seconds``."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One event to come, ``after`` seconds from the mail's acceptance."""

    after: float
    kind: str
    body: dict[str, Any]


class Plan:
    """The events of one mail, in the making."""

    def __init__(self, mail: Mail, *, options: Options, chance: random.Random) -> None:
        self.events: list[Planned] = []
        self._mail = mail
        self._options = options
        self._chance = chance

    def add(self, kind: str, when: tuple[float, float], body: Callable[[float], dict[str, Any]]) -> None:
        """Plan an event; *body* is given its time in epoch seconds."""
        after = self._chance.uniform(*when) * self._options.event_seconds
        self.events.append(Planned(after, kind, body(self._mail.at + after)))

    def bounce(self, recipient: str, when: tuple[float, float], *, kind: str, subtype: str, status: str) -> None:
        """Plan a bounce."""
        text = {"5.1.1": "550 5.1.1 user unknown", "4.2.2": "452 4.2.2 mailbox full"}.get(status, f"550 {status}")
        self.add(
            "Bounce",
            when,
            lambda at: events.bounce(
                recipient, at=at, kind=kind, subtype=subtype, status=status, diagnostic=f"smtp; {text}"
            ),
        )

    def deliver(self, recipient: str) -> None:
        """Plan a delivery."""
        accepted_at = self._mail.at
        self.add("Delivery", DELIVER, lambda at: events.delivery(recipient, at=at, accepted_at=accepted_at))

    def read(self, contents: Content) -> None:
        """Plan an open and a click, as chance has it: only HTML shows that it is opened, only links are clicked."""
        if not contents.html or self._chance.random() >= self._options.open_rate:
            return
        self.add("Open", READ, lambda at: events.opened(at=at))
        links = _LINK.findall(contents.html)
        if links and self._chance.random() < self._options.click_rate:
            link = self._chance.choice(links)
            self.add("Click", CLICK, lambda at: events.clicked(link, at=at))


def plan(
    mail: Mail,
    *,
    options: Options,
    chance: random.Random,
    suppression_reason: Callable[[str], str | None],
    outcome: str | None = None,
) -> list[Planned]:
    """Decide on a mail's events.

    Args:
        mail: The accepted mail, with its body.
        options: The shares of opens and clicks, and the pace.
        chance: The random source.
        suppression_reason: Why an address is on the account's suppression list: BOUNCE, COMPLAINT, or not at all.
        outcome: A member of :data:`.faults.OUTCOMES` that was asked for in place of the usual.
    """
    made = Plan(mail, options=options, chance=chance)
    try:
        contents = mail.body.rendered() if mail.body else Content()
    except RenderingError as error:
        return _rendering_failure(made, mail, str(error))
    mail.subject = contents.subject
    if outcome == "rendering_failure":
        return _rendering_failure(made, mail, "Attribute 'asked_for' is not present in the rendering data.")
    made.add("Send", SEND, lambda _at: {})
    if outcome is not None:
        _asked_for(made, outcome, mail)
        return made.events
    before = len(made.events)
    for recipient in mail.recipients:
        _usual(made, recipient, suppressed=suppression_reason(recipient))
    arrived = {event.kind for event in made.events[before:]} == {"Delivery"}
    if arrived and not any(_is_simulator(recipient) for recipient in mail.recipients):
        made.read(contents)
    return made.events


def _rendering_failure(made: Plan, mail: Mail, message: str) -> list[Planned]:
    body = {"errorMessage": message, "templateName": mail.template_name or ""}
    made.add("Rendering Failure", SEND, lambda _at: body)
    return made.events


def _usual(made: Plan, recipient: str, *, suppressed: str | None) -> None:
    """One recipient's fate; the mailbox simulator's addresses are documented in the SES developer guide."""
    mailbox = recipient.lower().partition("@")[0].partition("+")[0] if _is_simulator(recipient) else ""
    if mailbox == "suppressionlist" or suppressed == "BOUNCE":
        made.bounce(recipient, DELIVER, kind="Permanent", subtype=SUPPRESSED, status="5.1.1")
    elif suppressed == "COMPLAINT":
        made.add("Complaint", DELIVER, lambda at: events.complaint(recipient, at=at, subtype=SUPPRESSED))
    elif mailbox == "bounce":
        made.bounce(recipient, DELIVER, kind="Permanent", subtype="General", status="5.1.1")
    elif mailbox == "ooto":
        made.deliver(recipient)
        made.bounce(recipient, RETURN, kind="Transient", subtype="General", status="5.3.0")
    elif mailbox == "complaint":
        made.deliver(recipient)
        made.add("Complaint", RETURN, lambda at: events.complaint(recipient, at=at))
    else:
        made.deliver(recipient)


def _asked_for(made: Plan, outcome: str, mail: Mail) -> None:
    first = mail.recipients[0]
    if outcome == "reject":
        made.add("Reject", DELIVER, lambda _at: {"reason": "Bad content"})
    elif outcome == "soft_bounce":
        made.bounce(first, DELIVER, kind="Transient", subtype="MailboxFull", status="4.2.2")
    elif outcome == "delivery_delay":
        made.add(
            "DeliveryDelay", DELIVER, lambda at: events.delayed(first, at=at, expires_at=at + EXPIRES_AFTER_SECONDS)
        )
    elif outcome == "not_spam":
        made.deliver(first)
        made.add("Complaint", RETURN, lambda at: events.complaint(first, at=at, feedback_type="not-spam"))
    elif outcome == "subscription":
        made.deliver(first)
        made.add("Subscription", RETURN, lambda at: events.unsubscribed(at=at))


def _is_simulator(recipient: str) -> bool:
    return recipient.lower().endswith(f"@{SIMULATOR_DOMAIN}")
