"""What the drainer asks before it releases: the breaker and the canaries."""

from ems.sending.breaker import Breaker
from ems.sending.canary import Canaries
from ems.sending.lines import NOBODY, Lines


class Protection:
    """Takes out of the lines what must not go."""

    def __init__(self, breaker: Breaker, canaries: Canaries) -> None:
        self._breaker = breaker
        self._canaries = canaries

    def inspect(self, lines: Lines) -> None:
        """Look at the numbers of what waits, pause what they call for, and take the lines of that out.

        Raises:
            UnavailableError: DynamoDB cannot be reached; nothing may be released without the numbers.
        """
        waiting = {name for name, line in lines.by_campaign.items() if name != NOBODY and line.waits}
        if waiting:
            self._breaker.inspect_account()
        for name in self._breaker.inspect(waiting):
            del lines.by_campaign[name]
        self._canaries.inspect(lines.canaries)
