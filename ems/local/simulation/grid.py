"""The cases that ``ems simulate`` runs when it is not given one: what the defaults rest on (docs/adr/0013)."""

from collections.abc import Iterator
from dataclasses import asdict, replace

from rich.table import Table

from ems.local.simulation.case import Case, Figures

BASE = Case()


def cases() -> Iterator[tuple[str, Case]]:
    """Yield each case with what it changes about the defaults."""
    yield "the defaults", BASE
    yield "1 process", replace(BASE, processes=1)
    for processes in (4, 16):
        yield f"{processes} processes", replace(BASE, processes=processes)
    yield "200 processes, 1,000 a second", replace(BASE, processes=200, threads=4, rate=1000, seconds=20)
    for rate, seconds in ((14, 120), (1000, 30), (10_000, 15)):
        yield f"{rate:,} a second", replace(BASE, rate=rate, processes=4, seconds=seconds)
    for headroom in (0.0, 0.03, 0.10):
        yield f"headroom {headroom:.0%}", replace(BASE, headroom=headroom)
    for call_size in (1, 5, 50):
        yield f"calls of {call_size}", replace(BASE, call_size=call_size)
    for horizon in (0.05, 0.1, 0.5):
        yield f"bulk horizon {horizon * 1000:.0f} ms", replace(BASE, bulk_horizon=horizon)
    for tolerance in (0.02, 0.05, 0.2):
        yield f"stalls, tolerance {tolerance * 1000:.0f} ms", replace(BASE, stalls=6, tolerance=tolerance)
    yield "clocks off by 50 ms", replace(BASE, processes=4, skew_ms=50)
    yield "clocks off by 250 ms", replace(BASE, processes=4, skew_ms=250)
    yield "slow DynamoDB (40 ms)", replace(BASE, dynamodb_ms=40)
    yield "5 processes killed", replace(BASE, processes=4, crashes=5)
    yield "3 campaigns", replace(BASE, campaigns=3)
    yield "3 campaigns, 10,000 a second", replace(BASE, campaigns=3, processes=4, rate=10_000, seconds=15)
    yield "500 behind a million", replace(BASE, newcomer=500, seconds=40)
    yield "500 behind a million, 1,000 a second", replace(BASE, newcomer=500, processes=4, rate=1000, seconds=20)
    yield "SES takes 60 % of its promise", replace(BASE, takes=0.6, seconds=120)
    yield "SES keeps a strict sliding second", replace(BASE, accounting="sliding")


def table() -> Table:
    """Return the empty table for :func:`add`."""
    columns = ("used", "fullest second", "throttled", "p50 ms", "p99 ms", "requests per call", "denied/s", "missed")
    release = ("unsent s", "AWS calls per chunk", "newcomer s")
    return Table("case", *columns, *release, title="The governor and the drainer, simulated")


def add(rows: Table, name: str, case: Case, figures: Figures) -> None:
    """Add one case. ``throttled`` is by SES's bucket / by a strict sliding second, of all calls."""
    release = figures.release
    rows.add_row(
        name,
        f"{figures.used:.1%}",
        f"{figures.fullest_second} of {case.rate:g}",
        f"{figures.throttled_bucket} / {figures.throttled_sliding} of {figures.calls}",
        f"{figures.p50_ms:.0f}",
        f"{figures.p99_ms:.0f}",
        f"{figures.requests_per_call:.2f}",
        f"{figures.denied_per_second:.1f}",
        f"{figures.missed:.2%}",
        f"{release.most_unsent_seconds:.1f}",
        f"{release.calls_per_chunk:.2f}",
        "" if release.newcomer_seconds is None else f"{release.newcomer_seconds:.1f}",
    )


def as_json(name: str, case: Case, figures: Figures) -> dict[str, object]:
    """Return one case with all that it was told and all that it came to."""
    return {"name": name, "case": asdict(case), "figures": asdict(figures)}
