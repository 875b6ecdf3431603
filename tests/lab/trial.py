"""One scenario, from laying its traps to the verdict."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from stage.polling import until
from stage.supervisor import Ended

from lab.books import Result, are_final, judge, read_books, standings
from lab.caller import Accepted, hand_over, open_campaign
from lab.operator import Operator
from lab.scenario import Load, Scenario
from lab.stand import Stand

PATIENCE_SECONDS = 300.0
"""Far more than any scenario takes: what is not final by then never will be."""

LOOK_SECONDS = 0.2

DEPLOYED_AFTER = 50
"""Recipients that SES takes before a deploy begins."""


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
        self._ended: list[Ended] = []

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
                    accepted = self._hand_over(campaign_id)
                    self._come_to_rest(accepted)
                    self._go_on(accepted)
                    idle = self._without_effect()
            except AssertionError as error:
                return Result(scenario.name, breaks=(f"it did not come to an end: {error}",))
            finally:
                stand.ses.lift_faults()
        return judge(
            read_books(stand, accepted),
            scenario.name,
            doubt=scenario.doubt,
            recovered_seconds=self._recovered(),
            ended_seconds=max((one.seconds for one in self._ended), default=None),
            breaks=[*idle, *(f"{one.name} had to be killed" for one in self._ended if not one.by_itself)],
        )

    def _hand_over(self, campaign_id: str) -> Accepted:
        """Have the load accepted; a deploy takes place meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            deploy = pool.submit(self._deploy, campaign_id)
            accepted = hand_over(self._stand.api, campaign_id, self._scenario.load)
            self._ended = deploy.result()
        self._end_early(accepted, self._scenario.load)
        return accepted

    def _deploy(self, campaign_id: str) -> list[Ended]:
        if not self._scenario.deploys:
            return []
        self._until_ses_took(DEPLOYED_AFTER, campaign_id)
        return self._stand.crew.replace(*self._scenario.deploys)

    def _come_to_rest(self, accepted: Accepted) -> None:
        sequel = self._scenario.sequel
        early = sequel is not None and sequel.early
        over = self._is_settled if early else self._is_over
        until(lambda: over(accepted), seconds=PATIENCE_SECONDS, every=LOOK_SECONDS)

    def _go_on(self, accepted: Accepted) -> None:
        """Let the operator act, and everything come to rest once more."""
        sequel = self._scenario.sequel
        if sequel is None:
            return
        traps = [strike.trap(self._dice) for strike in sequel.strikes]
        self._traps += traps
        with self._stand.wire.trapped(*traps):
            sequel.act(Operator(self._stand, accepted))
            until(lambda: self._is_over(accepted), seconds=PATIENCE_SECONDS, every=LOOK_SECONDS)

    def _is_over(self, accepted: Accepted) -> bool:
        """Tell whether nothing moves any more."""
        return self._is_settled(accepted) and self._stand.at_rest()

    def _is_settled(self, accepted: Accepted) -> bool:
        """Tell whether nothing is on its way to SES; note when the last recipient's sending was settled.

        What is in doubt looks final until its window ends, so what counts is when it last changed.
        """
        seen = standings(self._stand.api, accepted)
        if seen != self._seen:
            self._seen, self._settled_at = seen, time.monotonic()
        return are_final(seen)

    def _end_early(self, accepted: Accepted, load: Load) -> None:
        if load.ends_after is None or accepted.batch_id is None:
            return
        self._until_ses_took(load.ends_after, accepted.campaign_id)
        self._stand.api.ok("POST", f"/batches/{accepted.batch_id}/cancel")

    def _until_ses_took(self, number: int, campaign_id: str) -> None:
        until(lambda: self._stand.ses.report(campaign_id=campaign_id)["accepted"] >= number)

    def _without_effect(self) -> Sequence[str]:
        """A fault that did not strike proves nothing."""
        idle = [f"nothing came to {trap.spot}" for trap in self._traps if not trap.strikes]
        struck = self._stand.ses.report()["faults"]
        return [*idle, *(f"SES had no occasion for {fault['kind']}" for fault in struck if not fault["struck"])]

    def _recovered(self) -> float:
        """Seconds from the first fault until everything was final. SES's faults strike with the first call."""
        strikes = [strike for trap in self._traps for strike in trap.strikes]
        return round(max(self._settled_at - min(strikes, default=self._began), 0.0), 1)
