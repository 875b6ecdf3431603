"""SES template calls: patient with throttles, clear about refusals."""

import boto3
import pytest
from botocore.stub import Stubber
from mypy_boto3_sesv2 import SESV2Client

from ems.aws.patience import WAITS
from ems.aws.templates import SesTemplates
from ems.errors import ConflictError, InvalidError, UnavailableError

NAME = "ems-welcome-v1-abc"
EXPECTED = {"TemplateName": NAME, "TemplateContent": {"Subject": "s", "Text": "t"}}


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def templates(ses_client: SESV2Client, waited: list[float]) -> SesTemplates:
    return SesTemplates(ses_client, sleep=waited.append)


def create(templates: SesTemplates) -> None:
    templates.create(NAME, subject="s", html=None, text="t")


def refuse(ses: Stubber, code: str, status: int = 400, message: str = "no") -> None:
    ses.add_client_error("create_email_template", code, message, http_status_code=status)


def test_a_template_is_created_with_the_parts_that_it_has(ses: Stubber, templates: SesTemplates) -> None:
    ses.add_response("create_email_template", {}, EXPECTED)

    create(templates)


def test_a_template_that_is_there_is_the_same_one(ses: Stubber, templates: SesTemplates) -> None:
    refuse(ses, "AlreadyExistsException")

    create(templates)


@pytest.mark.parametrize(("code", "status"), [("TooManyRequestsException", 429), ("InternalServiceError", 500)])
def test_what_passes_is_waited_for(
    ses: Stubber, templates: SesTemplates, waited: list[float], code: str, status: int
) -> None:
    refuse(ses, code, status)
    refuse(ses, code, status)
    ses.add_response("create_email_template", {}, EXPECTED)

    create(templates)

    assert waited == list(WAITS[:2])


def test_a_throttle_that_stays_is_an_outage(ses: Stubber, templates: SesTemplates, waited: list[float]) -> None:
    for _ in range(4):
        refuse(ses, "TooManyRequestsException", 429)

    with pytest.raises(UnavailableError):
        create(templates)
    assert waited == list(WAITS)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("BadRequestException", InvalidError),
        ("LimitExceededException", ConflictError),
        ("AccessDeniedException", UnavailableError),
    ],
)
def test_a_refusal_says_what_it_is(ses: Stubber, templates: SesTemplates, code: str, error: type[Exception]) -> None:
    refuse(ses, code)

    with pytest.raises(error):
        create(templates)


@pytest.mark.usefixtures("loopback")
def test_a_lost_connection_is_tried_again_and_then_an_outage(waited: list[float]) -> None:
    session = boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x")
    nobody = session.client("sesv2", region_name="us-east-1", endpoint_url="http://127.0.0.1:1")

    with pytest.raises(UnavailableError, match="EndpointConnectionError"):
        create(SesTemplates(nobody, sleep=waited.append))
    assert waited == list(WAITS)


def test_a_template_is_read_back(ses: Stubber, templates: SesTemplates) -> None:
    content = {"TemplateName": NAME, "TemplateContent": {"Subject": "s", "Html": "h"}}
    ses.add_response("get_email_template", content, {"TemplateName": NAME})

    assert templates.read(NAME) == ("h", None)


def test_a_template_that_ses_lost_is_an_outage(ses: Stubber, templates: SesTemplates) -> None:
    ses.add_client_error("get_email_template", "NotFoundException", http_status_code=404)

    with pytest.raises(UnavailableError, match="NotFoundException"):
        templates.read(NAME)
