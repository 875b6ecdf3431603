"""What an operator does with a running system: provision again, run a second beat, make keys, look at Flower."""

import re

import pytest
import requests
from stage.polling import until
from stage.product import SECRET, Api, Product, people

from ems.local.processes import free_port

pytestmark = pytest.mark.processes


def listed(product: Product) -> tuple[list[str], list[str], list[str]]:
    """Tables, queues without those that come and go, and topics of the account."""
    names = []
    for service, call, key in (
        ("dynamodb", "list_tables", "TableNames"),
        ("sqs", "list_queues", "QueueUrls"),
        ("sns", "list_topics", "Topics"),
    ):
        with product.aws(service) as client:
            names.append(sorted(str(one) for one in getattr(client, call)()[key] if "ems-tmp-" not in str(one)))
    tables, queues, topics = names
    return tables, queues, topics


def test_provisioning_again_changes_nothing_and_suggests_a_secret_only_while_there_is_none(product: Product) -> None:
    before = listed(product)
    for secret in ("", SECRET):
        again = product.ems("provision", "--no-webhook", EMS_UNSUBSCRIBE_SECRETS=secret)
        assert again.returncode == 0, again.stdout
        assert f"export EMS_SNS_TOPIC_ARNS={product.topic_arn}" in again.stdout
        assert "FAILED" not in again.stdout
        suggested = re.findall(r"^export EMS_UNSUBSCRIBE_SECRETS=[0-9a-f]{64}$", again.stdout, re.MULTILINE)
        assert len(suggested) == (0 if secret else 1)
        assert SECRET not in again.stdout
    assert listed(product) == before


def test_provisioning_names_what_failed_and_exits_with_an_error(product: Product) -> None:
    failed = product.ems("provision", "--no-webhook", AWS_ENDPOINT_URL_SESV2="http://127.0.0.1:9")
    assert failed.returncode == 1
    lines = failed.stdout.splitlines()
    assert any(line.startswith("FAILED") and "configuration set ems" in line for line in lines)
    assert any(line.startswith("ok") and "email-batch" in line for line in lines)


def test_a_second_beat_does_no_harm(product: Product, api: Api) -> None:
    with product.start("beat") as second:
        until(lambda: "beat: Starting" in second.log.read_text())
        batch_id = api.bulk(api.campaign("beaten", "bulk"), people(150, label="beaten"))["batch_id"]
        assert api.finished(batch_id)["counts"]["sent"] == 150
    assert len({one.recipient for one in product.ses.books.of(batch_id)}) == 150
    assert len(product.ses.books.of(batch_id)) == 150


def test_a_key_can_do_what_its_scopes_say(product: Product, api: Api) -> None:
    campaign_id = api.campaign("scoped", "transactional")
    made = product.ems("keys", "create", "reader", "--scope", "read")
    assert made.returncode == 0, made.stderr
    with Api(product.url, key=made.stdout.split()[-1]) as reader:
        assert reader.call("GET", f"/campaigns/{campaign_id}").status == 200
        body = {"campaign_id": campaign_id, "to": "scoped@example.com", "data": {"name": "Ada"}}
        refused = reader.call("POST", "/send-email", body)
    assert refused.status == 403
    assert "send" in refused.document["detail"]


def test_the_audit_of_everything_is_sound_and_an_unknown_subject_is_an_error(product: Product) -> None:
    assert product.ems("audit", "--all").returncode == 0
    assert product.ems("audit").returncode == 2
    unknown = product.ems("audit", "no-such-thing")
    assert unknown.returncode == 1
    assert "no batch or campaign 'no-such-thing'" in unknown.stderr


def test_flower_shows_the_workers(product: Product) -> None:
    def workers() -> bool:
        page = requests.get(f"{product.flower_url}/workers", timeout=10)
        return all(f"{name}@" in page.text for name in ("sender", "events", "control"))

    until(workers)


def test_flower_ends_by_itself_when_it_is_asked_to(product: Product) -> None:
    """The other processes are asked under load: tests/lab, the scenarios called deploy."""
    port = str(free_port())
    with product.start("flower", FLOWER_PORT=port) as second:
        until(lambda: _answers(f"http://127.0.0.1:{port}/workers"))
        second.stop()
    assert "SIGKILL" not in second.log.read_text()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def test_the_logs_hold_no_address_and_no_data(product: Product, api: Api) -> None:
    assert product.processes is not None
    email_id = api.single(api.campaign("private", "transactional"), "very-private@example.com")
    api.reaches(email_id, "sent")
    log = product.processes.log.read_text()
    assert "/send-email" in log
    assert "very-private" not in log
    assert "Traceback" not in log
