"""Every scenario: the list that EMS's promises are held to."""

from typing import Any

from stage import acts
from stage.exchange import Act, Spot

from lab.decisions import by_people
from lab.scenario import Load, Scenario, Strike
from lab.stand import CALL_SIZE
from lab.vocabulary import (
    ACK,
    ANY_CALL,
    ANY_SETTLING,
    BATCHES,
    CALL,
    CHUNK,
    CLAIM_CHUNK,
    CLAIM_MAIL,
    CONTROL,
    CROWD,
    EMAILS,
    EVENTS,
    IN_HAND,
    LEASE,
    MANY,
    MANY_PARKED,
    ONE_CHUNK,
    PARKED,
    RELEASE,
    SENDS,
    SETTLE_CHUNK,
    SETTLE_MAIL,
    SINGLE,
    TRIGGER,
    WAIT,
)


def scenarios() -> list[Scenario]:
    """List them all, anew for each run: some acts remember what they did."""
    return [*_sender(), *_web(), *_others(), *_sqs(), *_ses(), *_dynamodb(), *_sns(), *by_people()]


def _sender() -> list[Scenario]:
    """A sender gets kill -9 at every step of a delivery."""
    mail = [
        ("before the lease", Strike(LEASE, acts.kill_before), 0),
        ("after the lease", Strike(LEASE, acts.kill_after), 0),
        ("before the claim", Strike(CLAIM_MAIL, acts.kill_before), 0),
        ("after the claim", Strike(CLAIM_MAIL, acts.kill_after), 0),
        ("before the call reaches SES", Strike(CALL, acts.kill_before), 0),
        ("during the call", Strike(CALL, acts.kill_after), 0),
        ("after SES's answer, before the record", Strike(SETTLE_MAIL, acts.kill_before), 0),
        ("after the record", Strike(SETTLE_MAIL, acts.kill_after), 0),
        ("before the acknowledgement", Strike(ACK, acts.kill_before), 0),
        ("after the acknowledgement", Strike(ACK, acts.kill_after), 0),
    ]
    chunk = [
        ("before the claim", Strike(CLAIM_CHUNK, acts.kill_before), 0),
        ("after the claim", Strike(CLAIM_CHUNK, acts.kill_after), 0),
        ("after the first mark", Strike(SETTLE_CHUNK, acts.kill_after), CALL_SIZE),
        ("after the lease", Strike(LEASE, acts.kill_after, ANY_CALL), CALL_SIZE),
        ("before the call reaches SES", Strike(CALL, acts.kill_before, ANY_CALL), CALL_SIZE),
        ("during the call", Strike(CALL, acts.kill_after, ANY_CALL), 0),
        ("after SES's answer, before the transaction", Strike(SETTLE_CHUNK, acts.kill_before, ANY_SETTLING), 0),
        ("after the transaction", Strike(SETTLE_CHUNK, acts.kill_after, ANY_SETTLING), CALL_SIZE),
        ("before the acknowledgement", Strike(ACK, acts.kill_before), 0),
        ("after the acknowledgement", Strike(ACK, acts.kill_after), 0),
    ]
    return [
        Scenario(f"sender, {what}: killed {step}", load, (strike,), doubt=doubt)
        for what, load, steps in (("mail", SINGLE, mail), ("chunk", ONE_CHUNK, chunk))
        for step, strike, doubt in steps
    ]


def _web() -> list[Scenario]:
    """The web process gets kill -9 while it accepts; the caller asks again with the same key."""
    row = Spot("PutItem", EMAILS)
    enqueue, mark = Spot("SendMessageBatch", TRIGGER), Spot("UpdateItem", EMAILS, holds=('"enqueued"',))
    batch, chunks = Spot("PutItem", BATCHES), Spot("SendMessageBatch", WAIT)
    start = Spot("UpdateItem", BATCHES, holds=('"waiting"', '"accepting"'))
    payloads, lot = Spot("BatchWriteItem", BATCHES), Spot("PutItem", BATCHES, holds=('"#parked"',))
    return [
        Scenario("web, mail: killed before the row", SINGLE, (Strike(row, acts.kill_before),)),
        Scenario("web, mail: killed after the row", SINGLE, (Strike(row, acts.kill_after),)),
        Scenario("web, mail: killed after the queue took it", SINGLE, (Strike(enqueue, acts.kill_after),)),
        Scenario("web, mail: killed before the answer", SINGLE, (Strike(mark, acts.kill_after),)),
        Scenario("web, batch: killed after the batch's row", ONE_CHUNK, (Strike(batch, acts.kill_after),)),
        Scenario("web, batch: killed before the batch may start", ONE_CHUNK, (Strike(start, acts.kill_before),)),
        Scenario("web, batch: killed before the answer", ONE_CHUNK, (Strike(start, acts.kill_after),), short=True),
        Scenario("web, batch for later: killed before its lot", PARKED, (Strike(lot, acts.kill_before),)),
        Scenario("web, batch for later: killed after its lot", PARKED, (Strike(lot, acts.kill_after),)),
        Scenario("web, 50,000: killed among the chunks", MANY, (Strike(chunks, acts.kill_after, (20, 120)),)),
        Scenario(
            "web, 50,000 for later: killed among the chunks",
            MANY_PARKED,
            (Strike(payloads, acts.kill_after, (10, 60)),),
        ),
    ]


def _others() -> list[Scenario]:
    """Everybody else gets kill -9, and all at once."""
    delete = Spot("DeleteMessageBatch", WAIT)
    forget = Spot("DeleteItem", BATCHES, holds=('"#parked"',))
    suppress = Spot("PutItem", "email-suppression")
    track = Spot("UpdateItem|TransactWriteItems", EMAILS, holds=('"moments"',))
    tick, told = Spot("SendMessage", CONTROL), Spot("SendMessageBatch", EVENTS)
    some = (1, CHUNK)
    few = (1, 3)  # events of several mails are one write
    leaves = {"kind": "outcome", "outcome": "subscription", "times": 2}
    at_some_call = Strike(CALL, acts.kill_everyone, (5, 20))

    def at_random(act: Act) -> Strike:
        return Strike(Spot(), act, (20, 60), times=6, chance=0.03)

    return [
        Scenario("drainer: killed after sending", ONE_CHUNK, (Strike(RELEASE, acts.kill_after),)),
        Scenario("drainer: killed before deleting", ONE_CHUNK, (Strike(delete, acts.kill_before),)),
        Scenario("drainer: killed after sending what was parked", PARKED, (Strike(RELEASE, acts.kill_after),)),
        Scenario("drainer: killed before forgetting what was parked", PARKED, (Strike(forget, acts.kill_before),)),
        Scenario(
            "tracking: killed before the suppression", ONE_CHUNK, (Strike(suppress, acts.kill_before),), (leaves,)
        ),
        Scenario("tracking: killed after the suppression", ONE_CHUNK, (Strike(suppress, acts.kill_after),), (leaves,)),
        Scenario("tracking: killed before the event's write", ONE_CHUNK, (Strike(track, acts.kill_before, few),)),
        Scenario("tracking: killed after the event's write", ONE_CHUNK, (Strike(track, acts.kill_after, few),)),
        Scenario("web, event: killed after the queue took it", ONE_CHUNK, (Strike(told, acts.kill_after, some),)),
        Scenario("beat: killed at a tick", ONE_CHUNK, (Strike(tick, acts.kill_after),)),
        Scenario("everything: killed at once", CROWD, (at_some_call,), doubt=IN_HAND, short=True),
        Scenario(
            "everything: killed three times",
            CROWD,
            (Strike(CALL, acts.kill_everyone, (3, 6), times=3, chance=0.2),),
            doubt=3 * IN_HAND,
        ),
        Scenario("anybody: killed before requests at random", CROWD, (at_random(acts.kill_before),), doubt=6 * IN_HAND),
        Scenario("anybody: killed after requests at random", CROWD, (at_random(acts.kill_after),), doubt=6 * IN_HAND),
    ]


def _sqs() -> list[Scenario]:
    """SQS hands out twice, at once and late."""

    def twice(queue: str, seconds: int) -> Strike:
        return Strike(Spot("ReceiveMessage", queue), acts.HandOutAgain(seconds), times=None)

    def slow(operation: str) -> dict[str, object]:
        return {"kind": "latency", "seconds": 12.0, "times": 2, "operation": operation}

    patient = {"EMS_SES_READ_TIMEOUT_SECONDS": "15", "EMS_IN_DOUBT_SECONDS": "20"}
    return [
        Scenario("SQS: email-trigger hands out twice at once", CROWD, (twice(TRIGGER, 0),)),
        Scenario("SQS: email-trigger hands out twice, late", CROWD, (twice(TRIGGER, 4),)),
        Scenario("SQS: email-wait hands out twice", CROWD, (twice(WAIT, 0),)),
        Scenario("SQS: email-events hands out twice", CROWD, (twice(EVENTS, 0),)),
        Scenario("SQS: visibility ends while SES is slow, mail", SINGLE, ses=(slow("SendEmail"),), settings=patient),
        Scenario(
            "SQS: visibility ends while SES is slow, chunk", ONE_CHUNK, ses=(slow("SendBulkEmail"),), settings=patient
        ),
    ]


def _ses() -> list[Scenario]:
    """SES in bad shape."""
    both = Load(singles=3, bulk=CHUNK)
    call_of_each = 1 + CALL_SIZE

    def faults(kind: str, times: int, operations: tuple[str, ...] = SENDS, **more: object) -> tuple[Any, ...]:
        return tuple({"kind": kind, "times": times, "operation": one, **more} for one in operations)

    mixed = ["SUCCESS", "ACCOUNT_THROTTLED", "TRANSIENT_FAILURE", "MESSAGE_REJECTED"]
    return [
        Scenario("SES: throttles", CROWD, ses=faults("throttle", 6)),
        Scenario("SES: answers 503", both, ses=faults("error", 1, status=503)),
        Scenario("SES: answers 500", both, ses=faults("error", 1, status=500), doubt=call_of_each),
        Scenario("SES: hangs after acceptance", both, ses=faults("hang_after_accept", 1, seconds=6)),
        Scenario("SES: cuts the connection before acceptance", both, ses=faults("drop_before", 1), doubt=call_of_each),
        Scenario("SES: cuts the connection after acceptance", both, ses=faults("drop_after", 1)),
        Scenario(
            "SES: mixed statuses in bulk answers", ONE_CHUNK, ses=faults("mixed", 3, ("SendBulkEmail",), statuses=mixed)
        ),
        Scenario("SES: a bulk answer is too short", ONE_CHUNK, ses=faults("short_answer", 1, ("SendBulkEmail",))),
    ]


def _dynamodb() -> list[Scenario]:
    """DynamoDB in bad shape."""
    writes = "UpdateItem|PutItem|TransactWriteItems|DeleteItem"
    everything = f"{writes}|GetItem|BatchGetItem|Query"
    hang = acts.hang_after(3.0)
    return [
        Scenario(
            "DynamoDB: throttles a fifth", CROWD, (Strike(Spot(everything), acts.throttle, times=60, chance=0.2),)
        ),
        Scenario("DynamoDB: a claim is written, its answer lost", CROWD, (Strike(CLAIM_MAIL, hang, times=3),)),
        Scenario("DynamoDB: a chunk's claim is written, its answer lost", ONE_CHUNK, (Strike(CLAIM_CHUNK, hang),)),
        Scenario(
            "DynamoDB: an outcome is written, its answer lost",
            Load(singles=3, bulk=CHUNK),
            (Strike(SETTLE_MAIL, hang, times=2), Strike(SETTLE_CHUNK, hang, ANY_SETTLING)),
            short=True,
        ),
        Scenario(
            "DynamoDB: answers are cut off after a write",
            CROWD,
            (Strike(Spot(writes), acts.cut_after, times=20, chance=0.1),),
        ),
        Scenario(
            "DynamoDB: conflicts cancel writes",
            CROWD,
            (Strike(Spot("TransactWriteItems"), acts.conflict, times=20, chance=0.5),),
        ),
    ]


def _sns() -> list[Scenario]:
    """SNS tells of events twice, in disorder and late."""
    events = Load(singles=2, bulk=CHUNK, bounces=2)
    lost = {"kind": "drop_after", "times": 1, "operation": "SendBulkEmail"}
    return [
        Scenario("SNS: events come twice", events, ses=({"kind": "duplicate_events"},)),
        Scenario("SNS: events come in disorder", events, ses=({"kind": "shuffled_events", "seconds": 3.0},)),
        Scenario("SNS: events come late", events, ses=({"kind": "late_events", "seconds": 15.0},)),
        Scenario(
            "SNS: the events of lost answers come late",
            events,
            ses=(lost, {"kind": "late_events", "seconds": 15.0}),
        ),
        Scenario(
            "SNS: the events come after the mail was sent again",
            SINGLE,
            (Strike(CALL, acts.kill_after),),
            ({"kind": "late_events", "seconds": 40.0},),
        ),
    ]
