"""The simulator as boto3 sees it."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ems.aws.suppressed import SesSuppressions
from ems.local.client import SimulatorClient

pytestmark = pytest.mark.processes

SIMPLE = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "hello"}}}}


@pytest.fixture
def template(ses: Any) -> str:
    name = f"t-{time.time_ns()}"
    ses.create_email_template(
        TemplateName=name, TemplateContent={"Subject": "Hi {{name}}", "Text": "{{name}}", "Html": "<b>{{name}}</b>"}
    )
    return name


def send(ses: Any, *to: str, content: dict[str, Any] | None = None, **more: Any) -> str:
    answer = ses.send_email(
        FromEmailAddress="EMS <news@example.com>",
        Destination={"ToAddresses": list(to)},
        Content=content or SIMPLE,
        **more,
    )
    return str(answer["MessageId"])


def bulk(ses: Any, template: str, *entries: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = ses.send_bulk_email(
        FromEmailAddress="news@example.com",
        DefaultContent={"Template": {"TemplateName": template, "TemplateData": '{"name":"reader"}'}},
        BulkEmailEntries=list(entries),
        **more,
    )
    return list(answer["BulkEmailEntryResults"])


def entry(to: str, **data: str) -> dict[str, Any]:
    replacement = {"ReplacementTemplate": {"ReplacementTemplateData": json.dumps(data)}}
    return {"Destination": {"ToAddresses": [to]}, "ReplacementEmailContent": replacement}


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_templated_mail_is_rendered_and_kept(ses: Any, simulator: SimulatorClient, template: str) -> None:
    content = {"Template": {"TemplateName": template, "TemplateData": '{"name":"Zoë"}'}}
    message_id = send(ses, "a@example.com", content=content, EmailTags=[{"Name": "ems_email_id", "Value": "e-1"}])
    mail = simulator.mail(message_id)
    assert (mail["text"], mail["html"], mail["tags"]) == ("Zoë", "<b>Zoë</b>", {"ems_email_id": "e-1"})
    assert [each["message_id"] for each in simulator.mails(email_id="e-1")] == [message_id]


def test_a_raw_mail_takes_its_recipients_from_its_headers(ses: Any, simulator: SimulatorClient) -> None:
    raw = b"From: news@example.com\r\nTo: Ann <ann@example.com>\r\nSubject: Raw\r\n\r\nhello\r\n"
    mail = simulator.mail(ses.send_email(Content={"Raw": {"Data": raw}})["MessageId"])
    assert (mail["to"], mail["from"], mail["text"].strip()) == (["ann@example.com"], "news@example.com", "hello")


def test_bulk_answers_by_position_and_one_bad_entry_costs_only_itself(
    ses: Any, simulator: SimulatorClient, template: str
) -> None:
    results = bulk(ses, template, entry("a@example.com", name="A"), entry("é@example.com"), entry("c@example.com"))
    assert [result["Status"] for result in results] == ["SUCCESS", "INVALID_PARAMETER", "SUCCESS"]
    assert [simulator.mail(results[place]["MessageId"])["text"] for place in (0, 2)] == ["A", "reader"]


def test_an_entrys_tags_and_headers_win_over_the_calls(ses: Any, simulator: SimulatorClient, template: str) -> None:
    own = {
        **entry("a@example.com"),
        "ReplacementTags": [{"Name": "lane", "Value": "own"}],
        "ReplacementHeaders": [{"Name": "x-unsubscribe", "Value": "own"}],
    }
    answer = ses.send_bulk_email(
        FromEmailAddress="news@example.com",
        DefaultEmailTags=[{"Name": "lane", "Value": "default"}, {"Name": "kept", "Value": "yes"}],
        DefaultContent={
            "Template": {
                "TemplateName": template,
                "TemplateData": '{"name":"x"}',
                "Headers": [{"Name": "X-Unsubscribe", "Value": "default"}, {"Name": "X-Kept", "Value": "yes"}],
            }
        },
        BulkEmailEntries=[own],
    )
    mail = simulator.mail(answer["BulkEmailEntryResults"][0]["MessageId"])
    assert mail["tags"] == {"lane": "own", "kept": "yes"}
    assert mail["headers"] == {"X-Kept": "yes", "x-unsubscribe": "own"}


def test_the_rate_counts_recipients_and_goes_into_debt(ses: Any, simulator: SimulatorClient) -> None:
    simulator.account(rate=1)
    send(ses, *(f"r{number}@example.com" for number in range(30)))
    with pytest.raises(ClientError) as refused:
        send(ses, "late@example.com")
    assert code_of(refused) == ("TooManyRequestsException", 429)
    assert refused.value.response["Error"]["Message"] == "Maximum sending rate exceeded."
    report = simulator.report()
    assert (report["accepted"], report["throttled_calls"], report["fullest_second"]) == (30, 1, 30)


def test_in_a_bulk_call_throttling_hits_entries_with_http_200(
    ses: Any, simulator: SimulatorClient, template: str
) -> None:
    simulator.account(rate=2)
    results = bulk(ses, template, *(entry(f"r{number}@example.com") for number in range(50)))
    statuses = [result["Status"] for result in results]
    assert statuses.count("SUCCESS") == 2
    assert set(statuses[2:]) == {"ACCOUNT_THROTTLED"}
    assert simulator.report()["accepted"] == 2


def test_the_daily_quota_refuses_for_good(ses: Any, simulator: SimulatorClient, template: str) -> None:
    simulator.account(daily_quota=0)
    with pytest.raises(ClientError) as refused:
        send(ses, "a@example.com")
    assert code_of(refused) == ("LimitExceededException", 400)
    assert bulk(ses, template, entry("a@example.com"))[0]["Status"] == "ACCOUNT_DAILY_QUOTA_EXCEEDED"


def test_get_account_reports_the_quotas_in_force(ses: Any, simulator: SimulatorClient) -> None:
    simulator.account(rate=14, daily_quota=50_000)
    before = ses.get_account()["SendQuota"]
    send(ses, "a@example.com", "b@example.com")
    after = ses.get_account()["SendQuota"]
    assert (before["MaxSendRate"], before["Max24HourSend"]) == (14.0, 50_000.0)
    assert after["SentLast24Hours"] - before["SentLast24Hours"] == 2.0


def test_a_paused_account_sends_nothing(ses: Any, simulator: SimulatorClient) -> None:
    ses.put_account_sending_attributes(SendingEnabled=False)
    assert ses.get_account()["SendingEnabled"] is False
    with pytest.raises(ClientError) as refused:
        send(ses, "a@example.com")
    assert code_of(refused) == ("SendingPausedException", 400)
    assert simulator.report()["accepted"] == 0


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"ConfigurationSetName": "unknown"}, ("NotFoundException", 404)),
        ({"Content": {"Template": {"TemplateName": "unknown"}}}, ("NotFoundException", 404)),
        ({"Content": {"Template": {"TemplateContent": {"Text": "{{"}}}}, ("BadRequestException", 400)),
        ({"Content": {}}, ("BadRequestException", 400)),
        ({"Destination": {}}, ("BadRequestException", 400)),
        ({"Destination": {"ToAddresses": ["jörg@example.com"]}}, ("BadRequestException", 400)),
        ({"Destination": {"ToAddresses": ["nobody"]}}, ("BadRequestException", 400)),
        ({"Destination": {"BccAddresses": ["a@example.com"] * 51}}, ("BadRequestException", 400)),
        ({"FromEmailAddress": "x@example.com\r\nBcc: b@example.com"}, ("BadRequestException", 400)),
        ({"ReplyToAddresses": ["nobody"]}, ("BadRequestException", 400)),
        ({"EmailTags": [{"Name": "a", "Value": "b@c"}]}, ("BadRequestException", 400)),
    ],
)
def test_what_ses_refuses_is_refused_and_costs_no_quota(
    ses: Any, simulator: SimulatorClient, request_: dict[str, Any], expected: tuple[str, int]
) -> None:
    good = {
        "FromEmailAddress": "x@example.com",
        "Destination": {"ToAddresses": ["a@example.com"]},
        "Content": SIMPLE,
    }
    with pytest.raises(ClientError) as refused:
        ses.send_email(**{**good, **request_})
    assert code_of(refused) == expected
    assert simulator.report()["accepted"] == 0


def test_a_bulk_call_of_51_entries_is_refused_as_a_whole(ses: Any, template: str) -> None:
    with pytest.raises(ClientError) as refused:
        bulk(ses, template, *(entry(f"r{number}@example.com") for number in range(51)))
    assert code_of(refused) == ("BadRequestException", 400)


def test_templates_live_as_the_api_says(ses: Any, template: str) -> None:
    with pytest.raises(ClientError) as taken:
        ses.create_email_template(TemplateName=template, TemplateContent={"Text": "x"})
    assert code_of(taken) == ("AlreadyExistsException", 400)
    ses.update_email_template(TemplateName=template, TemplateContent={"Subject": "s", "Text": "new"})
    assert ses.get_email_template(TemplateName=template)["TemplateContent"]["Text"] == "new"
    listed = ses.list_email_templates(PageSize=1)
    assert listed["TemplatesMetadata"][0]["TemplateName"] == template
    ses.delete_email_template(TemplateName=template)
    with pytest.raises(ClientError) as gone:
        ses.get_email_template(TemplateName=template)
    assert code_of(gone) == ("NotFoundException", 404)


def test_a_test_rendering_shows_the_mail_or_names_the_missing_variable(ses: Any, template: str) -> None:
    shown = ses.test_render_email_template(TemplateName=template, TemplateData='{"name":"Ann"}')["RenderedTemplate"]
    assert "Subject: Hi Ann" in shown
    assert "<b>Ann</b>" in shown
    with pytest.raises(ClientError, match="Attribute 'name' is not present"):
        ses.test_render_email_template(TemplateName=template, TemplateData="{}")


def test_the_suppression_list_is_kept_by_address_in_any_case(ses: Any) -> None:
    ses.put_suppressed_destination(EmailAddress="Gone+1@example.com", Reason="BOUNCE")
    found = ses.get_suppressed_destination(EmailAddress="gone+1@example.com")["SuppressedDestination"]
    assert (found["EmailAddress"], found["Reason"]) == ("Gone+1@example.com", "BOUNCE")
    listed = ses.list_suppressed_destinations(Reasons=["BOUNCE"])["SuppressedDestinationSummaries"]
    assert [each["EmailAddress"] for each in listed] == ["Gone+1@example.com"]
    assert ses.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"] == []
    ses.delete_suppressed_destination(EmailAddress="gone+1@example.com")
    with pytest.raises(ClientError) as unknown:
        ses.delete_suppressed_destination(EmailAddress="gone+1@example.com")
    assert code_of(unknown) == ("NotFoundException", 404)


def test_the_suppression_list_is_read_by_the_product(ses: Any) -> None:
    addresses = {f"gone{number}@example.com" for number in range(3)}
    for address in addresses:
        ses.put_suppressed_destination(EmailAddress=address, Reason="COMPLAINT")
    found = [one for one in SesSuppressions(ses).all() if one.address in addresses]
    assert {one.address for one in found} == addresses
    assert {one.reason for one in found} == {"COMPLAINT"}
    assert all(abs(one.since - time.time()) < 600 for one in found)


def test_any_identity_is_verified(ses: Any) -> None:
    identity = f"site{time.time_ns()}.example.com"
    assert ses.create_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"]
    assert ses.get_email_identity(EmailIdentity=identity)["IdentityType"] == "DOMAIN"
    assert ses.get_email_identity(EmailIdentity="a@example.com")["VerifiedForSendingStatus"]


def test_configuration_sets_and_destinations_live_as_the_api_says(ses: Any, topic_arn: str) -> None:
    name = f"set-{time.time_ns()}"
    ses.create_configuration_set(ConfigurationSetName=name)
    assert name in ses.list_configuration_sets(PageSize=1000)["ConfigurationSets"]
    definition = {"Enabled": True, "MatchingEventTypes": ["SEND"], "SnsDestination": {"TopicArn": topic_arn}}
    where = {"ConfigurationSetName": name, "EventDestinationName": "events"}
    ses.create_configuration_set_event_destination(**where, EventDestination=definition)
    with pytest.raises(ClientError) as taken:
        ses.create_configuration_set_event_destination(**where, EventDestination=definition)
    assert code_of(taken) == ("AlreadyExistsException", 400)
    ses.update_configuration_set_event_destination(**where, EventDestination={**definition, "Enabled": False})
    found = ses.get_configuration_set_event_destinations(ConfigurationSetName=name)["EventDestinations"]
    assert found == [{"Name": "events", **definition, "Enabled": False}]
    ses.delete_configuration_set_event_destination(**where)
    ses.delete_configuration_set(ConfigurationSetName=name)
    with pytest.raises(ClientError) as gone:
        ses.get_configuration_set(ConfigurationSetName=name)
    assert code_of(gone) == ("NotFoundException", 404)


def test_an_event_destination_needs_a_topic_that_exists(ses: Any, configuration_set: str) -> None:
    with pytest.raises(ClientError, match="not found"):
        ses.create_configuration_set_event_destination(
            ConfigurationSetName=configuration_set,
            EventDestinationName="other",
            EventDestination={"SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:000000000000:none"}},
        )


def test_an_operation_that_the_simulator_lacks_is_named(ses: Any) -> None:
    with pytest.raises(ClientError, match="does not know GET /v2/email/contact-lists") as unknown:
        ses.list_contact_lists()
    assert code_of(unknown) == ("UnknownOperationException", 404)
