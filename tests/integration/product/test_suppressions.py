"""The suppression list as an operator keeps it, and what sending makes of it."""

import csv
import uuid
from pathlib import Path

import pytest
from stage.polling import until
from stage.product import Api, Product

pytestmark = pytest.mark.processes


@pytest.fixture
def somebody() -> str:
    return f"somebody-{uuid.uuid4().hex[:8]}@example.com"


def test_who_is_suppressed_by_hand_gets_no_mail_until_taken_off(product: Product, api: Api, somebody: str) -> None:
    campaign_id = api.campaign("by-hand", "transactional")
    assert api.ok("PUT", f"/suppressions/{somebody}", {})["scope"] == "all"
    assert api.reaches(api.single(campaign_id, somebody), "suppressed")["reason"] == "manual"

    assert f"{somebody}: no mail since" in product.ems("suppressions", "show", somebody).stdout
    removed = product.ems("suppressions", "remove", somebody, "--yes")
    assert removed.returncode == 0, removed.stderr
    assert api.call("GET", f"/suppressions/{somebody}").status == 404
    api.reaches(api.single(campaign_id, somebody), "sent")


def test_what_is_changed_by_hand_reaches_the_list_of_ses(product: Product, api: Api, somebody: str) -> None:
    api.ok("PUT", f"/suppressions/{somebody}", {"reason": "complaint"})
    reason, _since = until(lambda: product.ses.books.suppressed.get(somebody))
    assert reason == "COMPLAINT"
    api.ok("DELETE", f"/suppressions/{somebody}")
    until(lambda: somebody not in product.ses.books.suppressed)
    assert api.call("GET", f"/suppressions/{somebody}").status == 404


def test_who_is_suppressed_for_bulk_gets_transactional_mail(product: Product, api: Api, somebody: str) -> None:
    added = product.ems("suppressions", "add", somebody, "--reason", "unsubscribe")
    assert added.returncode == 0, added.stderr
    batch_id = api.bulk(api.campaign("left", "bulk"), [{"to": somebody, "data": {"name": "Ada"}}])["batch_id"]
    assert api.finished(batch_id)["counts"]["suppressed"] == 1
    api.reaches(api.single(api.campaign("still", "transactional"), somebody), "sent")


def test_a_list_from_elsewhere_is_taken_over_and_comes_out_again(product: Product, api: Api, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex[:8]
    known = f"known-{mark}@example.com"
    api.ok("PUT", f"/suppressions/{known}", {"reason": "complaint"})
    file = tmp_path / "list.csv"
    lines = [f"user{number}-{mark}@example.com,bounce,2020-01-01T00:00:00Z" for number in range(500)]
    file.write_text("\n".join(["address,reason,since", *lines, "nobody,bounce,", f"{known},manual,"]))

    imported = product.ems("suppressions", "import", str(file))
    assert imported.returncode == 1
    assert imported.stdout == "500 added, 1 on the list before, 1 bad lines left out\n"
    assert imported.stderr.startswith("line 502: address: ")
    again = product.ems("suppressions", "import", str(file))
    assert again.stdout == "0 added, 501 on the list before, 1 bad lines left out\n"

    exported = product.ems("suppressions", "export", "-")
    assert exported.returncode == 0, exported.stderr
    rows = {row["address"]: row for row in csv.DictReader(exported.stdout.splitlines()) if mark in row["address"]}
    assert len(rows) == 501
    assert rows[known]["reason"] == "complaint"
    assert rows[f"user7-{mark}@example.com"] == {
        "address": f"user7-{mark}@example.com",
        "reason": "bounce",
        "scope": "all",
        "since": "2020-01-01T00:00:00+00:00",
        "source": "import",
    }


def test_no_log_holds_an_address_of_the_list(product: Product, api: Api, somebody: str) -> None:
    assert product.processes is not None
    api.ok("PUT", f"/suppressions/{somebody}", {})
    api.ok("DELETE", f"/suppressions/{somebody}")
    assert api.call("GET", f"/suppressions/{somebody}").status == 404
    log = product.processes.log.read_text()
    assert "/suppressions/" in log
    assert somebody not in log
