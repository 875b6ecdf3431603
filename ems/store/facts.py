"""What a mail's row keeps of its events so that they can be counted, in a bounded form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self


class Tally(NamedTuple):
    """When the first event of a kind happened (epoch seconds), and how many there were."""

    first: float
    number: int

    def joined(self, other: "Tally") -> "Tally":
        """Add another's events."""
        return Tally(min(self.first, other.first), self.number + other.number)


class Reading(NamedTuple):
    """An open, or the click of a link: when (epoch seconds), and who it said that it was.

    ``link`` is None of an open and empty of a click whose link is not known.
    """

    at: float
    reader: str
    link: str | None = None

    @property
    def order(self) -> tuple[float, str, str]:
        """Return what readings are sorted by, the same whatever order they come in."""
        return self.at, self.link or "", self.reader


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a mail's counts follow from (:mod:`ems.tracking.contribution`).

    Attributes:
        campaign_id: The campaign that the mail is counted in.
        kinds: Events by kind (:mod:`ems.tracking.kinds`), of which there are a few dozen.
        early: The first opens and clicks, sorted: who made them shows in what was done at the same time. Later ones
            are in ``kinds``.
        delivery_ms: Milliseconds from SES's acceptance to the first delivery, as SES tells them.
    """

    campaign_id: str | None = None
    kinds: Mapping[str, Tally] = field(default_factory=dict)
    early: tuple[Reading, ...] = ()
    delivery_ms: float | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """Read what :meth:`json` wrote; None of a row that is in no count: a release before the counters wrote it."""
        if stored is None:
            return None
        return cls(
            campaign_id=stored.get("campaign_id"),
            kinds={kind: Tally(*tally) for kind, tally in stored["kinds"].items()},
            early=tuple(Reading(*reading) for reading in stored.get("early", ())),
            delivery_ms=stored.get("delivery_ms"),
        )

    def json(self) -> dict[str, Any]:
        """Return it as the row keeps it."""
        return {
            "campaign_id": self.campaign_id,
            "kinds": dict(self.kinds),
            "early": list(self.early),
            "delivery_ms": self.delivery_ms,
        }

    def without_links(self) -> Self:
        """Return what is left to keep of somebody who was erased: a link's path may tell who followed it."""
        return replace(self, early=tuple(one._replace(link=one.link and "") for one in self.early))

    @property
    def number(self) -> int:
        """Return the number of events that it holds."""
        return sum(tally.number for tally in self.kinds.values()) + len(self.early)
