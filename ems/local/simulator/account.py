"""The account's settings: sending switch, suppression list, configuration sets, identities."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ems.local.simulator.wire import already_exists, bad_request, not_found

EVENT_TYPES = {
    "Send": "SEND",
    "Reject": "REJECT",
    "Bounce": "BOUNCE",
    "Complaint": "COMPLAINT",
    "Delivery": "DELIVERY",
    "Open": "OPEN",
    "Click": "CLICK",
    "Rendering Failure": "RENDERING_FAILURE",
    "DeliveryDelay": "DELIVERY_DELAY",
    "Subscription": "SUBSCRIPTION",
}
"""An event's ``eventType`` and what the v2 API calls it [botocore sesv2 EventType]."""


@dataclass(slots=True)
class Destination:
    """An event destination that publishes to SNS, the only kind the simulator has."""

    name: str
    topic_arn: str
    types: frozenset[str]
    enabled: bool

    @classmethod
    def of_request(cls, name: Any, definition: Any) -> "Destination":
        """Read ``EventDestinationName`` and ``EventDestination``.

        Raises:
            SesError: No SNS topic, or an unknown event type.
        """
        if not isinstance(name, str) or not name or not isinstance(definition, dict):
            raise bad_request("EventDestinationName and EventDestination must not be null")
        topic = (definition.get("SnsDestination") or {}).get("TopicArn")
        if not topic:
            raise bad_request("the simulator knows SNS destinations only: SnsDestination.TopicArn must be set")
        types = frozenset(definition.get("MatchingEventTypes") or ())
        if unknown := types - set(EVENT_TYPES.values()):
            raise bad_request(f"unknown event types: {', '.join(sorted(unknown))}")
        return cls(name=name, topic_arn=topic, types=types, enabled=bool(definition.get("Enabled", False)))

    def as_answer(self) -> dict[str, Any]:
        """Return the API's ``EventDestination``."""
        return {
            "Name": self.name,
            "Enabled": self.enabled,
            "MatchingEventTypes": sorted(self.types),
            "SnsDestination": {"TopicArn": self.topic_arn},
        }


@dataclass(slots=True)
class ConfigurationSet:
    """A configuration set; ``request`` is what created it, for GetConfigurationSet."""

    name: str
    request: dict[str, Any]
    destinations: dict[str, Destination] = field(default_factory=dict)

    @property
    def sending_enabled(self) -> bool:
        """Whether mails may be sent through it."""
        return bool((self.request.get("SendingOptions") or {}).get("SendingEnabled", True))

    def destination(self, name: str) -> Destination:
        """Return one event destination; an unknown name is an SES error."""
        if name not in self.destinations:
            raise not_found(f"Event destination <{name}> does not exist")
        return self.destinations[name]

    def topics_for(self, event_type: str) -> list[str]:
        """Return the topics that want events of *event_type* (as in ``eventType``)."""
        wanted = EVENT_TYPES[event_type]
        return [each.topic_arn for each in self.destinations.values() if each.enabled and wanted in each.types]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One address of the account's suppression list; ``since`` is in epoch seconds."""

    address: str
    reason: str
    since: float


class Account:
    """Everything of an account but its quotas, its templates and its mails. Any identity is verified."""

    def __init__(self) -> None:
        self.sending_enabled = True
        self.suppressed_reasons: list[str] = ["BOUNCE", "COMPLAINT"]
        self.identities: dict[str, str | None] = {}
        self._sets: dict[str, ConfigurationSet] = {}
        self._suppressed: dict[str, Suppressed] = {}

    def create_set(self, name: str, request: dict[str, Any]) -> None:
        """Add a configuration set."""
        if name in self._sets:
            raise already_exists(f"Configuration set <{name}> already exists")
        self._sets[name] = ConfigurationSet(name, request)

    def set_named(self, name: str) -> ConfigurationSet:
        """Return one configuration set; an unknown name is an SES error."""
        if name not in self._sets:
            raise not_found(f"Configuration set <{name}> does not exist")
        return self._sets[name]

    def delete_set(self, name: str) -> None:
        """Forget a configuration set with its destinations."""
        self.set_named(name)
        del self._sets[name]

    def set_names(self) -> list[str]:
        """Return the configuration sets' names."""
        return sorted(self._sets)

    def topics_for(self, configuration_set: str | None, event_type: str) -> list[str]:
        """Return where an event goes; nowhere without a configuration set, or when it was deleted meanwhile."""
        found = self._sets.get(configuration_set or "")
        return found.topics_for(event_type) if found else []

    def suppress(self, address: str, reason: str) -> None:
        """Put an address on the suppression list, or change its reason."""
        if reason not in ("BOUNCE", "COMPLAINT"):
            raise bad_request("Reason must be BOUNCE or COMPLAINT")
        self._suppressed[address.lower()] = Suppressed(address, reason, time.time())

    def suppressed(self, address: str) -> Suppressed | None:
        """Return the list's entry for an address."""
        return self._suppressed.get(address.lower())

    def suppression_reason(self, address: str) -> str | None:
        """Return why a mail to this address would not be sent; nothing when the account ignores that reason."""
        entry = self.suppressed(address)
        return entry.reason if entry is not None and entry.reason in self.suppressed_reasons else None

    def release(self, address: str) -> None:
        """Take an address off the list."""
        if self._suppressed.pop(address.lower(), None) is None:
            raise not_found(f"Email address {address} does not exist on your suppression list.")

    def suppressed_for(self, reasons: Iterable[str], *, since: float = 0.0) -> list[Suppressed]:
        """Return the entries with one of *reasons* from *since* on, the newest first; no reasons means all."""
        wanted = set(reasons)
        recent = [entry for entry in self._suppressed.values() if entry.since >= since]
        found = [entry for entry in recent if not wanted or entry.reason in wanted]
        return sorted(found, key=lambda entry: entry.since, reverse=True)
