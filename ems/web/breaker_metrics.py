"""The breaker for Prometheus, read when somebody scrapes."""

from collections.abc import Callable, Iterator, Sequence

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ems.errors import UnavailableError

log = structlog.get_logger()


class BreakerMetrics(Collector):
    """``ems_breaker_tripped`` of all bulk mail, and of each campaign that the breaker has paused. Alarm on any 1.

    *tripped* reads why all bulk mail is paused, None when it is not, and the ids of those campaigns.
    """

    def __init__(self, tripped: Callable[[], tuple[str | None, Sequence[str]]]) -> None:
        self._tripped = tripped

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the metrics without reading anything: registering must not need DynamoDB."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the breaker once; what cannot be read is left out."""
        account, campaign = _families()
        try:
            reason, campaign_ids = self._tripped()
        except UnavailableError as error:
            log.warning("breaker not read", reason=str(error))
        else:
            account.add_metric([], float(reason is not None))
            for campaign_id in campaign_ids:
                campaign.add_metric([campaign_id], 1.0)
        yield account
        yield campaign


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily("ems_breaker_tripped", "1 while the account's breaker keeps all bulk mail waiting."),
        GaugeMetricFamily(
            "ems_campaign_breaker_tripped", "1 for each campaign that the breaker has paused.", labels=["campaign"]
        ),
    )
