"""The breaker and the canary on real processes, by what the mailbox simulator makes of its addresses."""

from collections.abc import Iterator
from typing import Any

import pytest
from lab.stand import Stand
from stage.polling import until
from stage.product import Api, people

pytestmark = pytest.mark.processes

CANARY = 40
HEALTHY, BAD = 150, 1000


@pytest.fixture(scope="module")
def api(stand: Stand) -> Iterator[Api]:
    """A caller of a web process that lets canaries go first."""
    stand.crew.replace("web", EMS_CANARY=str(CANARY))
    until(lambda: stand.api.call("GET", "/readyz").status == 200)
    yield stand.api
    stand.crew.replace("web")
    until(lambda: stand.api.call("GET", "/readyz").status == 200)


def bouncing() -> list[dict[str, Any]]:
    return [{"to": f"bounce+{n}@simulator.amazonses.com", "data": {"name": "Nobody"}} for n in range(BAD)]


def taken(stand: Stand, campaign_id: str) -> int:
    """Count what SES took of a campaign."""
    return sum(1 for _ in stand.ses.mails(campaign_id=campaign_id))


def state(api: Api, campaign_id: str) -> str:
    return str(api.ok("GET", f"/campaigns/{campaign_id}")["state"])


def test_a_healthy_bulk_goes_on_by_itself_after_its_canary(stand: Stand, api: Api) -> None:
    healthy = api.campaign("healthy", "bulk")
    batch_id = api.bulk(healthy, people(HEALTHY, label="healthy"))["batch_id"]
    assert api.batch(batch_id)["waits_for"] in {"canary", None}
    assert api.finished(batch_id)["counts"]["sent"] == HEALTHY
    assert (taken(stand, healthy), state(api, healthy)) == (HEALTHY, "active")


def test_a_bulk_that_bounces_is_paused_after_its_canary_and_the_account_when_it_goes_on(stand: Stand, api: Api) -> None:
    bad, notice = api.campaign("bad", "bulk"), api.campaign("notice", "transactional")
    batch_id = api.bulk(bad, bouncing())["batch_id"]
    until(lambda: state(api, bad) == "paused_by_breaker")
    paused = api.batch(batch_id)
    assert (paused["status"], paused["waits_for"]) == ("paused", "campaign")
    assert "hard bounces of" in paused["waits_because"]
    assert bad in {one["campaign_id"] for one in api.ok("GET", "/breaker")["campaigns"]}
    canary = until(lambda: counts if (counts := api.batch(batch_id)["counts"])["sending"] == 0 else None)["sent"]
    assert CANARY <= canary == taken(stand, bad) < BAD // 2

    # Going on with it is an operator's word, but now the account has its own numbers of it.
    api.ok("POST", f"/campaigns/{bad}/resume")
    until(lambda: api.ok("GET", "/breaker")["state"] == "paused_by_breaker")
    assert api.ok("GET", "/rate")["bulk_waits_for"] == "breaker"
    assert "hard bounces" in api.ok("GET", "/readyz")["notices"]["breaker"]
    api.reaches(api.single(notice, "ada@example.com"), "sent", "delivered", "opened", "clicked")

    # And another time: what bounces from now on pauses the campaign again.
    api.ok("POST", "/breaker/resume")
    until(lambda: state(api, bad) == "paused_by_breaker")
    assert canary < taken(stand, bad) < BAD
    api.ok("POST", f"/batches/{batch_id}/cancel")
    api.ok("POST", f"/campaigns/{bad}/resume")
    api.ok("POST", "/breaker/resume")
    until(stand.at_rest)
    assert stand.services.auditor.batch(batch_id).sound
