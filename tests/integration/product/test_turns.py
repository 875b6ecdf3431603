"""Campaigns that wait at the same time, on real processes. Order and numbers are looked at, never the clock."""

from collections import Counter

import pytest
from stage.polling import until
from stage.product import Api, Product, people

pytestmark = pytest.mark.processes


def test_a_small_batch_that_comes_behind_a_large_one_is_done_long_before_it_and_both_have_the_line(
    product: Product, api: Api
) -> None:
    large, small = api.campaign("large", "bulk"), api.campaign("small", "bulk")
    before = api.bulk(large, people(6_000, label="before"))["batch_id"]
    until(lambda: product.ses.books.of(before))
    behind = api.bulk(small, people(300, label="behind"))["batch_id"]
    after = api.bulk(large, people(100, label="after"))["batch_id"]
    assert api.finished(behind)["counts"]["sent"] == 300
    of_large = product.ses.books.of(before)
    assert len(of_large) < 2_000, "the small one had to wait for the large one"
    mine = product.ses.books.of(behind)
    meanwhile = sum(mine[0].at <= one.at <= mine[-1].at for one in of_large)
    assert 150 <= meanwhile <= 600, "they did not share the line"
    assert api.batch(after)["counts"]["waiting"] == 100, "the large campaign went twice"
    assert Counter(one.recipient for one in mine) == Counter(one["to"] for one in people(300, label="behind"))
    for batch_id in (before, after):
        api.ok("POST", f"/batches/{batch_id}/cancel")
    until(lambda: all(api.batch(one)["counts"]["sending"] == 0 for one in (before, after)))
