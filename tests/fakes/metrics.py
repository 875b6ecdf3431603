"""The names of all metrics, as the processes export them."""

from functools import cache
from typing import Any

from flask import Flask
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from ems.broker.readings import Readings
from ems.settings import Settings
from ems.web import observe
from ems.web.services import WebServices
from ems.wiring import Services
from ems.wiring.metrics import Metered
from ems.wiring.parts import part


@cache
def _registries() -> tuple[CollectorRegistry, ...]:
    services = Services(Settings())
    for name, value in vars(Metered).items():
        if isinstance(value, part):
            getattr(services, name)
    services.metrics.register(Readings())
    of_requests = CollectorRegistry()
    observe.install(Flask("ems"), of_requests)
    return services.metrics, of_requests, WebServices.of(services).registry


def exported() -> set[str]:
    """Return the name of every time series and of its family: a histogram has four names."""
    described = {name for registry in _registries() for name in registry._names_to_collectors}
    return described | {
        sample.name for family in ProcessCollector(registry=None).collect() for sample in family.samples
    }


def families() -> set[str]:
    """Return each metric by the name that people call it: of a counter that with ``_total``."""
    found: set[str] = set()
    for registry in _registries():
        for collector in registry._collector_to_names:
            for family in collector.describe() if hasattr(collector, "describe") else ():
                found.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return found


def labels_of(name: str) -> set[str]:
    """Return the labels of a time series. A histogram's buckets have ``le``."""
    for registry in _registries():
        collector = registry._names_to_collectors.get(name)
        if collector is not None:
            return _labels(collector, name) | ({"le"} if name.endswith("_bucket") else set())
    return set()


def _labels(collector: Any, name: str) -> set[str]:
    if isinstance(collector, Readings) and not name.endswith("_age_seconds"):
        collector = collector._waits
    if isinstance(collector, MetricWrapperBase):
        return set(collector._labelnames)
    described = {family.name: family for family in collector.describe()} if hasattr(collector, "describe") else {}
    return set(described[name]._labelnames) if name in described else set()
