"""What a simulator can be told at start. ``python -m ems.local.simulator --help`` describes each."""

from dataclasses import dataclass

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Options:
    """Start-up choices; rate and quota can be changed while it runs (``PUT /_simulator/account``).

    Attributes:
        rate: MaxSendRate, recipients a second.
        daily_quota: Max24HourSend, recipients in 24 hours; -1 is unlimited.
        open_rate: Share of the delivered HTML mails that are opened.
        click_rate: Share of the opened mails with a link in which it is clicked.
        event_seconds: How long after acceptance the last of a mail's events comes, about; 0.3 means 20 to 300 ms.
        seed: Makes opens and clicks repeatable.
        kept_bodies: How many of the newest mails keep their contents; older ones keep the envelope.
    """

    port: int = 4570
    rate: float = 100.0
    daily_quota: float = 1_000_000.0
    open_rate: float = 0.4
    click_rate: float = 0.25
    event_seconds: float = 0.3
    seed: int = 1
    kept_bodies: int = 20_000

    @property
    def base_url(self) -> str:
        """Where this simulator answers."""
        return f"http://127.0.0.1:{self.port}"
