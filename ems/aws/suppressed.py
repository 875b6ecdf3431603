"""SES's own suppression list of the account.

SES takes mail to whoever is on it, charges the daily quota and delivers nothing (SES developer guide, "Using the
account-level suppression list"). It puts hard bounces and complaints there by itself, unless the account says not to.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ems.aws.patience import code_of, patiently
from ems.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import ListSuppressedDestinationsResponseTypeDef

PAGE = 1_000
"""Entries of one ListSuppressedDestinations: the most that SES gives, at one call a second."""

DOING = "reading SES's suppression list"


@dataclass(frozen=True, slots=True)
class SuppressedAtSes:
    """An entry. ``reason`` is BOUNCE or COMPLAINT, ``since`` in epoch seconds."""

    address: str = field(repr=False)
    reason: str
    since: float


class SesSuppressions:
    """Reads and changes SES's list."""

    def __init__(self, client: "SESV2Client", *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    def all(self) -> Iterator[SuppressedAtSes]:
        """Yield the entries page by page.

        Raises:
            UnavailableError: SES cannot be reached, keeps throttling, or refuses.
        """
        token: str | None = None
        while True:
            page = self._page(token)
            for one in page["SuppressedDestinationSummaries"]:
                yield SuppressedAtSes(one["EmailAddress"], one["Reason"], one["LastUpdateTime"].timestamp())
            token = page.get("NextToken")
            if not token:
                return

    def remove(self, address: str) -> bool:
        """Take *address* off; False when it was not on the list.

        Raises:
            UnavailableError: SES cannot be reached, keeps throttling, or refuses.
        """
        doing = "taking an address off SES's suppression list"
        try:
            patiently(
                lambda: self._client.delete_suppressed_destination(EmailAddress=address), doing=doing, sleep=self._sleep
            )
        except self._client.exceptions.NotFoundException:
            return False
        except ClientError as error:
            raise UnavailableError("SES", f"{doing} failed ({code_of(error)})") from error
        return True

    def _page(self, token: str | None) -> "ListSuppressedDestinationsResponseTypeDef":
        def read() -> "ListSuppressedDestinationsResponseTypeDef":
            if token is None:
                return self._client.list_suppressed_destinations(PageSize=PAGE)
            return self._client.list_suppressed_destinations(PageSize=PAGE, NextToken=token)

        try:
            return patiently(read, doing=DOING, sleep=self._sleep)
        except ClientError as error:
            raise UnavailableError("SES", f"{DOING} failed ({code_of(error)})") from error
