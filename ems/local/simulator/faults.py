"""Faults on request: what can go wrong between EMS and SES, a given number of times or by chance."""

import random
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ems.local.simulator.wire import bad_request

CallFault = Literal["throttle", "error", "latency", "hang_after_accept", "drop_before", "drop_after"]
BulkFault = Literal["throttle", "mixed", "short_answer"]
EventFault = Literal["duplicate_events", "late_events", "shuffled_events", "outcome"]

CALL_FAULTS = frozenset(get_args(CallFault))
BULK_FAULTS = frozenset(get_args(BulkFault))
EVENT_FAULTS = frozenset(get_args(EventFault))
OUTCOMES = frozenset({"reject", "delivery_delay", "subscription", "soft_bounce", "not_spam", "rendering_failure"})
DEFAULT_SECONDS = {"latency": 1.0, "hang_after_accept": 60.0, "late_events": 5.0, "shuffled_events": 2.0}


@dataclass(slots=True)
class Fault:
    """One rule.

    Attributes:
        kind: A member of CALL_FAULTS, BULK_FAULTS or EVENT_FAULTS.
        operation: The API operation that it hits (``SendEmail``), or ``*``. For event faults, the operation that
            sent the mail.
        times: How often it strikes; ``None`` is for ever.
        probability: The chance that it strikes a call that it could.
        seconds: How long, for latency, hangs and late events.
        status: The HTTP status of an ``error``.
        code: The error code of an ``error``.
        statuses: The entries' statuses of a ``mixed`` bulk answer, repeated as needed.
        outcome: What happens to the mail, for ``outcome``; a member of OUTCOMES.
    """

    kind: str
    operation: str = "*"
    times: int | None = None
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 500
    code: str = "InternalServiceErrorException"
    statuses: list[str] = field(default_factory=lambda: ["SUCCESS", "ACCOUNT_THROTTLED", "TRANSIENT_FAILURE"])
    outcome: str = "reject"
    struck: int = 0

    @classmethod
    def of_request(cls, rule: Any) -> "Fault":
        """Read one rule of ``POST /_simulator/faults``.

        Raises:
            SesError: An unknown kind, outcome or field; the message lists what there is.
        """
        if not isinstance(rule, dict):
            raise bad_request("a fault is a JSON object")
        kinds = CALL_FAULTS | BULK_FAULTS | EVENT_FAULTS
        if rule.get("kind") not in kinds:
            raise bad_request(f"kind must be one of {', '.join(sorted(kinds))}")
        if unknown := rule.keys() - (set(cls.__slots__) - {"struck"}):
            raise bad_request(f"unknown fields: {', '.join(sorted(unknown))}")
        if rule.get("outcome", "reject") not in OUTCOMES:
            raise bad_request(f"outcome must be one of {', '.join(sorted(OUTCOMES))}")
        return cls(**{"seconds": DEFAULT_SECONDS.get(rule["kind"], 0.0), **rule})

    def hits(self, operation: str, kinds: frozenset[str]) -> bool:
        """Say whether the rule could strike here."""
        spent = self.times is not None and self.struck >= self.times
        return self.kind in kinds and self.operation in ("*", operation) and not spent

    def as_json(self) -> dict[str, Any]:
        """Return the rule with how often it struck."""
        return {name: getattr(self, name) for name in self.__slots__}


class Faults:
    """The rules in force, in the order in which they were added."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a rule in force."""
        self._rules.append(fault)

    def clear(self) -> None:
        """Lift every rule."""
        self._rules.clear()

    def take(self, operation: str, kinds: frozenset[str]) -> Fault | None:
        """Return the first rule of these kinds that strikes this operation, and count it."""
        for rule in self._rules:
            if rule.hits(operation, kinds) and (rule.probability >= 1 or self._chance.random() < rule.probability):
                rule.struck += 1
                return rule
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Return every rule."""
        return [rule.as_json() for rule in self._rules]
