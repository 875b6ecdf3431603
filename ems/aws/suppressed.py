"""SES's own suppression list of the account.

SES takes mail to whoever is on it, charges the daily quota and delivers nothing (SES developer guide, "Using the
account-level suppression list"). It puts hard bounces and complaints there by itself, unless the account says not to.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from ems.aws.patience import Answer, code_of, patiently
from ems.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import ListSuppressedDestinationsRequestTypeDef

PAGE = 1_000
"""Entries of one ListSuppressedDestinations: the most that SES gives, at one call a second."""

DOING = "reading SES's suppression list"

SesReason = Literal["BOUNCE", "COMPLAINT"]
"""The reasons that SES's list knows."""


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

    def all(self, *, since: float | None = None) -> Iterator[SuppressedAtSes]:
        """Yield the entries page by page, or those made after *since* (epoch seconds).

        Raises:
            UnavailableError: SES cannot be reached, keeps throttling, or refuses.
        """
        request: ListSuppressedDestinationsRequestTypeDef = {"PageSize": PAGE}
        if since is not None:
            request["StartDate"] = datetime.fromtimestamp(since, tz=UTC)
        while True:
            page = self._call(partial(self._client.list_suppressed_destinations, **request), doing=DOING)
            for one in page["SuppressedDestinationSummaries"]:
                yield SuppressedAtSes(one["EmailAddress"], one["Reason"], one["LastUpdateTime"].timestamp())
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]

    def get(self, address: str) -> SuppressedAtSes | None:
        """Read the entry of *address*; None when there is none.

        Raises:
            UnavailableError: As for :meth:`all`.
        """
        try:
            found = self._call(lambda: self._client.get_suppressed_destination(EmailAddress=address), doing=DOING)
        except self._client.exceptions.NotFoundException:
            return None
        entry = found["SuppressedDestination"]
        return SuppressedAtSes(entry["EmailAddress"], entry["Reason"], entry["LastUpdateTime"].timestamp())

    def put(self, address: str, reason: SesReason) -> None:
        """Put *address* on the list, or change its reason.

        Raises:
            UnavailableError: As for :meth:`all`.
        """
        self._call(
            lambda: self._client.put_suppressed_destination(EmailAddress=address, Reason=reason),
            doing="putting an address on SES's suppression list",
        )

    def remove(self, address: str) -> bool:
        """Take *address* off; False when it was not on the list.

        Raises:
            UnavailableError: As for :meth:`all`.
        """
        try:
            self._call(
                lambda: self._client.delete_suppressed_destination(EmailAddress=address),
                doing="taking an address off SES's suppression list",
            )
        except self._client.exceptions.NotFoundException:
            return False
        return True

    def _call(self, call: Callable[[], Answer], *, doing: str) -> Answer:
        """Call SES patiently; that there is no such address goes through as it is."""
        try:
            return patiently(call, doing=doing, sleep=self._sleep)
        except self._client.exceptions.NotFoundException:
            raise
        except ClientError as error:
            raise UnavailableError("SES", f"{doing} failed ({code_of(error)})") from error
