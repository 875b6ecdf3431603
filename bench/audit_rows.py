"""Rows for the audit's benchmark, and a DynamoDB that makes them up as it is asked."""

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ems.store.audit import SEGMENTS

CHUNK = 50
BATCH = 50_000
PAGE_ROWS = 800
"""About a megabyte of rows: where DynamoDB ends a page."""

DUPLICATE, MISCOUNTED = 2, 3
"""Two of the mails that are wrong: one has the message id of its predecessor, one a last time that no event had."""

KINDS = ("send", "delivery", "open")

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Records:
    """The items of *recipients* sent mails in batches of 50,000, in DynamoDB's own form."""

    recipients: int
    now: float = field(default_factory=time.time)

    def mails(self) -> Iterator[Item]:
        """Yield all rows."""
        return map(self.mail, range(self.recipients))

    def mail(self, number: int) -> Item:
        """Return the row of one mail; every other one has events."""
        batch_id, index = batch_id_of(number // BATCH), number % BATCH
        return {
            "email_id": {"S": f"{batch_id}-{index:06d}"},
            "batch_id": {"S": batch_id},
            "chunk": {"N": str(index // CHUNK)},
            "campaign_id": {"S": "bench"},
            "campaign_shard": {"S": f"bench#{number % 16:02d}"},
            "recipient": {"S": f"person{number}@example.com"},
            "send_status": {"S": "sent"},
            "message_id": {"S": f"0100018f2f0c1a2b-{number - (number == DUPLICATE):012d}-000000"},
            "created_at": {"N": f"{self.now:.3f}"},
            **(self._events(number) if number % 2 else {}),
        }

    def ledger(self) -> Iterator[Item]:
        """Yield batches and chunks; the first chunk has counted one failure too many."""
        for first in range(0, self.recipients, BATCH):
            batch_id, size = batch_id_of(first // BATCH), min(BATCH, self.recipients - first)
            chunks = -(-size // CHUNK)
            yield {
                "batch_id": {"S": batch_id},
                "item": {"S": "batch"},
                "campaign_id": {"S": "bench"},
                "state": {"S": "waiting"},
                "size": {"N": str(size)},
                "total": {"N": str(size)},
                "chunks": {"N": str(chunks)},
            }
            for chunk in range(chunks):
                held, wrong = min(CHUNK, size - chunk * CHUNK), first == chunk == 0
                yield {
                    "batch_id": {"S": batch_id},
                    "item": {"S": f"chunk#{chunk:06d}"},
                    "state": {"S": "done"},
                    "size": {"N": str(held)},
                    "left": {"L": []},
                    # One of the first chunk's is counted as cancelled, and has a row all the same.
                    "sent": {"N": str(held - wrong)},
                    "cancelled": {"N": str(int(wrong))},
                }

    def _events(self, number: int) -> Item:
        keys = [f"{number:020x}{place:04x}" for place in range(len(KINDS))]
        detail = {"smtp_response": "250 2.0.0 OK 1791800000 x1-20020a17", "processing_ms": 1234}
        timeline = [
            {"type": kind, "at": self.now + place, "key": key, "detail": detail}
            for place, (kind, key) in enumerate(zip(KINDS, keys, strict=True))
        ]
        moments = {one["type"]: {"first": one["at"], "last": one["at"], "count": 1} for one in timeline}
        if number == MISCOUNTED:
            moments["open"]["last"] += 1
        return {
            "timeline": {"S": json.dumps(timeline)},
            "moments": {"S": json.dumps(moments)},
            "seen": {"SS": keys},
            "event_status": {"S": "opened"},
        }


class MadeUpDynamoDb(ThreadingHTTPServer):
    """Answers the audit's calls as DynamoDB would."""

    daemon_threads = True

    def __init__(self, records: Records) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._records = records
        self._ledger = list(records.ledger())
        self._places = {(one["batch_id"]["S"], one["item"]["S"]): place for place, one in enumerate(self._ledger)}

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an answer."""
        match operation, asked.get("TableName"):
            case "Scan", "email-event-tracker":
                return self._page(asked, range(self._records.recipients), self._records.mail)
            case "Scan", "email-batch":
                return self._page(asked, range(len(self._ledger)), self._ledger.__getitem__)
            case "Query", _:
                key = next(iter(asked["ExpressionAttributeValues"].values()))["S"]
                return _items([item for item in self._ledger if item["batch_id"]["S"] == key])
            case "BatchGetItem", _:
                [(table, wanted)] = asked["RequestItems"].items()
                rows = [self._row(key["email_id"]["S"]) for key in wanted["Keys"]]
                return {"Responses": {table: rows}, "UnprocessedKeys": {}}
            case "DescribeTable", _:
                return {"Table": {"ItemCount": self._records.recipients}}
            case _:
                return _items([])

    def _page(self, asked: dict[str, Any], numbers: range, item: Callable[[int], Item]) -> dict[str, Any]:
        """Answer a page of a segment; its last item's key says where the next one starts."""
        mine = numbers[asked["Segment"] :: SEGMENTS]
        after = asked.get("ExclusiveStartKey")
        start = 0 if after is None else mine.index(self._number(after)) + 1
        answer = _items([item(number) for number in mine[start : start + PAGE_ROWS]])
        if start + PAGE_ROWS < len(mine):
            last = answer["Items"][-1]
            names = ("email_id",) if "email_id" in last else ("batch_id", "item")
            answer["LastEvaluatedKey"] = {name: last[name] for name in names}
        return answer

    def _number(self, key: Item) -> int:
        """Return the place of the item with a key, of a mail or of the ledger."""
        if "email_id" in key:
            return number_of(key["email_id"]["S"])
        return self._places[key["batch_id"]["S"], key["item"]["S"]]

    def _row(self, email_id: str) -> Item:
        return self._records.mail(number_of(email_id))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MadeUpDynamoDb

    def do_POST(self) -> None:
        """Answer one call."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        body = json.dumps(self.server.answer(operation, asked)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(records: Records) -> Iterator[None]:
    """Point DynamoDB's calls at a process that makes the rows up."""
    context = multiprocessing.get_context("spawn")
    port = context.SimpleQueue()
    process = context.Process(target=_serve, args=(records, port), daemon=True)
    process.start()
    try:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://127.0.0.1:{port.get()}"
        yield
    finally:
        process.terminate()
        process.join()


def _serve(records: Records, port: "multiprocessing.SimpleQueue[int]") -> None:
    server = MadeUpDynamoDb(records)
    port.put(server.server_port)
    server.serve_forever()


def batch_id_of(number: int) -> str:
    """Name a batch, as long as EMS's own names are."""
    return f"b{number:024d}"


def number_of(email_id: str) -> int:
    """Return the place of a mail among all."""
    batch_id, _, index = email_id.rpartition("-")
    return int(batch_id[1:]) * BATCH + int(index)


def _items(items: list[Item]) -> dict[str, Any]:
    return {"Items": items, "Count": len(items), "ScannedCount": len(items)}
