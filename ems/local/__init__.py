"""Embedded AWS for local runs, tests and benchmarks."""
