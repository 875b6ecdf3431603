"""What a process counts about its own work, for Prometheus.

Most of it stands around the parts that do the work, with the same methods, and :mod:`ems.wiring` puts it there: who
sends knows nothing of Prometheus. Labels are few and bounded: kinds, outcomes, lanes and queues, never an id or an
address. docs/operations.md explains each metric, docs/adr/0035 the shape.
"""
