"""Processes that die without a word: whoever was accepted gets one mail or is in doubt, and nobody gets two."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from stage.fixtures import RATE
from stage.metronome import Metronome
from stage.other_ses import fullest_second
from stage.polling import until
from stage.product import Api, Product, kill_all, people
from stage.ses_events import SentMail, Webhook, event

from .conftest import Crew

pytestmark = pytest.mark.processes


def mails(product: Product, batch_id: str) -> Counter[str]:
    return Counter(one.recipient for one in product.ses.books.of(batch_id))


def test_all_workers_are_killed_while_they_send_and_track(
    product: Product, api: Api, webhook: Webhook, crew: Crew, drive: str, notice: str
) -> None:
    sent = api.bulk(drive, people(100, label="tracked"))["batch_id"]
    api.finished(sent)
    batch_id = api.bulk(drive, people(400, label="killed"))["batch_id"]
    singles = [api.single(notice, f"killed-single-{n}@example.com") for n in range(10)]
    until(lambda: mails(product, batch_id).total() > 60)
    deliveries = [
        event("Delivery", SentMail(one.message_id, one.recipient, one.tags)) for one in product.ses.books.of(sent)
    ]
    with ThreadPoolExecutor(4) as posts:
        for answer in posts.map(webhook.notify, deliveries * 2):
            assert answer.status_code == 200
        crew.processes.kill("celery")
    crew.replace()
    assert mails(product, batch_id).total() < 400
    counts = api.finished(batch_id)["counts"]
    for email_id in singles:
        api.reaches(email_id, "sent", "in_doubt")
    until(lambda: all_delivered(api, drive, sent))
    assert counts["sent"] + counts["in_doubt"] == 400
    reached = mails(product, batch_id)
    assert set(reached.values()) == {1}
    assert counts["sent"] <= reached.total() <= 400
    assert max(len(product.ses.books.of(email_id)) for email_id in singles) == 1
    for email_id in (one.email_id for one in product.ses.books.of(sent)):
        assert api.email(email_id)["moments"]["delivery"]["count"] == 1
    for subject in (batch_id, sent):
        audit = product.ems("audit", subject)
        assert audit.returncode == 0, audit.stdout


def all_delivered(api: Api, drive: str, batch_id: str) -> bool:
    return sum(mail["batch_id"] == batch_id for mail in api.emails(drive, "delivered")) == 100


@pytest.mark.usefixtures("crew")
def test_a_second_set_of_workers_joins_and_leaves_and_the_rate_is_kept_and_nothing_is_in_doubt(
    product: Product, api: Api, drive: str
) -> None:
    """Two senders, two drainers and two beats at once; then one of each is asked to end in the middle of its work."""
    throttled = product.ses.books.throttled
    with Metronome() as machine, product.start("sender", "control", "beat") as second:
        until(lambda: second.log.read_text().count(" ready.") == 2)
        batch_id = api.bulk(drive, people(900, label="both"))["batch_id"]
        until(lambda: mails(product, batch_id).total() > 300)
        assert "ems.deliver_chunk" in second.log.read_text(), "the second sender had nothing to do"
        second.stop()
        assert "SIGKILL" not in second.log.read_text()
        assert mails(product, batch_id).total() < 900
        assert api.finished(batch_id)["counts"]["sent"] == 900
    assert mails(product, batch_id) == Counter(one["to"] for one in people(900, label="both"))
    assert fullest_second([one.at for one in product.ses.books.of(batch_id)]) <= RATE * (1 + machine.late)
    assert product.ses.books.throttled == throttled


@contextmanager
def waiting_queue(product: Product) -> Iterator[Callable[[], int]]:
    """Count the chunks that wait, and leave none behind: 1,000 of them would be in the way of the next test."""
    with product.aws("sqs") as sqs:
        url = sqs.get_queue_url(QueueName="email-wait")["QueueUrl"]

        def depth() -> int:
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            return int(answer["Attributes"]["ApproximateNumberOfMessages"])

        try:
            yield depth
        finally:
            sqs.purge_queue(QueueUrl=url)


def test_a_web_process_is_killed_while_it_accepts_and_the_repeated_request_is_accepted_once(
    product: Product, api: Api, crew: Crew, drive: str
) -> None:
    crew.processes.stop()  # so that nothing is taken out of the queue while it is looked at
    body: dict[str, Any] = {"campaign_id": drive, "recipients": people(50_000, label="half")}

    def accept() -> requests.Response | None:
        key = {"Authorization": f"Bearer {api.key}", "Idempotency-Key": f"half {drive}"}
        try:
            return requests.post(f"{product.url}/send-bulk-email", json=body, headers=key, timeout=90)
        except requests.ConnectionError:
            return None

    def accepted() -> requests.Response | None:
        answer = accept()
        return answer if answer is not None and answer.status_code == 202 else None

    with waiting_queue(product) as waiting, ThreadPoolExecutor(1) as caller:
        first = caller.submit(accept)
        until(waiting, every=0.01)
        assert product.processes is not None
        _master, *servers = product.processes.pids("python", "gunicorn")
        kill_all(servers)
        assert first.result() is None, "it was answered before it was killed"
        answer = until(accepted).json()
        assert answer["accepted"] == 50_000
        assert waiting() > 1_000, "no chunk of the first attempt is in the queue"
        batch_id = answer["batch_id"]
        crew.replace()
        until(lambda: mails(product, batch_id).total() > 300)
        api.ok("POST", f"/batches/{batch_id}/cancel")
        counts = until(lambda: counts if (counts := api.batch(batch_id)["counts"])["sending"] == 0 else None)
    assert counts["sent"] + counts["cancelled"] == 50_000
    reached = mails(product, batch_id)
    assert set(reached.values()) == {1}
    assert reached.total() == counts["sent"]
