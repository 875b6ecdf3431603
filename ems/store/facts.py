"""What a mail's row keeps of its events so that they can be counted, in a bounded form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self


class Tally(NamedTuple):
    """When the first event of a kind happened (epoch seconds), and how many there were."""

    first: float
    number: int

    def joined(self, other: "Tally") -> "Tally":
        """Add another's events."""
        return Tally(min(self.first, other.first), self.number + other.number)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a mail's counts follow from (:mod:`ems.tracking.contribution`).

    Attributes:
        campaign_id: The campaign that the mail is counted in.
        kinds: Events by kind (:mod:`ems.tracking.kinds`), of which there are a few dozen.
        delivery_ms: Milliseconds from SES's acceptance to the first delivery, as SES tells them.
    """

    campaign_id: str | None = None
    kinds: Mapping[str, Tally] = field(default_factory=dict)
    delivery_ms: float | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """Read what :meth:`json` wrote; None of a row that is in no count: a release before the counters wrote it."""
        if stored is None:
            return None
        return cls(
            campaign_id=stored.get("campaign_id"),
            kinds={kind: Tally(*tally) for kind, tally in stored["kinds"].items()},
            delivery_ms=stored.get("delivery_ms"),
        )

    def json(self) -> dict[str, Any]:
        """Return it as the row keeps it."""
        return {"campaign_id": self.campaign_id, "kinds": dict(self.kinds), "delivery_ms": self.delivery_ms}
