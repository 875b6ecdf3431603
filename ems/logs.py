"""Structured logs on standard error: EMS's own and those of Celery, gunicorn and the AWS libraries, in one form.

Logs carry ids, never addresses or bodies; the libraries that would log requests in full stay at WARNING. A reason or an
exception may quote what it is about (SES names the identity that is not verified), so every line is masked, whoever
wrote it.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ems.masking import masked
from ems.settings import Settings

_OWN_HANDLERS = ("celery", "celery.task", "gunicorn.access", "gunicorn.error", "werkzeug")
"""Loggers whose frameworks give them handlers of their own."""

_TALKATIVE = ("boto3", "botocore", "celery.worker.strategy", "kombu", "urllib3", "werkzeug")
"""Held at WARNING. Celery's strategy says of each task that it came, and another line what became of it."""

_NAME_WORKERS = ("celery", "kombu", "ems.broker")
"""Loggers whose lines name workers: ``sender@mail-1-4711`` looks like an address."""


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send every log of this process to *stream* (standard error) in the form and from the level that settings name."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(settings.log_format))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _rendering(log_format: str) -> list[Processor]:
    renderer: Processor
    if log_format == "console":
        # Never the rich formatter: it prints local variables, and with them addresses and mail bodies.
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        renderer = structlog.processors.JSONRenderer()
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return [without_meta, structlog.processors.format_exc_info, _mask, renderer]


def _mask(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Mask the addresses in a line: in the words of people, of AWS, and in tracebacks.

    Of the lines that name workers only those with a traceback are, since Celery puts the exception's text into the
    sentence before it too.
    """
    if "exception" in line or not str(line.get("logger")).startswith(_NAME_WORKERS):
        line.update((name, masked(value)) for name, value in line.items() if isinstance(value, str) and "@" in value)
    return line
