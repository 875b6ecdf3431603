import pytest

from ems.local.simulator.addresses import check_address, check_headers, check_subject, check_tags
from ems.local.simulator.wire import SesError


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("a@example.com", "a@example.com"),
        ("Ann Example <ann+news@example.com>", "ann+news@example.com"),
        ('"Example, Ann" <ann@example.com>', "ann@example.com"),
        ("=?utf-8?q?J=C3=B6rg?= <joerg@xn--exmple-cua.com>", "joerg@xn--exmple-cua.com"),
        ("o'hara@mail.example.com", "o'hara@mail.example.com"),
    ],
)
def test_addresses_that_ses_takes(text: str, bare: str) -> None:
    assert check_address(text) == bare


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        None,
        7,
        "plain",
        "a@",
        "@example.com",
        "a@localhost",
        "a b@example.com",
        "a@exa mple.com",
        "jörg@example.com",
        "a@exämple.com",
        "Jörg <a@example.com>",
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "Ann\n <a@example.com>",
        ".a@example.com",
        "a..b@example.com",
        "<a@example.com",
    ],
)
def test_addresses_that_ses_refuses(text: object) -> None:
    with pytest.raises(SesError) as refused:
        check_address(text)
    assert refused.value.code == "BadRequestException"


def test_tags_come_out_as_lists() -> None:
    assert check_tags([{"Name": "ems_email_id", "Value": "e-1"}]) == {"ems_email_id": ["e-1"]}


@pytest.mark.parametrize(
    "tags",
    [
        [{"Name": "a b", "Value": "x"}],
        [{"Name": "a", "Value": "x@y"}],
        [{"Name": "a", "Value": ""}],
        [{"Name": "a", "Value": "x" * 257}],
        [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}],
    ],
)
def test_tags_that_ses_refuses(tags: list[dict[str, str]]) -> None:
    with pytest.raises(SesError):
        check_tags(tags)


@pytest.mark.parametrize(
    "headers",
    [
        [{"Name": f"X-{number}", "Value": "v"} for number in range(16)],
        [{"Name": "X:Y", "Value": "v"}],
        [{"Name": "X-A", "Value": "v\r\nBcc: b@example.com"}],
        [{"Name": "X-A", "Value": "é"}],
        [{"Name": "X" * 127, "Value": "v"}],
        [{"Name": "X-A", "Value": "v" * 996}],
    ],
)
def test_headers_that_ses_refuses(headers: list[dict[str, str]]) -> None:
    with pytest.raises(SesError):
        check_headers(headers)


def test_a_subject_cannot_smuggle_a_header_in() -> None:
    with pytest.raises(SesError):
        check_subject("Hello\nBcc: b@example.com")
