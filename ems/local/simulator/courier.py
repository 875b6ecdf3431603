"""From an accepted mail to its events: plans them, waits for each one's time, publishes it."""

import asyncio
import random
import time
from collections import deque
from dataclasses import replace

from ems.local.simulator.account import Account
from ems.local.simulator.delivery import Delivery
from ems.local.simulator.envelopes import Publication
from ems.local.simulator.events import SUBJECT, VALIDATION_TEXT, event_json
from ems.local.simulator.faults import EVENT_FAULTS, Fault, Faults
from ems.local.simulator.mails import Mail
from ems.local.simulator.options import Options
from ems.local.simulator.outcomes import Planned, plan
from ems.local.simulator.report import EventCounts, Ledger
from ems.local.simulator.topics import Topic, Topics


class Courier:
    """Works through the accepted mails one by one, so that planning never holds up the API."""

    def __init__(
        self, *, options: Options, account: Account, topics: Topics, delivery: Delivery, ledger: Ledger, faults: Faults
    ) -> None:
        self._options = options
        self._account = account
        self._topics = topics
        self._delivery = delivery
        self._ledger = ledger
        self._faults = faults
        self._chance = random.Random(options.seed)  # noqa: S311 - opens and clicks, no secrets
        self._accepted: deque[Mail] = deque()
        self._worker: asyncio.Task[None] | None = None

    def accept(self, mail: Mail) -> None:
        """Take a mail; its events come by themselves."""
        self._accepted.append(mail)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    def validate(self, topic: Topic) -> None:
        """Publish the text that SES sends to a topic which becomes an event destination."""
        self._delivery.publish(topic, Publication(VALIDATION_TEXT, SUBJECT))

    async def _work(self) -> None:
        while self._accepted:
            self._schedule(self._accepted.popleft())
            await asyncio.sleep(0)

    def _schedule(self, mail: Mail) -> None:
        fault = self._faults.take(mail.operation, EVENT_FAULTS)
        counts = self._ledger.events
        loop = asyncio.get_running_loop()
        for planned in self._planned(mail, fault):
            counts.pending[planned.kind] += 1
            times = 2 if fault is not None and fault.kind == "duplicate_events" else 1
            wait = mail.at + planned.after - time.time()
            loop.call_later(max(0.0, wait), self._happen, mail, planned, counts, times)

    def _planned(self, mail: Mail, fault: Fault | None) -> list[Planned]:
        outcome = fault.outcome if fault is not None and fault.kind == "outcome" else None
        events = plan(
            mail,
            options=self._options,
            chance=self._chance,
            suppression_reason=self._account.suppression_reason,
            outcome=outcome,
        )
        if fault is not None and fault.kind == "late_events":
            return [replace(event, after=event.after + fault.seconds) for event in events]
        if fault is not None and fault.kind == "shuffled_events":
            return [replace(event, after=self._chance.uniform(0, fault.seconds)) for event in events]
        return events

    def _happen(self, mail: Mail, planned: Planned, counts: EventCounts, times: int) -> None:
        mail.events.append((time.time(), planned.kind))
        found = [self._topics.find(arn) for arn in self._account.topics_for(mail.configuration_set, planned.kind)]
        publication = Publication(event_json(mail, planned.kind, planned.body), SUBJECT)
        deliveries: list[asyncio.Future[bool]] = []
        for topic in filter(None, found):
            counts.published[planned.kind] += 1
            for _ in range(times):
                deliveries += self._delivery.publish(topic, publication)
        task = asyncio.gather(*deliveries)
        task.add_done_callback(lambda done: _settle(done, planned.kind, counts))


def _settle(done: "asyncio.Future[list[bool]]", kind: str, counts: EventCounts) -> None:
    counts.pending[kind] -= 1
    if not done.cancelled():
        taken = sum(done.result())
        counts.posted[kind] += taken
        counts.failed[kind] += len(done.result()) - taken
