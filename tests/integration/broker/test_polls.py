"""Polls over a bad wire: what SQS says to the dead, and what it says when it is not well."""

import subprocess
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest
from stage.acts import cut_before, refuse
from stage.exchange import Answer, Exchange, Spot
from stage.wire import Trap, Wire

from ems import queues
from ems.broker.receiving import GUARD_SECONDS
from ems.local.launcher import LocalAws
from tests.integration.broker.conftest import Account, until

pytestmark = pytest.mark.processes

StartWorker = Callable[..., subprocess.Popen[bytes]]

POLL = Spot("ReceiveMessage", target=queues.CONTROL)
LONG_POLL = Spot("ReceiveMessage", target=queues.CONTROL, holds=('"WaitTimeSeconds": 20',))


@pytest.fixture
def wire(local_aws: LocalAws) -> Iterator[Wire]:
    """SQS as it is when a client dies: the poll goes on, and its answer goes nowhere."""
    with Wire(aws_url=local_aws.aws_url, ses_url=str(local_aws.ses_url)) as wire:
        yield wire


def test_a_message_given_to_the_poll_of_a_dead_worker_comes_back_within_seconds(
    account: Account, wire: Wire, start_worker: StartWorker, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    long_poll = Trap(LONG_POLL, Exchange.pass_on)
    with wire.trapped(long_poll):
        worker = start_worker(queue=queues.CONTROL, name="dead", sqs_url=wire.url)
        until(lambda: long_poll.strikes)
    worker.kill()
    worker.wait()
    account.send("ems.drain", queues.CONTROL, trace=str(trace))
    until(lambda: account.counts(queues.CONTROL) == (0, 1))
    start_worker(queue=queues.CONTROL, name="living")
    until(trace.exists, seconds=GUARD_SECONDS + 10)  # the visibility timeout of the queue is 30 s
    until(lambda: account.counts(queues.CONTROL) == (0, 0))


def test_polls_go_on_whatever_sqs_answers(
    account: Account, wire: Wire, start_worker: StartWorker, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    page = Answer(503, b"<html>Service Unavailable</html>", {"Content-Type": "text/html"})
    nonsense = Answer(200, b"not JSON", {"Content-Type": "application/x-amz-json-1.0"})
    answers = cycle([refuse(503, "ServiceUnavailable"), lambda _exchange: page, cut_before, lambda _exchange: nonsense])

    def answer_badly(exchange: Exchange) -> Answer | None:
        return next(answers)(exchange)

    bad = Trap(POLL, answer_badly, times=None)
    start_worker(queue=queues.CONTROL, sqs_url=wire.url)
    with wire.trapped(bad):
        account.send("ems.drain", queues.CONTROL, trace=str(trace))
        until(lambda: len(bad.strikes) >= 6)
    until(lambda: trace.exists() and trace.read_text() == "start\nend\n")
    until(lambda: account.counts(queues.CONTROL) == (0, 0))
