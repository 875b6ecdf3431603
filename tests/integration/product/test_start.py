"""How soon a campaign starts on an idle system, counted in the drainer's ticks and never by the clock."""

import json
import random
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from stage.polling import until
from stage.product import Api, Product, people

pytestmark = pytest.mark.processes

TICK_OVER = "Task ems.drain["
"""How the line begins in which Celery says that a tick is over."""


def events(log: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    """Read what EMS's processes logged, and when (epoch seconds); honcho puts a time and a name before each line."""
    for line in log.read_text().rpartition("\n")[0].splitlines():
        _, found, told = line.partition("| {")
        if found:
            event = json.loads("{" + told)
            yield datetime.fromisoformat(event["timestamp"]).timestamp(), event


def idle_ticks(log: Path, *, asked_at: float, accepted_at: float) -> int:
    """Count the ticks that ended after *accepted_at* and before the first since *asked_at* that released something.

    A tick that finds another one at work is none.
    """
    idle = 0
    for at, event in events(log):
        match event["event"]:
            case "drained" if event["released"] and at > asked_at:
                return idle
            case "tick left to another drainer" if at > accepted_at:
                idle -= 1
            case str(text) if text.startswith(TICK_OVER) and at > accepted_at:
                idle += 1
    raise AssertionError("nothing was released")


@pytest.mark.parametrize("number", range(3))
def test_on_an_idle_system_at_most_one_tick_passes_before_a_new_campaign_is_released(
    product: Product, api: Api, number: int
) -> None:
    """That one may have been under way when the campaign was accepted; the next one must see it."""
    assert product.processes is not None
    campaign = api.campaign(f"start-{number}", "bulk")
    until(lambda: api.ok("GET", "/rate")["backlog"] == 0)
    time.sleep(random.random())  # at any moment of beat's second
    asked_at = time.time()
    batch_id = api.bulk(campaign, people(20, label=f"start-{number}"))["batch_id"]
    accepted_at = time.time()
    assert api.finished(batch_id)["counts"]["sent"] == 20
    log = product.processes.log
    assert any(event["event"].startswith(TICK_OVER) for _, event in events(log)), "no tick is seen"
    assert idle_ticks(log, asked_at=asked_at, accepted_at=accepted_at) <= 1
