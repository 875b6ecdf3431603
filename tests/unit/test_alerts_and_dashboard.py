"""The alert rules and the dashboard ask for what the processes export, and operators are told what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from fakes.metrics import exported, labels_of

REPOSITORY = Path(__file__).parents[2]
RULES = [
    rule
    for group in yaml.safe_load((REPOSITORY / "deploy" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((REPOSITORY / "deploy" / "grafana" / "ems.json").read_text())
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()

OF_PROMETHEUS = {"up"}
OF_SCRAPES = {"job", "instance", "process"}
"""Labels that Prometheus adds; docs/operations.md, "Metrics", has the configuration."""


def panels() -> Iterator[dict[str, Any]]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", [])


QUERIES = [
    pytest.param(target["expr"].replace("$__rate_interval", "5m"), id=f"{panel['title']} {target['refId']}")
    for panel in panels()
    for target in panel.get("targets", [])
]
EXPRESSIONS = [*(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES), *QUERIES]


def selectors(node: Any) -> list[promql_parser.VectorSelector]:
    """Find what an expression reads, however deep."""
    found: list[promql_parser.VectorSelector] = []

    def see(expression: Any) -> bool:
        if isinstance(expression, promql_parser.VectorSelector):
            found.append(expression)
        elif isinstance(expression, promql_parser.MatrixSelector):
            found.append(expression.vector_selector)
        return True

    promql_parser.walk(node, see)
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_that_is_asked_for_is_exported(expression: str) -> None:
    asked = selectors(promql_parser.parse(expression))
    assert asked
    for selector in asked:
        assert selector.name in exported() | OF_PROMETHEUS, selector.name
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= labels_of(selector.name) | OF_SCRAPES, selector.name


def test_every_alert_has_a_name_of_its_own_a_severity_and_a_summary() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]


def test_operators_are_told_what_to_do_about_each_alert() -> None:
    [section] = re.findall(r"^## Alerts\n(.*?)^## ", OPERATIONS, re.MULTILINE | re.DOTALL)
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))
    assert set(told) == {rule["alert"] for rule in RULES}
    assert all(len(what.split()) > 3 for what in told.values())


def test_every_panel_of_the_dashboard_has_a_place_of_its_own() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels():
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    identifiers = [panel["id"] for panel in panels()]
    assert len(identifiers) == len(set(identifiers))
