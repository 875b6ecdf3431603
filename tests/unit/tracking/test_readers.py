"""People and machines that open mails and follow links."""

from collections import Counter

import pytest

from ems.store.facts import Facts, Reading, Tally
from ems.tracking.readers import (
    APPLE,
    GMAIL,
    LINKS_A_MAIL,
    PERSON,
    SCANNER,
    YAHOO,
    kinds_of,
    link_of,
    links_of,
    reader_of,
)

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def read(*readings: Reading) -> Facts:
    return Facts(early=tuple(sorted(readings, key=lambda one: one.order)))


def click(at: float, link: str, reader: str = PERSON) -> Reading:
    return Reading(at, reader, link)


@pytest.mark.parametrize(
    ("agent", "reader"),
    [
        (FIREFOX, PERSON),
        ("Mozilla/5.0", APPLE),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", GMAIL),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", YAHOO),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", SCANNER),
        ("python-requests/2.32", SCANNER),
        ("SomeBot/1.0", SCANNER),
        ("Mozilla/5.0 (Macintosh) Cubot Phone", SCANNER),
        (None, PERSON),
        (7, PERSON),
    ],
)
def test_a_request_is_taken_for_what_it_says_that_it_is(agent: object, reader: str) -> None:
    assert reader_of(agent) == reader


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://Example.com/Offer?id=7&to=ada@example.com#top", "https://example.com/offer"),
        ("https://shop.example/for/Ada%40example.com/sale", "https://shop.example/for/…@…/sale"),
        ("https://ada@shop.example/u/ada@example.com", "https://shop.example/u/…@…"),
        ("https://blog.example/@shop/news", "https://blog.example/@shop/news"),
        ("mailto:ada@example.com", ""),
        ("https://[", ""),
        (None, ""),
    ],
)
def test_a_link_is_counted_without_what_tells_who_follows_it(url: object, link: str) -> None:
    assert link_of(url) == link


def test_three_links_within_ten_seconds_are_a_scanners_and_so_is_what_it_opened() -> None:
    swept = read(Reading(0.0, PERSON), click(1.0, "a"), click(2.0, "b"), click(9.0, "c"))
    assert kinds_of(swept) == {"open:scanner": Tally(0.0, 1), "click:scanner": Tally(1.0, 3)}


def test_a_person_may_follow_as_many_links_with_time_to_read() -> None:
    assert kinds_of(read(click(0.0, "a"), click(9.0, "b"), click(18.0, "c"))) == {"click:person": Tally(0.0, 3)}


def test_one_link_again_and_again_is_an_impatient_person() -> None:
    assert kinds_of(read(*(click(float(second), "a") for second in range(5)))) == {"click:person": Tally(0.0, 5)}


def test_a_person_who_comes_after_the_scanner_is_told_apart_from_it() -> None:
    facts = read(click(0.0, "a"), click(0.0, "b"), click(0.0, "c"), click(3_600.0, "b"))
    assert kinds_of(facts) == {"click:scanner": Tally(0.0, 3), "click:person": Tally(3_600.0, 1)}
    assert links_of(facts) == {
        "a": Counter(machine=1),
        "b": Counter(machine=1, mails=1, person=1),
        "c": Counter(machine=1),
    }


def test_links_that_people_followed_are_counted_by_themselves_before_others() -> None:
    swept = [click(0.0, f"{number:02d}") for number in range(LINKS_A_MAIL + 3)]
    links = links_of(read(*swept, click(100.0, "zz")))
    assert len(links) == LINKS_A_MAIL + 1
    assert links["zz"] == Counter(person=1, mails=1)
    assert links[""]["machine"] == 4


def test_what_is_kept_of_somebody_who_was_erased_names_no_link() -> None:
    facts = read(Reading(0.0, PERSON), click(1.0, "https://example.com/ada"))
    assert facts.without_links().early == (Reading(0.0, PERSON), click(1.0, ""))
