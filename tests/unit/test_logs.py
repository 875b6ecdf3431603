"""One form of log for EMS and its libraries."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from celery import Celery

from ems import logs
from ems.settings import Settings


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    levels = {name: logging.getLogger(name).level for name in logs._TALKATIVE}
    yield
    root.handlers[:], root.level = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_own_and_foreign_lines_have_one_form() -> None:
    stream = io.StringIO()
    logs.configure(Settings(), stream=stream)
    structlog.contextvars.bind_contextvars(request_id="r-1")

    structlog.get_logger("ems.thing").info("happened", batch_id="ba-1")
    logging.getLogger("celery.worker").warning("task %s", "done")

    own, foreign = lines(stream)
    assert (own["event"], own["batch_id"], own["level"], own["logger"]) == ("happened", "ba-1", "info", "ems.thing")
    assert (foreign["event"], foreign["level"], foreign["logger"]) == ("task done", "warning", "celery.worker")
    assert own["request_id"] == foreign["request_id"] == "r-1"
    assert own["timestamp"]


def test_the_level_of_the_settings_counts_and_talkative_libraries_keep_quiet() -> None:
    stream = io.StringIO()
    logs.configure(Settings(log_level="DEBUG"), stream=stream)

    structlog.get_logger("ems.thing").debug("heard")
    logging.getLogger("botocore.endpoint").debug("a whole request with its body")

    assert [line["event"] for line in lines(stream)] == ["heard"]


def test_handlers_of_frameworks_are_replaced() -> None:
    stream, theirs = io.StringIO(), io.StringIO()
    logger = logging.getLogger("gunicorn.error")
    logger.addHandler(logging.StreamHandler(theirs))
    logger.propagate = False

    logs.configure(Settings(), stream=stream)
    logger.error("worker died")

    assert [line["event"] for line in lines(stream)] == ["worker died"]
    assert theirs.getvalue() == ""


def test_an_exception_is_one_line_of_json() -> None:
    stream = io.StringIO()
    logs.configure(Settings(), stream=stream)
    error = ValueError("wrong")

    structlog.get_logger("ems.thing").error("failed", exc_info=error)

    (line,) = lines(stream)
    assert "ValueError: wrong" in str(line["exception"])


@pytest.mark.parametrize("recipient", ["ada@example.com"])
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_local_variables_stay_out_of_tracebacks(log_format: Literal["json", "console"], recipient: str) -> None:
    stream = io.StringIO()
    logs.configure(Settings(log_format=log_format), stream=stream)
    try:
        int(recipient[:1])
    except ValueError as error:
        structlog.get_logger("ems.thing").error("failed", exc_info=error)

    assert "ValueError: invalid literal" in stream.getvalue()
    assert recipient not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_celery_tells_of_a_failed_task_holds_no_address(log_format: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    logs.configure(Settings(log_format=log_format), stream=stream)
    app = Celery("test", set_as_current=False)

    @app.task(name="ems.failing", shared=False)  # type: ignore[untyped-decorator]
    def failing(**_arguments: str) -> None:
        raise ValueError("no good: Ada <ada@example.com>") from KeyError("ada@example.com")

    failing.apply(kwargs={"to": "ada@example.com"}, task_id="t1")

    written = stream.getvalue()
    assert "Task ems.failing[t1] raised unexpected: ValueError('no good: Ada <…@…>')" in written.encode().decode(
        "unicode_escape" if log_format == "json" else "utf-8"
    )
    assert "Traceback" in written
    assert "ada@" not in written


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_reason_that_quotes_an_address_is_masked(log_format: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    logs.configure(Settings(log_format=log_format), stream=stream)

    reason = "MessageRejected: Email address is not verified: ada@example.com"
    structlog.get_logger("ems.thing").warning("not sent", reason=reason, email_id="e1")
    logging.getLogger("botocore.parsers").warning("no such identity: %s", "ada@example.com")

    written = stream.getvalue()
    assert "ada@" not in written
    assert "not verified" in written
    assert "e1" in written


def test_workers_keep_their_names_which_look_like_addresses() -> None:
    stream = io.StringIO()
    logs.configure(Settings(), stream=stream)

    logging.getLogger("celery.apps.worker").warning("%s ready.", "sender@mail-1-4711")
    logging.getLogger("ems.broker.receiving").warning("cannot receive from %s", "sender@mail-1-4711.celery.pidbox")

    assert [line["event"] for line in lines(stream)] == [
        "sender@mail-1-4711 ready.",
        "cannot receive from sender@mail-1-4711.celery.pidbox",
    ]


def test_people_get_plain_text() -> None:
    stream = io.StringIO()
    logs.configure(Settings(log_format="console"), stream=stream)

    structlog.get_logger("ems.thing").info("happened", batch_id="ba-1")

    assert "happened" in stream.getvalue()
    assert "batch_id=ba-1" in stream.getvalue()
