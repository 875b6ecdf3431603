"""However often accepting dies, a retry with the same key makes it whole, and nothing is sent twice or half."""

from collections.abc import Callable
from typing import Any

from fakes.main_path import Fuse, MainPath, dies, is_cut_off
from fakes.sending import entry
from fakes.tables import moto_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.sending.fates import ACCEPT_SECONDS
from ems.sending.requests import BulkRequest, Caller, SingleRequest

RECIPIENTS = 7
BULK = BulkRequest("welcome", [entry(i + 10, text="x" * 30_000) for i in range(RECIPIENTS)])
"""Three chunks: no more than three recipients of this size fit into one."""

SINGLE = SingleRequest("welcome", "ada@example.com", data={"name": "Ada"})
CALLER = Caller("key-1", "order-7")

attempts = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.booleans(),
        st.sampled_from([dies, is_cut_off]),
        st.sampled_from([0, 10, ACCEPT_SECONDS + 1]),
    ),
    max_size=4,
)


def interrupted(path: MainPath, accept: Any, failures: list[tuple[int, bool, Callable[[], None], int]]) -> None:
    """Try once for each of *failures*, with the drainer and a worker at their work in between."""
    for steps, after, happens, pause in failures:
        path.fuse = Fuse(steps, after, happens)
        path.survives(accept)
        path.clock.advance(pause)
        path.drainer.tick()
        path.work()


@given(attempts, st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_batch_is_sent_once_to_each_recipient_however_its_acceptance_was_interrupted(
    failures: list[tuple[int, bool, Callable[[], None], int]],
    parked: bool,  # noqa: FBT001 - Hypothesis passes it by place
) -> None:
    with moto_tables() as tables:
        path = MainPath(tables)
        if parked:
            path.parking.claim_queue("another")
        interrupted(path, lambda: path.acceptance.bulk(BULK, CALLER), failures)
        accepted = path.acceptance.bulk(BULK, CALLER)
        path.settle_down()

        assert accepted.accepted == RECIPIENTS
        assert path.ses.taken == {f"{accepted.batch_id}-{i:06d}": 1 for i in range(RECIPIENTS)}
        assert path.view.get(accepted.batch_id).counts.sent == RECIPIENTS


@given(attempts, st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_batch_that_was_never_accepted_is_sent_to_all_or_to_nobody(
    failures: list[tuple[int, bool, Callable[[], None], int]],
    parked: bool,  # noqa: FBT001 - Hypothesis passes it by place
) -> None:
    with moto_tables() as tables:
        path = MainPath(tables)
        if parked:
            path.parking.claim_queue("another")
        interrupted(path, lambda: path.acceptance.bulk(BULK, CALLER), failures)
        path.clock.advance(ACCEPT_SECONDS + 1)
        path.settle_down()

        assert sum(path.ses.taken.values()) in {0, RECIPIENTS}
        assert set(path.ses.taken.values()) <= {1}


@given(attempts)
@settings(max_examples=20, deadline=None)
def test_a_single_mail_is_sent_once_however_its_acceptance_was_interrupted(
    failures: list[tuple[int, bool, Callable[[], None], int]],
) -> None:
    with moto_tables() as tables:
        path = MainPath(tables)
        interrupted(path, lambda: path.acceptance.single(SINGLE, CALLER), failures)
        accepted = path.acceptance.single(SINGLE, CALLER)
        path.settle_down()

        assert path.ses.taken == {accepted.email_id: 1}
        assert path.acceptance.single(SINGLE, CALLER).status == "sent"
