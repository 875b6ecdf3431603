"""Where the links of bulk mails lead."""

import re

import pytest
from fakes.sending import LINKS
from fakes.web import World
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from ems.errors import UnavailableError
from ems.links import UnsubscribeLink

LINK = UnsubscribeLink("b1-000007", "spring", "ada@example.com")
PATH = str(LINKS.url("bulk", LINK)).removeprefix("https://ems.example.com")
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
MULTIPART = (
    '--next\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--next--\r\n',
    "multipart/form-data; boundary=next",
)


@pytest.fixture
def anybody(client: FlaskClient) -> FlaskClient:
    """A client without a key."""
    del client.environ_base["HTTP_AUTHORIZATION"]
    return client


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_a_link_changes_nothing(anybody: FlaskClient, world: World, method: str) -> None:
    answer = anybody.open(PATH, method=method, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert (world.unsubscribing.left, world.unsubscribing.back) == ([], [])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        MULTIPART,
        ("", None),
        ("garbage", "text/plain"),
    ],
)
def test_a_post_unsubscribes_without_key_cookie_or_redirect(
    anybody: FlaskClient, world: World, body: str, content_type: str | None
) -> None:
    answer = anybody.post(PATH, data=body, content_type=content_type)
    assert answer.status_code == 200
    assert world.unsubscribing.left == [(LINK, "one-click")]
    assert "Set-Cookie" not in answer.headers


def test_the_pages_button_unsubscribes_and_the_next_page_leads_back(anybody: FlaskClient, world: World) -> None:
    assert 'name="action" value="unsubscribe"' in anybody.get(PATH).text
    gone = anybody.post(PATH, data={"action": "unsubscribe"})
    assert world.unsubscribing.left == [(LINK, "page")]
    assert 'name="action" value="come-back"' in gone.text
    assert "subscribed again" in anybody.post(PATH, data={"action": "come-back"}).text
    assert world.unsubscribing.back == [LINK]


def test_who_never_left_cannot_come_back(anybody: FlaskClient) -> None:
    assert "Nothing was changed" in anybody.post(PATH, data={"action": "come-back"}).text


@pytest.mark.parametrize("path", ["/unsubscribe/nothing", PATH[:-3], PATH[:-1]])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_broken_link_says_so_in_plain_words_to_people_and_as_a_problem_to_programs(
    anybody: FlaskClient, world: World, method: str, path: str
) -> None:
    page = anybody.open(path, method=method, headers=BROWSER)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "This link does not work" in page.text
    problem = anybody.open(path, method=method)
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")
    assert world.unsubscribing.left == []


@pytest.mark.parametrize("action", ["unsubscribe", "come-back"])
def test_an_outage_asks_people_to_try_the_same_again(anybody: FlaskClient, world: World, action: str) -> None:
    world.unsubscribing.fails = UnavailableError("DynamoDB", "down", retry_after=7)
    page = anybody.post(PATH, data={"action": action}, headers=BROWSER)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "7")
    assert f'name="action" value="{action}"' in page.text
    assert anybody.post(PATH).json["status"] == 503


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_page_is_accessible_and_needs_nothing_but_itself(anybody: FlaskClient, method: str) -> None:
    page = anybody.open(PATH, method=method)
    assert '<html lang="en">' in page.text
    assert 'name="viewport" content="width=device-width' in page.text
    assert len(re.findall("<h1>", page.text)) == len(re.findall("<main>", page.text)) == 1
    assert len(re.findall("<button", page.text)) == 1
    assert "<script" not in page.text
    assert not re.search(r"https?://|src=", page.text)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_button_have_the_contrast_that_weak_eyes_need(anybody: FlaskClient, scheme: int) -> None:
    """WCAG 2.2, success criterion 1.4.6: 7 to 1."""
    colours = {
        name: re.findall(rf"--{name}: #([0-9a-f]+)", anybody.get(PATH).text)[scheme]
        for name in ("ink", "paper", "button", "on-button")
    }
    assert contrast(colours["ink"], colours["paper"]) >= 7
    assert contrast(colours["on-button"], colours["button"]) >= 7
    assert contrast(colours["button"], colours["paper"]) >= 3  # 1.4.11: where the button ends


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of a hexadecimal colour, as WCAG defines it."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_page_is_kept_by_nobody_framed_by_nobody_and_leaks_its_url_to_nobody(anybody: FlaskClient) -> None:
    headers = anybody.get(PATH).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_neither_page_nor_log_shows_the_whole_address(anybody: FlaskClient, world: World) -> None:
    with capture_logs() as lines:
        assert "a…@example.com" in anybody.get(PATH).text
        world.unsubscribing.fails = UnavailableError("DynamoDB", "down")
        pages = [anybody.post(PATH, headers=BROWSER).text, anybody.post(PATH).text]
    assert "ada@example.com" not in "".join([*pages, str(lines)])
    assert PATH not in str(lines)
