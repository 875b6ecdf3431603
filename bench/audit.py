"""How fast the audit of everything reads, and how much memory it takes.

Prints one JSON line and one table::

    python bench/audit.py --recipients 1000000
    python bench/audit.py --recipients 50000 --emulator

The first answers DynamoDB's calls from a process of its own that makes up the rows, in pages of about a megabyte as
DynamoDB makes them. The second writes them into the embedded DynamoDB, which is too slow to hold a million. Half the
mails have a Send, a Delivery and an Open on their timeline. Three records are wrong, and the audit must find just
those.

``peak MB`` is the most that the auditing process has ever held (ru_maxrss), ``MB before`` the same before it began to
read; what the temporary database spills to disk is in neither.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from audit_rows import Records, serving
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ems.audit.auditor import Auditor
from ems.audit.findings import Kind, Verdict
from ems.audit.run import Options
from ems.aws.sqs import Depth, ReceivedMessage
from ems.local.launcher import LocalAws, free_port
from ems.settings import Settings
from ems.store.audit import AuditReads
from ems.store.stats import StatsStore
from ems.store.tables import Tables, bind

RETENTION_SECONDS = 90 * 86_400.0
WRONG = {Kind.DUPLICATE: 1, Kind.EVENTS: 1, Kind.ROWS: 1}
WRITTEN_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Figures:
    """One run."""

    source: str
    recipients: int
    seconds: float
    rows_per_second: int
    calls: int
    mb_before: int
    peak_mb: int
    wrong_found: int


class QuietQueues:
    """Queues at rest."""

    def depth(self, _queue: str) -> Depth:
        """Hold nothing."""
        return Depth(0, 0, 0)

    def receive(
        self, _queue: str, *, limit: int, wait_seconds: int = 0, visibility_seconds: int | None = None
    ) -> list[ReceivedMessage]:
        """Hand nothing out."""
        del limit, wait_seconds, visibility_seconds
        return []

    def show(self, queue: str, messages: list[ReceivedMessage]) -> None:
        """Take nothing back."""


@contextmanager
def emulator(records: Records) -> Iterator[None]:
    """Write *records* into the embedded DynamoDB."""
    with (
        tempfile.TemporaryDirectory() as state,
        LocalAws(aws_port=free_port(), ses_port=None, state_dir=Path(state)) as aws,
    ):
        os.environ.update(aws.environment())
        tables = bind(Settings())
        for table in (tables.emails, tables.batches, tables.suppressions):
            table.create_table(wait=True)
        client = tables.connection.client
        with Progress(console=Console(stderr=True), transient=True) as bar:
            for name, items in (
                (tables.emails.Meta.table_name, records.mails()),
                (tables.batches.Meta.table_name, records.ledger()),
            ):
                page = []
                for item in bar.track(items, description=name):
                    page.append({"PutRequest": {"Item": item}})
                    if len(page) == WRITTEN_AT_ONCE:
                        client.batch_write_item(RequestItems={name: page})
                        page = []
                if page:
                    client.batch_write_item(RequestItems={name: page})
        yield


def megabytes() -> int:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def audited(tables: Tables) -> Verdict:
    """Audit everything, with a bar as ``ems audit`` has it."""
    auditor = Auditor(
        reads=AuditReads(tables),
        counters=StatsStore(tables),
        sqs=QuietQueues(),
        retention_seconds=RETENTION_SECONDS,
    )
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("mails", total=None)

        def advance(read: int, expected: int | None) -> None:
            bar.update(task, advance=read, total=expected)

        [verdict] = auditor.everything(Options(progress=advance))
    return verdict


def measure(source: str, records: Records) -> Figures:
    """Audit once and check that what is wrong was found, and nothing else."""
    tables = bind(Settings())
    calls: Counter[str] = Counter()
    client = tables.connection.client
    client.meta.events.register("before-send.dynamodb", lambda **_: calls.update(["calls"]))
    client.describe_table(TableName=tables.emails.Meta.table_name)
    calls.clear()
    before, began = megabytes(), time.monotonic()
    verdict = audited(tables)
    seconds = time.monotonic() - began
    found = Counter(one.kind for one in verdict.breaks)
    if found != WRONG:
        raise SystemExit(f"found {found} instead of {WRONG}: {verdict.breaks[:10]}")
    return Figures(
        source=source,
        recipients=records.recipients,
        seconds=round(seconds, 1),
        rows_per_second=round(records.recipients / seconds),
        calls=calls.total(),
        mb_before=before,
        peak_mb=megabytes(),
        wrong_found=found.total(),
    )


def main() -> None:
    """Measure one source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--emulator", action="store_true", help="write the rows into the embedded DynamoDB")
    args = parser.parse_args()
    os.environ.update(AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")  # noqa: S106
    records = Records(args.recipients)
    with emulator(records) if args.emulator else serving(records):
        measured = measure("embedded DynamoDB" if args.emulator else "made up", records)
    print(json.dumps(asdict(measured)), flush=True)
    table = Table(*(name.replace("_", " ") for name in Figures.__slots__))
    table.add_row(*(str(value) for value in asdict(measured).values()))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
