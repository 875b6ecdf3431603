from ems.governor.errors import StoppedError
from ems.governor.waiting import WaitingLine


def test_the_first_in_the_queue_leads_and_hands_over_when_it_leaves() -> None:
    queue = WaitingLine()
    first, second = queue.join(1), queue.join(2)
    assert queue.leads(first)
    assert not second.woken.is_set()
    queue.leave(first)
    assert queue.leads(second)
    assert second.woken.is_set()


def test_the_slot_of_a_call_that_left_is_lost_and_fits_no_other() -> None:
    queue = WaitingLine()
    first, gone, last = queue.join(1), queue.join(2), queue.join(50)
    queue.leave(gone)
    queue.serve([(first, 10), (gone, 20)])
    assert (first.start_at, gone.start_at, last.start_at) == (10, None, None)
    assert queue.tickets() == (last,)


def test_a_failure_reaches_everyone_who_waits_and_nobody_later() -> None:
    queue = WaitingLine()
    waiting = [queue.join(1), queue.join(1)]
    queue.fail(lambda: StoppedError("over"))
    assert all(ticket.failure is not None and ticket.woken.is_set() for ticket in waiting)
    assert queue.leads(queue.join(1))
