"""Scenarios in which people act: they decide about doubts, retry, look after dead letters, and deploy."""

from stage import acts

from lab.operator import Operator
from lab.scenario import Load, Scenario, Sequel, Strike
from lab.stand import CALL_SIZE
from lab.vocabulary import CALL, CHUNK, DECIDE, MOVE, ONE_CHUNK, RELEASE

LOST: dict[str, object] = {"kind": "drop_before", "operation": "SendBulkEmail", "times": 1}
"""A call that never reaches SES: its recipients are in doubt, and no event will ever prove anything."""

GONE: dict[str, object] = {"kind": "mixed", "times": 1, "statuses": ["TEMPLATE_NOT_FOUND"]}
"""A call whose recipients fail for a reason that may pass."""

LINES = ("web", "sender", "events", "control", "beat")
"""The Procfile's, but for Flower: tests/integration/product asks it to end."""

BUSY = Load(bulk=300, singles=30, every=0.2)
"""Seconds of the account's rate, and single mails all the while."""


def by_people() -> list[Scenario]:
    """List them."""
    return [*_resolving(), *_retrying(), *_dead_letters(), *_deploys()]


def _resolving() -> list[Scenario]:
    """Those of one call are sent to again, or given up, while somebody dies."""

    def resend(operator: Operator) -> None:
        operator.resend(CALL_SIZE)

    def give_up(operator: Operator) -> None:
        operator.give_up()
        operator.sees(sent=CHUNK - CALL_SIZE, failed=CALL_SIZE)

    def lost(name: str, strike: Strike, *, doubt: int = 0, short: bool = False) -> Scenario:
        sequel = Sequel(give_up if strike.spot is DECIDE else resend, (strike,))
        return Scenario(f"resolve: {name}", ONE_CHUNK, ses=(LOST,), doubt=doubt, sequel=sequel, short=short)

    return [
        lost("the drainer is killed with who is sent to again", Strike(RELEASE, acts.kill_after)),
        lost("a sender is killed in the second call", Strike(CALL, acts.kill_after), short=True),
        lost("a sender is killed before the second call", Strike(CALL, acts.kill_before), doubt=CALL_SIZE),
        lost("web is killed among the decisions", Strike(DECIDE, acts.kill_after, (1, CALL_SIZE))),
    ]


def _retrying() -> list[Scenario]:
    """Those of one call failed and are sent to again, while somebody dies."""

    def retry(operator: Operator) -> None:
        operator.retry()
        operator.sees(sent=CHUNK)

    def failed(name: str, strike: Strike) -> Scenario:
        return Scenario(f"retry: {name}", ONE_CHUNK, ses=(GONE,), sequel=Sequel(retry, (strike,)))

    return [
        failed("web is killed before they are moved", Strike(MOVE, acts.kill_before)),
        failed("web is killed after they were moved", Strike(MOVE, acts.kill_after)),
        failed("a sender is killed in the second call", Strike(CALL, acts.kill_after)),
    ]


def _dead_letters() -> list[Scenario]:
    """Messages of what was sent, waits for its doubts, or has moved on, become dead letters."""
    sent, waiting, moved = acts.Keep(), acts.Keep(), acts.Keep()

    def keeping(messages: acts.Keep) -> tuple[Strike]:
        return (Strike(RELEASE, messages, times=None),)

    def redrive_what_was_sent(operator: Operator) -> None:
        for _ in range(2):
            operator.bury(sent.bodies)
            operator.redrive()

    def drop_what_waits(operator: Operator) -> None:
        operator.bury(waiting.bodies)
        operator.drop()
        operator.resend(CALL_SIZE)
        operator.sees(sent=CHUNK)

    def drop_and_redrive_what_has_moved(operator: Operator) -> None:
        operator.resend(CALL_SIZE)
        operator.sees(sent=CHUNK)
        for treat in (operator.drop, operator.redrive):
            operator.bury(moved.bodies)
            treat()

    return [
        Scenario(
            "dead letters: what was sent is tried again",
            Load(singles=3, bulk=CHUNK),
            keeping(sent),
            sequel=Sequel(redrive_what_was_sent),
        ),
        Scenario(
            "dead letters: a chunk that waits for its doubts is given up",
            ONE_CHUNK,
            keeping(waiting),
            (LOST,),
            sequel=Sequel(drop_what_waits, early=True),
        ),
        Scenario(
            "dead letters: a chunk that was sent again is given up and tried again",
            ONE_CHUNK,
            keeping(moved),
            (LOST,),
            sequel=Sequel(drop_and_redrive_what_has_moved),
        ),
    ]


def _deploys() -> list[Scenario]:
    """Processes are asked to end while a campaign and single mails are sent, and others take their place."""
    single = [Scenario(f"deploy: {line}", BUSY, deploys=(line,)) for line in LINES]
    return [*single, Scenario("deploy: everything at once", BUSY, deploys=LINES, short=True)]
