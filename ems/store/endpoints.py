"""Endpoints of the backend's that are told of events (the table ``email-webhook``)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from ems.store.failures import conditionally, translated
from ems.store.feed import FeedEvent
from ems.store.feed_reader import Position
from ems.store.keys import is_id
from ems.store.models import WebhookRow
from ems.store.tables import Tables


@dataclass(frozen=True, slots=True)
class Wishes:
    """Where an endpoint is and what it wants; no types are all types, no campaigns all campaigns."""

    url: str = field(repr=False)
    description: str | None = None
    event_types: tuple[str, ...] = ()
    campaign_ids: tuple[str, ...] = ()

    def include(self, event: FeedEvent) -> bool:
        """Tell whether the endpoint is to be told of *event*."""
        if self.event_types and event.type not in self.event_types:
            return False
        return not self.campaign_ids or event.campaign_id in self.campaign_ids


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an endpoint was told, and how that goes. Times are epoch seconds.

    Attributes:
        told: Everything before this position was taken by the endpoint, or it does not want it.
        told_at: When it last took something.
        failures: Attempts that failed one after the other, up to now.
        failing_since: When the first of them was made.
        last_error: Why the last of them failed.
        next_at: Not before this time is it tried again.
        disabled_at: Since when it is told nothing any more.
        disabled_reason: Why.
    """

    told: Position = field(default_factory=Position)
    told_at: float | None = None
    failures: int = 0
    failing_since: float | None = None
    last_error: str | None = None
    next_at: float | None = None
    disabled_at: float | None = None
    disabled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint. ``secrets`` sign what it is told, the newest first."""

    endpoint_id: str
    wishes: Wishes
    secrets: tuple[str, ...] = field(repr=False)
    progress: Progress
    leased_until: float
    created_at: float
    updated_at: float

    def is_due(self, now: float) -> bool:
        """Tell whether it may be told something now (epoch seconds)."""
        progress = self.progress
        return progress.disabled_at is None and (progress.next_at or 0.0) <= now and self.leased_until < now


class EndpointStore:
    """Endpoints. Every method raises UnavailableError when DynamoDB is out of reach. *clock* gives epoch seconds.

    Who tells an endpoint holds its lease meanwhile, so that any number of processes may try.
    """

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.webhooks
        self._clock = clock

    def all(self) -> list[Endpoint]:
        """Return all endpoints, the oldest first."""
        with translated("cannot list webhook endpoints"):
            rows = list(self._table.scan(consistent_read=True))
        return sorted(map(self._endpoint, rows), key=lambda one: (one.created_at, one.endpoint_id))

    def read(self, endpoint_id: str) -> Endpoint | None:
        """Read one; None when there is none."""
        if not is_id(endpoint_id):
            return None
        with translated("cannot read the webhook endpoint"):
            try:
                row = self._table.get(endpoint_id, consistent_read=True)
            except DoesNotExist:
                return None
        return self._endpoint(row)

    def insert(self, endpoint_id: str, wishes: Wishes, *, secret: str, told: Position) -> bool:
        """Write a new endpoint that is told what comes after *told*; False when its id is taken."""
        now = self._clock()
        row = self._table(
            endpoint_id,
            url=wishes.url,
            description=wishes.description,
            event_types=list(wishes.event_types),
            campaign_ids=list(wishes.campaign_ids),
            secret=secret,
            told=told.json(),
            created_at=now,
            updated_at=now,
        )
        absent = self._table.endpoint_id.does_not_exist()
        return conditionally("cannot write the webhook endpoint", row.save, condition=absent)

    def delete(self, endpoint_id: str) -> bool:
        """Remove an endpoint; False when there is none."""
        there = self._table.endpoint_id.exists()
        return conditionally("cannot delete the endpoint", self._table(endpoint_id).delete, condition=there)

    def wish(self, endpoint_id: str, wishes: Wishes) -> bool:
        """Replace what an endpoint wants, and try it at once if it failed; False when there is none."""
        table, text = self._table, wishes.description
        described: Action = table.description.remove() if text is None else table.description.set(text)
        return self._change(
            endpoint_id,
            table.url.set(wishes.url),
            table.event_types.set(list(wishes.event_types)),
            table.campaign_ids.set(list(wishes.campaign_ids)),
            described,
            *_fresh(table),
        )

    def rotate(self, endpoint_id: str, *, secret: str, old_until: float) -> bool:
        """Sign with *secret*, and with the one before as well until *old_until*; False when there is no endpoint."""
        table = self._table
        return self._change(
            endpoint_id,
            table.old_secret.set(table.secret),
            table.secret.set(secret),
            table.old_secret_until.set(old_until),
        )

    def disable(self, endpoint_id: str, *, reason: str) -> bool:
        """Tell an endpoint nothing any more; False when there is none."""
        table = self._table
        return self._change(endpoint_id, table.disabled_at.set(self._clock()), table.disabled_reason.set(reason))

    def enable(self, endpoint_id: str, *, told: Position | None = None) -> bool:
        """Go on, from *told* or from where it was; what failed counts no more. False when there is no endpoint."""
        table = self._table
        from_there = [] if told is None else [table.told.set(told.json())]
        enabled = [table.disabled_at.remove(), table.disabled_reason.remove()]
        return self._change(endpoint_id, *_fresh(table), *enabled, *from_there)

    def lease(self, endpoint_id: str, *, owner: str, seconds: float) -> Endpoint | None:
        """Take an endpoint that is due; None when it is not, or another has it."""
        table, now = self._table, self._clock()
        row = table(endpoint_id)
        free = table.lease_until.does_not_exist() | (table.lease_until < now) | (table.lease_owner == owner)
        due = table.next_at.does_not_exist() | (table.next_at <= now)
        taken = conditionally(
            "cannot lease the webhook endpoint",
            row.update,
            actions=[table.lease_owner.set(owner), table.lease_until.set(now + seconds)],
            condition=table.endpoint_id.exists() & table.disabled_at.does_not_exist() & due & free,
        )
        return self._endpoint(row) if taken else None

    def save(self, endpoint_id: str, progress: Progress, *, owner: str, seconds: float) -> bool:
        """Write how an endpoint was told and keep its lease for *seconds* more, 0 to end it.

        False when the lease is another's by now, or the endpoint was deleted or disabled.
        """
        table, now = self._table, self._clock()
        lease: list[Action] = (
            [table.lease_until.set(now + seconds)]
            if seconds
            else [table.lease_owner.remove(), table.lease_until.remove()]
        )
        return conditionally(
            "cannot write how an endpoint was told",
            table(endpoint_id).update,
            actions=_written(table, progress) + lease,
            condition=(table.lease_owner == owner) & table.disabled_at.does_not_exist(),
        )

    def _change(self, endpoint_id: str, *actions: Action) -> bool:
        return conditionally(
            "cannot change the webhook endpoint",
            self._table(endpoint_id).update,
            actions=[*actions, self._table.updated_at.set(self._clock())],
            condition=self._table.endpoint_id.exists(),
        )

    def _endpoint(self, row: WebhookRow) -> Endpoint:
        old = row.old_secret if self._clock() < float(row.old_secret_until or 0) else None
        return Endpoint(
            row.endpoint_id,
            Wishes(row.url, row.description, tuple(row.event_types or ()), tuple(row.campaign_ids or ())),
            secrets=(row.secret, *((old,) if old else ())),
            progress=_progress(row),
            leased_until=float(row.lease_until or 0),
            created_at=float(row.created_at),
            updated_at=float(row.updated_at),
        )


def _progress(row: WebhookRow) -> Progress:
    return Progress(
        told=Position.of(row.told),
        told_at=_float(row.told_at),
        failures=int(row.failures or 0),
        failing_since=_float(row.failing_since),
        last_error=row.last_error,
        next_at=_float(row.next_at),
        disabled_at=_float(row.disabled_at),
        disabled_reason=row.disabled_reason,
    )


def _written(table: type[WebhookRow], progress: Progress) -> list[Action]:
    optional: Sequence[tuple[Any, float | str | None]] = (
        (table.told_at, progress.told_at),
        (table.failing_since, progress.failing_since),
        (table.last_error, progress.last_error),
        (table.next_at, progress.next_at),
        (table.disabled_at, progress.disabled_at),
        (table.disabled_reason, progress.disabled_reason),
    )
    written = [attribute.remove() if value is None else attribute.set(value) for attribute, value in optional]
    return [table.told.set(progress.told.json()), table.failures.set(progress.failures), *written]


def _fresh(table: type[WebhookRow]) -> list[Action]:
    """Forget what failed."""
    return [table.failures.set(0), table.failing_since.remove(), table.last_error.remove(), table.next_at.remove()]


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
