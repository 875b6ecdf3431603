# The commands people type. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
STAMPS := .venv/.installed .venv-aws/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-fast explore coverage faults simulate bench bench-broker bench-cost bench-tracking bench-webhook bench-rate-limit bench-overhead check format lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

install: $(STAMPS)  ## Build .venv, and .venv-aws for the embedded AWS

.venv/.installed: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "EMS needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv-aws/.installed: requirements-local-aws.txt
	$(PYTHON) -m venv .venv-aws
	.venv-aws/bin/python -m pip install --quiet --require-hashes -r requirements-local-aws.txt
	touch $@

demo: install  ## Run the main job on embedded services and see that everything adds up
	@$(BIN)/ems demo

up: install  ## Start everything on embedded services; prints the URLs and a key
	@$(BIN)/ems up

test: install  ## Run the whole test suite
	$(BIN)/pytest -n 2 --dist loadfile

test-fast: install  ## Run the tests that start no process
	$(BIN)/pytest tests/unit tests/property -n 2

explore: install  ## Run the property tests with examples that no run had before; ARGS='--hypothesis-seed 7'
	$(BIN)/pytest tests/property -n 2 --hypothesis-profile explore $(ARGS)

coverage: install  ## Run the tests that start no process and show what they leave out
	$(BIN)/pytest tests/unit tests/property -n 2 --cov --cov-report=term-missing:skip-covered

faults: install  ## Run the crash lab: every scenario on real processes, judged by SES's own log; ARGS='--seed 2 --only SES'
	@PYTHONPATH=tests $(BIN)/python -m lab $(ARGS)

simulate: install  ## Simulate the governor: the grid that its defaults rest on
	@$(BIN)/ems simulate

bench: install bench-broker bench-cost  ## Measure the main job with 1, 2 and 4 sender processes, the broker, and what a mail costs; bench/ holds more
	$(BIN)/python bench/main_job.py --senders 1 2 4

bench-broker: install  ## Measure EMS's SQS transport beside kombu's, with SQS 0, 5 and 20 ms away (4 minutes)
	@$(BIN)/python bench/broker.py

bench-tracking: install  ## Count 20,000 SES events while workers are killed, and recount them (4 minutes)
	@$(BIN)/python bench/tracking.py --events 20000 --workers 2 --kill-every 3

bench-webhook: install  ## Time the webhook's answers at 500 events a second, with SQS 0, 20 and 200 ms away (2 minutes)
	@$(BIN)/python bench/webhook.py

bench-cost: install  ## Count what a mail costs at AWS, beside SES's own price (3 minutes)
	@PYTHONPATH=tests $(BIN)/python bench/cost.py

bench-rate-limit: install  ## Measure what Celery's rate_limit releases, beside a stock worker (3 minutes)
	@$(BIN)/python bench/rate_limit.py

bench-overhead: install  ## Measure what Flower's events and metrics take from sending, in turns (5 minutes)
	@$(BIN)/python bench/overhead.py

check: install  ## Lint, format, types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## Format, and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-strip-extras

lock: install  ## Lock the newest versions that pyproject.toml allows
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	$(LOCK) requirements-local-aws.in --output-file requirements-local-aws.txt

clean:  ## Remove what make and the tests made
	rm -rf .venv .venv-aws .var .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov
