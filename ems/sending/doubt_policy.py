"""What becomes of a mail in doubt when no event has told in time."""

from dataclasses import dataclass
from typing import Literal

PolicyName = Literal["by_kind", "hold", "resend"]

POLICY = "policy"
"""Who decided, where no person did."""

RESEND = "resend"
"""What is decided when a mail in doubt is sent again."""


@dataclass(frozen=True, slots=True)
class DoubtPolicy:
    """The window in which an event may settle a doubt, and the rule for after it.

    ``by_kind``: a transactional mail is sent again, since a person waits for it and a second copy is the smaller harm;
    bulk is held for an operator.
    """

    window_seconds: float = 120.0
    name: PolicyName = "by_kind"

    def decides_at(self, since: float) -> float:
        """Return when the window of a doubt ends (epoch seconds)."""
        return since + self.window_seconds

    def resends(self, kind: str) -> bool:
        """Tell whether mails of this kind of campaign are sent again."""
        return self.name == "resend" or (self.name == "by_kind" and kind == "transactional")
