"""The account changes under way, SES takes less than it promises, and a sender has a bad clock or a bad DynamoDB."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from stage import acts
from stage.exchange import Spot
from stage.fixtures import RATE
from stage.other_ses import QUOTA_24H, SENDS, OtherSes
from stage.polling import until
from stage.product import Api, Product, people
from stage.wire import Trap, Wire

from ems.governor.policy import Policy

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("crew")]


@pytest.fixture
def ses(product: Product) -> Iterator[OtherSes]:
    """The account, as it was again when the test has ended."""
    yield product.ses
    product.ses.quota_24h = QUOTA_24H
    product.ses.change(promised=RATE)


def rate(api: Api) -> Any:
    return api.ok("GET", "/rate")


def test_bulk_waits_for_quota_while_people_get_their_mail_and_goes_on_when_ses_gives_more(
    api: Api, ses: OtherSes, drive: str, notice: str
) -> None:
    before = len(ses.books.taken)
    ses.quota_24h = (before + 60) / 0.9
    until(lambda: rate(api)["quota_24h"] == int(ses.quota_24h))
    batch_id = api.bulk(drive, people(400, label="quota"))["batch_id"]
    until(lambda: api.batch(batch_id)["waits_for"] == "quota")
    shown = rate(api)
    assert shown["quota_left"] >= shown["quota_left_for_bulk"]
    assert shown["bulk_waits_for"] == "quota"
    until(lambda: rate(api)["unused_seconds"].get("quota"))
    # A slot that was missed counts as used until the account is read again; whole calls until nothing of it is left.
    share = int(int(ses.quota_24h) * (1 - Policy().daily_reserve)) - before
    until(lambda: len(ses.books.of(batch_id)) == share - share % Policy().size_of_call(RATE))
    held = api.batch(batch_id)
    assert (held["eta_seconds"], held["status"]) == (None, "sending")
    assert held["waits_until"] == rate(api)["bulk_waits_until"] is not None
    assert held["counts"]["sent"] <= 60
    calls = sum(ses.books.calls[f"POST {path}"] for path in SENDS)
    api.reaches(api.single(notice, "reserve@example.com"), "sent")
    assert len(ses.books.of(batch_id)) <= 60
    assert sum(ses.books.calls[f"POST {path}"] for path in SENDS) == calls + 1, "bulk was tried while it had no quota"

    ses.quota_24h = QUOTA_24H
    assert api.finished(batch_id)["counts"]["sent"] == 400
    assert Counter(one.recipient for one in ses.books.of(batch_id)).most_common(1)[0][1] == 1
    assert api.batch(batch_id)["waits_for"] is None


def test_a_change_of_the_rate_is_taken_up_without_a_restart_and_a_storm_of_throttles_loses_nobody(
    api: Api, ses: OtherSes, drive: str
) -> None:
    ses.change(promised=2 * RATE, taken=0.8 * RATE)
    until(lambda: rate(api)["account_limit"] == 2 * RATE)
    throttled = ses.books.throttled
    batch_id = api.bulk(drive, people(600, label="storm"))["batch_id"]
    until(lambda: rate(api)["penalty"] > 0)
    assert api.finished(batch_id)["counts"]["sent"] == 600
    assert Counter(one.recipient for one in ses.books.of(batch_id)) == Counter(
        one["to"] for one in people(600, label="storm")
    )
    assert ses.books.throttled - throttled < 60, "it went on as fast as SES had promised"


def test_a_sender_with_a_wrong_clock_or_a_dynamodb_that_throttles_says_so_and_sends_nothing_until_it_is_mended(
    product: Product, api: Api, notice: str
) -> None:
    """It has an SES of its own, so that its calls are known from the others'; the others send what it gives back."""
    own_ses = OtherSes(rate=RATE)
    own_ses.books.templates = product.ses.books.templates
    ids: list[str] = []

    def work() -> None:
        ids.extend(api.single(notice, f"crooked-{len(ids) + n}@example.com") for n in range(3))

    def refused(why: str) -> Any:
        work()
        return [one for one in rate(api)["senders"] if one["process"] in known and why in one["refused"]]

    starving = Trap(Spot("UpdateItem", "email-rate", holds=('"ses"',)), acts.throttle, times=None)
    ahead = Trap(Spot(), acts.with_clock(5.0), times=None)
    others = {one["process"] for one in rate(api)["senders"]}
    with Wire(aws_url=product.environment["AWS_ENDPOINT_URL"], ses_url=own_ses.url) as wire, ExitStack() as running:
        with wire.trapped(starving):
            with wire.trapped(ahead):
                own = {"AWS_ENDPOINT_URL_DYNAMODB": wire.url, "AWS_ENDPOINT_URL_SESV2": own_ses.url}
                running.enter_context(product.start("sender", **own))
                known = until(lambda: {one["process"] for one in rate(api)["senders"]} - others)
                [wrong] = until(lambda: refused("clock"))
                assert wrong["clock_wrong"]
                assert -6.5 < wrong["clock_offset_seconds"][0] <= wrong["clock_offset_seconds"][1] < -3.5
            [starved] = until(lambda: refused("store"))
            assert not starved["clock_wrong"]
            assert not own_ses.books.taken
        until(lambda: work() or own_ses.books.taken)
        for email_id in ids:
            api.reaches(email_id, "sent")
    own_ses.vanish()
    reached = Counter(one.email_id for one in [*own_ses.books.taken, *product.ses.books.taken] if one.email_id in ids)
    assert reached == Counter(ids)
