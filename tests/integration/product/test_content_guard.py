"""A caller without idempotency keys repeats itself, and the campaign has a window for that."""

import pytest
from stage.polling import until
from stage.product import Api, Product, people

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def guarded(api: Api) -> str:
    """A campaign with a window of ten minutes."""
    return api.campaign("guarded", "transactional", duplicate_window_seconds=600)


def test_a_mail_posted_twice_without_a_key_goes_out_once_until_an_operator_releases_the_second(
    product: Product, api: Api, guarded: str
) -> None:
    first = api.single(guarded, "again@example.com")
    api.reaches(first, "sent", "delivered")
    second = api.single(guarded, "again@example.com")
    assert api.reaches(second, "held")["repeats"] == first
    assert second in [mail["email_id"] for mail in api.emails(guarded, "held")]
    assert product.ses.books.of(second) == []
    order = {"decision": "release"}
    assert api.ok("POST", f"/emails/{second}/resolve?dry_run=true", order)["decided"] == 1
    assert api.ok("POST", f"/emails/{second}/resolve", order)["decided"] == 1
    assert api.reaches(second, "sent", "delivered")["decisions"][0]["decision"] == "release"
    assert (len(product.ses.books.of(first)), len(product.ses.books.of(second))) == (1, 1)


def test_a_batch_posted_twice_without_a_key_is_held_counted_and_decided_about_by_command(
    product: Product, api: Api, guarded: str
) -> None:
    to = people(60, label="guarded")
    assert api.finished(api.bulk(guarded, to)["batch_id"])["counts"]["sent"] == 60
    batch_id = api.bulk(guarded, to)["batch_id"]
    assert api.finished(batch_id)["counts"]["held"] == 60
    assert product.ems("audit", batch_id).returncode == 0
    released = product.ems("resolve", "release", f"{batch_id}-000007", "--yes")
    assert released.returncode == 0, released.stderr
    assert "1 held to be sent" in released.stdout
    until(lambda: api.batch(batch_id)["counts"]["sent"] == 1)
    dropped = product.ems("resolve", "drop", batch_id, "--yes")
    assert "59 held to be dropped" in dropped.stdout
    counts = api.batch(batch_id)["counts"]
    assert (counts["sent"], counts["failed"], counts["held"]) == (1, 59, 0)
    assert [mail.recipient for mail in product.ses.books.of(batch_id)] == ["guarded-7@example.com"]
    assert product.ems("audit", batch_id).returncode == 0
