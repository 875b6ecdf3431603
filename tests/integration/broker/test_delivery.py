"""What a task may rely on: it is acknowledged when it is done, and comes back when its worker dies."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ems import queues
from ems.local.launcher import LocalAws, free_port
from tests.integration.broker.conftest import Account, celery, stop, until

pytestmark = pytest.mark.processes

StartWorker = Callable[..., subprocess.Popen[bytes]]


def test_a_task_is_acknowledged_only_when_it_is_done(
    account: Account, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker(queue=queues.CONTROL)
    trace, go = tmp_path / "trace", tmp_path / "go"
    account.send("ems.drain", queues.CONTROL, trace=str(trace), wait_for=str(go))
    until(trace.exists)
    assert account.counts(queues.CONTROL) == (0, 1)
    go.touch()
    until(lambda: account.counts(queues.CONTROL) == (0, 0))
    assert trace.read_text() == "start\nend\n"


def test_a_task_whose_worker_is_killed_runs_again(account: Account, start_worker: StartWorker, tmp_path: Path) -> None:
    trace, go = tmp_path / "trace", tmp_path / "go"
    first = start_worker(queue=queues.CONTROL, name="first", visibility_seconds=2)
    account.send("ems.drain", queues.CONTROL, trace=str(trace), wait_for=str(go))
    until(trace.exists)
    first.kill()
    first.wait()
    go.touch()
    start_worker(queue=queues.CONTROL, name="second", visibility_seconds=2)
    until(lambda: trace.read_text() == "start\nstart\nend\n")
    until(lambda: account.counts(queues.CONTROL) == (0, 0))


def test_a_task_that_fails_comes_back_and_ends_in_the_dead_letter_queue(
    account: Account, start_worker: StartWorker, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    start_worker(queue=queues.CONTROL, visibility_seconds=1)
    account.send("ems.drain", queues.CONTROL, trace=str(trace), fail=True)
    dead = queues.dead_letter(queues.CONTROL)
    until(lambda: account.counts(dead) == (1, 0))
    assert trace.read_text() == "start\n" * 5
    account.sqs.purge_queue(QueueUrl=account.url(dead))


def test_tasks_that_expired_do_not_hold_up_those_behind_them(
    account: Account, start_worker: StartWorker, tmp_path: Path
) -> None:
    # Ticks pile up while control is down; slower than beat brings new ones, the drainer would never run again.
    trace = tmp_path / "trace"
    for _ in range(60):
        account.send("ems.drain", queues.CONTROL, expires="2020-01-01T00:00:00+00:00", trace=str(tmp_path / "expired"))
    account.send("ems.drain", queues.CONTROL, trace=str(trace))
    start_worker(queue=queues.CONTROL)
    until(trace.exists)
    until(lambda: account.counts(queues.CONTROL) == (0, 0))
    assert not (tmp_path / "expired").exists()


def test_a_polite_end_finishes_what_runs_and_gives_back_what_waits(
    account: Account, start_worker: StartWorker, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    traces = [tmp_path / f"trace-{i}" for i in range(3)]
    worker = start_worker(queue=queues.CONTROL)
    for trace in traces:
        account.send("ems.drain", queues.CONTROL, trace=str(trace), wait_for=str(go))
    until(lambda: sum(trace.exists() for trace in traces) == 2)
    worker.send_signal(signal.SIGTERM)
    go.touch()
    assert worker.wait(20) == 0
    assert sum(trace.exists() for trace in traces) == 2
    assert sum(account.counts(queues.CONTROL)) == 1
    start_worker(queue=queues.CONTROL)
    until(lambda: all(trace.exists() and trace.read_text().endswith("end\n") for trace in traces))
    until(lambda: account.counts(queues.CONTROL) == (0, 0))


def test_a_worker_waits_for_sqs_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "worker.log"
    account = Account(LocalAws(aws_port=port, ses_port=None, state_dir=tmp_path).environment())
    arguments = ("worker", "-n", "w@test", "-c", "2", "-Q", queues.CONTROL, "-l", "INFO")
    worker = celery(account.environment, *arguments, log=log)
    try:
        until(lambda: b"Trying again in" in log.read_bytes())
        for life in ("first", "second"):
            with LocalAws(aws_port=port, ses_port=None, state_dir=tmp_path / life):
                account.provision()
                trace = tmp_path / f"trace-{life}"
                account.send("ems.drain", queues.CONTROL, trace=str(trace))
                until(lambda: trace.exists() and trace.read_text() == "start\nend\n", seconds=30)  # noqa: B023 - this life's
                until(lambda: len(account.temporary_queues()) == 1, seconds=30)
                if life == "second":
                    assert stop(worker) == 0
            until(lambda: life == "second" or b"cannot receive from" in log.read_bytes())  # noqa: B023 - this life's
    finally:
        worker.kill()
        worker.wait()
