"""What SES says about the account: how fast, how much a day, and whether at all."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ems.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client


@dataclass(frozen=True, slots=True)
class AccountSample:
    """One reading of GetAccount. SES counts recipients, not calls (SES Developer Guide, "Service quotas").

    Attributes:
        max_send_rate: Recipients a second.
        max_24h_send: Recipients in any 24 hours; -1 is unlimited.
        sent_24h: Recipients in the last 24 hours.
        sending_enabled: False while the account is paused.
        enforcement: HEALTHY, PROBATION or SHUTDOWN; SHUTDOWN may not send.
    """

    max_send_rate: float
    max_24h_send: float
    sent_24h: float
    sending_enabled: bool
    enforcement: str

    @property
    def may_send(self) -> bool:
        """Whether SES takes mail from this account now."""
        return self.sending_enabled and self.enforcement != "SHUTDOWN"


def read_account(client: "SESV2Client") -> AccountSample:
    """Call GetAccount once. SES refuses it more than once a second (API reference, GetAccount).

    Raises:
        UnavailableError: SES cannot be reached, refuses, or answers without a quota.
    """
    try:
        answer = client.get_account()
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError("SES", f"GetAccount: {error}") from error
    quota = answer.get("SendQuota")
    if not quota or not quota.get("MaxSendRate"):
        raise UnavailableError("SES", "GetAccount answered without SendQuota.MaxSendRate; set EMS_MAX_SEND_RATE")
    return AccountSample(
        max_send_rate=quota["MaxSendRate"],
        max_24h_send=quota.get("Max24HourSend", -1.0),
        sent_24h=quota.get("SentLast24Hours", 0.0),
        sending_enabled=answer.get("SendingEnabled", True),
        enforcement=answer.get("EnforcementStatus", "HEALTHY"),
    )
