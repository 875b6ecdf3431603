"""Celery's settings: broker, queues, routes and the beat schedule. Read when the app first asks for its configuration.

Settings of EMS itself are in ems/settings.py; what stands here follows from the design of the queues.
"""

from typing import Any

from kombu import Exchange, Queue

from ems import messages, queues
from ems.settings import Settings

_settings = Settings.from_environment()

# Broker: SQS and SNS of the standard AWS environment, through the transport of ems/broker.
broker_url = "sqs://"
broker_transport = "ems.broker.transport:Transport"
broker_transport_options: dict[str, Any] = {
    "visibility_timeout": _settings.visibility_timeout_seconds,
    # Where SNS is subscribed to the queue itself, its notifications arrive without Celery's envelope.
    "outside_tasks": {queues.EVENTS: messages.TRACK_EVENT},
    # Any other is refused before Celery sees it, which would write the whole message to its log.
    "tasks": tuple(messages.QUEUE_OF_TASK),
}
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # for ever: the queue keeps the work meanwhile

# Tasks leave no result: the tables of EMS say what became of a mail.
result_backend = None
task_ignore_result = True

# JSON only: a queue must not be able to make a worker run code.
accept_content = ["json"]
task_serializer = "json"
event_serializer = "json"

# Queues are made by `ems provision`, with their dead-letter queues; Celery must not invent others. The default
# exchange carries a message straight to the queue that its routing key names.
task_queues = [Queue(name, Exchange(""), routing_key=name) for name in queues.CELERY_QUEUES]
task_create_missing_queues = False
task_default_queue = queues.CONTROL
task_default_exchange = ""
task_default_routing_key = queues.CONTROL
task_routes = {task: {"queue": queue} for task, queue in messages.QUEUE_OF_TASK.items()}

# A message is deleted when its task is done, and stays for the redrive policy when the task fails or its process dies.
task_acks_late = True
task_acks_on_failure = False
task_acks_on_timeout = False
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1  # what waits in memory would spend its visibility timeout there
worker_cancel_long_running_tasks_on_connection_loss = False  # a thread cannot be cancelled, and SQS needs no connection
worker_soft_shutdown_timeout = 10.0  # seconds for what is in hand, before a cold shutdown gives it back
worker_enable_soft_shutdown_on_idle = False

# Threads, as many as -c says, in a pool that remote control can grow and shrink. `-P` would choose another.
worker_pool = "ems.broker.pool:TaskPool"

# What Flower shows. Names of our own, since the account may hold other Celery apps.
worker_send_task_events = _settings.task_events
task_send_sent_event = _settings.task_events
control_exchange = "ems"
event_exchange = "ems-task-events"
event_queue_prefix = "ems-task-events"

worker_consumer = "ems.broker.rate_limit:Consumer"  # keeps to rate_limit; Celery's own comes nowhere near it

worker_hijack_root_logger = False  # ems/celery.py sets up logging
worker_redirect_stdouts = False

# Beat keeps its schedule in memory: the next tick is never more than a second away. A second beat does no harm, since
# a tick only wakes the drainer, which holds a lease. Ticks expire, so that none pile up while control is down.
timezone = "UTC"
enable_utc = True
beat_scheduler = "celery.beat:Scheduler"
beat_schedule: dict[str, dict[str, Any]] = {
    "tell the backend's endpoints": {"task": messages.TELL_ENDPOINTS, "schedule": 2.0, "options": {"expires": 4.0}},
    "release what fits": {"task": messages.DRAIN, "schedule": 1.0, "options": {"expires": 2.0}},
    "keep house": {"task": messages.KEEP_HOUSE, "schedule": 10.0, "options": {"expires": 10.0}},
}
