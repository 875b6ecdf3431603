"""The links by which recipients of bulk mail unsubscribe."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.errors import UnavailableError
from ems.links import UnsubscribeLink, UnsubscribeLinks, without_token
from ems.settings import MAX_PUBLIC_URL, Settings

OLD, NEW = "o" * 32, "n" * 32
URL = "https://ems.example.com"
ADA = UnsubscribeLink("b1-000007", "spring", "Ada@example.com")

addresses = st.text(string.ascii_letters + string.digits + "+.'=", min_size=1, max_size=64).map(
    lambda local: f"{local}@example.com"
)


def token_of(links: UnsubscribeLinks, link: UnsubscribeLink = ADA) -> str:
    url = links.url("bulk", link)
    assert url is not None
    return url.rpartition("/")[2]


def links(*secrets: str) -> UnsubscribeLinks:
    return UnsubscribeLinks(secrets, public_url=URL)


@given(addresses)
def test_a_token_says_what_was_sealed_into_it(address: str) -> None:
    link = UnsubscribeLink("b1-000001", "spring", address)
    assert links(NEW).read(token_of(links(NEW), link)) == link


@given(st.data())
def test_a_token_with_any_character_changed_names_nothing(data: st.DataObject) -> None:
    token = token_of(links(NEW))
    place = data.draw(st.integers(0, len(token) - 3))  # the bits at the end that base64 leaves over change nothing
    other = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_"))
    changed = token[:place] + other + token[place + 1 :]
    assert changed == token or links(NEW).read(changed) is None


@given(st.text(max_size=800))
def test_whatever_is_no_token_names_nothing(text: str) -> None:
    assert links(NEW).read(text) is None
    assert links(NEW).read(text + "1") is None


def test_a_url_shows_nobodys_address_and_needs_no_escaping() -> None:
    url = links(NEW).url("bulk", ADA)
    assert url is not None
    assert url.startswith("https://ems.example.com/unsubscribe/")
    assert "ada" not in url.lower()
    assert "spring" not in url
    assert set(token_of(links(NEW))) <= set(string.ascii_letters + string.digits + "-_")
    assert url[-1].isalnum()


def test_the_same_mail_has_the_same_link_however_often_it_is_made() -> None:
    assert links(NEW).url("bulk", ADA) == links(NEW).url("bulk", ADA)


def test_the_first_secret_seals_and_all_of_them_open() -> None:
    assert links(NEW, OLD).read(token_of(links(OLD))) == ADA
    assert links(NEW).read(token_of(links(NEW, OLD))) == ADA
    assert links(NEW).read(token_of(links(OLD))) is None


def test_the_longest_link_fits_into_a_header_of_ses() -> None:
    """SES takes 995 characters of a header's value, and 996 with its name (sesv2 ``MessageHeader``)."""
    longest = UnsubscribeLink("b" + "x" * 30, "c" * 64, "l" * 64 + "@" + "d" * 255)
    url = UnsubscribeLinks([NEW], public_url="https://" + "h" * (MAX_PUBLIC_URL - 8)).url("bulk", longest)
    assert url is not None
    assert len("List-Unsubscribe") + len(f"<{url}>") <= 996
    assert links(NEW).read(url.rpartition("/")[2]) == longest


def test_transactional_mail_has_no_link() -> None:
    assert links(NEW).url("transactional", ADA) is None


def settings(secret: str = NEW, url: str | None = URL) -> Settings:
    more = {} if url is None else {"public_url": url}
    return Settings(unsubscribe_secrets=secret, **more)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (settings(secret=""), "EMS_UNSUBSCRIBE_SECRETS"),
        (settings(url="http://ems.example.com"), "EMS_PUBLIC_URL"),
        (settings(url=None), "EMS_PUBLIC_URL"),
    ],
)
def test_bulk_mail_waits_for_the_setting_without_which_its_links_would_not_work(given: Settings, named: str) -> None:
    made = UnsubscribeLinks.of(given)
    with pytest.raises(UnavailableError, match=named):
        made.require("bulk")
    with pytest.raises(UnavailableError, match=named):
        made.url("bulk", ADA)
    made.require("transactional")


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_a_run_on_one_machine_needs_no_certificate_when_it_says_that_it_is_one(url: str) -> None:
    made = UnsubscribeLinks.of(settings(url=url))
    made.require("bulk")
    assert str(made.url("bulk", ADA)).startswith(f"{url}/unsubscribe/")


def test_whoever_reads_of_a_click_does_not_hold_the_link() -> None:
    url = links(NEW).url("bulk", ADA)
    assert without_token(f"{url}?utm_source=mail") == "https://ems.example.com/unsubscribe/…?utm_source=mail"
    assert without_token("https://example.com/unsubscribe/me") == "https://example.com/unsubscribe/me"
