"""Who opened a mail or followed a link: a person, as far as anybody can tell, or one of the machines between.

By what the request said of itself:

- Apple's Mail Privacy Protection fetches every image when the mail arrives, read or not, and says ``Mozilla/5.0`` and
  nothing more (Word to the Wise, "Apple MPP", 2021).
- Gmail and Yahoo fetch images through proxies that name themselves ``GoogleImageProxy`` and ``YahooMailProxy``: mostly
  when somebody opens the mail, but they hide who, and how often.
- Security gateways name themselves as crawlers do, or say what library they are.

By what it did: whoever follows three different links of a mail within ten seconds is no person, and neither is what it
opened at that time. A gateway that looks like a browser and sweeps a mail of one or two links is not found out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from urllib.parse import urlsplit

from ems.masking import MASK
from ems.store.facts import Facts, Reading, Tally
from ems.tracking.events import EventType

PERSON = "person"
APPLE = "apple_mpp"
GMAIL = "gmail_proxy"
YAHOO = "yahoo_proxy"
SCANNER = "scanner"
MACHINES = (APPLE, GMAIL, YAHOO, SCANNER)

SWEEP_SECONDS = 10.0
SWEEP_LINKS = 3

LINKS_A_MAIL = 8
"""Links of one mail that are counted by themselves: each is an item of the transaction that counts it."""

OTHER_LINKS = ""
MAX_LINK = 300

_CRAWLER = re.compile(
    r"bot\b|crawl|spider|scan|preview|headless|curl/|wget/|python-requests|python-urllib|go-http-client|okhttp"
    r"|java/|libwww|barracuda|mimecast|proofpoint|symantec|sophos|trendmicro",
    re.IGNORECASE,
)

_ADDRESS_IN_PATH = re.compile(r"[^/]+(?:@|%40)[^/]+\.[^/]+", re.IGNORECASE)


def reader_of(user_agent: object) -> str:
    """Return who a request says that it is; a person unless it says otherwise."""
    if not isinstance(user_agent, str):
        return PERSON
    if user_agent.strip() == "Mozilla/5.0":
        return APPLE
    if "GoogleImageProxy" in user_agent:
        return GMAIL
    if "YahooMailProxy" in user_agent:
        return YAHOO
    return SCANNER if _CRAWLER.search(user_agent) else PERSON


def link_of(url: object) -> str:
    """Return what a link is counted as: without query and fragment, which tell who follows it and not where to.

    For the same reason a part of its path that holds an address is masked: counters outlive who is erased.
    """
    if not isinstance(url, str):
        return OTHER_LINKS
    try:
        parts = urlsplit(url)
    except ValueError:
        return OTHER_LINKS
    host, path = parts.netloc.rpartition("@")[2], _ADDRESS_IN_PATH.sub(MASK, parts.path)
    return f"{parts.scheme}://{host}{path}".lower()[:MAX_LINK] if host else OTHER_LINKS


def kinds_of(facts: Facts) -> dict[str, Tally]:
    """Return a mail's events by kind, its opens and clicks by who made them (``open:person``, ``click:scanner``)."""
    kinds = dict(facts.kinds)
    for reader, reading in _told_apart(facts.early):
        kind, tally = f"{_type(reading)}:{reader}", Tally(reading.at, 1)
        kinds[kind] = kinds[kind].joined(tally) if kind in kinds else tally
    return kinds


def links_of(facts: Facts) -> Mapping[str, Counter[str]]:
    """Return the clicks of a mail by link: ``person`` and ``machine`` clicks, and ``mails``, 1 if a person followed it.

    Those that people followed come first where there are more links than are counted by themselves.
    """
    links: dict[str, Counter[str]] = defaultdict(Counter)
    for reader, reading in _told_apart(facts.early):
        if reading.link is not None:
            links[reading.link][PERSON if reader == PERSON else "machine"] += 1
    ranked = sorted(links, key=lambda link: (link == OTHER_LINKS, not links[link][PERSON], link))
    counted: dict[str, Counter[str]] = {}
    for rank, link in enumerate(ranked):
        counted.setdefault(link if rank < LINKS_A_MAIL else OTHER_LINKS, Counter()).update(links[link])
    for clicks in counted.values():
        clicks["mails"] = int(clicks[PERSON] > 0)
    return counted


def _type(reading: Reading) -> EventType:
    return EventType.OPEN if reading.link is None else EventType.CLICK


def _told_apart(readings: Sequence[Reading]) -> Iterator[tuple[str, Reading]]:
    swept = _swept(readings)
    for place, reading in enumerate(readings):
        yield (SCANNER if place in swept and reading.reader == PERSON else reading.reader), reading


def _swept(readings: Sequence[Reading]) -> set[int]:
    """Return the places of all readings in a stretch of SWEEP_SECONDS with SWEEP_LINKS links; they are sorted."""
    swept: set[int] = set()
    for start, first in enumerate(readings):
        stretch = list(takewhile(lambda one: one.at <= first.at + SWEEP_SECONDS, readings[start:]))  # noqa: B023
        if len({one.link for one in stretch if one.link is not None}) >= SWEEP_LINKS:
            swept.update(range(start, start + len(stretch)))
    return swept
