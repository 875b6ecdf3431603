"""A wire that counts what AWS would charge for."""

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stage.exchange import Answer, Request
from stage.units import Index, Item, Table, page_units, read_units, size_of, write_units
from stage.wire import Wire

BILLED_BYTES = 64 * 1024
"""SQS and SNS charge each 64 KB of a request's payload as a request."""

_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


@dataclass
class Meter:
    """What passed: calls by ``service operation``; requests as they are billed; DynamoDB's units."""

    calls: Counter[str] = field(default_factory=Counter)
    billed: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)

    def copy(self) -> "Meter":
        return Meter(Counter(self.calls), Counter(self.billed), Counter(self.units))


class MeteredWire(Wire):
    """Passes everything on, and reads each written item afterwards, which nobody is charged for."""

    def __init__(self, *, aws_url: str, ses_url: str) -> None:
        super().__init__(aws_url=aws_url, ses_url=ses_url)
        self._meter = Meter()
        self._counting = threading.Lock()
        self._tables: dict[str, Table] = {}
        self._items: dict[tuple[str, str], Item | None] = {}

    def read(self) -> Meter:
        """Return what was counted so far."""
        with self._counting:
            return self._meter.copy()

    def answer(self, request: Request, *, client_port: int) -> Answer | None:
        answer = super().answer(request, client_port=client_port)
        if answer is None:
            return None
        service = _service(request)
        units = dict(self._units(request, answer)) if service == "DynamoDB" else {}
        with self._counting:
            self._meter.calls[f"{service} {request.operation}"] += 1
            self._meter.units.update(units)
            if service in {"SQS", "SNS"}:
                payload = max(len(request.body), len(answer.body))
                self._meter.billed[service] += max(math.ceil(payload / BILLED_BYTES), 1)
                if service == "SQS" and b'"MessageGroupId"' in request.body:
                    self._meter.billed["SQS fair"] += 1
        return answer

    def _units(self, request: Request, answer: Answer) -> Iterator[tuple[str, float]]:
        asked, operation = request.document, request.operation
        told = json.loads(answer.body or b"{}") if answer.status == 200 else {}
        if operation in _WRITES:
            yield "write", self._written(request, asked)
        elif operation == "TransactWriteItems":
            writes = [write for item in asked["TransactItems"] for write in item.values()]
            yield "write", sum(self._written(request, write, transaction=True) for write in writes)
        elif operation == "BatchWriteItem":
            writes = [(table, one) for table, ones in asked["RequestItems"].items() for one in ones]
            yield (
                "write",
                sum(self._written(request, {"TableName": table, **next(iter(one.values()))}) for table, one in writes),
            )
        elif operation == "GetItem":
            yield "read", read_units([size_of(told.get("Item"))], consistent=asked.get("ConsistentRead", False))
        elif operation == "BatchGetItem":
            for table, wanted in asked["RequestItems"].items():
                sizes = [size_of(item) for item in told.get("Responses", {}).get(table, [])]
                missing = [0] * (len(wanted["Keys"]) - len(sizes))
                yield "read", read_units([*sizes, *missing], consistent=wanted.get("ConsistentRead", False))
        elif operation in {"Query", "Scan"}:
            yield "read", page_units(told.get("Items", []), consistent=asked.get("ConsistentRead", False))

    def _written(self, request: Request, write: Mapping[str, Any], *, transaction: bool = False) -> float:
        name = write["TableName"]
        table = self._table(request, name)
        key = write.get("Key") or {part: write["Item"][part] for part in table.key}
        place = (name, json.dumps(key, sort_keys=True))
        after = self._ask_dynamodb(request, "GetItem", {"TableName": name, "Key": key, "ConsistentRead": True}).get(
            "Item"
        )
        with self._counting:
            before = self._items.get(place)
            self._items[place] = after
        return write_units(table, before, after, transaction=transaction)

    def _table(self, request: Request, name: str) -> Table:
        if name not in self._tables:
            told = self._ask_dynamodb(request, "DescribeTable", {"TableName": name})["Table"]
            self._tables[name] = Table(_key(told), {
                one["IndexName"]: Index(_key(one), _projected(one)) for one in told.get("GlobalSecondaryIndexes", [])
            })  # fmt: skip
        return self._tables[name]

    def _ask_dynamodb(self, request: Request, operation: str, document: Mapping[str, Any]) -> dict[str, Any]:
        headers = {**request.headers, "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        answer = self._ask(replace(request, headers=headers, body=json.dumps(document).encode()))
        return dict(json.loads(answer.body))


def _service(request: Request) -> str:
    if request.is_ses:
        return "SES"
    if request.is_sns:
        return "SNS"
    return "DynamoDB" if request.headers["X-Amz-Target"].startswith("DynamoDB") else "SQS"


def _key(described: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in described["KeySchema"])


def _projected(index: Mapping[str, Any]) -> tuple[str, ...] | None:
    projection = index["Projection"]
    return None if projection["ProjectionType"] == "ALL" else tuple(projection.get("NonKeyAttributes", ()))
