"""The cluster-wide rate."""

from ems.aws.clock import SkewMeter
from ems.governor.governor import Governor
from ems.governor.policy import Policy
from ems.governor.reporter import Reporter
from ems.store import rate
from ems.wiring.outside import Outside
from ems.wiring.parts import part


class Rate(Outside):
    """The layer ``governor``."""

    @part
    def policy(self) -> Policy:
        """What the governor keeps to."""
        return Policy.from_settings(self.settings)

    @part
    def clock_check(self) -> SkewMeter:
        """Measures this process's clock by the ``Date`` of DynamoDB's answers, which is written anew into each."""
        return SkewMeter(staleness=0.25)

    @part
    def governor(self) -> Governor:
        """The cluster-wide rate."""
        client = rate.connect(self.settings)
        self.clock_check.attach(client)
        store = rate.DynamoRateStore(client, self.tables.rate.Meta.table_name)
        return Governor(store, self.account, self.policy, clock_check=self.clock_check)

    @part
    def reporter(self) -> Reporter:
        """Reports on this process, if it is a sender; its answers measure the clock while nothing is sent."""
        self.clock_check.attach(self.tables.connection.client)
        return Reporter(
            self.sender_reports.write,
            self.governor.watch,
            clock_check=self.clock_check,
            max_skew=self.policy.max_skew,
        )
