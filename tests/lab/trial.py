"""One scenario, from laying its traps to the verdict."""

import random
import time
from collections import Counter
from collections.abc import Sequence

from stage.polling import until

from lab.books import Result, are_final, judge, read_books, standings
from lab.caller import Accepted, hand_over, open_campaign
from lab.scenario import Load, Scenario
from lab.stand import Stand

PATIENCE_SECONDS = 300.0
"""Far more than any scenario takes: what is not final by then never will be."""

LOOK_SECONDS = 0.2


class Trial:
    """Runs *scenario* on *stand*. The same *seed* strikes at the same requests."""

    def __init__(self, stand: Stand, scenario: Scenario, *, seed: int) -> None:
        self._stand = stand
        self._scenario = scenario
        self._dice = random.Random(f"{seed} {scenario.name}")
        self._traps = [strike.trap(self._dice) for strike in scenario.strikes]
        self._began = 0.0
        self._seen: Counter[str] = Counter()
        self._settled_at = 0.0

    def run(self) -> Result:
        """Run it; a scenario that does not come to an end is a result too."""
        stand, scenario = self._stand, self._scenario
        stand.free_queue()
        campaign_id = open_campaign(stand.api, scenario.load)
        with stand.senders_with(scenario.settings):
            for fault in scenario.ses:
                stand.ses.fault(**fault)
            try:
                with stand.wire.trapped(*self._traps):
                    self._began = time.monotonic()
                    accepted = hand_over(stand.api, campaign_id, scenario.load)
                    self._end_early(accepted, scenario.load)
                    until(lambda: self._is_over(accepted), seconds=PATIENCE_SECONDS, every=LOOK_SECONDS)
                    idle = self._without_effect()
            except AssertionError as error:
                return Result(scenario.name, breaks=(f"it did not come to an end: {error}",))
            finally:
                stand.ses.lift_faults()
        books = read_books(stand, accepted)
        return judge(books, scenario.name, doubt=scenario.doubt, recovered_seconds=self._recovered(), breaks=idle)

    def _is_over(self, accepted: Accepted) -> bool:
        """Tell whether nothing moves any more; on the way, note when the last recipient's sending was settled.

        What is in doubt looks final until its window ends, so what counts is when it last changed.
        """
        seen = standings(self._stand.api, accepted)
        if seen != self._seen:
            self._seen, self._settled_at = seen, time.monotonic()
        return are_final(seen) and self._stand.at_rest()

    def _end_early(self, accepted: Accepted, load: Load) -> None:
        if load.ends_after is None or accepted.batch_id is None:
            return
        enough = load.ends_after
        until(lambda: self._stand.ses.report(campaign_id=accepted.campaign_id)["accepted"] >= enough)
        self._stand.api.ok("POST", f"/batches/{accepted.batch_id}/cancel")

    def _without_effect(self) -> Sequence[str]:
        """A fault that did not strike proves nothing."""
        idle = [f"nothing came to {trap.spot}" for trap in self._traps if not trap.strikes]
        struck = self._stand.ses.report()["faults"]
        return [*idle, *(f"SES had no occasion for {fault['kind']}" for fault in struck if not fault["struck"])]

    def _recovered(self) -> float:
        """Seconds from the first fault until everything was final. SES's faults strike with the first call."""
        strikes = [strike for trap in self._traps for strike in trap.strikes]
        return round(max(self._settled_at - min(strikes, default=self._began), 0.0), 1)
