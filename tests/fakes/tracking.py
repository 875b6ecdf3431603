"""SES events about given mails, and the tracker that applies them."""

from fakes.clock import Clock
from fakes.ses_events import load
from fakes.tables import RETENTION_SECONDS, Through, directly

from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.store.tracking import TrackingStore
from ems.tracking.apply import Tracker
from ems.tracking.events import SesEvent, parse


def sent_event(email_id: str, message_id: str, *, kind: str = "send") -> SesEvent:
    """Return the event with which SES says that it made *message_id* of a mail of ours."""
    tags = {"ems_email_id": [email_id], "ems_campaign_id": ["welcome"]}
    [event] = parse(load(kind, messageId=message_id, tags=tags))
    return event


def tracker_of(tables: Tables, clock: Clock, *, through: Through = directly) -> Tracker:
    store = TrackingStore(tables, retention_seconds=RETENTION_SECONDS, clock=clock)
    return Tracker(store=through(store), suppressions=Suppressions(tables), clock=clock, sleep=clock.sleep)
