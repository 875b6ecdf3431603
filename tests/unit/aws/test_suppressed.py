"""SES's own suppression list."""

from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber
from mypy_boto3_sesv2 import SESV2Client

from ems.aws.patience import WAITS
from ems.aws.suppressed import PAGE, SesSuppressions, SuppressedAtSes
from ems.errors import UnavailableError


@pytest.fixture
def suppressions(ses_client: SESV2Client) -> SesSuppressions:
    return SesSuppressions(ses_client, sleep=lambda _seconds: None)


def summary(address: str) -> dict[str, object]:
    return {"EmailAddress": address, "Reason": "BOUNCE", "LastUpdateTime": datetime.fromtimestamp(1e9, UTC)}


def test_it_is_read_page_by_page(ses: Stubber, suppressions: SesSuppressions) -> None:
    first = {"SuppressedDestinationSummaries": [summary("a@example.com")], "NextToken": "more"}
    ses.add_response("list_suppressed_destinations", first, {"PageSize": PAGE})
    last = {"SuppressedDestinationSummaries": [summary("b@example.com")]}
    ses.add_response("list_suppressed_destinations", last, {"PageSize": PAGE, "NextToken": "more"})
    assert list(suppressions.all()) == [
        SuppressedAtSes("a@example.com", "BOUNCE", 1e9),
        SuppressedAtSes("b@example.com", "BOUNCE", 1e9),
    ]


def test_a_throttle_is_waited_out(ses: Stubber, suppressions: SesSuppressions) -> None:
    ses.add_client_error("list_suppressed_destinations", "TooManyRequestsException", http_status_code=429)
    ses.add_response("list_suppressed_destinations", {"SuppressedDestinationSummaries": []}, {"PageSize": PAGE})
    assert list(suppressions.all()) == []


THROTTLE, DENIED = "TooManyRequestsException", "AccessDeniedException"


@pytest.mark.parametrize(("code", "calls"), [(THROTTLE, len(WAITS) + 1), (DENIED, 1)])
def test_what_ses_refuses_is_an_outage_by_its_name(
    ses: Stubber, suppressions: SesSuppressions, code: str, calls: int
) -> None:
    for _ in range(calls):
        ses.add_client_error("list_suppressed_destinations", code, http_status_code=400)
    with pytest.raises(UnavailableError, match=code):
        list(suppressions.all())


def test_only_what_was_listed_since_is_read_if_asked(ses: Stubber, suppressions: SesSuppressions) -> None:
    asked = {"PageSize": PAGE, "StartDate": datetime.fromtimestamp(5e8, UTC)}
    ses.add_response("list_suppressed_destinations", {"SuppressedDestinationSummaries": []}, asked)
    assert list(suppressions.all(since=5e8)) == []


def test_one_address_is_looked_up_put_there_and_taken_off(ses: Stubber, suppressions: SesSuppressions) -> None:
    one = {"EmailAddress": "a@example.com"}
    ses.add_response("put_suppressed_destination", {}, {**one, "Reason": "COMPLAINT"})
    ses.add_response("get_suppressed_destination", {"SuppressedDestination": summary("a@example.com")}, one)
    ses.add_response("delete_suppressed_destination", {}, one)
    for unknown in ("get_suppressed_destination", "delete_suppressed_destination"):
        ses.add_client_error(unknown, "NotFoundException", http_status_code=404)
    suppressions.put("a@example.com", "COMPLAINT")
    assert suppressions.get("a@example.com") == SuppressedAtSes("a@example.com", "BOUNCE", 1e9)
    assert suppressions.remove("a@example.com")
    assert suppressions.get("a@example.com") is None
    assert not suppressions.remove("a@example.com")


def test_a_change_that_ses_refuses_is_an_outage_by_its_name(ses: Stubber, suppressions: SesSuppressions) -> None:
    ses.add_client_error("delete_suppressed_destination", DENIED, http_status_code=403)
    with pytest.raises(UnavailableError, match=f"taking an address off .* failed .{DENIED}"):
        suppressions.remove("a@example.com")
