"""What can happen to a request on its way to AWS and back."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from stage.exchange import Act, Answer, Exchange, Request

DYNAMODB = "com.amazonaws.dynamodb.v20120810#"


def kill_before(exchange: Exchange) -> None:
    """Kill who asked; the service never hears of it."""
    exchange.kill_asker()


def kill_after(exchange: Exchange) -> None:
    """Let the service do what it is asked, and kill who asked before the answer is there."""
    exchange.pass_on()
    exchange.kill_asker()


def kill_everyone(exchange: Exchange) -> None:
    """Let the service do what it is asked, and kill all processes at once."""
    exchange.pass_on()
    exchange.kill_everyone()


def cut_before(_exchange: Exchange) -> None:
    """End the connection; the service never hears of it."""


def cut_after(exchange: Exchange) -> None:
    """Let the service do what it is asked, and lose the answer."""
    exchange.pass_on()


def hang_after(seconds: float) -> Act:
    """Let the service do what it is asked, and say nothing until the caller's patience has ended."""

    def act(exchange: Exchange) -> None:
        exchange.pass_on()
        time.sleep(seconds)

    return act


def refuse(status: int, code: str, **more: Any) -> Act:
    """Answer with an error of DynamoDB; the service never hears of it."""
    body = json.dumps({"__type": DYNAMODB + code, "message": "for the test", **more}).encode()
    answer = Answer(status, body, {"Content-Type": "application/x-amz-json-1.0"})
    return lambda _exchange: answer


throttle = refuse(400, "ProvisionedThroughputExceededException")


def conflict(exchange: Exchange) -> Answer | None:
    """Refuse a write because another transaction holds an item of it (TransactWriteItems, "CancellationReasons")."""
    items = exchange.request.document.get("TransactItems")
    if items is None:
        return refuse(400, "TransactionConflictException")(exchange)
    reasons = [{"Code": "TransactionConflict", "Message": "for the test"}, *[{"Code": "None"}] * (len(items) - 1)]
    return refuse(400, "TransactionCanceledException", CancellationReasons=reasons)(exchange)


def with_clock(ahead_seconds: float) -> Act:
    """Let the service's clock be *ahead_seconds* ahead, as its ``Date`` tells."""

    def act(exchange: Exchange) -> Answer:
        answer = exchange.pass_on()
        date = formatdate(time.time() + ahead_seconds, usegmt=True)
        return replace(answer, headers={**answer.headers, "Date": date})

    return act


class HandOutAgain:
    """Leaves a copy of every received message in the queue, visible after *seconds*: SQS may deliver anything twice."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._copies: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> Answer:
        answer = exchange.pass_on()
        messages = json.loads(answer.body).get("Messages") or []
        with self._lock:  # a copy may be received before its id is known
            first = [message for message in messages if message["MessageId"] not in self._copies]
            if first:
                self._copies |= self._send(exchange, [message["Body"] for message in first])
        return answer

    def _send(self, exchange: Exchange, bodies: Sequence[str]) -> set[str]:
        asked = exchange.request
        entries = [
            {"Id": str(place), "MessageBody": body, "DelaySeconds": self._seconds} for place, body in enumerate(bodies)
        ]
        copies = Request(
            asked.method,
            asked.path,
            {**asked.headers, "X-Amz-Target": "AmazonSQS.SendMessageBatch"},
            json.dumps({"QueueUrl": asked.document["QueueUrl"], "Entries": entries}).encode(),
        )
        return {sent["MessageId"] for sent in json.loads(exchange.ask(copies).body)["Successful"]}


class Keep:
    """Lets messages pass into a queue (SendMessageBatch), and keeps a copy of each."""

    def __init__(self) -> None:
        self._bodies: list[str] = []
        self._lock = threading.Lock()

    @property
    def bodies(self) -> list[str]:
        with self._lock:
            return list(self._bodies)

    def __call__(self, exchange: Exchange) -> Answer:
        with self._lock:
            self._bodies += [entry["MessageBody"] for entry in exchange.request.document["Entries"]]
        return exchange.pass_on()
