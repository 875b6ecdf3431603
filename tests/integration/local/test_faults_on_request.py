"""Each fault as a client of SES meets it."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from ems.local.client import SimulatorClient

pytestmark = pytest.mark.processes

Eventually = Callable[[Callable[[], Any]], Any]
CONTENT = {"Template": {"TemplateContent": {"Subject": "Hi", "Text": "hello"}}}


def send(ses: Any, *, configuration_set: str | None = None) -> Any:
    named = {"ConfigurationSetName": configuration_set} if configuration_set else {}
    return ses.send_email(
        FromEmailAddress="news@example.com",
        Destination={"ToAddresses": ["a@example.com"]},
        Content=CONTENT,
        EmailTags=[{"Name": "ems_email_id", "Value": "e-1"}],
        **named,
    )


def bulk(ses: Any, count: int) -> list[str]:
    answer = ses.send_bulk_email(
        FromEmailAddress="news@example.com",
        DefaultContent=CONTENT,
        BulkEmailEntries=[{"Destination": {"ToAddresses": [f"r{number}@example.com"]}} for number in range(count)],
    )
    return [result["Status"] for result in answer["BulkEmailEntryResults"]]


def test_a_throttle_refuses_and_accepts_nothing(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("throttle", operation="SendEmail", times=1)
    with pytest.raises(ClientError) as refused:
        send(ses)
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    send(ses)
    report = simulator.report()
    assert (report["accepted"], report["throttled_calls"], report["calls"]["SendEmail"]) == (1, 1, 2)


def test_a_throttle_of_bulk_calls_hits_the_entries(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("throttle", operation="SendBulkEmail", times=1)
    assert bulk(ses, 2) == ["ACCOUNT_THROTTLED"] * 2
    assert simulator.report()["accepted"] == 0


def test_an_error_has_the_status_and_code_that_were_asked_for(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("error", operation="SendEmail", status=503, code="ServiceUnavailable", times=1)
    with pytest.raises(ClientError) as refused:
        send(ses)
    response: Any = refused.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("ServiceUnavailable", 503)


def test_a_connection_dropped_before_leaves_nothing_accepted(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("drop_before", operation="SendEmail", times=1)
    with pytest.raises(ConnectionClosedError):
        send(ses)
    assert simulator.report()["accepted"] == 0


def test_a_connection_dropped_after_leaves_the_mail_accepted(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("drop_after", operation="SendEmail", times=1)
    with pytest.raises(ConnectionClosedError):
        send(ses)
    assert [mail["tags"]["ems_email_id"] for mail in simulator.mails()] == ["e-1"]


def test_a_hang_accepts_and_never_answers(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("hang_after_accept", operation="SendEmail", times=1, seconds=4)
    with pytest.raises(ReadTimeoutError):
        send(ses)
    assert simulator.report()["accepted"] == 1


def test_latency_holds_up_its_own_call_only(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("latency", operation="SendEmail", times=1, seconds=1.0)
    slow = threading.Thread(target=send, args=(ses,))
    slow.start()
    while not any(fault["struck"] for fault in simulator.report()["faults"]):
        time.sleep(0.01)
    send(ses)
    assert slow.is_alive()
    slow.join()


def test_mixed_answers_accept_only_what_they_call_a_success(ses: Any, simulator: SimulatorClient) -> None:
    statuses = ["SUCCESS", "TRANSIENT_FAILURE", "MESSAGE_REJECTED"]
    simulator.fault("mixed", operation="SendBulkEmail", times=1, statuses=statuses)
    assert bulk(ses, 4) == [*statuses, "SUCCESS"]
    assert [mail["to"] for mail in simulator.mails()] == [["r0@example.com"], ["r3@example.com"]]


def test_a_short_answer_hides_an_accepted_recipient(ses: Any, simulator: SimulatorClient) -> None:
    simulator.fault("short_answer", operation="SendBulkEmail", times=1)
    assert bulk(ses, 3) == ["SUCCESS"] * 2
    assert simulator.report()["accepted"] == 3


def test_duplicate_events_come_twice_under_one_sns_message_id(
    ses: Any, simulator: SimulatorClient, subscribed: Any, configuration_set: str, eventually: Eventually
) -> None:
    simulator.fault("duplicate_events", times=1)
    send(ses, configuration_set=configuration_set)
    eventually(lambda: len(subscribed.events()) == 4)
    ids = [envelope["MessageId"] for envelope in subscribed.envelopes() if envelope["Message"].startswith("{")]
    assert len(set(ids)) == 2


def test_late_events_keep_the_time_at_which_they_happened(
    ses: Any, simulator: SimulatorClient, configuration_set: str
) -> None:
    simulator.fault("late_events", times=1, seconds=0.5)
    message_id = send(ses, configuration_set=configuration_set)["MessageId"]
    assert simulator.wait_for_events()
    mail = simulator.mail(message_id)
    assert all(event["at"] - mail["at"] >= 0.5 for event in mail["events"])


def test_shuffled_events_come_in_any_order(ses: Any, simulator: SimulatorClient, configuration_set: str) -> None:
    simulator.fault("shuffled_events", seconds=0.2)
    sent = [send(ses, configuration_set=configuration_set)["MessageId"] for _ in range(20)]
    assert simulator.wait_for_events()
    orders = {tuple(event["type"] for event in simulator.mail(message_id)["events"]) for message_id in sent}
    assert orders == {("Send", "Delivery"), ("Delivery", "Send")}


def test_an_outcome_can_be_asked_for(ses: Any, simulator: SimulatorClient, configuration_set: str) -> None:
    simulator.fault("outcome", outcome="delivery_delay", times=1)
    message_id = send(ses, configuration_set=configuration_set)["MessageId"]
    assert simulator.wait_for_events()
    assert [event["type"] for event in simulator.mail(message_id)["events"]] == ["Send", "DeliveryDelay"]


def test_a_rule_that_makes_no_sense_is_refused_in_words(simulator: SimulatorClient) -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        simulator.fault("nonsense")
