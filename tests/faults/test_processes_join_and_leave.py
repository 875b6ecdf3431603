"""Processes that come and go while mails are sent. Those that are killed: tests/lab."""

from collections import Counter

import pytest
from stage.fixtures import RATE
from stage.metronome import Metronome
from stage.other_ses import fullest_second
from stage.polling import until
from stage.product import Api, Product, people

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("crew")]


def mails(product: Product, batch_id: str) -> Counter[str]:
    return Counter(one.recipient for one in product.ses.books.of(batch_id))


def test_a_second_set_of_workers_joins_and_leaves_and_the_rate_is_kept_and_nothing_is_in_doubt(
    product: Product, api: Api, drive: str
) -> None:
    """Two senders, two drainers and two beats at once; then one of each is asked to end in the middle of its work."""
    throttled = product.ses.books.throttled
    with Metronome() as machine, product.start("sender", "control", "beat") as second:
        until(lambda: second.log.read_text().count(" ready.") == 2)
        batch_id = api.bulk(drive, people(900, label="both"))["batch_id"]
        # The emulator looks for messages every tenth of a second for each poll: who looks first gets all, for a while.
        until(lambda: "ems.deliver_chunk" in second.log.read_text() and mails(product, batch_id).total() > 300)
        second.stop()
        assert "SIGKILL" not in second.log.read_text()
        assert mails(product, batch_id).total() < 900
        assert api.finished(batch_id)["counts"]["sent"] == 900
    assert mails(product, batch_id) == Counter(one["to"] for one in people(900, label="both"))
    assert fullest_second([one.at for one in product.ses.books.of(batch_id)]) <= RATE * (1 + machine.late)
    assert product.ses.books.throttled == throttled
