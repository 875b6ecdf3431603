"""What the environment may say, and what people are told when it makes no sense."""

import pytest

from ems.settings import Settings, SettingsError

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ems-events"


@pytest.fixture(autouse=True)
def _nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("EMS_MAX_RECIPIENTS", "1000001", "less than or equal to 1000000"),
        ("EMS_MAX_RECIPIENTS", "many", "valid integer"),
        ("EMS_TASK_RATE_LIMIT", "fast", "such as 1000/s"),
        ("EMS_TASK_RATE_LIMIT", "0/s", "such as 1000/s"),
        ("EMS_TASK_RATE_LIMIT", "-5/s", "such as 1000/s"),
        ("EMS_TASK_RATE_LIMIT", "5/d", "such as 1000/s"),
        ("EMS_PUBLIC_URL", "ems.example.com", "such as https://ems.example.com"),
        ("EMS_PUBLIC_URL", "ftp://ems.example.com", "such as https://ems.example.com"),
        ("EMS_PUBLIC_URL", "https://", "such as https://ems.example.com"),
        ("EMS_PUBLIC_URL", "https://ems.example.com?a=b", "such as https://ems.example.com"),
        ("EMS_PUBLIC_URL", "https://ems.example.com/" + "a" * 300, "at most 300 characters"),
        ("EMS_SNS_CERT_URL", "cert.pem", "such as https://ems.example.com"),
        ("EMS_SNS_TOPIC_ARNS", f"{TOPIC},ems-events", "such as arn:aws:sns:us-east-1"),
        ("EMS_MAX_SEND_RATE", "inf", "finite number"),
        ("EMS_MAX_SEND_RATE", "0", "greater than 0"),
        ("EMS_MAX_SEND_RATE", "fast", "'auto'"),
        ("AWS_REGION", "eu west", "String should match"),
        ("AWS_DEFAULT_REGION", "eu_west", "String should match"),
        ("AWS_ENDPOINT_URL", "localhost:4566", "such as http://127.0.0.1:4566"),
        ("AWS_ENDPOINT_URL_SNS", "http://[::1", "such as http://127.0.0.1:4566"),
        ("AWS_ENDPOINT_URL_SQS", "http://", "such as http://127.0.0.1:4566"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://local_stack:4566", "such as http://127.0.0.1:4566"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment()
    [line] = str(refused.value).splitlines()
    assert line.startswith(f"{variable}=")
    assert words in line


def test_each_variable_that_makes_no_sense_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("EMS_PUBLIC_URL", "EMS_RETENTION_DAYS", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(variable, "x")
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment()
    named = [line.partition("=")[0] for line in str(refused.value).splitlines()]
    assert named == ["EMS_PUBLIC_URL", "EMS_RETENTION_DAYS", "AWS_ENDPOINT_URL"]


@pytest.mark.parametrize("field", [name for name in Settings.model_fields if name != "aws_region"])
def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    monkeypatch.setenv(f"EMS_{field.upper()}", "")
    assert Settings.from_environment() == Settings()


def test_an_empty_region_gives_way_to_the_other_variable_and_then_to_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    assert Settings.from_environment().aws_region == "us-east-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Settings.from_environment().aws_region == "eu-west-1"


def test_a_secret_that_is_too_short_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMS_UNSUBSCRIBE_SECRETS", f"{'a' * 32},not-long-enough")
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment()
    assert "EMS_UNSUBSCRIBE_SECRETS=…" in str(refused.value)
    assert "at least 32" in str(refused.value)
    assert "not-long-enough" not in str(refused.value)


def test_what_makes_sense_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMS_MAX_RECIPIENTS", "1000000")
    monkeypatch.setenv("EMS_TASK_RATE_LIMIT", "0.5/m")
    monkeypatch.setenv("EMS_PUBLIC_URL", "https://example.com:8443/ems/")
    monkeypatch.setenv("EMS_SNS_TOPIC_ARNS", f" {TOPIC}, arn:aws-cn:sns:cn-north-1:123456789012:a_b-1 ,")
    monkeypatch.setenv("EMS_MAX_SEND_RATE", "14.5")
    monkeypatch.setenv("EMS_UNSUBSCRIBE_SECRETS", f"{'a' * 32}, {'b' * 40}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://[::1]:4566")
    settings = Settings.from_environment()
    assert settings.public_url == "https://example.com:8443/ems"
    assert settings.sns_topic_arns == (TOPIC, "arn:aws-cn:sns:cn-north-1:123456789012:a_b-1")
    assert settings.max_send_rate == 14.5
    assert [one.get_secret_value() for one in settings.unsubscribe_secrets] == ["a" * 32, "b" * 40]
