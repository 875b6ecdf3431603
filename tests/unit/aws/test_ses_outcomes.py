"""What SES's answers mean: every error code and every status of a bulk entry."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import boto3
import pytest
from botocore.stub import Stubber

from ems.aws.ses import Mail, SesSender, Template
from ems.aws.ses_answers import Accepted, NotNow, Outcome, Refused, Unknown

TEMPLATE = Template("welcome", "Jürgen <shop@example.com>", "ems-welcome-1", "ems", ("help@example.com",))
ADA = Mail("e1", "ada@example.com", {"name": "Ada"}, tags={"team": "billing"})
BOB = Mail("e2", "bob@example.com", {"name": "Bob"})


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x").client("sesv2", "us-east-1")


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def sender(client: Any) -> SesSender:
    return SesSender(client)


def kind(outcome: Outcome) -> str:
    if isinstance(outcome, Refused):
        return "mendable" if outcome.may_pass else "refused"
    return outcome.why if isinstance(outcome, NotNow) else type(outcome).__name__.lower()


CODES = [
    ("TooManyRequestsException", 429, "Maximum sending rate exceeded.", "throttled"),
    ("Throttling", 400, "Maximum sending rate exceeded.", "throttled"),
    ("ThrottlingException", 400, "Rate exceeded", "throttled"),
    ("RequestThrottled", 400, "slow down", "throttled"),
    ("SomethingNew", 429, "slow down", "throttled"),
    ("Throttling", 400, "Daily message quota exceeded.", "quota"),
    ("TooManyRequestsException", 429, "Daily message quota exceeded.", "quota"),
    ("LimitExceededException", 400, "too many", "quota"),
    ("AccountSuspendedException", 400, "suspended", "paused"),
    ("SendingPausedException", 400, "paused", "paused"),
    ("AccountSendingPausedException", 400, "paused", "paused"),
    ("ConfigurationSetSendingPausedException", 400, "paused", "paused"),
    ("ServiceUnavailable", 503, "later", "unavailable"),
    ("RequestTimeout", 408, "the request did not arrive", "unavailable"),
    ("AccessDeniedException", 403, "no", "denied"),
    ("AccessDeniedException", 400, "no", "denied"),
    ("InvalidClientTokenId", 403, "who", "denied"),
    ("SignatureDoesNotMatch", 403, "no", "denied"),
    ("ExpiredTokenException", 400, "old", "denied"),
    ("RequestExpired", 400, "your clock", "denied"),
    ("UnrecognizedClientException", 401, "who", "denied"),
    ("MessageRejected", 400, "Email address is not verified.", "mendable"),
    ("MessageRejected", 400, "Message contains a virus.", "refused"),
    ("MailFromDomainNotVerifiedException", 400, "domain", "mendable"),
    ("BadRequestException", 400, "bad", "refused"),
    ("NotFoundException", 404, "no template", "mendable"),
    ("SomethingNew", 400, "whatever", "refused"),
    ("InternalFailure", 500, "oops", "unknown"),
    ("InternalServiceErrorException", 500, "oops", "unknown"),
    ("BadGateway", 502, "oops", "unknown"),
    ("GatewayTimeout", 504, "late", "unknown"),
]


@pytest.mark.parametrize(("code", "status", "message", "expected"), CODES)
def test_an_error_of_a_single_call_has_its_outcome(
    stub: Stubber, sender: SesSender, code: str, status: int, message: str, expected: str
) -> None:
    stub.add_client_error("send_email", code, message, http_status_code=status)
    [outcome] = sender.send(TEMPLATE, [ADA])
    assert kind(outcome) == expected
    assert code in getattr(outcome, "reason", "")


@pytest.mark.parametrize(("code", "status", "message", "expected"), CODES[::7])
def test_an_error_of_a_bulk_call_is_every_mails(
    stub: Stubber, sender: SesSender, code: str, status: int, message: str, expected: str
) -> None:
    stub.add_client_error("send_bulk_email", code, message, http_status_code=status)
    assert [kind(outcome) for outcome in sender.send(TEMPLATE, [ADA, BOB])] == [expected] * 2


STATUSES = {
    "SUCCESS": "accepted",
    "MESSAGE_REJECTED": "refused",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": "mendable",
    "CONFIGURATION_SET_NOT_FOUND": "mendable",
    "TEMPLATE_NOT_FOUND": "mendable",
    "ACCOUNT_SUSPENDED": "paused",
    "ACCOUNT_THROTTLED": "throttled",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": "quota",
    "INVALID_SENDING_POOL_NAME": "mendable",
    "ACCOUNT_SENDING_PAUSED": "paused",
    "CONFIGURATION_SET_SENDING_PAUSED": "paused",
    "INVALID_PARAMETER": "refused",
    "TRANSIENT_FAILURE": "unavailable",
    "FAILED": "mendable",
}


def test_the_table_of_entry_statuses_is_the_one_of_botocore(client: Any) -> None:
    assert set(STATUSES) == set(client.meta.service_model.shape_for("BulkEmailStatus").enum)


@pytest.mark.parametrize(("status", "expected"), [*STATUSES.items(), ("SOMETHING_NEW", "unknown")])
def test_a_status_of_a_bulk_entry_has_its_outcome(stub: Stubber, sender: SesSender, status: str, expected: str) -> None:
    results = [{"Status": status, "MessageId": "m1"}, {"Status": "SUCCESS", "MessageId": "m2"}]
    stub.add_response("send_bulk_email", {"BulkEmailEntryResults": results})
    first, second = sender.send(TEMPLATE, [ADA, BOB])
    assert (kind(first), second) == (expected, Accepted("m2"))


def test_mixed_results_stand_in_the_order_of_the_mails(stub: Stubber, sender: SesSender) -> None:
    results = [{"Status": "MESSAGE_REJECTED", "Error": "no"}, {"Status": "SUCCESS", "MessageId": "m2"}]
    stub.add_response("send_bulk_email", {"BulkEmailEntryResults": results})
    assert sender.send(TEMPLATE, [ADA, BOB]) == [Refused("MESSAGE_REJECTED: no"), Accepted("m2")]


@pytest.mark.parametrize("results", [[], [{"Status": "SUCCESS", "MessageId": "m1"}]])
def test_a_bulk_answer_of_another_length_says_nothing(
    stub: Stubber, sender: SesSender, results: list[dict[str, str]]
) -> None:
    stub.add_response("send_bulk_email", {"BulkEmailEntryResults": results})
    assert [type(outcome) for outcome in sender.send(TEMPLATE, [ADA, BOB])] == [Unknown, Unknown]


def test_success_without_a_message_id_is_unknown(stub: Stubber, sender: SesSender) -> None:
    stub.add_response("send_bulk_email", {"BulkEmailEntryResults": [{"Status": "SUCCESS"}, {}]})
    stub.add_response("send_email", {})
    assert [type(outcome) for outcome in sender.send(TEMPLATE, [ADA, BOB])] == [Unknown, Unknown]
    assert [type(outcome) for outcome in sender.send(TEMPLATE, [ADA])] == [Unknown]


def test_a_request_that_botocore_cannot_build_is_refused(sender: SesSender) -> None:
    broken = Mail("e1", "ada@example.com", {}, tags={"team": 7})  # type: ignore[dict-item]
    [outcome] = sender.send(TEMPLATE, [broken])
    assert isinstance(outcome, Refused)
    assert "EmailTags" in outcome.reason


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


COMMON = {
    "FromEmailAddress": "=?utf-8?q?J=C3=BCrgen?= <shop@example.com>",
    "ConfigurationSetName": "ems",
    "ReplyToAddresses": ["help@example.com"],
}


def test_one_mail_goes_by_send_email_with_its_copies_and_tags(stub: Stubber, sender: SesSender) -> None:
    mail = Mail("e1", "ada@example.com", {"name": "Ada"}, cc=("c@example.com",), tags={"team": "billing"})
    expected = {
        **COMMON,
        "Destination": {"ToAddresses": ["ada@example.com"], "CcAddresses": ["c@example.com"]},
        "Content": {"Template": {"TemplateName": "ems-welcome-1", "TemplateData": '{"name":"Ada"}'}},
        "EmailTags": tags(team="billing", ems_email_id="e1", ems_campaign_id="welcome"),
    }
    stub.add_response("send_email", {"MessageId": "m1"}, expected)
    assert sender.send(TEMPLATE, [mail]) == [Accepted("m1")]
    assert mail.recipients == 2


def test_several_mails_go_by_send_bulk_email_each_with_its_whole_data_and_tags(
    stub: Stubber, sender: SesSender
) -> None:
    def bulk_entry(mail: Mail, data: str, own: list[dict[str, str]]) -> dict[str, Any]:
        return {
            "Destination": {"ToAddresses": [mail.to]},
            "ReplacementTags": own,
            "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
        }

    expected = {
        **COMMON,
        "DefaultContent": {"Template": {"TemplateName": "ems-welcome-1", "TemplateData": "{}"}},
        "BulkEmailEntries": [
            bulk_entry(ADA, '{"name":"Ada"}', tags(team="billing", ems_email_id="e1", ems_campaign_id="welcome")),
            bulk_entry(BOB, '{"name":"Bob"}', tags(ems_email_id="e2", ems_campaign_id="welcome")),
        ],
    }
    results = [{"Status": "SUCCESS", "MessageId": "m1"}, {"Status": "SUCCESS", "MessageId": "m2"}]
    stub.add_response("send_bulk_email", {"BulkEmailEntryResults": results}, expected)
    assert sender.send(TEMPLATE, [ADA, BOB]) == [Accepted("m1"), Accepted("m2")]


def test_an_outcome_is_one_of_four_kinds() -> None:
    assert set(get_args(Outcome)) == {Accepted, Refused, NotNow, Unknown}


OFFER = [
    {"Name": "List-Unsubscribe", "Value": "<https://ems.example.com/unsubscribe/t>"},
    {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
]
FILLED = '{"unsubscribe_url":"https://ems.example.com/unsubscribe/t","name":"Ada"}'


def with_link(mail: Mail) -> Mail:
    return replace(mail, unsubscribe_url="https://ems.example.com/unsubscribe/t")


def test_a_bulk_mail_that_goes_alone_offers_to_unsubscribe_in_its_header_and_to_its_template(
    stub: Stubber, sender: SesSender
) -> None:
    template = {"TemplateName": "ems-welcome-1", "TemplateData": FILLED, "Headers": OFFER}
    expected = {
        **COMMON,
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {"Template": template},
        "EmailTags": tags(team="billing", ems_email_id="e1", ems_campaign_id="welcome"),
    }
    stub.add_response("send_email", {"MessageId": "m1"}, expected)
    assert sender.send(TEMPLATE, [with_link(ADA)]) == [Accepted("m1")]


def test_each_mail_of_a_bulk_call_has_an_offer_of_its_own(stub: Stubber, sender: SesSender) -> None:
    results = [{"Status": "SUCCESS", "MessageId": "m1"}, {"Status": "SUCCESS", "MessageId": "m2"}]
    entries = [
        {
            "Destination": {"ToAddresses": ["ada@example.com"]},
            "ReplacementTags": tags(team="billing", ems_email_id="e1", ems_campaign_id="welcome"),
            "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": FILLED}},
            "ReplacementHeaders": OFFER,
        }
    ] * 2
    expected = {
        **COMMON,
        "DefaultContent": {"Template": {"TemplateName": "ems-welcome-1", "TemplateData": "{}"}},
        "BulkEmailEntries": entries,
    }
    stub.add_response("send_bulk_email", {"BulkEmailEntryResults": results}, expected)
    assert sender.send(TEMPLATE, [with_link(ADA)] * 2) == [Accepted("m1"), Accepted("m2")]


def test_a_value_that_an_older_release_accepted_for_the_variable_stays(stub: Stubber, sender: SesSender) -> None:
    mail = with_link(Mail("e1", "ada@example.com", {"unsubscribe_url": "https://shop.example.com/leave"}))
    expected = {
        **COMMON,
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {
            "Template": {
                "TemplateName": "ems-welcome-1",
                "TemplateData": '{"unsubscribe_url":"https://shop.example.com/leave"}',
                "Headers": OFFER,
            }
        },
        "EmailTags": tags(ems_email_id="e1", ems_campaign_id="welcome"),
    }
    stub.add_response("send_email", {"MessageId": "m1"}, expected)
    assert sender.send(TEMPLATE, [mail]) == [Accepted("m1")]
