"""Addresses as SES takes them."""

import pytest

from ems.sending.addresses import AddressError, Sender, normalise, parse_sender


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.L+tag@Mail.EXAMPLE.com", "Ada.L+tag@mail.example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("o'brien!#$%&*/=?^_`{|}~-@example.com", "o'brien!#$%&*/=?^_`{|}~-@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("bounce+7@simulator.amazonses.com", "bounce+7@simulator.amazonses.com"),
        ("a@x.test", "a@x.test"),
    ],
)
def test_an_address_that_ses_takes_is_kept_with_its_domain_in_punycode(given: str, kept: str) -> None:
    assert normalise(given) == kept
    assert normalise(kept) == kept


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("", "@"),
        ("ada", "@"),
        ("@example.com", "before the @"),
        ("ada@", "after the @"),
        ("ädä@example.com", "ASCII before the @"),
        ("ada@example", "full domain name"),
        ("ada@localhost", ""),
        ("ada@1.2.3.4", "full domain name"),
        ("ada@[1.2.3.4]", "bracketed"),
        ("ada..l@example.com", "two periods"),
        (".ada@example.com", "period"),
        ("ada@-example.com", "hyphen"),
        ("ada@exa mple.com", "invalid characters"),
        ("ada l@example.com", "invalid characters"),
        ('"ada l"@example.com', "quoting"),
        ("Ada <ada@example.com>", "without a display name"),
        ("ada@example.com, bob@example.com", "one address"),
        ("ada@example.com;bob@example.com", "one address"),
        ("ada@example.com\r\nBcc: bob@example.com", "line breaks"),
        ("ada\x00@example.com", "control characters"),
        ("ada@example.com\n", "line breaks"),
        ("a" * 65 + "@example.com", "64 characters"),
        ("ada@" + "a." * 130 + "com", "254"),
        ("ada@example.com.", "period"),
    ],
)
def test_an_address_that_ses_refuses_is_refused_with_what_to_do(given: str, advice: str) -> None:
    with pytest.raises(AddressError) as caught:
        normalise(given)

    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("given", "sender", "text"),
    [
        ("ada@Example.com", Sender("", "ada@example.com"), "ada@example.com"),
        ("<ada@example.com>", Sender("", "ada@example.com"), "ada@example.com"),
        ("Ada <ada@example.com>", Sender("Ada", "ada@example.com"), "Ada <ada@example.com>"),
        ("Adä Lövelace <ada@example.com>", Sender("Adä Lövelace", "ada@example.com"), "Adä Lövelace <ada@example.com>"),
        ('"Doe, J." <a@example.com>', Sender("Doe, J.", "a@example.com"), '"Doe, J." <a@example.com>'),
        ("Doe, J. <a@example.com>", Sender("Doe, J.", "a@example.com"), '"Doe, J." <a@example.com>'),
        (r'"the \"one\"" <a@example.com>', Sender('the "one"', "a@example.com"), r'"the \"one\"" <a@example.com>'),
    ],
)
def test_a_sender_may_carry_a_display_name(given: str, sender: Sender, text: str) -> None:
    assert parse_sender(given) == sender
    assert str(sender) == text
    assert parse_sender(text) == sender


@pytest.mark.parametrize(
    "given",
    [
        "Ada\r\nBcc: bob@example.com <ada@example.com>",
        "Ada\x7f <ada@example.com>",
        "Ada\u2028 <ada@example.com>",
        "Ada <ada@example.com",
        "Ada <ada@example.com> <bob@example.com>",
        "Ada <>",
        "Ada ada@example.com",
        "x" * 400 + " <ada@example.com>",
        "ü" * 150 + " <ada@example.com>",
    ],
)
def test_a_sender_that_could_forge_headers_or_is_too_long_is_refused(given: str) -> None:
    with pytest.raises(AddressError):
        parse_sender(given)
