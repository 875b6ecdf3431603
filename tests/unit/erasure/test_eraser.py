"""A person who is everywhere is nowhere after it, and all that is counted stays as it was."""

from typing import Any

import pytest
from fakes.erasure import ADA, SETTLE_SECONDS, World
from fakes.sending import address, entry

from ems import queues
from ems.errors import InvalidError, UnavailableError, UnknownIdError
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.sending.resolve import Order
from ems.store.tables import Tables

BOB = address(2)


@pytest.fixture
def world(tables: Tables) -> World:
    return World(tables)


def bulk(world: World, *numbers: int) -> str:
    request = BulkRequest("welcome", [entry(number) for number in numbers])
    return world.path.acceptance.bulk(request, Caller("k")).batch_id


def bounce(recipient: str) -> dict[str, Any]:
    bounced = {"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": f"550 <{recipient}>"}
    return {"bounceType": "Permanent", "bounceSubType": "NoEmail", "bouncedRecipients": [bounced]}


def populate(world: World) -> None:
    """Put ADA everywhere: sent, bounced, a copy, refused, in doubt, held, parked, waiting, on the lists."""
    batch_id = bulk(world, 1, 2)
    world.path.settle_down()
    world.tell(f"{batch_id}-000000", "Delivery", recipients=[ADA.upper()], smtpResponse=f"250 ok {ADA.title()}")
    world.tell(f"{batch_id}-000000", "Click", link=f"https://shop.example.com/?u={ADA}", ipAddress="192.0.2.1")
    to_bob = SingleRequest("welcome", BOB, cc=(ADA,), data={"name": "B"})
    email_id = world.path.acceptance.single(to_bob, Caller("k")).email_id
    world.path.settle_down()
    delivered = world.told(email_id, "Delivery", recipients=[BOB, ADA], smtpResponse=f"250 for {ADA}")
    delivered["mail"]["destination"] = [BOB, ADA]
    world.apply(delivered)
    world.held_batch()
    world.held_single()
    refused = world.single()
    world.path.settle_down()
    world.tables.emails(refused).update(
        actions=[world.tables.emails.reason.set(f"MessageRejected: {ADA.title()} is not verified")]
    )
    parked = bulk(world, 1, 2)
    world.path.view.pause(parked)
    world.path.drainer.tick()
    assert world.removals.remove(ADA) is False
    world.tell(f"{batch_id}-000000", "Bounce", **bounce(ADA))
    world.removals.remove(ADA)
    world.tell(f"{batch_id}-000000", "Complaint", complainedRecipients=[{"emailAddress": ADA}])


@pytest.fixture
def full(world: World) -> World:
    populate(world)
    assert world.everything().count(ADA) > 10
    return world


def test_nothing_in_any_table_names_the_person_any_more(full: World) -> None:
    erasure = full.erase("Person1@Example.com")
    assert ADA not in full.everything()
    assert BOB in full.everything()
    assert (erasure.done_at is not None, erasure.address, erasure.problem) == (True, None, None)
    assert erasure.mails > 3
    assert erasure.payloads > 0
    assert full.ses.listed == {BOB}


def test_every_count_stays_and_the_books_are_sound(full: World) -> None:
    before = full.audit()
    assert before.breaks == []
    full.erase()
    after = full.audit()
    assert after.breaks == []
    assert (after.books, after.recount) == (before.books, before.recount)


def test_what_waits_is_not_sent_and_ends_as_suppressed_with_the_reason(world: World) -> None:
    waiting = bulk(world, 1, 2)
    single = world.single()
    parked = bulk(world, 1)
    world.path.view.pause(parked)
    world.path.drainer.tick()
    world.erase()
    world.path.settle_down()
    for email_id in (f"{waiting}-000000", single, f"{parked}-000000"):
        row = world.row(email_id)
        assert (row.send_status, row.reason, row.recipient) == ("suppressed", "erased", None)
    assert set(world.path.ses.taken) == {f"{waiting}-000001"}
    assert ADA not in world.everything()
    assert world.audit(look=True).breaks == []


def test_what_is_parked_long_after_is_rid_of_the_person(world: World) -> None:
    batch_id = bulk(world, 1, 2)
    world.erase()
    later = bulk(world, 1)
    for one in (batch_id, later):
        world.path.view.pause(one)
    world.path.run(seconds=60)
    assert not world.path.sqs.bodies(queues.WAIT)
    assert world.everything().count(ADA) == 1  # of the request that came after the erasure
    world.path.settle_down()
    assert world.row(f"{batch_id}-000000").reason == "erased"
    assert world.row(f"{later}-000000").send_status == "sent"
    assert world.audit().breaks == []


def test_a_dead_letter_that_is_redriven_or_dropped_sends_nothing_and_names_nobody(world: World) -> None:
    batch_id = bulk(world, 1, 2)
    world.path.drainer.tick()
    world.path.bury()
    world.erase()
    world.path.dead_letters.drop(queues.TRIGGER)
    row = world.row(f"{batch_id}-000000")
    assert (row.send_status, row.recipient) == ("failed", None)
    assert ADA not in world.everything()


def test_a_mail_that_is_held_or_in_doubt_goes_to_nobody_by_an_operators_word(world: World) -> None:
    email_id = world.held_single()
    world.erase()
    world.path.resolver.email(email_id, Order("resend", "operator"))
    world.path.run(seconds=300)
    assert world.row(email_id).send_status == "suppressed"
    assert world.path.ses.made == {}
    assert ADA not in world.everything()
    assert world.audit().breaks == []


def test_a_copy_gets_nothing_and_the_mail_goes_to_its_recipient(world: World) -> None:
    request = SingleRequest("welcome", BOB, cc=(ADA,), data={"name": "B"})
    email_id = world.path.acceptance.single(request, Caller("k")).email_id
    world.erase()
    world.path.settle_down()
    assert world.row(email_id).send_status == "sent"
    assert world.row(email_id).recipient == BOB


def test_a_mail_that_is_accepted_later_is_sent_and_recorded_as_any_other(world: World) -> None:
    world.eraser().begin(ADA)
    world.clock.advance(1)
    single, batch_id = world.single(), bulk(world, 1)
    world.path.settle_down()
    world.clock.advance(SETTLE_SECONDS)
    world.eraser().tick(seconds=60)
    assert [world.row(one).recipient for one in (single, f"{batch_id}-000000")] == [ADA, ADA]
    assert [world.row(one).send_status for one in (single, f"{batch_id}-000000")] == ["sent", "sent"]


def test_who_was_suppressed_stays_so_for_new_mail(world: World) -> None:
    world.list.add(ADA, reason="complaint", scope="all", source="import", since=1.0)
    world.erase()
    email_id = world.single()
    world.path.settle_down()
    assert (world.row(email_id).send_status, world.row(email_id).reason) == ("suppressed", "complaint")


def test_what_a_process_had_in_hand_is_found_by_the_second_look(world: World) -> None:
    batch_id = bulk(world, 1)
    begun = world.eraser().begin(ADA)
    world.eraser().tick(seconds=60)
    email_id = f"{batch_id}-000000"
    # A sender that had the chunk in hand writes what SES has answered.
    late = world.tables.emails(email_id, batch_id=batch_id, recipient=ADA, send_status="sent", created_at=world.clock())
    late.save()
    world.eraser().tick(seconds=60)
    assert world.row(email_id).recipient == ADA
    world.clock.advance(SETTLE_SECONDS)
    world.eraser().tick(seconds=60)
    assert world.row(email_id).recipient is None
    assert world.eraser().get(begun.erasure_id).done_at is not None
    assert world.eraser().tick(seconds=60) == 0


def test_a_process_that_dies_at_any_step_leaves_what_another_finishes(full: World) -> None:
    expected = full.audit().books
    died = 0
    while True:
        steps = iter(range(died))
        rounds = tuple([_Mortal(place, steps) for place in places] for places in full.places())
        try:
            full.eraser(rounds).begin(ADA)  # type: ignore[arg-type]
            for _ in range(2):
                full.eraser(rounds).tick(seconds=60)  # type: ignore[arg-type]
                full.clock.advance(SETTLE_SECONDS + 1)
            break
        except _DiedError:
            died += 1
            full.clock.advance(61)  # its lease ends
            full.eraser().tick(seconds=60)
    assert died > 5
    assert ADA not in full.everything()
    assert (full.audit().breaks, full.audit().books) == ([], expected)


class _DiedError(Exception):
    pass


class _Mortal:
    """A place at which the process dies when the steps are over: the work is done, and not noted."""

    def __init__(self, place: Any, steps: Any) -> None:
        self._place = place
        self._steps = steps

    def sweep(self, *arguments: Any) -> Any:
        swept = self._place.sweep(*arguments)
        if next(self._steps, None) is None:
            raise _DiedError
        return swept


def test_a_service_that_is_out_of_reach_is_waited_for_and_named(full: World) -> None:
    full.ses.down = UnavailableError("SES", "AccessDenied")
    erasure = full.erase()
    assert (erasure.done_at, erasure.problem) == (None, "SES is not available: AccessDenied")
    full.ses.down = None
    full.eraser().tick(seconds=60)
    assert full.eraser().get(erasure.erasure_id).done_at is not None
    assert ADA not in full.everything()


def test_two_processes_do_no_step_twice(full: World) -> None:
    begun = full.eraser().begin(ADA)
    first = full.eraser().work(begun, seconds=60)
    assert full.eraser().work(begun, seconds=60) == first
    assert first.round == 2


def test_only_an_address_is_erased_and_only_an_erasure_is_read(world: World) -> None:
    with pytest.raises(InvalidError, match="address"):
        world.eraser().begin("nobody")
    with pytest.raises(UnknownIdError):
        world.eraser().get("nothing")


def test_the_same_person_has_the_same_erasure_and_is_erased_anew(world: World) -> None:
    first = world.erase()
    world.clock.advance(1)
    email_id = world.single()
    second = world.erase()
    assert (first.erasure_id, second.mails) == (second.erasure_id, 1)
    assert world.row(email_id).recipient is None
