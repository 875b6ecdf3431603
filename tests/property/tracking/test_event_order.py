"""Playing events on a mail in any order, with repetitions, ends in the same record."""

import random
from dataclasses import replace

from fakes.ses_events import FIXTURES, load
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.store.counters import difference, total
from ems.store.status import RANK, Status
from ems.store.tracking import TrackedMail
from ems.tracking.contribution import contribution
from ems.tracking.decide import decide, decide_all, mail_after
from ems.tracking.events import SesEvent, parse
from ems.tracking.facts import EARLY_LIMIT
from ems.tracking.unsubscribing import unsubscription

EVENTS = [
    parsed
    for path in sorted(FIXTURES.glob("*.json"))
    if path.stem != "bounce_mixed"
    for parsed in parse(load(path.stem))
] + [unsubscription(TrackedMail("em-1", recipient="jane.doe@example.com"), by="page", at=1791800000.0)]
AGENTS = ("Mozilla/5.0", "Mozilla/5.0 (X11; Linux x86_64)", "GoogleImageProxy", "a crawler")
OPEN, CLICK = (parse(load(kind))[0] for kind in ("open", "click"))


def engagement(*, clicks: bool, second: int, link: int) -> SesEvent:
    """Return an open or a click of one of a few links, some of them at the same moment."""
    detail = {"user_agent": AGENTS[(second + link) % len(AGENTS)], "link": f"https://example.com/{link}"}
    return replace(CLICK if clicks else OPEN, at=1e9 + second, key=f"{clicks} {second} {link}", detail=detail)


engagements = st.builds(engagement, clicks=st.booleans(), second=st.integers(0, 40), link=st.integers(0, 12))
histories = st.lists(st.sampled_from(EVENTS) | engagements, max_size=12)
starts = st.sampled_from([None, Status.QUEUED, Status.SENDING, Status.IN_DOUBT, Status.SENT])


def play(mail: TrackedMail, events: list[SesEvent]) -> TrackedMail:
    for event in events:
        write = decide(mail, event)
        if write is not None:
            mail = mail_after(mail, write)
    return mail


@given(starts, histories, st.integers())
def test_order_and_repetition_change_nothing_but_the_order_of_the_timeline(
    start: Status | None, history: list[SesEvent], seed: int
) -> None:
    dice = random.Random(seed)
    shuffled = history + [event for event in history if dice.random() < 0.5]
    dice.shuffle(shuffled)
    mail = TrackedMail("em-1", send_status=start)
    one, other = play(mail, history), play(mail, shuffled)
    assert (one.event_status, one.send_status, one.moments, one.seen, one.facts) == (
        other.event_status,
        other.send_status,
        other.moments,
        other.seen,
        other.facts,
    )
    assert contribution(one) == contribution(other)
    assert sorted(entry["key"] for entry in one.timeline) == sorted(entry["key"] for entry in other.timeline)


@given(st.integers())
@settings(max_examples=20)
def test_more_engagement_than_a_row_keeps_counts_the_same_in_any_order(seed: int) -> None:
    dice = random.Random(seed)
    history = [
        engagement(clicks=dice.random() < 0.7, second=dice.randrange(600), link=dice.randrange(12))
        for _ in range(EARLY_LIMIT + 20)
    ]
    shuffled = dice.sample(history, len(history))
    one, other = play(TrackedMail("b1-000001"), history), play(TrackedMail("b1-000001"), shuffled)
    assert contribution(one) == contribution(other)
    assert one.facts is not None
    assert one.facts.number == len({event.key for event in history})


@given(histories)
def test_every_event_counts_exactly_once(history: list[SesEvent]) -> None:
    mail = play(TrackedMail("em-1"), history)
    keys = {event.key for event in history}
    assert mail.seen == keys
    assert sum(moment["count"] for moment in mail.moments.values()) == len(keys)
    assert len(mail.timeline) == len(keys)


@given(histories)
def test_what_the_counters_are_moved_by_adds_up_to_what_the_mail_contributes(history: list[SesEvent]) -> None:
    mail, moved = TrackedMail("b1-000001"), []
    for event in history:
        after = play(mail, [event])
        moved.append(difference(contribution(after), contribution(mail)))
        mail = after
    assert total(moved) == contribution(mail)


@given(histories, st.sampled_from(EVENTS))
def test_no_event_lowers_the_status_of_a_mail(history: list[SesEvent], event: SesEvent) -> None:
    before = play(TrackedMail("em-1"), history)
    after = play(before, [event])
    assert RANK[after.event_status or Status.QUEUED] >= RANK[before.event_status or Status.QUEUED]


@given(starts, histories)
def test_events_decided_together_change_what_they_change_one_by_one(
    start: Status | None, history: list[SesEvent]
) -> None:
    mail = TrackedMail("em-1", send_status=start)
    decision = decide_all(mail, history)
    one_by_one = play(mail, history)
    assert (mail if decision is None else mail_after(mail, decision.write)) == one_by_one
    assert len(decision.news if decision else ()) == len(one_by_one.timeline)
