"""What Celery's remote control and events tell of a task, and what revoking one does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.worker import state
from fakes.sending import single

from ems import messages
from ems.tasks.base import EmsTask
from ems.tasks.request import SHOWN, EmsRequest

ADDRESS = "ada@example.com"


class Idle(EmsTask):
    """Does nothing."""

    name = messages.DELIVER_EMAIL

    def run(self, **_future: Any) -> None:
        """Do so."""


@dataclass
class Eventer:
    """Keeps what is told to Flower."""

    enabled: bool = True
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def send(self, kind: str, **fields: Any) -> None:
        self.sent.append((kind, fields))


@dataclass
class Made:
    """A request, and what it did."""

    request: EmsRequest
    eventer: Eventer
    acknowledged: list[bool]


def request(**headers: Any) -> Made:
    """Make the request of a single mail's message."""
    app = Celery("test", set_as_current=False)
    app.conf.update(result_backend=None, task_ignore_result=True)
    task = app.register_task(Idle(None))  # type: ignore[arg-type]
    envelope = messages.envelope_of(single("e1", to=ADDRESS).message().body)
    assert envelope is not None
    payload = messages.content_of(envelope)
    message = SimpleNamespace(
        headers={**envelope["headers"], **headers},
        body=envelope["body"],
        payload=payload,
        content_type="application/json",
        content_encoding="utf-8",
        delivery_info={},
        properties={},
    )
    eventer, acknowledged = Eventer(), list[bool]()
    made = EmsRequest(
        message, app=app, task=task, eventer=eventer, on_ack=lambda *_: acknowledged.append(True), hostname="w@test"
    )
    return Made(made, eventer, acknowledged)


@pytest.fixture
def revoked() -> Iterator[Any]:
    """The ids that this worker was told to revoke."""
    state.revoked.clear()
    yield state.revoked
    state.revoked.clear()


@pytest.mark.parametrize("safe", [True, False])
def test_remote_control_tells_the_label_and_never_the_arguments(*, safe: bool) -> None:
    made = request()
    assert ADDRESS in str(made.request.kwargs)
    info = made.request.info(safe=safe)
    assert (info["args"], info["kwargs"]) == ("()", "e1")
    assert ADDRESS not in str(info)


def test_a_label_that_celerys_own_publisher_wrote_is_masked_and_cut() -> None:
    made = request(argsrepr=f"('{ADDRESS}',)", kwargsrepr="{'mail': {'to': '" + ADDRESS + "', 'data': " + "9" * 900)
    assert made.request.argsrepr == "('…@…',)"
    assert ADDRESS not in made.request.kwargsrepr
    assert len(made.request.kwargsrepr) == SHOWN + 1


def test_a_failure_reaches_flower_without_the_address_that_it_quotes() -> None:
    made = request()
    made.request.send_event(
        "task-failed", exception=f"ValueError('{ADDRESS}')", traceback=f"...\nValueError: {ADDRESS}"
    )
    [(kind, fields)] = made.eventer.sent
    assert kind == "task-failed"
    assert fields["exception"] == "ValueError('…@…')"
    assert ADDRESS not in fields["traceback"]


def test_a_revoked_task_is_run_so_that_it_can_end_its_mails(revoked: Any) -> None:
    made = request()
    revoked.add(made.request.id)
    assert not made.request.revoked()  # when it comes
    assert not made.request.revoked()  # when it is its turn
    assert made.request.request_dict[messages.REVOKED_HEADER] is True
    assert made.acknowledged == []
    assert [kind for kind, _ in made.eventer.sent] == ["task-revoked"]


def test_a_task_that_nobody_revoked_is_not_marked(revoked: Any) -> None:
    revoked.add("another")
    made = request()
    assert not made.request.revoked()
    assert messages.REVOKED_HEADER not in made.request.request_dict


@pytest.mark.parametrize("also_revoked", [False, True])
def test_a_task_that_expired_is_dropped(revoked: Any, *, also_revoked: bool) -> None:
    made = request(expires="2020-01-01T00:00:00+00:00")
    if also_revoked:
        revoked.add(made.request.id)
    assert made.request.revoked()
    assert made.acknowledged == [True]
